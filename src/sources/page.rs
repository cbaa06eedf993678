//! Posts of pages: `/v1/clicks` and `/v1/shares`, from a script on the user's own pages.
//!
//! What belongs here: the posts, the part of one that is kept, and the notification of that part. What
//! doesn't: the origins and the limits (`http`), and the calls that follow (`mapping`).
//!
//! Anybody can post anything. So nothing is kept but ids of a plain form, the name of a channel, and
//! the address of a page, without query and fragment.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::{As, DefaultOnError};
use strum::IntoStaticStr;
use url::Url;
use utoipa::ToSchema;

use super::growsurf::json::parse;
use crate::domain::{
    AnonymousId, Campaign, Event, Link, Notification, ParticipantIndex, SendFilter, Snapshot, Time,
    TimedEvent, Visit,
};

/// The longest address of a page, in bytes.
const PAGE: usize = 500;

/// A visitor came by a participant's link. Fields that aren't named here are ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PageClick {
    /// The page's name of the campaign (`page_key`).
    #[schema(examples("pk_spring"))]
    key: String,
    /// The visitor's id, the same at each visit.
    #[schema(value_type = String, min_length = 8, max_length = 64, pattern = "^[A-Za-z0-9-]+$", examples("7d5b3b0e-7f0c-4b7c-9a53-0f6b1c3d2e1a"))]
    anonymous_id: AnonymousId,
    /// The id of this click, however often it is posted.
    #[schema(value_type = String, min_length = 8, max_length = 64, pattern = "^[A-Za-z0-9-]+$", examples("b5a0a1f2-90ab-4b7c-9a53-0f6b1c3d2e1a"))]
    click_id: AnonymousId,
    /// The participant that the link names, by id or vanity key.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", examples("fay001"))]
    grsf: Code,
    /// The page's address, of `http` or `https`; its query and its fragment aren't kept. May be
    /// left out. It is ignored if it isn't on one of `page.origins`, has an `@` in its path, or has
    /// over 500 bytes still.
    #[serde(default, with = "As::<DefaultOnError>")]
    #[schema(value_type = String, required = false, format = "uri", examples("https://shop.example.com/landing"))]
    page: Option<String>,
}

/// A participant shared their link. Fields that aren't named here are ignored.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PageShare {
    /// The page's name of the campaign (`page_key`).
    #[schema(examples("pk_spring"))]
    key: String,
    /// The id of this share, however often it is posted.
    #[schema(value_type = String, min_length = 8, max_length = 64, pattern = "^[A-Za-z0-9-]+$", examples("7d5b3b0e-7f0c-4b7c-9a53-0f6b1c3d2e1a"))]
    share_id: AnonymousId,
    /// The participant, by GrowSurf's id or a vanity key.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", examples("fay001"))]
    participant: Code,
    /// The channel of the share.
    #[schema(value_type = String, min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9_-]+$", examples("whatsapp"))]
    channel: Code,
}

/// A word of letters, digits, `_` and `-`, such as an id of GrowSurf's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Code(String);

impl TryFrom<String> for Code {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if Link::is_code(&text) { Ok(Self(text)) } else { Err("is no plain word") }
    }
}

/// The kinds of posts, labelled by their names in the inbox and in metrics.
#[derive(Clone, Copy, PartialEq, Eq, Debug, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    /// A visitor came by a participant's link.
    Click,
    /// A participant shared their link.
    Share,
}

impl Kind {
    /// Returns the kind of a post that was kept.
    pub fn of_kept(kept: &Value) -> Self {
        if kept.get("share_id").is_some() { Self::Share } else { Self::Click }
    }
}

/// A post, as far as it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Post {
    /// The page's name of the campaign.
    pub key: String,
    kept: StoredPost,
}

/// The part of a post that the inbox holds. A field is `null` once its person is erased.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct StoredPost {
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    participant: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    anonymous_id: Option<AnonymousId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    click_id: Option<AnonymousId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    share_id: Option<AnonymousId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
}

