//! The routes, and so the paths of the document: `routes!` takes no handler without its
//! documentation.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use tower::ServiceExt;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::{BodyLimits, refuse_coded};
use super::health::{self, Health};
use super::problem::Problem;
use super::tokens::Tokens;
use super::{admin, metrics, openapi, page, webhooks};
use crate::delivery::GuardedDestination;
use crate::domain::Clock;
use crate::ingest::Ingest;
use crate::inspect::Inspector;
use crate::options::network::Network;
use crate::store::{Damage, Store};
use crate::telemetry::{Metrics, Refusals};

/// Everything the handlers need.
#[derive(Clone)]
pub struct AppState {
    /// Accepts webhooks.
    pub ingest: Arc<Ingest>,
    /// The store, for numbers and dead letters.
    pub store: Arc<Store>,
    /// The inspector for operators. Shared, because each request clones the state.
    pub inspector: Arc<Inspector>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The limit of refusals in the log.
    pub refusals: Arc<Refusals>,
    /// Customer.io's state.
    pub destination: GuardedDestination,
    /// GrowSurf's, if anything may be written there.
    pub growsurf: Option<GuardedDestination>,
    /// The facts that decide health and readiness.
    pub health: Arc<Health>,
    /// The known damage to the store.
    pub damage: Damage,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The bounds of bodies.
    pub bodies: BodyLimits,
    /// The proxies whose headers name the client.
    pub trusted_proxies: Arc<[Network]>,
    /// The tokens of `/admin`, which exists only with one.
    pub admin_tokens: Option<Tokens>,
    /// The tokens of `/v1/events`, which exists only with one.
    pub api_tokens: Option<Tokens>,
    /// The rules for posts of pages; without it there are none.
    pub page: Option<Arc<page::PagePosts>>,
}

/// The routes that the settings switch on.
#[derive(Clone, Copy)]
struct EnabledRoutes {
    reports: bool,
    actions: bool,
    events: bool,
    page: bool,
}

impl EnabledRoutes {
    const EVERYTHING: Self = Self { reports: true, actions: true, events: true, page: true };

    fn by(state: &AppState) -> Self {
        Self {
            reports: state.ingest.accepts_reports(),
            actions: state.ingest.accepts_actions(),
            events: state.api_tokens.is_some(),
            page: state.page.is_some(),
        }
    }
}

/// Returns the routes for the internet: webhooks, posts of pages, and health.
pub fn public(state: AppState) -> Router {
    with_fallbacks(routes(EnabledRoutes::by(&state)).into(), state)
}

/// Returns the routes for operators: metrics, administration, and health as well. With `webhooks`,
/// one listener has all routes.
pub fn operator(state: AppState, webhooks: bool) -> Router {
    let base = if webhooks { routes(EnabledRoutes::by(&state)) } else { health_routes() };
    let mut router = Router::from(base.merge(metrics_routes()));
    if let Some(tokens) = &state.admin_tokens {
        let guard =
            from_fn_with_state((state.clone(), tokens.clone()), admin::require_bearer_token);
        router = router.nest("/admin", Router::from(admin::routes()).layer(guard));
    }
    with_fallbacks(router, state)
}

/// Returns the documentation of all routes of both listeners.
pub(super) fn openapi() -> OpenApi {
    let router = OpenApiRouter::with_openapi(openapi::frame())
        .merge(routes(EnabledRoutes::EVERYTHING))
        .merge(metrics_routes())
        .nest("/admin", admin::routes());
    openapi::close(router.into_openapi())
}

fn routes(enabled: EnabledRoutes) -> OpenApiRouter<AppState> {
    let mut routes = health_routes()
        .routes(routes!(webhooks::growsurf_webhook))
        .routes(routes!(webhooks::growsurf_webhook_at_guide_path));
    if enabled.reports {
        routes = routes.routes(routes!(webhooks::customerio_report));
    }
    if enabled.actions {
        routes = routes.routes(routes!(webhooks::customerio_action));
    }
    if enabled.events {
        routes = routes.routes(routes!(webhooks::server_event));
    }
    if enabled.page {
        routes = routes
            .routes(routes!(page::click, page::preflight_of_clicks))
            .routes(routes!(page::share, page::preflight_of_shares))
            .routes(routes!(page::script));
    }
    routes
}

fn health_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::health))
        .routes(routes!(openapi::openapi))
}

fn metrics_routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(metrics::metrics))
}

/// Returns the router with problem documents for all other paths and methods. The last step, because
/// it changes only the routes that are there already.
fn with_fallbacks(router: Router<AppState>, state: AppState) -> Router {
    let uncoded = from_fn_with_state(state.bodies.clone(), refuse_coded);
    let router = router
        .method_not_allowed_fallback(async || {
            let detail = "this path needs another method; send webhooks by POST";
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail)
        })
        .with_state(state);
    let nothing = async || Problem::new(StatusCode::NOT_FOUND, "there is nothing at this path");
    // Only a path without a route is tried again, so that no webhook pays for it.
    let trimmed = router.clone().fallback(nothing).map_request(without_trailing_slash);
    router.fallback_service(trimmed).layer(uncoded)
}

/// Removes the slashes at the end of a request's path, which people paste with the URL.
fn without_trailing_slash(mut request: Request) -> Request {
    let uri = request.uri();
    let path = uri.path().trim_end_matches('/');
    if path.is_empty() || path.len() == uri.path().len() {
        return request;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    if let Ok(trimmed) = format!("{path}{query}").parse() {
        *request.uri_mut() = trimmed;
    }
    request
}
