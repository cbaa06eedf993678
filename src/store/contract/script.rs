//! The script of the contract tests: a planner that does as its notification says, and short ways to write
//! notifications and to drive a store.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::{
    AnonymousId, Attempt, Attributes, Call, Campaign, Claimer, Class, Delivery, Destination, Draft,
    EffectKey, Email, ErasureKey, Event, EventId, Facts, Identified, LaneKey, LanePlan, Leased,
    Link, Notification, Outcome, Participant, ParticipantIndex, ParticipantKey, ParticipantUpdate,
    Person, Plan, Planned, PlannedCall, Planner, ReadKey, ReadSet, ReceivedWebhook, Reference,
    ReferredValue, Scalar, SendFilter, Snapshot, Source, Time, TimedEvent, Webhook, WebhookId,
};
use crate::store::{
    AvailabilityClock, ClaimRequest, InboxPage, Settle, Settlement, Store, Verdict,
};

/// The campaign of every notification; its name makes the planner misbehave.
pub(crate) const CAMPAIGN: &str = "camp";

/// A planner that follows the notification: each `ParticipantJoined` is an identify and a track whose
/// effect key is its `referral_source`, each `FraudStatusChanged` an identify alone.
pub(crate) struct Script;

impl Planner for Script {
    fn resolve(&self, notification: &Notification, read: &ReadSet) -> Vec<ReadKey> {
        keys(notification, read)
    }

    fn link(
        &self,
        notification: &Notification,
        _received_at: Time,
        _read: &ReadSet,
    ) -> Vec<ReadKey> {
        match notification.campaign.name.as_deref() {
            Some("visit" | "claim") => vec![ReadKey::Lane(visitor(notification))],
            Some("back") => addressees(notification),
            _ => Vec::new(),
        }
    }

    fn draft<'a>(
        &'a self,
        notification: &'a Notification,
        received_at: Time,
        read: &'a ReadSet,
    ) -> Result<Box<dyn Draft + 'a>, String> {
        Ok(Box::new(Scripted(script(notification, received_at, read)?)))
    }

    fn profile(&self, person: &Person) -> Attributes {
        let mut attributes = Attributes::new();
        for participant in &person.participants {
            for (name, fact) in participant.facts.iter() {
                let value = match fact.value.as_text().filter(|_| name == Facts::REFERRER_ID) {
                    Some(id) => referrer(&participant.campaign, id),
                    None => fact.value.clone(),
                };
                attributes.insert(name.to_owned(), value);
            }
            attributes.insert("key".to_owned(), Scalar::from(participant.key.as_str()));
        }
        attributes
    }
}

/// Returns a reference to a referrer.
fn referrer(campaign: &str, id: &str) -> Scalar {
    let (campaign, participant) = (campaign.to_owned(), id.to_owned());
    Reference { of: ParticipantKey { campaign, participant }, shows: ReferredValue::Referrer }
        .into()
}

/// A whole plan: the script reads effects with the people.
struct Scripted(Plan);

impl Draft for Scripted {
    fn effects(&self) -> Vec<EventId> {
        Vec::new()
    }

    fn finish(self: Box<Self>, _recorded: &HashSet<EventId>) -> Planned {
        Ok(self.0)
    }
}

fn script(notification: &Notification, received_at: Time, known: &ReadSet) -> Planned {
    match notification.campaign.name.as_deref() {
        Some("panic") => panic!("the script says so"),
        Some("unmappable") => {
            return Err("data.what is missing".to_owned());
        }
        Some("later") if known.now < received_at.plus(Duration::from_secs(60)) => {
            return Err("too much at once".to_owned());
        }
        Some("visit" | "claim") => return visit(notification, received_at, known),
        Some("back") => return back(notification, received_at, known),
        _ => {}
    }
    let mut plan = Plan::default();
    let message = notification.feedback.as_ref().and_then(|feedback| feedback.message.clone());
    plan.messages.extend(message);
    let mut lanes: BTreeMap<LaneKey, LanePlan> = BTreeMap::new();
    for timed in &notification.events {
        let (Event::ParticipantJoined { participant: who, .. }
        | Event::FraudStatusChanged { participant: who }) = timed.event
        else {
            continue;
        };
        let snapshot = &notification.people[who.0];
        if is_forgotten(snapshot, known) {
            plan.erased.add_snapshot(snapshot, CAMPAIGN);
            continue;
        }
        let email = match &snapshot.email {
            Ok(email) => email.clone(),
            Err(reason) => {
                plan.unmapped.push(reason.clone());
                continue;
            }
        };
        let lane = lanes.entry(email.into()).or_insert_with_key(|lane| {
            let person = person(snapshot, lane, known, notification, received_at);
            LanePlan { person, calls: Vec::new() }
        });
        calls(timed, received_at, known, lane);
    }
    if notification.campaign.name.as_deref() == Some("join") {
        let visitor = participant_key(&notification.people[1]).expect("the script names a visitor");
        let anonymous_id = AnonymousId::parse(&visitor.participant).expect("it can be one's");
        let call = Call::Join { anonymous_id, at: received_at };
        let lane = lanes.values_mut().next().expect("a person is joined");
        lane.calls.push(PlannedCall { call, effect: None });
    }
    plan.lanes = lanes.into_values().collect();
    plan.has_changes = plan.lanes.iter().any(|lane| !lane.calls.is_empty());
    Ok(plan)
}

