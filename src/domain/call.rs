//! Calls: requests to Customer.io and GrowSurf, before they are written as HTTP.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{
    AnonymousId, Destination, EventId, Identifier, Labelled, ParticipantUpdate, Reference, Time,
};

/// A value of an attribute or of an event's property.
///
/// Customer.io's schema allows strings, integers and booleans for attributes
/// (<https://docs.customer.io/integrations/api/track/>). Decimals occur in event data only.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number with a fraction, such as money in major units.
    Decimal(f64),
    Text(String),
    /// A value of another participant, until the call is sent.
    Reference(Box<Reference>),
}

impl Scalar {
    /// Compares by kind, then by value: a total order that only breaks ties.
    pub fn rank(&self, other: &Self) -> Ordering {
        fn kind(scalar: &Scalar) -> u8 {
            match scalar {
                Scalar::Boolean(_) => 0,
                Scalar::Integer(_) => 1,
                Scalar::Decimal(_) => 2,
                Scalar::Text(_) => 3,
                Scalar::Reference(_) => 4,
            }
        }
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => a.cmp(b),
            (Self::Integer(a), Self::Integer(b)) => a.cmp(b),
            (Self::Decimal(a), Self::Decimal(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Reference(a), Self::Reference(b)) => a.cmp(b),
            _ => kind(self).cmp(&kind(other)),
        }
    }

    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the whole number, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }
}

// By hand, because an untagged enum is read by trying one kind after the other, and every call
// that is delivered is read once.
impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean, a number, a text or a reference")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
        Ok(Scalar::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
        Ok(Scalar::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Scalar, E> {
        i64::try_from(value).map(Scalar::Integer).map_err(E::custom)
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
        Ok(Scalar::Decimal(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(value))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Scalar, A::Error> {
        let reference = Reference::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Scalar::Reference(Box::new(reference)))
    }
}

impl From<Reference> for Scalar {
    fn from(reference: Reference) -> Self {
        Self::Reference(Box::new(reference))
    }
}

impl From<&str> for Scalar {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Scalar {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

/// Attributes of a person, or properties of an event, by name.
pub type Attributes = BTreeMap<String, Scalar>;

/// One request to Customer.io or GrowSurf. The lane's key is added when it is sent.
#[derive(
    Clone, PartialEq, Debug, Serialize, Deserialize, strum::IntoStaticStr, strum::VariantNames,
)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Call {
    /// Sets attributes of the person; creates the person if needed.
    Identify {
        /// The whole merged profile.
        attributes: Attributes,
    },
    /// Records an event of the person.
    Track {
        /// The event's name at Customer.io, after renaming.
        name: String,
        /// Customer.io ignores a repeated one.
        event_id: EventId,
        /// The event's own time, by its source.
        at: Time,
        /// The event's properties.
        data: Attributes,
    },
    /// Merges the profile under a former identifier into the present one. Idempotent.
    Merge {
        /// The former identifier.
        from: Identifier,
        /// The time of planning.
        at: Time,
    },
    /// Ends the person's subscription. Creates nobody.
    Unsubscribe {
        /// The time of planning.
        at: Time,
    },
    /// Joins a visitor's events with the person, once the visitor's own calls are delivered.
    /// Creates nobody, and changes nothing if another person has the id.
    Join {
        anonymous_id: AnonymousId,
        /// The time of planning.
        at: Time,
    },
    /// Changes a participant at GrowSurf.
    UpdateParticipant {
        /// The time of planning.
        at: Time,
        /// The changes.
        update: ParticipantUpdate,
    },
    /// Awards the credit for a participant's referral at GrowSurf. Not idempotent.
    TriggerReferral {
        /// The time of planning.
        at: Time,
        delay_in_days: Option<u8>,
    },
    /// Adds a participant to a GrowSurf campaign. Idempotent.
    AddParticipant {
        /// The time of planning.
        at: Time,
        first_name: Option<String>,
        last_name: Option<String>,
        /// The referrer's participant id or address.
        referred_by: Option<String>,
        /// Participant metadata.
        metadata: Attributes,
    },
}

impl Call {
    /// Returns the kind as metrics, logs and the store name it.
    pub fn kind(&self) -> &'static str {
        self.label()
    }

    /// Returns the call as documents show it: its fields, and its kind as `call`. The stored form has the fields
    /// under the kind, which is read without a copy of them.
    pub fn document(&self) -> Value {
        let mut stored = serde_json::to_value(self).expect("a call is always JSON");
        let mut fields = stored[self.kind()].take();
        fields["call"] = self.kind().into();
        fields
    }

    /// Returns the destination of a kind of calls.
    pub fn destination_of(kind: &str) -> Destination {
        match kind {
            "update_participant" | "trigger_referral" | "add_participant" => Destination::GrowSurf,
            _ => Destination::CustomerIo,
        }
    }

    /// Returns the destination, the same for all calls of a lane.
    pub fn destination(&self) -> Destination {
        Self::destination_of(self.kind())
    }

    /// Returns the id of a track's effect.
    pub fn event_id(&self) -> Option<EventId> {
        match self {
            Self::Track { event_id, .. } => Some(*event_id),
            _ => None,
        }
    }

    /// Returns the event's or change's own time. An identify has none: a later one replaces it.
    pub fn happened_at(&self) -> Option<Time> {
        match self {
            Self::Identify { .. } => None,
            Self::Track { at, .. }
            | Self::Merge { at, .. }
            | Self::Unsubscribe { at }
            | Self::Join { at, .. }
            | Self::UpdateParticipant { at, .. }
            | Self::TriggerReferral { at, .. }
            | Self::AddParticipant { at, .. } => Some(*at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ParticipantKey, ReferredValue};

    #[test]
    fn a_stored_call_reads_back_the_same() {
        let of = ParticipantKey::new("c", "p");
        let friend = Reference { of, shows: ReferredValue::Name };
        let call = Call::Track {
            name: "referral_converted".to_owned(),
            event_id: EventId([7; 16]),
            at: Time::from_seconds(5),
            data: [
                ("conversion_value".to_owned(), Scalar::Decimal(49.5)),
                ("friend_email".to_owned(), Scalar::from("a@b.c")),
                ("friend_name".to_owned(), friend.into()),
                ("count".to_owned(), Scalar::Integer(3)),
            ]
            .into(),
        };
        let text = serde_json::to_string(&call).unwrap();
        assert_eq!(serde_json::from_str::<Call>(&text).unwrap(), call);
        let shown = call.document();
        assert_eq!(
            (&shown["call"], &shown["name"]),
            (&"track".into(), &"referral_converted".into())
        );
    }
}
