//! `referral-relay explain`: what a webhook would lead to, without doing it.

mod input;

use std::convert::Infallible;
use std::io::Read;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use serde_json::{Value, json};
use url::Url;

use super::output::{Failure, Output};
use crate::app;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::customerio::{limits, request};
use crate::domain::{
    self, Call, Clock, EffectKey, Identifier, LaneKey, Notification, Person, Plan, PlannedCall,
    Planner, ReadKey, ReadSet, References, Source, TRIGGERS_FOR, Time,
};
use crate::growsurf::rest::Write as GrowsurfWrite;
use crate::mapping::Mapper;
use input::{AssumedParticipant, ParsedInput};

/// Arguments of `explain`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// File with the body of a webhook, a report, a webhook action or an event of `/v1/events`; `-` or
    /// nothing reads standard input.
    file: Option<PathBuf>,
    /// Sender of the body; the default is a guess from its shape.
    #[arg(long, value_parser = ["growsurf", "customerio_report", "customerio_action", "server"])]
    source: Option<String>,
    /// Print JSON, for scripts.
    #[arg(long)]
    json: bool,
}

/// Shows effect keys, lanes and the exact requests, for a relay that knows nobody yet. Exits 1
/// if the webhook would be parked.
pub fn run(args: &Args, settings: &Settings) -> Result<ExitCode, Failure> {
    let body = read(args)?;
    let received_at = SystemClock.now();
    let source = args.source.as_deref().and_then(|it| it.parse::<Source>().ok());
    let ParsedInput { event, shape, campaign, reading, unread } =
        input::read(&body, source, received_at);
    let rules = app::rules(settings);
    let supposed = reading.as_ref().ok().and_then(|news| AssumedParticipant::of(news, &rules));
    let planner = Mapper::new(rules);
    let planned = reading.map_err(|reason| (unread, reason)).and_then(|news| {
        let only = planner.only_campaign().filter(|_| news.lacks_campaign());
        let news = only.map(|id| news.in_campaign(id)).unwrap_or(news);
        let planned = plan(&planner, &news, received_at, supposed.as_ref());
        planned.map_err(|reason| ("parked", reason))
    });
    let mut document = json!({ "event": event, "shape": shape, "campaign": campaign });
    if let Some(supposed) = &supposed {
        document["supposed"] = json!(supposed.describe());
    }
    let code = match planned {
        Ok(mut plan) => {
            complete(&mut plan);
            document["status"] = json!("accepted");
            document["unmapped"] = json!(plan.unmapped);
            document["turned_off"] = json!(plan.disabled_events);
            let hosts = Hosts::of(settings);
            document["lanes"] = plan
                .lanes
                .iter()
                .map(|lane| lane_document(&lane.person.key, &lane.calls, &hosts, received_at))
                .collect();
            ExitCode::SUCCESS
        }
        Err((status, reason)) => {
            document["status"] = json!(status);
            document["reason"] = json!(reason);
            ExitCode::FAILURE
        }
    };
    let mut page = Output::default();
    if args.json {
        page.document(format!("{document:#}"));
    } else {
        write_document(&document, &mut page);
    }
    page.print()?;
    Ok(code)
}

fn read(args: &Args) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    match args.file.as_deref() {
        Some(path) if path.as_os_str() != "-" => {
            body = std::fs::read(path).with_context(|| format!("can't read {}", path.display()))?;
        }
        _ => {
            let read = std::io::stdin().read_to_end(&mut body);
            read.context("can't read standard input")?;
        }
    }
    Ok(body)
}

/// Returns the plan of a relay that knows only the assumed participants.
fn plan(
    planner: &dyn Planner,
    news: &Notification,
    received_at: Time,
    supposed: Option<&AssumedParticipant>,
) -> Result<Plan, String> {
    let get = |read: &mut ReadSet, keys: Vec<ReadKey>| {
        for key in keys {
            match key {
                ReadKey::Effect(id) => read.add_effect(id, false),
                ReadKey::Tombstone(key) => read.add_tombstone(key, None),
                person => {
                    let found = supposed.and_then(|supposed| supposed.answer(&person));
                    read.add_person(person, found.map(Arc::new));
                }
            }
        }
        Ok::<_, Infallible>(())
    };
    let read = ReadSet::new([0; 32], received_at, false);
    domain::plan(planner, news, received_at, read, get).unwrap_or_else(|never| match never {})
}

/// Puts into the calls what they refer to, out of what the webhook says.
fn complete(plan: &mut Plan) {
    let people: Vec<Person> = plan.lanes.iter().map(|lane| lane.person.clone()).collect();
    for lane in &mut plan.lanes {
        for PlannedCall { call, .. } in &mut lane.calls {
            let known = References::among([&*call], people.iter());
            call.complete(&lane.person.key, &known);
        }
    }
}

/// Base URLs of the destinations, without a slash at the end.
pub(super) struct Hosts {
    customerio: String,
    growsurf: String,
}

impl Hosts {
    /// As the settings say.
    pub(super) fn of(settings: &Settings) -> Self {
        let bare = |url: &Url| url.as_str().trim_end_matches('/').to_owned();
        let customerio = bare(&app::base_url(&settings.customerio));
        Self { customerio, growsurf: bare(&settings.growsurf.base_url) }
    }
}

