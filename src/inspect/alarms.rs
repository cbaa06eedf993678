//! Alarms: what is wrong with the relay, since when, what is at stake, and which command helps.
//!
//! What belongs here: the facts that make an alarm, and its words. What doesn't: how an alarm is shown, and the
//! reading of facts (`status`).

use std::time::Duration;

use serde::Serialize;
use serde_with::{DisplayFromStr, serde_as};

use super::status::{DestinationView, QueueView};
use crate::domain::{Destination, DestinationState, Labelled, Time, plural};
use crate::sync::{SeenFinding, SeenWebhooks, WebhookProblem};

/// The urgency of an alarm, the most urgent first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Level {
    /// Events are late or lost unless a person acts.
    Red,
    /// A person should look.
    Amber,
}

/// A line of the banner.
#[serde_as]
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Alarm {
    pub level: Level,
    /// The thing that is wrong.
    pub what: String,
    #[serde_as(as = "Option<DisplayFromStr>")]
    pub since: Option<Time>,
    /// The loss if nobody acts.
    pub stake: String,
    /// The command that fixes it, or shows more.
    pub command: Option<&'static str>,
}

impl Alarm {
    fn new(level: Level, what: String, stake: impl Into<String>, command: &'static str) -> Self {
        Self { level, what, since: None, stake: stake.into(), command: Some(command) }
    }

    fn since(self, since: Option<Time>) -> Self {
        Self { since, ..self }
    }

    /// Returns the alarm as a sentence, without its command.
    pub fn text(&self) -> String {
        let since = self.since.map(|at| format!(" since {at}")).unwrap_or_default();
        format!("{}{since}. {}", self.what, self.stake)
    }
}

/// The facts of a running relay that its store doesn't have.
#[derive(Clone, Default, Debug)]
pub struct Vitals {
    /// True if a relay delivers from the store.
    pub is_running: bool,
    /// The reason why the relay isn't ready: the store takes no write, or a loop is dead.
    pub unready: Option<String>,
    /// The damage that was found in the store.
    pub damage: Vec<String>,
}

/// The facts that alarms are made of.
pub(super) struct Facts<'a> {
    pub(super) now: Time,
    pub(super) vitals: &'a Vitals,
    pub(super) destinations: &'a [DestinationView],
    pub(super) queue: &'a QueueView,
    pub(super) seen: Option<&'a SeenWebhooks>,
    /// The age of a waiting call from which on it is an alarm.
    pub(super) late_warning: Duration,
    /// The interval of looks at GrowSurf's webhooks; `None` if nobody looks.
    pub(super) looks_every: Option<Duration>,
    /// The times of the newest dead letter and the newest parked webhook.
    pub(super) newest: (Option<Time>, Option<Time>),
}

/// Looks at GrowSurf that may be missing before it is an alarm.
const MISSED: u32 = 3;

/// Returns the alarms, the most urgent first.
pub(super) fn alarms(facts: &Facts<'_>) -> Vec<Alarm> {
    let Facts { vitals, queue, newest, .. } = facts;
    let mut alarms = Vec::new();
    if let Some(why) = &vitals.unready {
        let what = format!("The relay isn't ready: {why}");
        let stake = "Webhooks are answered 503; GrowSurf repeats them for days, then switches the webhook off.";
        alarms.push(Alarm::new(Level::Red, what, stake, "referral-relay check"));
    }
    for damage in &vitals.damage {
        let stake =
            "Restore a backup, or restart: serve sets a damaged file aside and keeps what it can.";
        alarms.push(Alarm::new(Level::Red, damage.clone(), stake, "referral-relay check --full"));
    }
    alarms.extend(facts.destinations.iter().filter_map(|it| destination(it, queue)));
    alarms.extend(late(facts));
    alarms.extend(webhooks(facts));
    if queue.dead > 0 {
        let what = format!("Dead letters: {}", queue.dead);
        let stake = "Each is an event or a profile that Customer.io or GrowSurf lacks.";
        let alarm = Alarm::new(Level::Amber, what, stake, "referral-relay dead-letters list");
        alarms.push(Alarm { what: with_last(&alarm.what, newest.0), ..alarm });
    }
    if queue.parked > 0 {
        let what = with_last(&format!("Parked webhooks: {}", queue.parked), newest.1);
        let stake = "Each leads to nothing, or only to a part, until it is replayed.";
        let command = "referral-relay replay --parked --dry-run";
        alarms.push(Alarm::new(Level::Amber, what, stake, command));
    }
    alarms.sort_by_key(|alarm| alarm.level);
    alarms
}

