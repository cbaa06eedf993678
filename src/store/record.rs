//! Records: a person as columns, the same in every backend.
//!
//! What belongs here: the document that only plans read, and the text of an identifier. What doesn't: SQL.

use std::borrow::Cow;

use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize};

use crate::domain::{
    ActionQuota, AnonymousId, Claimer, Email, FormerProfile, Identified, Identifier, LaneKey,
    Participant, ParticipantKey, Person, PersonId, Source,
};

use super::StoreError;
use super::rows::PersonRow;

/// The part of a person that only plans read.
#[derive(Serialize, Deserialize)]
struct State<'a> {
    participants: Cow<'a, [Participant]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identified: Option<Cow<'a, Identified>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    moved: Option<Cow<'a, FormerProfile>>,
    #[serde(default, skip_serializing_if = "<[_]>::is_empty")]
    former: Cow<'a, [Identifier]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quota: Option<ActionQuota>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    claimed_by: Option<Cow<'a, Claimer>>,
}

/// Returns the error of a row that can't be read, or of a plan that can't be written.
pub fn unreadable(what: &'static str, detail: impl ToString) -> StoreError {
    StoreError::Unreadable { what, detail: detail.to_string() }
}

/// Returns the source that a column names.
pub fn source(label: &str) -> Result<Source, StoreError> {
    label.parse().map_err(|_| unreadable("a source", format!("{label:?}")))
}

/// Returns a text as every backend can hold it. Postgres has no NUL in texts, so it becomes U+FFFD.
pub fn text(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Returns the column of a person's state.
pub fn state(person: &Person) -> Result<String, StoreError> {
    let state = State {
        participants: Cow::Borrowed(&person.participants),
        identified: person.identified.as_ref().map(Cow::Borrowed),
        moved: person.moved.as_ref().map(Cow::Borrowed),
        former: Cow::Borrowed(&person.former),
        quota: person.quota,
        claimed_by: person.claimed_by.as_ref().map(Cow::Borrowed),
    };
    serde_json::to_string(&state).map_err(|error| unreadable("a plan", error))
}

/// Reads a person from their row.
pub fn person(row: &PersonRow) -> Result<Person, StoreError> {
    let state: State<'static> =
        serde_json::from_str(&row.state).map_err(|error| unreadable("a person", error))?;
    Ok(Person {
        id: Some(PersonId(row.id)),
        key: lane_key(&row.identifier)?,
        participants: state.participants.into_owned(),
        identified: state.identified.map(Cow::into_owned),
        moved: state.moved.map(Cow::into_owned),
        former: state.former.into_owned(),
        quota: state.quota,
        claimed_by: state.claimed_by.map(Cow::into_owned),
    })
}

/// The beginning of the column of a visitor's identifier.
pub const VISITOR: &str = "anonymous:";

/// Returns the column of a lane's key.
pub fn column(key: &LaneKey) -> String {
    let kind = match key {
        LaneKey::Person(Identifier::Email(_)) => "email",
        LaneKey::Person(Identifier::Id(_)) => "id",
        LaneKey::Visitor(_) => "anonymous",
        LaneKey::Participant(ParticipantKey { campaign, participant }) => {
            // A list, because either may hold any character.
            return format!("participant:{}", serde_json::json!([campaign, participant]));
        }
    };
    let column = format!("{kind}:{}", key.value());
    // Every key of every webhook comes by here, and hardly one has a NUL.
    if column.contains('\0') { text(&column) } else { column }
}

/// Reads the column of a lane's key.
pub fn lane_key(column: &str) -> Result<LaneKey, StoreError> {
    match column.split_once(':') {
        Some(("email", address)) => {
            let address: Result<_, ValueError> = Email::deserialize(address.into_deserializer());
            let email = address.map_err(|error| unreadable("an address", error))?;
            Ok(email.into())
        }
        Some(("id", id)) => Ok(Identifier::Id(id.to_owned()).into()),
        Some(("anonymous", id)) => {
            let id =
                AnonymousId::parse(id).map_err(|error| unreadable("an anonymous id", error))?;
            Ok(LaneKey::Visitor(id))
        }
        Some(("participant", key)) => {
            let (campaign, participant) =
                serde_json::from_str(key).map_err(|error| unreadable("an identifier", error))?;
            Ok(LaneKey::Participant(ParticipantKey { campaign, participant }))
        }
        _ => Err(unreadable("an identifier", "its kind is unknown")),
    }
}
