//! `referral-relay find`: a person, webhook or event by its id or address.

use std::process::ExitCode;

use uuid::Uuid;

use super::audit::record;
use super::existing_store::with_store;
use super::output::Output;
use crate::app;
use crate::config::Settings;
use crate::domain::characters::is_hidden;
use crate::domain::{Act, Time, WebhookId};
use crate::inspect::{
    CallView, Diagnosis, EventView, Found, LaneView, MessageView, ParticipantView, PersonView,
    SearchResult, Show, WebhookView,
};
use crate::store::Store;

/// Arguments of `find`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// An address, an own id, a participant's id or vanity key, a webhook's id, an event's id or an effect
    /// key.
    #[arg(value_name = "EMAIL|ID", value_parser = text)]
    what: String,
    /// Show only webhooks before this one, for the next page.
    #[arg(long, value_name = "WEBHOOK")]
    before: Option<Uuid>,
    /// Show addresses and ids of people instead of masking them.
    #[arg(long)]
    reveal: bool,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

fn text(text: &str) -> Result<String, String> {
    let is_text = !text.trim().is_empty() && !text.contains(is_hidden);
    is_text.then(|| text.trim().to_owned()).ok_or_else(|| "expected an address or an id".to_owned())
}

/// Prints the person, webhook or event; exits 1 if nothing is found.
pub async fn run(args: &Args, settings: &Settings) -> anyhow::Result<ExitCode> {
    let finding = with_store(settings, async |store| {
        let show = if args.reveal { Show::Revealed } else { Show::Masked };
        let inspector = app::inspector(settings, store, show);
        let finding = inspector.find(&args.what, args.before.map(WebhookId)).await?;
        if args.reveal {
            reveal(store, &finding).await?;
        }
        Ok(finding)
    });
    let finding = finding.await?;
    let mut output = Output::default();
    output.show(args.json, &finding, |finding, output| {
        output.line(&finding.answer);
        for found in &finding.found {
            output.blank();
            match found {
                Found::Person(person) => write_person(person, output),
                Found::Webhook(webhook) => write_webhook(webhook, output),
                Found::Event(event) => write_event(event, output),
            }
        }
    });
    output.print()?;
    let code = if finding.found.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    Ok(code)
}

/// Records each thing that was shown with addresses and ids.
async fn reveal(store: &Store, finding: &SearchResult) -> anyhow::Result<()> {
    for found in &finding.found {
        let subject = match found {
            Found::Person(person) => match person.number {
                Some(number) => format!("person {number}"),
                None => "a person".to_owned(),
            },
            Found::Webhook(webhook) => format!("webhook {}", webhook.id),
            Found::Event(event) => format!("event {}", event.event_id),
        };
        record(store, Act::Reveal, &subject, "shown").await?;
    }
    Ok(())
}

fn write_person(person: &PersonView, output: &mut Output) {
    output.line(format!("person       {}", person.identifier));
    for former in &person.former {
        output.line(format!("formerly     {former}"));
    }
    for participant in &person.participants {
        write_participant(participant, output);
    }
    for lane in &person.lanes {
        let LaneView { destination, state, pending, due_at, oldest } = lane;
        let due = due_at.map_or(String::new(), |at| format!(", due at {at}"));
        let oldest = oldest.map_or(String::new(), |at| format!(", the first planned at {at}"));
        output.line(format!("lane         {destination}  {state}, {pending} pending{oldest}{due}"));
    }
    if person.timeline.is_empty() {
        output.line("webhooks     no stored webhook names them");
    }
    for webhook in &person.timeline {
        output.blank();
        write_entry(webhook, output);
        write_calls(&webhook.calls, output);
    }
    if let Some(before) = person.before {
        output.blank();
        output.line(format!("There are more: continue with --before {before}"));
    }
}

fn write_participant(participant: &ParticipantView, output: &mut Output) {
    let id = participant.participant.as_deref().unwrap_or("of unknown id");
    let joined = participant.joined_at.map_or(String::new(), |at| format!("  joined {at}"));
    output.line(format!("participant  {}:{id}{joined}", participant.campaign));
    let tier = participant.tier.as_deref().unwrap_or("none");
    let number = |it: Option<i64>| it.map_or("unknown".to_owned(), |it| it.to_string());
    output.line(format!(
        "  tier {tier}, referrals {}, friends {}, conversions {}, rewards {}, shares {}{}",
        number(participant.total_referrals),
        participant.friends,
        participant.conversions,
        participant.rewards,
        number(participant.shares),
        if participant.has_complete_counts { "" } else { " (counts incomplete, so not sent)" },
    ));
    if let (Some(first), Some(last)) = (participant.first_referral_at, participant.last_referral_at)
    {
        output.line(format!("  first friend {first}, last friend {last}"));
    }
    if let Some(event) = &participant.sign_up {
        let received = event.received_at.map_or(String::new(), |at| format!(", received {at}"));
        output.line(format!(
            "  sign-up event {} of webhook {}{received}",
            event.event_id, event.webhook
        ));
    }
}

