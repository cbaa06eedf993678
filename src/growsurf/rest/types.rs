//! The answers, as far as they are looked into. Rows of lists stay as GrowSurf wrote them.
//!
//! What belongs here: lenient reading of answers. What doesn't: what rows mean (`rows`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::masked;
use super::error::RestError;
use crate::growsurf::lenient::{Object, text};

/// A campaign.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Campaign {
    /// GrowSurf's id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// `REFERRAL` or `AFFILIATE`.
    pub kind: Option<String>,
    /// Such as `IN_PROGRESS` or `DRAFT`.
    pub status: Option<String>,
    /// How many participants GrowSurf counts.
    pub participants: Option<i64>,
    /// The rewards that can be earned, by their ids, as GrowSurf writes them.
    pub rewards: BTreeMap<String, Value>,
}

impl Campaign {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let object = Object::of(value)?;
        let own = |name| object.text(name).map(str::to_owned);
        Some(Self {
            id: object.id("id")?,
            name: own("name"),
            kind: own("type"),
            status: own("status"),
            participants: object.count("participantCount"),
            rewards: by_id(object.items("rewards").unwrap_or_default()),
        })
    }

    /// Whether it is a program of affiliates, who earn commissions.
    pub fn is_affiliate(&self) -> bool {
        self.kind.as_deref().is_some_and(|kind| kind.eq_ignore_ascii_case("AFFILIATE"))
    }

    /// Whether anybody can be in it.
    pub fn is_live(&self) -> bool {
        !matches!(self.status.as_deref(), Some("DRAFT" | "PENDING" | "DELETED"))
    }
}

/// Objects by their ids.
pub(super) fn by_id(rows: &[Value]) -> BTreeMap<String, Value> {
    rows.iter().filter_map(|row| Some((Object::of(row)?.id("id")?, row.clone()))).collect()
}

/// The place in a list where a page begins.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// GrowSurf's `nextId`. It is opaque: in the list of referrals it depends on the order.
    Id(String),
    /// The number of rows before it, where GrowSurf pages by `offset`.
    Offset(u64),
}

/// A page of a list.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// The rows, as GrowSurf writes them.
    pub rows: Vec<Value>,
    /// The place where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// The list whose answers always have `more`.
const LIST_WITH_MORE: &str = "referrals";

impl Page {
    /// Reads a page.
    ///
    /// Where an answer has `more`, that alone says if a page follows; the lists without it end where
    /// `nextId` is null.
    ///
    /// # Errors
    /// [`RestError::Unreadable`] if the list is missing, or if a page follows and no cursor leads on.
    pub(super) fn of(value: &Value, list: &'static str) -> Result<Self, RestError> {
        let object = Object::of(value).ok_or_else(|| no(list))?;
        let rows = object.items(list).ok_or_else(|| no(list))?.to_vec();
        // Verbatim: a cursor means something to GrowSurf alone.
        let id = match &value["nextId"] {
            Value::String(id) if !id.is_empty() => Some(Cursor::Id(id.clone())),
            Value::Number(id) => Some(Cursor::Id(id.to_string())),
            _ => None,
        };
        let offset = || value["nextOffset"].as_u64().map(Cursor::Offset);
        let next = match object.flag("more") {
            None if object.has("more") || list == LIST_WITH_MORE => {
                let reason = format!("more is missing or odd, so nothing says if {list} end");
                return Err(RestError::Unreadable(reason));
            }
            Some(false) => None,
            Some(true) => Some(id.or_else(offset).ok_or_else(|| {
                let reason = format!("more {list} follow, but nextId and nextOffset are missing");
                RestError::Unreadable(reason)
            })?),
            None => id,
        };
        Ok(Self { rows, next })
    }
}

/// Which referrals are asked for, the last one first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Referrals {
    /// GrowSurf's word for the status, such as `CREDIT_AWARDED`.
    pub status: Option<&'static str>,
    /// GrowSurf's name for the order, such as `referralTriggeredAt`.
    pub sort_by: Option<&'static str>,
    /// The place where the page begins.
    pub next: Option<Cursor>,
}

/// The text by which GrowSurf is asked for one participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParticipantQuery {
    /// GrowSurf's id, or the address.
    IdOrEmail(String),
    /// A value of their metadata, which GrowSurf compares as text.
    Metadata {
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
}

/// A webhook as GrowSurf has it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhookState {
    /// GrowSurf's id.
    pub id: String,
    /// Where it goes.
    pub url: String,
    /// Whether it is the campaign's main one.
    pub is_primary: bool,
    /// Whether it is on.
    pub is_enabled: bool,
    /// Whether GrowSurf switched it off because it failed too often.
    pub is_auto_disabled: bool,
    /// Failures in a row.
    pub failures: i64,
    /// What it is subscribed to; a webhook that was made without is subscribed to nothing.
    pub events: Vec<String>,
}

/// The id of a campaign's main webhook (<https://docs.growsurf.com/developer-tools/rest-api>).
const PRIMARY: &str = "primary";

impl WebhookState {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let object = Object::of(value)?;
        let events = object.items("events").unwrap_or_default().iter();
        let id = object.id("id")?;
        Some(Self {
            is_primary: id == PRIMARY,
            id,
            url: object.text("payloadUrl").unwrap_or_default().to_owned(),
            is_enabled: object.is_true("isEnabled"),
            is_auto_disabled: object.is_true("autoDisabledDueToFailures"),
            failures: object.count("failureCount").unwrap_or(0),
            events: events.filter_map(text).map(str::to_owned).collect(),
        })
    }
}

/// One of GrowSurf's own integrations.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Integration {
    /// Such as `customerio`.
    pub id: String,
    /// Whether it is on.
    pub is_enabled: bool,
}

impl Integration {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let object = Object::of(value)?;
        Some(Self { id: object.id("id")?, is_enabled: object.is_true("enabled") })
    }
}

/// What came of triggering a referral; GrowSurf answers 200 in any case.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Triggered {
    /// Whether it was done.
    pub success: bool,
    /// What GrowSurf says, without addresses.
    pub message: String,
}

impl Triggered {
    pub(super) fn of(value: &Value) -> Option<Self> {
        let object = Object::of(value)?;
        let message = masked(object.text("message").unwrap_or_default());
        Some(Self { success: object.is_true("success"), message })
    }
}

/// A list in an answer.
pub(super) fn list<'a>(value: &'a Value, name: &'static str) -> Result<&'a [Value], RestError> {
    Object::of(value).and_then(|object| object.items(name)).ok_or_else(|| no(name))
}

/// The answer lacks this.
pub(super) fn no(name: &str) -> RestError {
    RestError::Unreadable(format!("there is no {name} in it"))
}
