//! The page: what a script on the user's own pages posts, whom nobody vouches for.
//!
//! What belongs here: reading a post, what is kept of it, and reading that again as news. What
//! doesn't: which posts are taken (`http`), and what they lead to (`mapping`). `schema` says to whoever
//! writes a script of their own what a post must hold.
//!
//! Anybody can post anything. So nothing is taken over but ids of a plain form, the name of a channel,
//! and where a page is, without query and fragment. Whatever else is in a post is left behind.

mod schema;

use serde_json::{Value, json};
use url::Url;

pub use schema::{PageClick, PageShare};

use crate::domain::{
    AnonymousId, Campaign, Event, Link, Notification, ParticipantIndex, SendFilter, Snapshot, Time,
    TimedEvent, Visit,
};

/// The longest address of a page, in bytes.
const PAGE: usize = 500;

/// What is posted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Somebody came by a participant's link.
    Click,
    /// A participant shared their link.
    Share,
}

impl Kind {
    /// The kind of a post that was kept.
    pub fn of_kept(kept: &Value) -> Self {
        if kept.get("share_id").is_some() { Self::Share } else { Self::Click }
    }

    /// The kind by its name in the inbox and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Share => "share",
        }
    }
}

/// A post, as far as anything of it is taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    /// What the page names the campaign by.
    pub key: String,
    kept: Value,
}

impl Post {
    /// Reads a post; `None` if it isn't of the form that the script gives it. `origins` are those of
    /// the pages that may be told of.
    pub fn read(kind: Kind, body: &[u8], origins: &[String]) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &str| body.get(name)?.as_str();
        let id = |name: &str| AnonymousId::parse(text(name)?).ok();
        let word = |name: &str| text(name).filter(|text| Link::is_code(text));
        let kept = match kind {
            Kind::Click => {
                let page = text("page").and_then(|page| bare(page, origins));
                let mut kept = json!({
                    "participant": word("grsf")?,
                    "anonymous_id": id("anonymous_id")?,
                    "click_id": id("click_id")?,
                });
                if let Some(page) = page {
                    kept["page"] = json!(page);
                }
                kept
            }
            Kind::Share => json!({
                "participant": word("participant")?,
                "share_id": id("share_id")?,
                "channel": word("channel")?,
            }),
        };
        Some(Self { key: text("key")?.to_owned(), kept })
    }

    /// The link of whoever it is about, if what it names them by is no participant's id.
    pub fn link(&self, campaign: &str) -> Link {
        let code = self.kept["participant"].as_str().unwrap_or_default().to_owned();
        Link { campaign: campaign.to_owned(), code }
    }

    /// What is kept of it: with the campaign in place of the key, which may change, and with the
    /// participant's id in place of a code that stands for it.
    pub fn kept(mut self, campaign: &str, id: Option<&str>) -> Value {
        self.kept["campaign"] = json!(campaign);
        if let Some(id) = id {
            self.kept["participant"] = json!(id);
        }
        self.kept
    }
}

/// What was kept of a post, as news.
///
/// # Errors
/// What is missing. What was taken out of it since, because somebody was forgotten, isn't: then it
/// tells nothing.
pub fn read(kept: &Value, received_at: Time) -> Result<Notification, String> {
    let text = |name: &str| match kept.get(name) {
        Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        _ => Err(format!("{name} is missing")),
    };
    let id = |name: &str| {
        let id = text(name)?.map(|id| AnonymousId::parse(&id)).transpose();
        id.map_err(|fault| format!("{name} {fault}"))
    };
    let campaign = Campaign { id: text("campaign")?, name: None };
    let participant = text("participant")?;
    let (owner, who) = (ParticipantIndex(0), ParticipantIndex(0));
    let event = if Kind::of_kept(kept) == Kind::Share {
        let told = id("share_id")?.zip(text("channel")?);
        told.map(|(key, channel)| Event::ShareReported {
            participant: who,
            channel,
            key: key.into(),
            is_from_page: true,
        })
    } else {
        let page = kept.get("page").and_then(Value::as_str).map(str::to_owned);
        let told = id("click_id")?.zip(id("anonymous_id")?);
        told.map(|(key, visitor)| Event::Visited(Visit { owner, visitor, key: key.into(), page }))
    };
    let told = participant.zip(event);
    let (people, told) = told.map_or_else(Default::default, |(participant, event)| {
        let who = Snapshot { is_subject: false, ..Snapshot::with_id("participant", participant) };
        (vec![who], vec![TimedEvent { at: Some(received_at), event }])
    });
    let (as_of, tell, feedback, by_server) = (None, SendFilter::All, None, false);
    Ok(Notification {
        campaign,
        as_of,
        people,
        events: told,
        filter: tell,
        feedback,
        is_from_server: by_server,
    })
}

