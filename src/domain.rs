//! The types of the glossary: events, people, calls, deliveries, outcomes.
//!
//! What belongs here: plain values that all modules share, and rules that hold for every source, store and
//! destination. What doesn't: I/O, wire formats, SQL, settings. This module imports no other one.

pub mod characters;

mod activity;
mod anonymous;
mod audit;
mod call;
mod clock;
mod completeness;
mod delivery;
mod display;
mod email;
mod erasure;
mod event;
mod facts;
mod feedback;
mod hidden_ids;
mod host;
mod id_length;
mod ids;
mod key;
mod labelled;
mod link;
mod message;
mod metadata_key;
mod money;
mod outcome;
mod path_segment;
mod pattern;
mod person;
mod plan;
mod plural;
mod quoted;
mod reference;
mod retry_after;
mod reward;
mod send_filter;
mod source;
mod time;
mod webhook;
mod week;

pub use activity::{Activity, ConversionValue, Counted, Shares, WeekCounts, Weeks};
pub use anonymous::{AnonymousId, Claim, Claimer, Visit};
pub use audit::{Act, Actor, AuditEntry};
pub use call::{Attributes, Call, Scalar};
pub use clock::{Clock, Random};
pub use completeness::Completeness;
pub use delivery::{
    Attempt, Class, Delivery, DeliveryId, Destination, DestinationState, LaneId, Leased,
    TRIGGERS_FOR,
};
pub use display::{display_address, display_name, display_text};
pub use email::{Email, is_boundary, mask_addresses};
pub use erasure::{BodySearch, ErasureKey, ErasureSubject};
pub use event::{
    Adjustment, Campaign, Commission, Event, Notification, ParticipantIndex, Payout, ShareMethod,
    Snapshot, TimedEvent, is_referral,
};
pub use facts::{Fact, Facts};
pub use feedback::{
    Action, ActionKind, ActionQuota, Click, Counter, Feedback, FeedbackKind, GrowsurfCounters,
    ParticipantUpdate, Subscription, UNSUBSCRIBE_MARKER, is_own_metadata,
};
pub use hidden_ids::HiddenIds;
pub use host::is_loopback;
pub use id_length::{LONGEST_ID, is_too_long, storable_id, too_long};
pub use ids::{EffectKey, EventId, WebhookId};
pub use key::{Identifier, LaneKey, ParticipantKey};
pub use labelled::Labelled;
pub use link::Link;
pub use message::Message;
pub use metadata_key::{METADATA_KEY_CHARS, MetadataKeyError, check_metadata_key};
pub use money::{CURRENCIES, Money, currency_in_use};
pub use outcome::{Outcome, Wait};
pub use path_segment::{InvalidSegment, PathSegment};
pub use pattern::EmailPattern;
pub use person::{
    Channels, ConversionCredit, FormerProfile, Identified, Participant, Person, PersonId, Posts,
};
pub use plan::{Draft, LanePlan, Plan, Planned, PlannedCall, Planner, ReadKey, ReadSet, plan};
pub use plural::plural;
pub use quoted::{is_field_name, mask_quotations, quote};
pub use reference::{Reference, References, ReferredValue};
pub use retry_after::retry_after;
pub use reward::{Amount, Reward, Side};
pub use send_filter::SendFilter;
pub use source::Source;
pub use time::Time;
pub use webhook::{Dropped, Receipt, ReceivedWebhook, Status, Webhook};
pub use week::Week;
