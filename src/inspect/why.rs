//! Reasons why an event started no campaign, in the order in which they are checked.

use std::time::Duration;

use serde::Serialize;

use super::Inspector;
use crate::domain::{Call, Destination, EffectKey, Labelled, TRIGGERS_FOR, plural};
use crate::mapping::event_of;
use crate::store::{CallStatus, DeliveryState, DestinationReport};

/// The reasons that were checked. The first that holds answers.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    /// All of them.
    pub reasons: Vec<Reason>,
}

impl Diagnosis {
    pub fn answer(&self) -> &str {
        let first = self.reasons.iter().find(|reason| reason.holds);
        first.map_or("nothing is known", |reason| &reason.text)
    }
}

/// A reason that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// Its name.
    pub reason: &'static str,
    pub holds: bool,
    /// The reason in words.
    pub text: String,
}

/// The records that reasons are found by.
pub(super) struct Evidence<'a> {
    pub(super) key: Option<&'a EffectKey>,
    pub(super) call: Option<&'a CallStatus>,
    /// True if the webhook's body is kept.
    pub(super) has_body: bool,
    /// The number of messages that Customer.io reported.
    pub(super) messages: usize,
    /// The profile that goes before the event, if it is kept.
    pub(super) profile: Option<&'a CallStatus>,
    /// The profile that was refused before the event, and arrived after it.
    pub(super) late_profile: Option<&'a CallStatus>,
    pub(super) reports: &'a [DestinationReport],
}

/// Checks the reasons why an event started no campaign.
pub(super) fn why(inspector: &Inspector, evidence: &Evidence<'_>) -> Diagnosis {
    let Evidence { call, messages, .. } = *evidence;
    let state = call.map(|call| call.state);
    let late = call.and_then(lateness).filter(|late| *late > TRIGGERS_FOR);
    let is_in_time = late.is_none();
    let death = call.and_then(|call| call.death.as_ref());
    let mut reasons = Vec::new();
    let mut add = |reason, text: Option<String>, otherwise: &str| {
        let (holds, text) = (text.is_some(), text.unwrap_or_else(|| otherwise.to_owned()));
        reasons.push(Reason { reason, holds, text });
    };
    add(
        "started",
        (messages > 0)
            .then(|| format!("it did: Customer.io reports {}", plural(messages, "message"))),
        if inspector.has_reports {
            "Customer.io reported no message that it started"
        } else {
            "the relay gets no reports of messages (customerio.reporting_keys isn't set)"
        },
    );
    add("off", is_off(inspector, evidence), "the settings send this event under this name");
    add(
        "left_out",
        (call.is_none() && evidence.has_body).then(|| {
            "it was counted and not sent: it is older than sync.horizon, a backfill left it out, or \
             its dead letter was discarded"
                .to_owned()
        }),
        "it was planned to be sent",
    );
    add(
        "pruned",
        (call.is_none() && !evidence.has_body)
            .then(|| "its call was pruned, which happens after it was delivered".to_owned()),
        "its call is kept",
    );
    add(
        "waiting",
        call.filter(|_| state == Some(DeliveryState::Pending))
            .map(|call| waits_for(inspector, call, evidence)),
        "it doesn't wait",
    );
    add(
        "dead",
        death.map(|death| {
            let reason = inspector.show.reason(&death.reason);
            format!("Customer.io refused it for good: {reason}")
        }),
        "Customer.io didn't refuse it",
    );
    add(
        "late",
        late.map(|late| {
            let hours = late.as_secs() / 3_600;
            format!(
                "it was delivered {hours} hours after it happened; from 72 on it triggers nothing"
            )
        }),
        "it wasn't delivered late",
    );
    add("profile", profile_fault(evidence), "no profile before it was refused");
    add(
        "filter",
        (state == Some(DeliveryState::Delivered)
            && is_in_time
            && messages == 0
            && profile_fault(evidence).is_none())
        .then(|| {
            "it was delivered in time and no message is reported: check the trigger and the filters \
             of the campaign in Customer.io"
                .to_owned()
        }),
        "it wasn't delivered in time, or a message is reported",
    );
    Diagnosis { reasons }
}

/// Returns the words for a profile that wasn't there when the event arrived.
fn profile_fault(evidence: &Evidence<'_>) -> Option<String> {
    const LACKS: &str = "so it may have lacked attributes that the campaign asks for";
    if let Some(late) = evidence.late_profile {
        let at = late.delivered_at.map_or_else(String::new, |at| format!(" at {at}"));
        return Some(format!(
            "the profile that goes before it was refused and arrived only later{at}, {LACKS}"
        ));
    }
    let refused = evidence.profile.filter(|it| it.state == DeliveryState::Dead);
    refused.map(|_| format!("the profile that goes before it was refused, {LACKS}"))
}

/// Returns the time from the event to its delivery.
fn lateness(call: &CallStatus) -> Option<Duration> {
    let happened_at = call.call.as_ref().and_then(Call::happened_at)?;
    Some(call.delivered_at?.since(happened_at))
}

/// Returns the words for an event that the settings turn off, or send under another name now.
fn is_off(inspector: &Inspector, evidence: &Evidence<'_>) -> Option<String> {
    let own = evidence.key.and_then(event_of)?;
    let Some(name) = inspector.rules.events.get(own) else {
        return Some(format!("{own} is turned off (mapping.events.{own})"));
    };
    let sent_as = evidence.call.and_then(CallStatus::event_name)?;
    (sent_as != name).then(|| {
        format!(
            "it was sent as {sent_as}, and the settings name it {name} now (mapping.events.{own})"
        )
    })
}

/// Returns what a pending call waits for.
fn waits_for(inspector: &Inspector, call: &CallStatus, evidence: &Evidence<'_>) -> String {
    let destination = call.call.as_ref().map_or(Destination::CustomerIo, Call::destination);
    let down = evidence.reports.iter().find(|it| it.destination == destination && !it.is_running());
    if let Some(DestinationReport { state, since, reason, .. }) = down {
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        return format!(
            "it waits, because {} has been {} since {since}{why}",
            destination.label(),
            state.label()
        );
    }
    let Some(lane) = &call.waits_in else { return "it waits".to_owned() };
    if lane.is_leased {
        return "it, or a call before it, is in flight now".to_owned();
    }
    let due = lane.due_at.map_or_else(String::new, |at| match at > inspector.now {
        true => format!("; the next try is at {at}"),
        false => "; it is due".to_owned(),
    });
    let profile = evidence.profile.filter(|it| it.state == DeliveryState::Pending);
    let (attempts, whose) = match profile.filter(|it| !it.attempts.is_empty()) {
        Some(profile) => (&profile.attempts, " of the profile before it"),
        None => (&call.attempts, ""),
    };
    let last = attempts.last().map_or_else(String::new, |attempt| {
        format!(
            "; the last of {}{whose} failed: {}",
            plural(attempts.len(), "attempt"),
            inspector.show.reason(&attempt.reason)
        )
    });
    let rows = usize::try_from(lane.pending).unwrap_or(usize::MAX);
    format!("it waits in a lane of {}{due}{last}", plural(rows, "step"))
}
