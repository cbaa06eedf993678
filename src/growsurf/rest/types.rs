//! The answers that aren't rows, and requests' own words.
//!
//! What belongs here: what GrowSurf answers of webhooks, integrations and triggers, and how lists go on. Rows of lists
//! stay as GrowSurf wrote them. What doesn't: what rows mean (`sources::growsurf_api`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::serde_as;

use super::answer::masked;
use super::error::RestError;
use crate::sources::lenient::{self, Count, Field, Flag, Id, Legible, OrDefault, Text, Texts};

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
    pub(super) fn of(mut value: Value, list: &'static str) -> Result<Self, RestError> {
        // Verbatim: a cursor means something to GrowSurf alone.
        let id = match &value["nextId"] {
            Value::String(id) if !id.is_empty() => Some(Cursor::Id(id.clone())),
            Value::Number(id) => Some(Cursor::Id(id.to_string())),
            _ => None,
        };
        let offset = || value["nextOffset"].as_u64().map(Cursor::Offset);
        let next = match lenient::of::<Legible<Flag>>(&value["more"]) {
            Field::Missing if list != LIST_WITH_MORE => id,
            Field::Missing | Field::Illegible => {
                let reason = format!("more is missing or odd, so nothing says if {list} end");
                return Err(RestError::Unreadable(reason));
            }
            Field::Read(false) => None,
            Field::Read(true) => Some(id.or_else(offset).ok_or_else(|| {
                let reason = format!("more {list} follow, but nextId and nextOffset are missing");
                RestError::Unreadable(reason)
            })?),
        };
        let rows = value.get_mut(list).and_then(Value::as_array_mut).map(std::mem::take);
        Ok(Self { rows: rows.ok_or_else(|| no(list))?, next })
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

/// A webhook as GrowSurf has it (<https://docs.growsurf.com/developer-tools/rest-api>).
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WebhookState {
    /// GrowSurf's id; empty if it has none.
    #[serde_as(as = "OrDefault<Id>")]
    pub id: String,
    /// Where it goes; empty if nowhere.
    #[serde_as(as = "OrDefault<Text>")]
    #[serde(rename = "payloadUrl")]
    pub url: String,
    /// True if it is on.
    #[serde_as(as = "OrDefault<Flag>")]
    #[serde(rename = "isEnabled")]
    pub is_enabled: bool,
    /// True if GrowSurf switched it off because it failed too often.
    #[serde_as(as = "OrDefault<Flag>")]
    #[serde(rename = "autoDisabledDueToFailures")]
    pub is_auto_disabled: bool,
    /// Failures in a row.
    #[serde_as(as = "OrDefault<Count>")]
    #[serde(rename = "failureCount")]
    pub failures: i64,
    /// What it is subscribed to; a webhook that was made without is subscribed to nothing.
    #[serde_as(as = "Texts")]
    pub events: Vec<String>,
}

/// One of GrowSurf's own integrations (<https://docs.growsurf.com/developer-tools/rest-api>).
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Integration {
    /// Such as `customerio`; empty if it has none.
    #[serde_as(as = "OrDefault<Id>")]
    pub id: String,
    /// True if it is on.
    #[serde_as(as = "OrDefault<Flag>")]
    #[serde(rename = "enabled")]
    pub is_enabled: bool,
}

/// The answer to a trigger of a referral (<https://docs.growsurf.com/developer-tools/rest-api>). Its status is 200 in any
/// case.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Triggered {
    /// True if it was done.
    #[serde_as(as = "OrDefault<Flag>")]
    pub success: bool,
    /// GrowSurf's words, without addresses.
    #[serde_as(as = "OrDefault<Text>")]
    pub message: String,
}

impl Triggered {
    pub(super) fn of(value: &Value) -> Result<Self, RestError> {
        let Self { success, message } = object(value, "success")?;
        Ok(Self { success, message: masked(&message) })
    }
}

/// Reads an answer that must be an object; the error names it.
pub(super) fn object<'a, T: Deserialize<'a> + Default>(
    value: &'a Value,
    name: &str,
) -> Result<T, RestError> {
    value.as_object().map(lenient::read).ok_or_else(|| no(name))
}

/// Reads the objects of a list in an answer that have an id.
pub(super) fn identified<'a, T: Deserialize<'a> + Default>(
    value: &'a Value,
    name: &'static str,
    id: fn(&T) -> &String,
) -> Result<Vec<T>, RestError> {
    let rows = list(value, name)?.iter().filter_map(Value::as_object).map(lenient::read);
    Ok(rows.filter(|row| !id(row).is_empty()).collect())
}

/// Returns a list in an answer.
pub(super) fn list<'a>(value: &'a Value, name: &'static str) -> Result<&'a [Value], RestError> {
    value.get(name).and_then(Value::as_array).map(Vec::as_slice).ok_or_else(|| no(name))
}

/// Returns the error of an answer that lacks this.
pub(super) fn no(name: &str) -> RestError {
    RestError::Unreadable(format!("there is no {name} in it"))
}
