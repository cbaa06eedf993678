//! Explaining: what a body would lead to, without doing it.
//!
//! What belongs here: the plan of a body, for a relay that knows nobody or with what a store knows, and the exact
//! requests as plain values. What doesn't: reading a body whose sender isn't known (`input`), printing (the faces).

mod explanation;
mod input;

use std::convert::Infallible;
use std::sync::Arc;

use crate::customerio::{limits, request};
use crate::domain::{
    self, Call, EffectKey, Identifier, LaneKey, Notification, Person, Plan, PlannedCall, Planner,
    ReadKey, ReadSet, References, Source, TRIGGERS_FOR, Time,
};
use crate::growsurf::rest::Write as GrowsurfWrite;
use crate::inspect::Show;
use crate::mapping::{Mapper, Rules};
use crate::store::{Store, StoreError};
use explanation::PlanView;
pub use explanation::{CallExplained, Explanation, LaneExplained, RequestExplained};
use input::{AssumedParticipant, ParsedInput};

/// The settings that decide what bodies lead to.
#[derive(Clone)]
pub struct Explainer {
    /// The rules of the mapping.
    pub rules: Rules,
    /// The destinations' base URLs.
    pub hosts: Hosts,
}

/// Base URLs of the destinations, without a slash at the end.
#[derive(Clone, Debug)]
pub struct Hosts {
    /// Customer.io's.
    pub customerio: String,
    /// GrowSurf's.
    pub growsurf: String,
}

/// A body that was read, up to its plan.
struct Reading {
    parsed: Explanation,
    notification: Result<Notification, String>,
    supposed: Option<AssumedParticipant>,
    planner: Mapper,
    received_at: Time,
    show: Show,
}

impl Explainer {
    /// Returns what a body of this source would lead to in a relay that knows nobody. Without a source the shape
    /// suggests one.
    pub fn alone(
        &self,
        body: &[u8],
        source: Option<Source>,
        received_at: Time,
        show: Show,
    ) -> Explanation {
        let reading = self.read(body, source, received_at, show);
        let planned = reading.notification.as_ref().ok().map(|notification| {
            plan(&reading.planner, notification, received_at, reading.supposed.as_ref())
        });
        self.explain(reading, planned)
    }

    /// Returns what a body would lead to with what a store knows; changes nothing.
    ///
    /// # Errors
    /// The store's.
    pub async fn with_known(
        &self,
        store: &Store,
        body: &[u8],
        source: Option<Source>,
        received_at: Time,
        show: Show,
    ) -> Result<Explanation, StoreError> {
        let reading = Reading { supposed: None, ..self.read(body, source, received_at, show) };
        let planned = match &reading.notification {
            Ok(notification) => store.preview(vec![notification.clone()], received_at).await?.pop(),
            Err(_) => None,
        };
        Ok(self.explain(reading, planned))
    }

    fn read(&self, body: &[u8], source: Option<Source>, received_at: Time, show: Show) -> Reading {
        let ParsedInput { event, shape, campaign, reading, unread } =
            input::read(body, source, received_at);
        let supposed = reading
            .as_ref()
            .ok()
            .and_then(|notification| AssumedParticipant::of(notification, &self.rules));
        let planner = Mapper::new(self.rules.clone());
        let notification = reading.map(|notification| {
            let only = planner.only_campaign().filter(|_| notification.lacks_campaign());
            only.map(|id| notification.in_campaign(id)).unwrap_or(notification)
        });
        let event = event.map(|event| show.event(event));
        let parsed = Explanation {
            event,
            shape,
            campaign,
            status: unread,
            supposed: None,
            reason: None,
            plan: None,
        };
        Reading { parsed, notification, supposed, planner, received_at, show }
    }

