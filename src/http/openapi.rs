//! The document of the interface (OpenAPI 3.1): every path that others call.
//!
//! What belongs here: the parts about the whole interface, and those that no handler's attribute can
//! express. What doesn't: the single paths, which are documented at their handlers. `router` joins
//! both, so no path lacks its documentation.

pub mod refusals;
mod senders;

use std::sync::LazyLock;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::schema::{AdditionalProperties, Schema};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    ComponentsBuilder, Info, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr,
};

use super::problem::Document;
use super::router;
pub use senders::GrowsurfWebhook;

/// The groups of paths.
pub mod tags {
    /// Webhooks of GrowSurf and Customer.io.
    pub const WEBHOOKS: &str = "webhooks";
    /// Events of the user's own backend.
    pub const EVENTS: &str = "events";
    /// Posts and downloads of browsers.
    pub const PAGES: &str = "pages";
    /// Checks of orchestrators and monitoring.
    pub const HEALTH: &str = "health";
    /// Requests of operators' scripts.
    pub const ADMIN: &str = "admin";
    /// The interface itself.
    pub const INTERFACE: &str = "interface";
}

const ABOUT: &str = "Accepts webhooks of GrowSurf and Customer.io and the events of your own \
    backend, and delivers their calls, once and in order.\n\n\
    A body that is answered with 200 is on disk. Bodies are read as JSON, whatever the request calls \
    them. Every refusal is a problem document (RFC 9457). Any other path is answered with 404, and \
    so is one that the settings don't switch on; any other method with 405 and `Allow`.";

/// The time for which a copy of the document is valid; it changes only with an update.
const CACHED: &str = "public, max-age=300";

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = router::openapi().to_pretty_json();
    document.expect("the document holds texts, numbers and lists only")
});

/// The schemas of the relay's own contracts, whose kinds have no fields beside those that they name.
const CLOSED: [&str; 2] = ["CustomerioAction", "ServerEvent"];

/// Closes the kinds of the relay's own contracts, which no attribute of an enum can say.
pub fn close(mut document: OpenApi) -> OpenApi {
    let schemas = document.components.iter_mut().flat_map(|it| it.schemas.iter_mut());
    for (_, schema) in schemas.filter(|(name, _)| CLOSED.contains(&name.as_str())) {
        let RefOr::T(Schema::OneOf(kinds)) = schema else { continue };
        for kind in &mut kinds.items {
            if let RefOr::T(Schema::Object(kind)) = kind {
                kind.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            }
        }
    }
    document
}

/// Returns the document: JSON that people can read.
pub fn document() -> &'static str {
    &DOCUMENT
}

/// Returns this document.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "get_openapi",
    tag = tags::INTERFACE,
    responses((status = 200, description = "The interface as OpenAPI 3.1.", body = Object)),
)]
pub async fn openapi() -> Response {
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, CACHED)];
    (headers, document()).into_response()
}

/// Returns the parts of the document that concern all paths; `router` adds the paths.
pub fn frame() -> OpenApi {
    let components = ComponentsBuilder::new()
        .schema_from::<Document<'_>>()
        .responses_from_iter(refusals::all())
        .security_scheme("admin_token", bearer("The token of `admin.token`."))
        .security_scheme("api_token", bearer("The token of `api.token`."))
        .security_scheme(
            "growsurf_signature",
            signed(
                "GrowSurf-Signature",
                "`ts=<Unix milliseconds>,v=<signature>`. The signature is the hexadecimal \
                 HMAC-SHA256 of the timestamp, a dot and the raw body, keyed with the webhook's \
                 secret (`growsurf.webhook_secrets`).",
            ),
        )
        .security_scheme(
            "customerio_timestamp",
            signed("X-CIO-Timestamp", "The time of the signature, in Unix seconds."),
        )
        .security_scheme(
            "customerio_signature",
            signed(
                "X-CIO-Signature",
                "The hexadecimal HMAC-SHA256 of `v0:<X-CIO-Timestamp>:<raw body>`, keyed with the \
                 signing key of the reporting webhook (`customerio.reporting_keys`), or for actions \
                 with the workspace's (`customerio.action_keys`).",
            ),
        );
    let tags = [
        (tags::WEBHOOKS, "Signed webhooks of GrowSurf and Customer.io."),
        (tags::EVENTS, "Events of your own backend, server to server."),
        (tags::PAGES, "Posts and downloads of browsers, from the allowed origins."),
        (tags::HEALTH, "For orchestrators and monitoring."),
        (tags::ADMIN, "For operators' scripts: calls that Customer.io refused for good."),
        (tags::INTERFACE, "The interface itself."),
    ];
    let tags =
        tags.map(|(name, what)| TagBuilder::new().name(name).description(Some(what)).build());
    OpenApiBuilder::new().info(info()).tags(Some(tags)).components(Some(components.build())).build()
}

fn info() -> Info {
    let license = LicenseBuilder::new()
        .name(env!("CARGO_PKG_LICENSE"))
        .identifier(Some(env!("CARGO_PKG_LICENSE")))
        .build();
    InfoBuilder::new()
        .title(env!("CARGO_PKG_NAME"))
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(license))
        .build()
}

fn bearer(what: &str) -> SecurityScheme {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what));
    SecurityScheme::Http(bearer.build())
}

fn signed(header: &str, what: &str) -> SecurityScheme {
    SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(header, what)))
}
