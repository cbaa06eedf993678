//! Answers that aren't rows, and parameters of requests.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_with::serde_as;

use super::answer::masked;
use super::error::RestError;
use crate::sources::lenient::{self, Count, Field, Flag, Id, Legible, OrDefault, Text, Texts};

/// The beginning of a page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cursor {
    /// GrowSurf's opaque `nextId`. In the list of referrals it depends on the order.
    Id(String),
    /// The number of rows before the page.
    Offset(u64),
}

/// A page of a list.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Page {
    /// The rows, unread.
    pub rows: Vec<Value>,
    /// The next page; `None` at the end.
    pub next: Option<Cursor>,
}

/// The list whose answers always have `more`.
const LIST_WITH_MORE: &str = "referrals";

impl Page {
    /// Reads a page.
    ///
    /// If an answer has `more`, it alone decides on a next page. Otherwise the list ends if `nextId` is null.
    ///
    /// # Errors
    /// [`RestError::Unreadable`] if the list is missing, or a page follows without a cursor.
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

/// Parameters of the list of referrals, latest first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Referrals {
    /// GrowSurf's status, such as `CREDIT_AWARDED`.
    pub status: Option<&'static str>,
    /// GrowSurf's order, such as `referralTriggeredAt`.
    pub sort_by: Option<&'static str>,
    /// The beginning of the page.
    pub next: Option<Cursor>,
}

/// Parameters of a look-up of one participant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParticipantQuery {
    /// GrowSurf's id, or the address.
    IdOrEmail(String),
    /// A value of the metadata, compared as text.
    Metadata { key: String, value: String },
}

/// A webhook (<https://docs.growsurf.com/developer-tools/rest-api>).
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct WebhookState {
    /// GrowSurf's id; empty if it has none.
    #[serde_as(as = "OrDefault<Id>")]
    pub id: String,
    /// The address; may be empty.
    #[serde_as(as = "OrDefault<Text>")]
    #[serde(rename = "payloadUrl")]
    pub url: String,
    #[serde_as(as = "OrDefault<Flag>")]
    #[serde(rename = "isEnabled")]
    pub is_enabled: bool,
    /// True if GrowSurf disabled it after failures.
    #[serde_as(as = "OrDefault<Flag>")]
    #[serde(rename = "autoDisabledDueToFailures")]
    pub is_auto_disabled: bool,
    /// Failures in a row.
    #[serde_as(as = "OrDefault<Count>")]
    #[serde(rename = "failureCount")]
    pub failures: i64,
    /// The subscribed events.
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
    #[serde_as(as = "OrDefault<Flag>")]
    #[serde(rename = "enabled")]
    pub is_enabled: bool,
}

/// The answer to a trigger (<https://docs.growsurf.com/developer-tools/rest-api>). Its status is always 200.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(default)]
pub struct TriggerAnswer {
    /// True if the credit was awarded.
    #[serde_as(as = "OrDefault<Flag>")]
    pub success: bool,
    /// GrowSurf's message, without addresses.
    #[serde_as(as = "OrDefault<Text>")]
    pub message: String,
}

impl TriggerAnswer {
    pub(super) fn of(value: &Value) -> Result<Self, RestError> {
        let Self { success, message } = object(value, "success")?;
        Ok(Self { success, message: masked(&message) })
    }
}

/// Reads an answer that must be an object.
///
/// # Errors
/// [`RestError::Unreadable`] with the name.
pub(super) fn object<'a, T: Deserialize<'a> + Default>(
    value: &'a Value,
    name: &str,
) -> Result<T, RestError> {
    value.as_object().map(lenient::read).ok_or_else(|| no(name))
}

/// Reads the objects in a list that have an id.
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

/// Returns the error of a missing part.
pub(super) fn no(name: &str) -> RestError {
    RestError::Unreadable(format!("there is no {name} in it"))
}