/// Plans for the only participant, a visitor of a page; with `claim` they are claimed.
fn visit(notification: &Notification, received_at: Time, known: &ReadSet) -> Planned {
    let key = participant_key(&notification.people[0]).expect("the script names a visitor");
    let visitor = visitor(notification);
    let found = known.person(&ReadKey::Lane(visitor.clone()));
    let found = found.map(|index| known.person_at(index).clone());
    let person = found.unwrap_or_else(|| Person::new(visitor));
    let mut lane = LanePlan { person, calls: Vec::new() };
    for timed in &notification.events {
        calls(timed, received_at, known, &mut lane);
    }
    // A visitor has no profile.
    lane.person.identified = None;
    lane.calls.retain(|planned| planned.effect.is_some());
    if notification.campaign.name.as_deref() == Some("claim") {
        lane.person.claimed_by = Some(Claimer::Participant(key));
    }
    let is_new = !lane.calls.is_empty();
    Ok(Plan { lanes: vec![lane], has_changes: is_new, ..Plan::default() })
}

fn visitor(notification: &Notification) -> LaneKey {
    let key = participant_key(&notification.people[0]).expect("the script names a visitor");
    LaneKey::Visitor(AnonymousId::parse(&key.participant).expect("it can be a visitor's"))
}

fn addressees(notification: &Notification) -> Vec<ReadKey> {
    let keys = notification.people.iter().filter_map(participant_key);
    keys.map(LaneKey::Participant).map(ReadKey::Lane).collect()
}

/// Returns a call to GrowSurf for each participant.
fn back(notification: &Notification, at: Time, known: &ReadSet) -> Planned {
    let lane = |addressee: ReadKey| {
        let found = known.person(&addressee);
        let ReadKey::Lane(lane) = addressee else { unreachable!("made above") };
        let person = found.map(|index| known.person_at(index).clone());
        let person = person.unwrap_or_else(|| Person::new(lane));
        let call = Call::UpdateParticipant { at, update: ParticipantUpdate::default() };
        LanePlan { person, calls: vec![PlannedCall { call, effect: None }] }
    };
    Ok(Plan { lanes: addressees(notification).into_iter().map(lane).collect(), ..Plan::default() })
}

fn effect(key: &str) -> (crate::domain::EventId, EffectKey) {
    let key = EffectKey(key.to_owned());
    (key.event_id(), key)
}

fn participant_key(snapshot: &Snapshot) -> Option<ParticipantKey> {
    let participant = snapshot.id.clone()?;
    Some(ParticipantKey { campaign: CAMPAIGN.to_owned(), participant })
}

/// Returns the link whose code names a participant; in the script every id may be such a code.
fn link(snapshot: &Snapshot) -> Option<Link> {
    let ParticipantKey { campaign, participant } = participant_key(snapshot)?;
    Some(Link { campaign, code: participant })
}

fn keys(notification: &Notification, read: &ReadSet) -> Vec<ReadKey> {
    let mut keys = Vec::new();
    for snapshot in &notification.people {
        keys.extend(participant_key(snapshot).map(ReadKey::Participant));
        keys.extend(link(snapshot).map(ReadKey::Link));
        let email = snapshot.email.iter().cloned();
        keys.extend(email.map(|email| ReadKey::Lane(email.into())));
    }
    if read.has_tombstones() {
        let participants = notification.people.iter().filter_map(participant_key);
        keys.extend(participants.map(ErasureKey::Participant).map(ReadKey::Tombstone));
    }
    for timed in &notification.events {
        if let Event::ParticipantJoined { referral_source: Some(key), .. } = &timed.event {
            keys.push(ReadKey::Effect(effect(key).0));
        }
    }
    keys
}

/// Returns true if the participant was erased; in the script by participant id only.
fn is_forgotten(snapshot: &Snapshot, known: &ReadSet) -> bool {
    let trace = participant_key(snapshot).map(ErasureKey::Participant);
    trace.is_some_and(|trace| known.tombstone(&trace).is_some())
}

