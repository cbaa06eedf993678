//! Sessions: signed cookies that say who signed in, in which role, and when.
//!
//! What belongs here: making and checking the cookie. What doesn't: the form that leads to one (`login`).
//!
//! Nothing is stored. The signing key is derived from the token that was shown, so a token that is
//! removed from the settings ends its sessions.

use std::time::Duration;

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use crate::domain::{Actor, Time};
use crate::http::tokens::is_one_of;

/// The cookie's name.
pub const COOKIE: &str = "relay_session";

/// The time without a request after which a session ends.
const IDLE: Duration = Duration::from_secs(12 * 60 * 60);

/// The longest time that a session lasts.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The age of a cookie after which a request renews it.
const RENEWED_AFTER: Duration = Duration::from_secs(5 * 60);

/// The longest name that is kept, in characters.
pub const LONGEST_NAME: usize = 60;

/// The rights of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    /// Sees everything masked, and changes nothing.
    View,
    /// Reveals, redelivers, replays and discards.
    Operate,
}

/// A signed-in operator.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Session {
    /// The rights of the session.
    pub role: Role,
    /// The name that they gave, for the audit.
    pub name: String,
    began: Time,
    seen: Time,
}

/// A session that may act, and the party that the audit names.
pub struct Operator(pub Session, pub Actor);

impl Session {
    /// Makes a session that begins `now`.
    pub fn new(role: Role, name: String, now: Time) -> Self {
        Self { role, name, began: now, seen: now }
    }

    /// Returns the session as of `now` if its cookie is due to be renewed.
    pub fn renewed(&self, now: Time) -> Option<Self> {
        (now.since(self.seen) >= RENEWED_AFTER).then(|| Self { seen: now, ..self.clone() })
    }

    fn is_over(&self, now: Time) -> bool {
        now.since(self.seen) >= IDLE || now.since(self.began) >= LONGEST
    }
}

/// The tokens that open sessions.
#[derive(Clone)]
pub struct Sessions {
    operate: Vec<SecretString>,
    view: Vec<SecretString>,
}

impl Sessions {
    /// Makes them of the tokens of each role; `None` if there is no token.
    pub fn new(operate: &[SecretString], view: &[SecretString]) -> Option<Self> {
        let has_token = !operate.is_empty() || !view.is_empty();
        has_token.then(|| Self { operate: operate.to_vec(), view: view.to_vec() })
    }

    /// Returns the role that a token opens. Compares with every token, in constant time.
    pub fn role(&self, shown: &SecretString) -> Option<Role> {
        let shown = shown.expose_secret();
        let (operate, view) = (is_one_of(&self.operate, shown), is_one_of(&self.view, shown));
        operate.then_some(Role::Operate).or(view.then_some(Role::View))
    }

    /// Returns the cookie's value for a session that `token` opened.
    pub fn cookie(&self, session: &Session, token: &SecretString) -> String {
        let payload = serde_json::to_vec(session).expect("a session is JSON");
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let signature = signature(token, &payload).finalize().into_bytes();
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Returns the session of a request, and the token that signs it; `None` if there is none, or it is over.
    pub fn of(&self, headers: &HeaderMap, now: Time) -> Option<(Session, &SecretString)> {
        let (payload, shown) = cookie_of(headers)?.split_once('.')?;
        let shown = URL_SAFE_NO_PAD.decode(shown).ok()?;
        let session: Session =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let tokens = match session.role {
            Role::View => &self.view,
            Role::Operate => &self.operate,
        };
        let signs = |token: &&SecretString| signature(token, payload).verify_slice(&shown).is_ok();
        let token = tokens.iter().find(signs)?;
        (!session.is_over(now)).then_some((session, token))
    }
}

fn signature(token: &SecretString, payload: &str) -> Hmac<Sha256> {
    let key = token.expose_secret().as_bytes();
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"referral-relay session\n");
    mac.update(payload.as_bytes());
    mac
}

/// Returns the value of the session's cookie.
fn cookie_of(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    let mut pairs = cookies.flat_map(|it| it.split(';')).filter_map(|it| it.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(operate: &[&str], view: &[&str]) -> Sessions {
        let secrets = |texts: &[&str]| texts.iter().map(|it| SecretString::from(*it)).collect();
        Sessions { operate: secrets(operate), view: secrets(view) }
    }

    fn headers(cookie: &str) -> HeaderMap {
        let value = format!("other=1; {COOKIE}={cookie}; last=2").parse().unwrap();
        [(header::COOKIE, value)].into_iter().collect()
    }

    #[test]
    fn a_session_holds_until_it_is_idle_old_or_its_token_goes() {
        let now = Time::from_seconds(1_800_000_000);
        let later = |hours: u64| now.plus(Duration::from_secs(hours * 3600));
        let all = sessions(&["operate-token-one", "operate-token-two"], &["view-token-one"]);
        let token = &all.operate[1];
        let session = Session::new(Role::Operate, "Kim".to_owned(), now);
        let cookie = headers(&all.cookie(&session, token));

        assert_eq!(all.of(&cookie, later(11)).map(|it| it.0), Some(session.clone()));
        assert_eq!(all.of(&cookie, later(12)).map(|it| it.0), None, "idle");
        let renewed = session.renewed(later(11)).expect("it is old enough");
        let renewed = headers(&all.cookie(&renewed, token));
        assert!(all.of(&renewed, later(22)).is_some());
        let renewed = all.of(&renewed, later(22)).unwrap().0.renewed(later(22)).unwrap();
        let renewed = headers(&all.cookie(&renewed, token));
        assert!(all.of(&renewed, later(23)).is_some() && all.of(&renewed, later(24)).is_none());

        let without = sessions(&["operate-token-one"], &["view-token-one", "operate-token-two"]);
        assert_eq!(without.of(&cookie, now).map(|it| it.0), None, "its token is gone");
        assert!(session.renewed(now.plus(Duration::from_secs(299))).is_none());
    }

    #[test]
    fn nobody_makes_a_session_without_a_token() {
        let now = Time::from_seconds(1_800_000_000);
        let all = sessions(&["operate-token-one"], &["view-token-one"]);
        let viewer = Session::new(Role::View, "Kim".to_owned(), now);
        let operator = Session { role: Role::Operate, ..viewer.clone() };
        assert!(all.of(&headers(&all.cookie(&viewer, &all.view[0])), now).is_some());
        // A viewer who signs with the token that they know is no operator.
        let forged = all.cookie(&operator, &all.view[0]);
        for cookie in [forged.as_str(), "", ".", "e30.", "e30.AAAA", "\u{e9}"] {
            assert_eq!(all.of(&headers(cookie), now).map(|it| it.0), None, "{cookie}");
        }
        let genuine = all.cookie(&operator, &all.operate[0]);
        for at in 0..genuine.len() {
            let mut changed = genuine.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            // The last letter of a signature has bits that mean nothing.
            if at + 1 < genuine.len() {
                assert_eq!(all.of(&headers(&changed), now).map(|it| it.0), None, "{at}");
            }
        }
        let role = |shown: &str| all.role(&shown.into());
        assert_eq!(role("operate-token-one"), Some(Role::Operate));
        assert_eq!(role("view-token-one"), Some(Role::View));
        assert_eq!(role("operate-token-on"), None);
    }
}