fn with_last(what: &str, last: Option<Time>) -> String {
    last.map_or(what.to_owned(), |at| format!("{what}, the last at {at}"))
}

/// Returns the alarm of a destination that doesn't run.
fn destination(it: &DestinationView, queue: &QueueView) -> Option<Alarm> {
    let is = |state: DestinationState| it.state == state.label();
    if is(DestinationState::Running) {
        return None;
    }
    let is_halted = is(DestinationState::Halted);
    let level = if is_halted { Level::Red } else { Level::Amber };
    let name = match it.destination {
        name if name == Destination::CustomerIo.label() => "Customer.io",
        _ => "GrowSurf",
    };
    let reason = it.reason.as_deref().map(|it| format!(" ({it})")).unwrap_or_default();
    let waiting = plural(queue.pending, "call");
    let waits = match queue.passes_72_h_at {
        Some(at) => format!("It delays {waiting}; the next event passes 72 h at {at}."),
        None => format!("It delays {waiting}."),
    };
    let stake = format!("Nothing is lost. {waits}");
    let command = if is_halted { "referral-relay check" } else { "referral-relay status" };
    let what = format!("{name} is {}{reason}", it.state);
    Some(Alarm::new(level, what, stake, command).since(Some(it.since)))
}

/// Returns the alarm of calls that wait for too long.
fn late(facts: &Facts<'_>) -> Option<Alarm> {
    let Facts { queue, now, late_warning, .. } = facts;
    let oldest = queue.oldest.filter(|at| now.since(*at) >= *late_warning)?;
    let stake = match queue.passes_72_h_at {
        Some(at) if at <= *now => {
            format!("The event passed 72 h at {at} and triggers no campaign.")
        }
        Some(at) => format!("The event passes 72 h at {at}; then it triggers no campaign."),
        None => "Profiles at Customer.io are behind.".to_owned(),
    };
    let what = format!("The oldest of {} waiting calls waits", queue.pending);
    Some(Alarm::new(Level::Red, what, stake, "referral-relay status").since(Some(oldest)))
}

/// Returns the alarms of GrowSurf's webhooks, as they were last seen.
fn webhooks(facts: &Facts<'_>) -> Vec<Alarm> {
    let Some(every) = facts.looks_every else { return Vec::new() };
    let Some(SeenWebhooks { at, findings }) = facts.seen else { return Vec::new() };
    let mut alarms: Vec<Alarm> = findings.iter().filter_map(|it| finding(it, *at)).collect();
    if facts.vitals.is_running && facts.now.since(*at) > every * MISSED {
        let what = "Nobody has looked at GrowSurf's webhooks".to_owned();
        let stake = "A webhook that is off stays unseen, and nothing is compared.";
        let alarm = Alarm::new(Level::Amber, what, stake, "referral-relay webhook status");
        alarms.push(alarm.since(Some(*at)));
    }
    alarms
}