fn person(
    snapshot: &Snapshot,
    lane: &LaneKey,
    known: &ReadSet,
    notification: &Notification,
    received_at: Time,
) -> Person {
    let key = participant_key(snapshot);
    let by_participant = key.clone().and_then(|key| known.person(&ReadKey::Participant(key)));
    let by_link = link(snapshot).and_then(|link| known.person(&ReadKey::Link(link)));
    let by_lane = known.person(&ReadKey::Lane(lane.clone()));
    let index = by_participant.or(by_link).or(by_lane);
    let mut person =
        index.map_or_else(|| Person::new(lane.clone()), |index| known.person_at(index).clone());
    if notification.campaign.name.as_deref() == Some("contradiction") {
        // As if the planner had missed the read: the store has a person of this key.
        person.id = None;
    }
    person.key = lane.clone();
    if person.participants.is_empty() {
        let key = hex::encode(known.hash_key);
        person.participants.push(Participant::new(CAMPAIGN.to_owned(), key, snapshot.id.clone()));
    }
    for (name, value) in &snapshot.facts {
        person.participants[0].facts.merge(name, value.clone(), received_at);
    }
    person
}

fn calls(timed: &TimedEvent, received_at: Time, known: &ReadSet, lane: &mut LanePlan) {
    let identify = Call::Identify { attributes: Script.profile(&lane.person) };
    let identify = PlannedCall { call: identify, effect: None };
    let track = match &timed.event {
        Event::ParticipantJoined { referral_source: Some(key), .. } => {
            let (event_id, key) = effect(key);
            if known.is_recorded(event_id) {
                return;
            }
            let at = timed.at.unwrap_or(received_at);
            let call = Call::Track { name: key.0.clone(), event_id, at, data: Attributes::new() };
            Some(PlannedCall { call, effect: Some(key) })
        }
        _ => None,
    };
    lane.person.identified = Some(Identified { digest: "d".to_owned() });
    lane.calls.push(identify);
    lane.calls.extend(track);
}

/// Returns the second of this number, long after the epoch.
pub(crate) fn at(second: i64) -> Time {
    Time::from_seconds(1_700_000_000 + second)
}

/// Returns a notification without content.
pub(crate) fn notification() -> Notification {
    let campaign = Campaign { id: Some(CAMPAIGN.to_owned()), name: None };
    Notification {
        campaign,
        as_of: None,
        people: Vec::new(),
        events: Vec::new(),
        filter: SendFilter::All,
        feedback: None,
        is_from_server: false,
    }
}

/// Short ways to fill a notification.
pub(crate) trait Saying {
    /// Names the campaign, which makes the planner
    ///
    /// - misbehave (`panic`, `unmappable`, `contradiction`),
    /// - call GrowSurf (`back`),
    /// - refuse the notification for a minute (`later`),
    /// - join the first participant with the visitor whose id is the second's (`join`),
    /// - plan for a visitor (`visit`), who is claimed with `claim`.
    fn named(self, name: &str) -> Self;
    /// Adds a participant, with GrowSurf's id.
    fn participant(self, email: &str, id: &str) -> Self;
    /// Adds a fact about the last participant.
    fn fact(self, name: &str, value: &str) -> Self;
    /// Gives the last participant these codes.
    fn coded<const N: usize>(self, codes: [&str; N]) -> Self;
    /// Adds a participant without an address.
    fn nobody(self) -> Self;
    /// Adds an event of the last participant.
    fn effect(self, key: &str, at: Option<Time>) -> Self;
    /// Changes the last participant's profile.
    fn identify(self) -> Self;
}

impl Saying for Notification {
    fn named(mut self, name: &str) -> Self {
        self.campaign.name = Some(name.to_owned());
        self
    }

    fn participant(mut self, email: &str, id: &str) -> Self {
        let mut snapshot = Snapshot::with_id("data", id.to_owned());
        snapshot.email = Ok(Email::parse(email).unwrap());
        snapshot.facts.insert("first_name".to_owned(), Scalar::from("Zoë"));
        self.people.push(snapshot);
        self
    }

    fn fact(mut self, name: &str, value: &str) -> Self {
        self.people.last_mut().unwrap().facts.insert(name.to_owned(), Scalar::from(value));
        self
    }

    fn coded<const N: usize>(mut self, codes: [&str; N]) -> Self {
        let codes = Facts::link_codes(codes).map(|codes| (Facts::LINK_CODES.to_owned(), codes));
        self.people.last_mut().unwrap().facts.extend(codes);
        self
    }

    fn nobody(mut self) -> Self {
        self.people.push(Snapshot::with_id("data.referrer", "nobody".to_owned()));
        self.effect("nobody", None)
    }

    fn effect(mut self, key: &str, at: Option<Time>) -> Self {
        let who = ParticipantIndex(self.people.len() - 1);
        let event =
            Event::ParticipantJoined { participant: who, referral_source: Some(key.to_owned()) };
        self.events.push(TimedEvent { at, event });
        self
    }