fn write_webhook(webhook: &WebhookView, output: &mut Output) {
    write_entry(webhook, output);
    if let Some(owner) = &webhook.owner {
        output.line(format!("  signed by campaign {owner}"));
    }
    for person in &webhook.people {
        output.line(format!("  person {person}"));
    }
    write_calls(&webhook.calls, output);
}

/// Writes the line of a webhook, and why it is parked.
pub(super) fn write_entry(webhook: &WebhookView, output: &mut Output) {
    let event = webhook.event.as_deref().unwrap_or("-");
    let WebhookView { id, received_at, source, outcome, .. } = webhook;
    output.line(format!("{received_at}  {source}  {event}  {outcome}  {id}"));
    if let Some(reason) = &webhook.reason {
        output.line(format!("  reason {reason}"));
    }
}

fn write_calls(calls: &[CallView], output: &mut Output) {
    for call in calls {
        let event = call.event_id.as_deref().map_or(String::new(), |id| format!("  {id}"));
        output.line(format!("  {}  {}  {}{event}", call.destination, call.name(), state(call)));
        for attempt in &call.attempts {
            let status = attempt.http_status.map_or("-".to_owned(), |it| it.to_string());
            output.line(format!(
                "    attempt {}  {}  status {status}  {} ms  {}",
                attempt.at, attempt.outcome, attempt.duration_ms, attempt.reason
            ));
        }
        write_messages(&call.messages, "    ", output);
    }
}

/// Returns the state of a call, with its time.
fn state(call: &CallView) -> String {
    let at = |word: &str, at: Option<Time>| at.map_or(String::new(), |at| format!("{word}{at}"));
    match call.state {
        "delivered" => format!("delivered{}", at(" at ", call.delivered_at)),
        "dead" => format!(
            "dead{}, dead letter {}: {}",
            at(" since ", call.died_at),
            call.id,
            call.reason.as_deref().unwrap_or("-")
        ),
        state => format!("{state}{}", at(", due at ", call.due_at)),
    }
}

fn write_messages(messages: &[MessageView], indent: &str, output: &mut Output) {
    for message in messages {
        let sender = message.message_source.as_deref().zip(message.message_source_id.as_deref());
        let sender = sender.map_or(String::new(), |(kind, id)| format!("  {kind} {id}"));
        output
            .line(format!("{indent}message {}  {}{sender}", message.delivery_id, message.channel));
        for metric in &message.metrics {
            output.line(format!("{indent}  {}  {}", metric.at, metric.metric));
        }
    }
}

fn write_event(event: &EventView, output: &mut Output) {
    output.line(format!("event      {}", event.event_id));
    if let Some(key) = &event.effect_key {
        output.line(format!("effect     {key}"));
    }
    if let Some(name) = &event.name {
        output.line(format!("name       {name}"));
    }
    let received = event.received_at.map_or(String::new(), |at| format!("  received {at}"));
    output.line(format!("webhook    {}{received}", event.webhook));
    if let Some(call) = &event.call {
        output.line(format!("person     {}", call.person));
        if let Some(at) = call.happened_at {
            output.line(format!("happened   {at}"));
        }
        output.line(format!("planned    {}", call.planned_at));
        write_calls(std::slice::from_ref(call), output);
    } else {
        write_messages(&event.messages, "  ", output);
    }
    write_why(&event.why, output);
}

fn write_why(why: &Diagnosis, output: &mut Output) {
    output.blank();
    output.line("Why did it start no campaign?");
    let mut is_first = true;
    for reason in &why.reasons {
        let mark = match (reason.holds, is_first) {
            (true, true) => "=>",
            (true, false) => " +",
            (false, _) => "  ",
        };
        is_first &= !reason.holds;
        output.line(format!("{mark} {:<9} {}", reason.reason, reason.text));
    }
}
