//! Bearer tokens of `/admin` and `/v1/events`.
//!
//! What belongs here: the comparison, and the late answer to a wrong token. What doesn't: the paths behind
//! a token.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use secrecy::{ExposeSecret, SecretString};
use subtle::{Choice, ConstantTimeEq};
use tokio::time::Instant;

use super::problem::Problem;
use crate::telemetry::{Metrics, Refusals};

/// The delay of the answer to a wrong token. It holds a connection alone, as an idle client does: the
/// connection makes room for others.
pub(crate) const WRONG_TAKES: Duration = Duration::from_millis(250);

/// The tokens of one setting. Any of them is accepted, so that one can be replaced while
/// the other is in use.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    key: &'static str,
    tokens: Vec<SecretString>,
}

impl Tokens {
    /// Makes the tokens of the setting `key`; `None` if there is none.
    pub fn new(key: &'static str, tokens: &[SecretString]) -> Option<Self> {
        let tokens = tokens.to_vec();
        (!tokens.is_empty()).then(|| Self(Arc::new(Inner { key, tokens })))
    }

    /// Admits a request with one of the tokens. A wrong one is counted, logged and answered late.
    ///
    /// # Errors
    /// The refusal, 401.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        client: IpAddr,
        metrics: &Metrics,
        refusals: &Refusals,
    ) -> Result<(), Problem> {
        let shown = headers.get(header::AUTHORIZATION);
        if let Some(shown) = shown {
            if bearer(shown.as_bytes()).is_some_and(|token| is_one_of(&self.0.tokens, token)) {
                return Ok(());
            }
            metrics.refused_token(self.0.key, "wrong");
            if refusals.is_logged(self.0.key) {
                tracing::warn!(setting = self.0.key, client.ip = %client, "refused a wrong token");
            }
        } else {
            metrics.refused_token(self.0.key, "missing");
        }
        let problem = Problem::unauthorized("Bearer", "the bearer token is missing or wrong");
        Err(if shown.is_some() {
            problem.not_before(Instant::now() + WRONG_TAKES)
        } else {
            problem
        })
    }
}

/// True if a text is one of the tokens. Compares with each; the time shows the lengths alone.
pub(crate) fn is_one_of(tokens: &[SecretString], shown: &str) -> bool {
    let same = |one: &SecretString| one.expose_secret().as_bytes().ct_eq(shown.as_bytes());
    tokens.iter().fold(Choice::from(0), |found, one| found | same(one)).into()
}

/// Returns the token of an `Authorization: Bearer` header.
fn bearer(shown: &[u8]) -> Option<&str> {
    let (scheme, token) = std::str::from_utf8(shown).ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use axum::response::IntoResponse;

    use super::*;
    use crate::http::delay::NotBefore;

    #[test]
    fn any_of_the_tokens_is_accepted_and_a_wrong_one_answered_late() {
        let tokens = ["the-old-token-of-all", "the-new-token-of-all"].map(SecretString::from);
        let tokens = Tokens::new("admin.token", &tokens).unwrap();
        let (client, metrics, refusals) = ([192, 0, 2, 1].into(), Metrics::new(), Refusals::new(1));
        for (shown, is_right) in [
            (Some("Bearer the-old-token-of-all"), true),
            (Some("bearer the-new-token-of-all"), true),
            (Some("Bearer the-new-token-of-al"), false),
            (Some("Bearer the-new-token-of-all "), false),
            (Some("Bearer "), false),
            (Some("Basic dGhlOm9sZA=="), false),
            (Some("\u{e9}"), false),
            (None, false),
        ] {
            let header = shown.map(|it| HeaderValue::from_bytes(it.as_bytes()).unwrap());
            let headers = header.map(|it| (header::AUTHORIZATION, it)).into_iter().collect();
            let earliest = NotBefore(Instant::now() + WRONG_TAKES);
            let admitted = tokens.admit(&headers, client, &metrics, &refusals);
            assert_eq!(admitted.is_ok(), is_right, "{shown:?}");
            let Err(problem) = admitted else { continue };
            let answer = problem.into_response();
            let late = answer.extensions().get::<NotBefore>();
            assert_eq!(late.is_some_and(|late| late.0 >= earliest.0), shown.is_some(), "{shown:?}");
        }
        assert!(Tokens::new("admin.token", &[]).is_none());
    }
}