/// Returns the alarm of a finding, seen at a time.
fn finding(it: &SeenFinding, at: Time) -> Option<Alarm> {
    let problem: WebhookProblem = it.problem.as_deref()?.parse().ok()?;
    let what = format!("{}: {} (seen at {at})", it.campaign, it.detail);
    let (level, stake, command) = match problem {
        WebhookProblem::Missing | WebhookProblem::Disabled | WebhookProblem::AutoDisabled => {
            let stake = "The relay gets no webhooks of this campaign; a comparison finds later what it missed.";
            (Level::Red, stake, "referral-relay webhook enable")
        }
        WebhookProblem::Events => {
            let stake = "Events of these types don't come to the relay.";
            (Level::Red, stake, "referral-relay webhook enable")
        }
        WebhookProblem::DoubleWriter => {
            let stake =
                "Both write the same people and events; switch GrowSurf's own integration off.";
            (Level::Amber, stake, "referral-relay check")
        }
        WebhookProblem::Failing | WebhookProblem::Unseen | WebhookProblem::Unknown => {
            let stake = "Webhooks may be missing; a comparison finds them.";
            (Level::Amber, stake, "referral-relay webhook status")
        }
    };
    Some(Alarm::new(level, what, stake, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_seconds(1_800_000_000);
    const HOUR: Duration = Duration::from_secs(3_600);

    fn queue() -> QueueView {
        QueueView { pending: 0, oldest: None, passes_72_h_at: None, dead: 0, parked: 0 }
    }

    fn levels<'a>(change: impl FnOnce(&mut Facts<'a>)) -> Vec<(Level, String)> {
        let vitals = Box::leak(Box::new(Vitals { is_running: true, ..Vitals::default() }));
        let mut facts = Facts {
            now: NOW,
            vitals,
            destinations: &[],
            queue: Box::leak(Box::new(queue())),
            seen: None,
            late_warning: HOUR,
            looks_every: Some(HOUR),
            newest: (None, None),
        };
        change(&mut facts);
        alarms(&facts).into_iter().map(|it| (it.level, it.text())).collect()
    }

    #[test]
    fn a_relay_at_work_has_no_alarm() {
        assert_eq!(levels(|_| {}), []);
    }

    #[test]
    fn each_case_says_what_since_when_and_what_is_at_stake() {
        let dead = QueueView { dead: 2, parked: 1, ..queue() };
        let shown = levels(|facts| (facts.queue, facts.newest) = (&dead, (Some(NOW), None)));
        assert!(shown.iter().all(|(level, _)| *level == Level::Amber));
        assert!(shown[0].1.starts_with(&format!("Dead letters: 2, the last at {NOW}. Each is")));
        assert!(shown[1].1.starts_with("Parked webhooks: 1. Each leads to nothing"));

        let (oldest, passes) = (NOW.minus(2 * HOUR), NOW.plus(HOUR));
        let late =
            QueueView { pending: 3, oldest: Some(oldest), passes_72_h_at: Some(passes), ..queue() };
        let halted = DestinationView {
            destination: "customerio",
            state: "halted",
            since: oldest,
            reason: Some("401".to_owned()),
        };
        let broken = DestinationView { state: "broken", destination: "growsurf", ..halted.clone() };
        let shown = levels(|facts| facts.destinations = std::slice::from_ref(&broken));
        assert_eq!(shown[0].0, Level::Amber);
        let both = [broken, halted];
        let shown = levels(|facts| (facts.queue, facts.destinations) = (&late, &both));
        let reds: Vec<&str> = shown[..2].iter().map(|(_, text)| text.as_str()).collect();
        assert_eq!(
            reds,
            [
                format!(
                    "Customer.io is halted (401) since {oldest}. Nothing is lost. It delays 3 calls; \
                     the next event passes 72 h at {passes}."
                ),
                format!(
                    "The oldest of 3 waiting calls waits since {oldest}. The event passes 72 h at {passes}; \
                     then it triggers no campaign."
                ),
            ]
        );
        assert_eq!((shown.len(), shown[2].0), (3, Level::Amber), "the breaker comes last");

        let vitals = Vitals { unready: Some("a loop has ended".to_owned()), ..Vitals::default() };
        let shown = levels(|facts| facts.vitals = &vitals);
        assert_eq!(shown[0].0, Level::Red);
        assert!(
            shown[0]
                .1
                .starts_with("The relay isn't ready: a loop has ended. Webhooks are answered 503")
        );
    }

    #[test]
    fn a_webhook_that_is_off_is_red_and_silence_is_amber() {
        let seen = |problem: Option<&str>, at| SeenWebhooks {
            at,
            findings: vec![SeenFinding {
                campaign: "ct8f71".to_owned(),
                problem: problem.map(str::to_owned),
                detail: "it is off".to_owned(),
            }],
        };
        for (problem, at, level) in [
            (Some("disabled"), NOW, Some(Level::Red)),
            (Some("events"), NOW, Some(Level::Red)),
            (Some("double_writer"), NOW, Some(Level::Amber)),
            (None, NOW.minus(4 * HOUR), Some(Level::Amber)),
            (None, NOW.minus(2 * HOUR), None),
        ] {
            let seen = seen(problem, at);
            let shown = levels(|facts| facts.seen = Some(&seen));
            assert_eq!(shown.first().map(|it| it.0), level, "{problem:?}: {shown:?}");
        }
    }
}