    fn identify(mut self) -> Self {
        let who = ParticipantIndex(self.people.len() - 1);
        self.events
            .push(TimedEvent { at: None, event: Event::FraudStatusChanged { participant: who } });
        self
    }
}

/// Returns a notification with one event of one person, at the time of receipt.
pub(crate) fn did(person: &str, effect: &str) -> Notification {
    notification().participant(&format!("{person}@example.com"), person).effect(effect, None)
}

/// Returns a webhook with these bytes, received at this time.
pub(crate) fn arrival(
    body: &str,
    received_at: Time,
    notification: Notification,
) -> ReceivedWebhook {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let random = COUNT.fetch_add(1, Ordering::Relaxed) << 16;
    let webhook = Webhook {
        id: WebhookId::new(received_at, random),
        received_at,
        source: Source::Growsurf,
        owner: None,
        event: Some("TEST".to_owned()),
        body: body.as_bytes().to_vec(),
    };
    ReceivedWebhook { webhook, decoded: Ok(notification), class: Class::Live }
}

/// Accepts that `person` did `effect`, in a webhook of its own.
pub(crate) async fn take(store: &Store, person: &str, effect: &str, now: Time) -> WebhookId {
    let arrival = arrival(&format!("{person} {effect} {now}"), now, did(person, effect));
    store.accept(arrival, now).await.unwrap().id
}

/// The availability clock where it doesn't matter.
pub(crate) const NEVER: AvailabilityClock =
    AvailabilityClock { destination: Destination::CustomerIo, reading: Duration::ZERO };

/// Returns a claim of up to a hundred calls for a minute, to which nothing is old.
pub(crate) fn claim(now: Time) -> ClaimRequest {
    let until = now.plus(Duration::from_secs(60));
    let old_before = Time::from_micros(i64::MIN);
    ClaimRequest {
        destination: Destination::CustomerIo,
        now,
        until,
        calls: 100,
        page: 100,
        in_turn: 1,
        old_before,
        lane: None,
    }
}

/// Returns the only lease of a claim.
pub(crate) async fn lease(store: &Store, now: Time) -> Leased {
    let mut leases = store.claim(claim(now)).await.unwrap();
    assert_eq!(leases.len(), 1, "{leases:?}");
    leases.remove(0)
}

/// Returns the name of a call: a track's effect, or `identify`.
pub(crate) fn word(delivery: &Delivery) -> String {
    match &delivery.call {
        Call::Identify { .. } => "identify".to_owned(),
        Call::Track { name, .. } => name.clone(),
        other => other.kind().to_owned(),
    }
}

/// Returns the names of a lease's calls.
pub(crate) fn words(leased: &Leased) -> Vec<String> {
    leased.deliveries.iter().map(word).collect()
}

/// Returns a settlement with the same verdict for all deliveries of a lease; the superseded ones are delivered.
pub(crate) fn verdict(leased: &Leased, verdict: &Verdict) -> Settlement {
    let settle = |delivery, verdict| Settle { delivery, verdict, attempt: None };
    let given = leased.deliveries.iter().map(|delivery| settle(delivery.id, verdict.clone()));
    let superseded = leased.superseded.iter().map(|id| settle(*id, Verdict::Delivered));
    let results = given.chain(superseded).collect();
    Settlement { lane: leased.lane, token: leased.token, results }
}

pub(crate) async fn settle(store: &Store, leased: &Leased, what: &Verdict, now: Time) {
    let settlements = vec![verdict(leased, what)];
    let settled = store.settle(settlements, NEVER, now).await.unwrap();
    assert_eq!(settled, 0);
}

/// Delivers all that is due, call by call; returns the names of the calls, in order.
pub(crate) async fn drain(store: &Store, now: Time) -> Vec<String> {
    let mut sent = Vec::new();
    loop {
        let leases = store.claim(claim(now)).await.unwrap();
        if leases.is_empty() {
            return sent;
        }
        for leased in leases {
            sent.extend(words(&leased));
            settle(store, &leased, &Verdict::Delivered, now).await;
        }
    }
}

/// Turns the next call into a dead letter.
pub(crate) async fn bury(store: &Store, now: Time) -> Leased {
    let leased = lease(store, now).await;
    let dead = Verdict::Dead { reason: "no".to_owned(), field: Some("name".to_owned()) };
    settle(store, &leased, &dead, now).await;
    leased
}

/// Returns an attempt that failed.
pub(crate) fn attempt(at: Time, reason: &str) -> Attempt {
    let outcome = Outcome::Retry { reason: reason.to_owned(), wait: None };
    Attempt { at, took: Duration::from_millis(12), http_status: Some(503), outcome }
}

pub(crate) async fn inbox(store: &Store, parked: bool) -> Vec<Webhook> {
    let page = InboxPage { after: None, since: None, parked, limit: 1_000 };
    store.inbox(page).await.unwrap()
}