/// Returns the document of one lane.
pub(super) fn lane_document(
    key: &LaneKey,
    calls: &[PlannedCall],
    hosts: &Hosts,
    now: Time,
) -> Value {
    let kind = match key {
        LaneKey::Person(Identifier::Email(_)) => "email",
        LaneKey::Person(Identifier::Id(_)) => "id",
        LaneKey::Participant(_) => "participant",
        LaneKey::Visitor(_) => "anonymous_id",
    };
    let calls: Vec<Value> = calls.iter().map(|call| call_document(key, call, hosts, now)).collect();
    json!({ "person": { kind: key.value() }, "calls": calls })
}

fn call_document(lane: &LaneKey, planned: &PlannedCall, hosts: &Hosts, now: Time) -> Value {
    let mut document = json!({ "call": planned.call.kind() });
    if let Some(effect) = &planned.effect {
        document["effect_key"] = json!(effect.0);
        document["event_id"] = json!(effect.event_id());
    }
    if let LaneKey::Participant(key) = lane
        && let Some(write) = GrowsurfWrite::of(key, &planned.call)
    {
        match write.path() {
            Ok(path) => {
                let url = format!("{}/{path}", hosts.growsurf);
                document["request"] =
                    json!({ "method": "POST", "url": url, "path": path, "body": write.body });
            }
            Err(invalid) => document["refused"] = json!(invalid.to_string()),
        }
        if let Some(condition) = write.condition {
            document["notes"] = json!([condition]);
        }
        return document;
    }
    let fitted = limits::fit(lane, &planned.call);
    if let Ok(fitted) = &fitted {
        let warnings: Vec<String> = fitted.warnings().iter().map(ToString::to_string).collect();
        if !warnings.is_empty() {
            document["warnings"] = json!(warnings);
        }
    }
    match fitted.and_then(|fitted| request::alone(&fitted)) {
        Ok(request) => {
            let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
            let mut notes = Vec::new();
            document["request"] = json!({
                "method": request.method.as_str(),
                "url": format!("{}{}", hosts.customerio, request.path),
                "path": request.path,
                "body": body,
            });
            if planned.effect.as_ref().is_some_and(EffectKey::is_store_local) {
                let note = "the guide's shape names no participant id: each store makes this event \
                            id with a secret of its own, so it will be another one";
                notes.push(note);
            }
            if let Call::Track { at, .. } = &planned.call
                && now.since(*at) > TRIGGERS_FOR
            {
                notes.push("older than 72 hours: recorded, but starts no campaign");
            }
            document["notes"] = json!(notes);
        }
        Err(over) => document["refused"] = json!(over.to_string()),
    }
    document
}

/// Writes the document for people.
fn write_document(document: &Value, page: &mut Output) {
    let text = |value: &Value| value.as_str().unwrap_or("none").to_owned();
    page.line(format!("event     {}", text(&document["event"])));
    page.line(format!("shape     {}", text(&document["shape"])));
    page.line(format!("campaign  {}", text(&document["campaign"])));
    page.line(format!("status    {}", text(&document["status"])));
    if let Some(supposed) = document["supposed"].as_str() {
        page.line(format!("supposed  {supposed}"));
    }
    if let Some(reason) = document["reason"].as_str() {
        page.line(format!("reason    {reason}"));
    }
    for reason in document["unmapped"].as_array().into_iter().flatten() {
        page.line(format!("left out  {}", text(reason)));
    }
    for event in document["turned_off"].as_array().into_iter().flatten() {
        let event = text(event);
        page.line(format!("off       {event}; the setting mapping.events.{event} turns it on"));
    }
    for (number, lane) in document["lanes"].as_array().into_iter().flatten().enumerate() {
        let person = &lane["person"];
        let person = person.as_object().and_then(|it| it.iter().next());
        let (kind, value) = person.expect("a lane names its person by one identifier");
        page.blank();
        page.line(format!("person {}  {kind} {}", number + 1, text(value)));
        let calls = lane["calls"].as_array().expect("a lane has a list of calls");
        if calls.is_empty() {
            page.line("  no call; the facts are stored");
        }
        for call in calls {
            write_call(call, page);
        }
    }
    if document["lanes"].as_array().is_some_and(Vec::is_empty) {
        page.blank();
        page.line("It leads to no call.");
    }
    page.blank();
    page.line("Nothing was sent or stored. A person's calls go out in this order (their lane).");
}

/// Writes a call of such a document, for people.
pub(super) fn write_call(call: &Value, page: &mut Output) {
    let text = |name: &str| call[name].as_str().unwrap_or_default();
    page.blank();
    if call["effect_key"].is_string() {
        let (key, id) = (text("effect_key"), text("event_id"));
        page.line(format!("  effect {key}  ->  event id {id}"));
    }
    for note in call["notes"].as_array().into_iter().flatten() {
        page.line(format!("  note: {}", note.as_str().unwrap_or_default()));
    }
    for warning in call["warnings"].as_array().into_iter().flatten() {
        page.line(format!("  warning: {}", warning.as_str().unwrap_or_default()));
    }
    match &call["request"] {
        Value::Null => page.line(format!("  not sent: {}", text("refused"))),
        request => {
            let part = |name: &str| request[name].as_str().unwrap_or_default();
            page.line(format!("  {} {}", part("method"), part("url")));
            let body = format!("{:#}", request["body"]).replace('\n', "\n  ");
            page.document(format!("  {body}"));
        }
    }
}