impl Post {
    /// Reads a post; `None` if it isn't of the form that the script gives it. `origins` are those of
    /// the pages that may be named.
    pub fn read(kind: Kind, body: &[u8], origins: &[String]) -> Option<Self> {
        let body = parse(body).ok()?;
        // Serde would take an array for one.
        let body = Some(body).filter(Value::is_object)?;
        let (key, kept) = match kind {
            Kind::Click => {
                let click = PageClick::deserialize(body).ok()?;
                let PageClick { key, anonymous_id, click_id, grsf, page } = click;
                let page = page.and_then(|page| bare(&page, origins));
                let (anonymous_id, click_id) = (Some(anonymous_id), Some(click_id));
                let participant = Some(grsf.0);
                (
                    key,
                    StoredPost {
                        participant,
                        anonymous_id,
                        click_id,
                        page,
                        ..StoredPost::default()
                    },
                )
            }
            Kind::Share => {
                let share = PageShare::deserialize(body).ok()?;
                let PageShare { key, share_id, participant, channel } = share;
                let (participant, channel) = (Some(participant.0), Some(channel.0));
                let share_id = Some(share_id);
                (key, StoredPost { participant, share_id, channel, ..StoredPost::default() })
            }
        };
        Some(Self { key, kept })
    }

    /// Returns the link of the participant, if the post names them by a code that is no id.
    pub fn link(&self, campaign: &str) -> Link {
        let code = self.kept.participant.clone().unwrap_or_default();
        Link { campaign: campaign.to_owned(), code }
    }

    /// Returns the part that is kept. The campaign replaces the key, which may change, and the
    /// participant's id replaces a code for it.
    pub fn kept(self, campaign: &str, id: Option<&str>) -> Value {
        let participant = id.map(str::to_owned).or(self.kept.participant);
        let kept = StoredPost { campaign: Some(campaign.to_owned()), participant, ..self.kept };
        serde_json::to_value(kept).expect("texts are JSON")
    }
}

/// Returns the notification of a post that was kept. It has no events where a person was erased.
///
/// # Errors
/// The reason to park it.
pub fn read(kept: &Value, received_at: Time) -> Result<Notification, String> {
    let kind = Kind::of_kept(kept);
    let kept =
        StoredPost::deserialize(kept).map_err(|_| "a field of the post is malformed".to_owned())?;
    let campaign = kept.campaign.ok_or("campaign is missing")?;
    let participant = ParticipantIndex(0);
    let event = match kind {
        Kind::Share => kept.share_id.zip(kept.channel).map(|(key, channel)| {
            let key = key.into();
            Event::ShareReported { participant, channel, key, is_from_page: true }
        }),
        Kind::Click => kept.click_id.zip(kept.anonymous_id).map(|(key, visitor)| {
            let (owner, key) = (participant, key.into());
            Event::Visited(Visit { owner, visitor, key, page: kept.page })
        }),
    };
    let named = kept.participant.zip(event);
    let (people, events) = named.map_or_else(Default::default, |(participant, event)| {
        let who = Snapshot { is_subject: false, ..Snapshot::with_id("participant", participant) };
        (vec![who], vec![TimedEvent { at: Some(received_at), event }])
    });
    Ok(Notification {
        campaign: Campaign { id: Some(campaign), name: None },
        as_of: None,
        people,
        events,
        filter: SendFilter::All,
        feedback: None,
        is_from_server: false,
    })
}

/// Returns the address of a page without query and fragment, if it is one of the user's pages and
/// its path holds no e-mail address. Others would arrive in messages as if they were the user's.
fn bare(page: &str, origins: &[String]) -> Option<String> {
    let mut url = Url::parse(page).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let is_own = origins.contains(&url.origin().ascii_serialization());
    // A blob has the origin of its maker.
    let is_page = is_own && matches!(url.scheme(), "http" | "https") && url.as_str().len() <= PAGE;
    let has_address = ["@", "%40"].into_iter().any(|at| url.path().contains(at));
    (is_page && !has_address).then(|| url.into())
}
