//! The fields of request bodies, v1 and v2.

use serde::Serialize;

use crate::domain::{AnonymousId, Attributes, EventId, Identifier};

#[derive(Serialize)]
pub(super) struct V1Event<'a> {
    pub(super) name: &'a str,
    pub(super) id: EventId,
    pub(super) timestamp: i64,
    pub(super) data: &'a Attributes,
}

/// Ends a subscription; creates nobody.
#[derive(Serialize)]
pub(super) struct Unsubscribed {
    pub(super) unsubscribed: bool,
    #[serde(rename = "_update")]
    pub(super) only_update: bool,
}

impl Unsubscribed {
    pub(super) const NOW: Self = Self { unsubscribed: true, only_update: true };
}

/// An event of a visitor.
#[derive(Serialize)]
pub(super) struct V1Anonymous<'a> {
    pub(super) anonymous_id: &'a AnonymousId,
    #[serde(flatten)]
    pub(super) event: V1Event<'a>,
}

/// Joins an anonymous id with a person; creates nobody.
#[derive(Serialize)]
pub(super) struct Joined<'a> {
    pub(super) anonymous_id: &'a AnonymousId,
    #[serde(rename = "_update")]
    pub(super) only_update: bool,
}

impl<'a> Joined<'a> {
    pub(super) fn by(anonymous_id: &'a AnonymousId) -> Self {
        Self { anonymous_id, only_update: true }
    }
}

/// The profile that stays, and the one merged into it.
#[derive(Serialize)]
pub(super) struct Merge<'a> {
    pub(super) primary: Identifiers<'a>,
    pub(super) secondary: Identifiers<'a>,
}

#[derive(Serialize)]
pub(super) struct V2Merge<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) action: &'static str,
    #[serde(flatten)]
    pub(super) people: Merge<'a>,
}

#[derive(Serialize)]
pub(super) struct V2Operation<'a> {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) identifiers: Identifiers<'a>,
    #[serde(flatten)]
    pub(super) action: V2Action<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Identifiers<'a> {
    Email(&'a str),
    Id(&'a str),
}

impl<'a> From<&'a Identifier> for Identifiers<'a> {
    fn from(identifier: &'a Identifier) -> Self {
        match identifier {
            Identifier::Email(email) => Self::Email(email.as_str()),
            Identifier::Id(id) => Self::Id(id),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub(super) enum V2Action<'a> {
    Identify {
        attributes: &'a Attributes,
    },
    Event {
        name: &'a str,
        id: EventId,
        timestamp: i64,
        attributes: &'a Attributes,
    },
    #[serde(untagged)]
    Unsubscribe {
        action: &'static str,
        attributes: Unsubscribed,
    },
    #[serde(untagged)]
    Join {
        action: &'static str,
        attributes: Joined<'a>,
    },
}