/// Where a page is, if it is one of the user's own: whatever else is told arrives in messages and
/// reports as if it were. Nothing of its query, which may hold anything, nor of its fragment; nothing
/// at all if its path may hold an address.
fn bare(page: &str, origins: &[String]) -> Option<String> {
    let mut url = Url::parse(page).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let is_own = origins.contains(&url.origin().ascii_serialization());
    // A blob has the origin of whoever made it.
    let is_page = is_own && matches!(url.scheme(), "http" | "https") && url.as_str().len() <= PAGE;
    let has_address = ["@", "%40"].into_iter().any(|at| url.path().contains(at));
    (is_page && !has_address).then(|| url.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOW: Time = Time::from_seconds(1_790_000_000);

    fn click() -> Value {
        json!({
            "key": "pk_spring", "anonymous_id": "7d5b3b0e-7f0c", "click_id": "b5a0a1f2-90ab",
            "grsf": "fay-001",
            "page": "https://u:p@shop.example.com/landing?email=fay@example.com#top",
            "email": "fay@example.com"
        })
    }

    fn share() -> Value {
        json!({
            "key": "pk_spring", "share_id": "c0ffee00-0001", "participant": "fay001",
            "channel": "copyLink"
        })
    }

    fn post(kind: Kind, body: &Value) -> Option<Post> {
        Post::read(kind, body.to_string().as_bytes(), &["https://shop.example.com".to_owned()])
    }

    #[test]
    fn nothing_is_kept_but_ids_and_where_the_page_is() {
        let click = post(Kind::Click, &click()).unwrap();
        assert_eq!(click.key, "pk_spring");
        let kept = click.kept("camp", None);
        insta::assert_json_snapshot!(kept, @r#"
        {
          "anonymous_id": "7d5b3b0e-7f0c",
          "campaign": "camp",
          "click_id": "b5a0a1f2-90ab",
          "page": "https://shop.example.com/landing",
          "participant": "fay-001"
        }
        "#);
        let news = read(&kept, NOW).unwrap();
        assert_eq!((news.people.len(), news.events[0].at), (1, Some(NOW)));
        assert!(
            matches!(&news.events[0].event, Event::Visited(visit) if visit.key == "b5a0a1f2-90ab")
        );
        let kept = post(Kind::Share, &share()).unwrap().kept("camp", None);
        let news = read(&kept, NOW).unwrap();
        assert!(matches!(&news.events[0].event, Event::ShareReported { is_from_page: true, .. }));
    }

    #[test]
    fn what_isnt_of_the_scripts_form_is_no_post() {
        for (kind, field, value) in [
            (Kind::Click, "anonymous_id", json!("")),
            (Kind::Click, "anonymous_id", json!("fay@example.com")),
            (Kind::Click, "anonymous_id", json!(12_345_678)),
            (Kind::Click, "click_id", json!("short")),
            (Kind::Click, "click_id", json!(null)),
            (Kind::Click, "grsf", json!("")),
            (Kind::Click, "grsf", json!("fay@example.com")),
            (Kind::Click, "grsf", json!("x".repeat(65))),
            (Kind::Click, "key", json!(null)),
            (Kind::Share, "share_id", json!("x".repeat(65))),
            (Kind::Share, "channel", json!("Fay Friend")),
            (Kind::Share, "participant", json!({})),
        ] {
            let mut body = if kind == Kind::Click { click() } else { share() };
            body[field] = value;
            assert_eq!(post(kind, &body), None, "{body}");
        }
        for body in ["", "[]", "{", "null", "\"x\""] {
            assert_eq!(Post::read(Kind::Click, body.as_bytes(), &[]), None, "{body}");
        }
    }

    #[test]
    fn a_page_that_is_none_of_the_users_is_left_out() {
        for page in [
            json!("javascript:alert(1)"),
            json!("landing"),
            json!(7),
            json!("x".repeat(600)),
            json!("https://evil.example/phish"),
            json!("https://shop.example.com@evil.example/"),
            json!("https://shop.example.com:8443/"),
            json!("http://shop.example.com/"),
            json!("blob:https://shop.example.com/7d5b3b0e"),
            json!("https://shop.example.com/of/fay@example.com/orders"),
            json!("https://shop.example.com/of/fay%40example.com/orders"),
        ] {
            let mut body = click();
            body["page"] = page;
            assert!(post(Kind::Click, &body).unwrap().kept("camp", None).get("page").is_none());
        }
        let mut body = click();
        body["page"] = json!(format!("https://shop.example.com/{}", "x".repeat(500)));
        assert!(post(Kind::Click, &body).unwrap().kept("camp", None).get("page").is_none());
    }

    #[test]
    fn what_was_kept_of_somebody_who_was_forgotten_tells_nothing() {
        for field in ["participant", "anonymous_id"] {
            let mut kept = post(Kind::Click, &click()).unwrap().kept("camp", None);
            kept[field] = json!(null);
            assert_eq!(read(&kept, NOW).unwrap().events, []);
        }
        assert_eq!(read(&json!({}), NOW).unwrap_err(), "campaign is missing");
    }

    proptest! {
        #[test]
        fn nothing_panics(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            let mut body = click();
            for field in ["grsf", "page", "anonymous_id", "click_id"] {
                body[field] = json!(text);
                let _ = post(Kind::Click, &body);
            }
            let _ = Post::read(Kind::Share, &bytes, &[]);
        }
    }
}