    fn explain(&self, reading: Reading, planned: Option<Result<Plan, String>>) -> Explanation {
        let Reading { parsed, notification, supposed, received_at, show, .. } = reading;
        let supposed = supposed.map(|it| it.describe(show));
        let parsed = Explanation { supposed, ..parsed };
        match (notification, planned) {
            (Err(reason), _) => Explanation { reason: Some(reason), ..parsed },
            (_, Some(Err(reason))) => {
                Explanation { status: "parked", reason: Some(reason), ..parsed }
            }
            (_, None) => parsed,
            (_, Some(Ok(mut plan))) => {
                complete(&mut plan);
                let lane = |it: &domain::LanePlan| {
                    lane(&it.person.key, &it.calls, &self.hosts, (received_at, show))
                };
                let view = PlanView {
                    lanes: plan.lanes.iter().map(lane).collect(),
                    unmapped: plan.unmapped,
                    turned_off: plan.disabled_events.into_iter().map(Into::into).collect(),
                };
                Explanation { status: "accepted", plan: Some(view), ..parsed }
            }
        }
    }
}

/// Returns the plan of a relay that knows only the assumed participants.
fn plan(
    planner: &dyn Planner,
    notification: &Notification,
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
    domain::plan(planner, notification, received_at, read, get)
        .unwrap_or_else(|never| match never {})
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

/// Returns the calls of one lane.
pub fn lane(
    key: &LaneKey,
    calls: &[PlannedCall],
    hosts: &Hosts,
    (now, show): (Time, Show),
) -> LaneExplained {
    let kind = match key {
        LaneKey::Person(Identifier::Email(_)) => "email",
        LaneKey::Person(Identifier::Id(_)) => "id",
        LaneKey::Participant(_) => "participant",
        LaneKey::Visitor(_) => "anonymous_id",
    };
    let calls = calls.iter().map(|planned| {
        let mut call = explained(key, planned, hosts, now);
        if show == Show::Masked {
            call.mask();
        }
        call
    });
    LaneExplained { person: [(kind, show.key(key))].into(), calls: calls.collect() }
}

fn explained(lane: &LaneKey, planned: &PlannedCall, hosts: &Hosts, now: Time) -> CallExplained {
    let mut call = CallExplained {
        call: planned.call.kind(),
        effect_key: planned.effect.as_ref().map(|effect| effect.0.clone()),
        event_id: planned.effect.as_ref().map(EffectKey::event_id),
        request: None,
        refused: None,
        warnings: Vec::new(),
        notes: Vec::new(),
    };
    if let LaneKey::Participant(key) = lane
        && let Some(write) = GrowsurfWrite::of(key, &planned.call)
    {
        match write.path() {
            Ok(path) => {
                let url = format!("{}/{path}", hosts.growsurf);
                let method = "POST".to_owned();
                call.request = Some(RequestExplained { method, url, path, body: write.body });
            }
            Err(invalid) => call.refused = Some(invalid.to_string()),
        }
        call.notes.extend(write.condition);
        return call;
    }
    let fitted = limits::fit(lane, &planned.call);
    if let Ok(fitted) = &fitted {
        call.warnings = fitted.warnings().iter().map(ToString::to_string).collect();
    }
    match fitted.and_then(|fitted| request::alone(&fitted)) {
        Ok(request) => {
            call.request = Some(RequestExplained {
                method: request.method.as_str().to_owned(),
                url: format!("{}{}", hosts.customerio, request.path),
                path: request.path.clone(),
                body: serde_json::from_slice(&request.body).unwrap_or_default(),
            });
            if planned.effect.as_ref().is_some_and(EffectKey::is_store_local) {
                let note = "the guide's shape names no participant id: each store makes this event \
                            id with a secret of its own, so it will be another one";
                call.notes.push(note);
            }
            if let Call::Track { at, .. } = &planned.call
                && now.since(*at) > TRIGGERS_FOR
            {
                call.notes.push("older than 72 hours: recorded, but starts no campaign");
            }
        }
        Err(over) => call.refused = Some(over.to_string()),
    }
    call
}
