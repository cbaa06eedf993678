//! The refusals that the document shows, each described once.
//!
//! What belongs here: the statuses that go together, and their descriptions. What doesn't: the cases
//! in which a handler refuses.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, HeaderBuilder, Ref, RefOr, ResponseBuilder};

/// Name, status, description.
type Refusal = (&'static str, &'static str, &'static str);

const UNREADABLE: Refusal = (
    "Unreadable",
    "400",
    "The body is no JSON object, or it broke off. Sending it again fails, too.",
);
const UNREADABLE_PARAMETER: Refusal =
    ("UnreadableParameter", "400", "A parameter in path or query can't be read.");
const UNAUTHORIZED: Refusal = (
    "Unauthorized",
    "401",
    "The signature or the bearer token is missing or wrong. The body isn't decoded then, and isn't read \
     where the headers alone show it.",
);
const ABSENT: Refusal = ("NotFound", "404", "Nothing has this id, or no longer.");
const LATE: Refusal = (
    "BodyLate",
    "408",
    "The body didn't arrive in time (`server.body_timeout`, `server.body_min_rate`).",
);
const TOO_LARGE: Refusal = ("BodyTooLarge", "413", "The body is larger than `server.max_body`.");
const CODED: Refusal =
    ("BodyCoded", "415", "The body has a coding, by `Content-Encoding` or `Transfer-Encoding`.");
const INVALID: Refusal =
    ("Invalid", "422", "A field is wrong; `detail` names it. Nothing of the body was kept.");
const UNAVAILABLE: Refusal = (
    "Unavailable",
    "503",
    "The relay can't do it now. Nothing is lost if the request is sent again.",
);

const ALL: [Refusal; 9] = [
    UNREADABLE,
    UNREADABLE_PARAMETER,
    UNAUTHORIZED,
    ABSENT,
    LATE,
    TOO_LARGE,
    CODED,
    INVALID,
    UNAVAILABLE,
];

/// Declares what operations name as their responses: some of the refusals together.
macro_rules! named {
    ($($(#[$doc:meta])* $name:ident = $refusals:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                these(&$refusals)
            }
        }
    )*};
}

named! {
    /// The faults of reading a body.
    NotRead = [UNREADABLE, LATE, TOO_LARGE, CODED, UNAVAILABLE];
    /// A body that is coded.
    NotCoded = [CODED];
    /// The sender didn't prove who they are.
    NotProven = [UNAUTHORIZED];
    /// The body can be read, and a field of it is wrong.
    NotValid = [INVALID];
    /// The faults of a request for one item of an administrator's.
    NoLetter = [UNREADABLE_PARAMETER, UNAUTHORIZED, ABSENT, UNAVAILABLE];
    /// A parameter can't be read.
    NotUnderstood = [UNREADABLE_PARAMETER];
    /// A fault of the relay.
    NotNow = [UNAVAILABLE];
}

fn these(refusals: &[Refusal]) -> BTreeMap<String, RefOr<Response>> {
    let reference = |name| RefOr::Ref(Ref::from_response_name(name));
    refusals.iter().map(|(name, status, _)| ((*status).to_owned(), reference(*name))).collect()
}

/// Returns all refusals, by the names that operations refer to.
pub fn all() -> impl Iterator<Item = (&'static str, Response)> {
    ALL.into_iter().map(|(name, status, what)| {
        let document = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response =
            ResponseBuilder::new().description(what).content("application/problem+json", document);
        let response = match status {
            "401" => response.header(
                "WWW-Authenticate",
                HeaderBuilder::new()
                    .description(Some("The required proof: `Bearer`, or a header's name."))
                    .schema(Some(Object::with_type(Type::String)))
                    .build(),
            ),
            "503" => response.header(
                "Retry-After",
                HeaderBuilder::new()
                    .description(Some("The seconds after which to send the request again."))
                    .schema(Some(
                        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1.0)).build(),
                    ))
                    .build(),
            ),
            _ => response,
        };
        (name, response.build())
    })
}
