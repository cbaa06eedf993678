//! Customer.io's reports become writes at GrowSurf: once, counted, and never in a loop.

mod actions;
mod subscriptions;

use std::time::Duration;

use super::memory::Memory;
use super::{RECEIVED, joined, snapshot, with};
use crate::domain::{
    Action, ActionKind, Attributes, Call, Click, EffectKey, Email, ErasureKey, EventId, Facts,
    Feedback, FeedbackKind, Identifier, LaneKey, Message, Notification, ParticipantKey,
    ParticipantUpdate, PersonId, Plan, Scalar, Time, UNSUBSCRIBE_MARKER, is_own_metadata,
};
use crate::mapping::Rules;

fn rules() -> Rules {
    let mut rules = Rules::standard();
    rules.writable_campaigns.insert("camp".to_owned());
    rules
}

/// Returns a memory that knows ann, with a link and some metadata.
fn knowing_ann(rules: Rules) -> Memory {
    let mut memory = Memory::new(rules);
    let link = Scalar::from("https://shop.example/?grsf=ann001");
    let ann = with(snapshot("ann"), &[(Facts::SHARE_URL, link)]);
    memory.take_in(&joined(1_789_000_000, ann), RECEIVED).unwrap();
    memory
}

fn by(email: &str, at: i64, deed: FeedbackKind) -> Notification {
    let who = vec![Identifier::Email(Email::parse(email).unwrap())];
    Notification::from_feedback(Feedback {
        at: Time::from_seconds(at),
        identifiers: who,
        kind: deed,
        message: None,
        left_out: Vec::new(),
    })
}

fn click(report: &str, at: i64) -> Notification {
    let click = Click {
        report: report.to_owned(),
        channel: "email",
        href: "https://shop.example/?grsf=ann001&utm_source=mail".to_owned(),
        grsf: Some("ann001".to_owned()),
        delivery: Some("dlv1".to_owned()),
        sender: Some(("campaign", "7".to_owned())),
    };
    by("ann@example.com", at, FeedbackKind::Clicked(click))
}

fn subscription(report: &str, at: i64, subscribed: bool) -> Notification {
    let report = report.to_owned();
    by("ann@example.com", at, FeedbackKind::Subscription { report, subscribed })
}

fn ask(dedupe_key: &str, what: ActionKind) -> Notification {
    let dedupe_key = dedupe_key.to_owned();
    let campaign = Some("camp".to_owned());
    let ask = Action { dedupe_key, campaign, participant: None, is_unanswered: false, kind: what };
    by("ann@example.com", 1_789_500_000, FeedbackKind::Action(ask))
}

/// Returns the writes to GrowSurf, each with its participant.
fn writes(plan: &Plan) -> Vec<(&ParticipantKey, &Call)> {
    let lanes = plan.lanes.iter().filter_map(|lane| match &lane.person.key {
        LaneKey::Participant(key) => Some((key, &lane.calls)),
        _ => None,
    });
    lanes.flat_map(|(key, calls)| calls.iter().map(move |it| (key, &it.call))).collect()
}

fn is_nothing(plan: &Plan) -> bool {
    plan.lanes.is_empty() && plan.ledger_only.is_empty() && !plan.has_changes
}

fn updates(plan: &Plan) -> Vec<&ParticipantUpdate> {
    let mut updates = Vec::new();
    for (_, call) in writes(plan) {
        let Call::UpdateParticipant { update, .. } = call else { panic!("{call:?}") };
        updates.push(update);
    }
    updates
}

fn tracks(plan: &Plan) -> Vec<(&str, &Attributes)> {
    let calls = plan.lanes.iter().flat_map(|lane| &lane.calls);
    calls
        .filter_map(|it| match &it.call {
            Call::Track { name, data, .. } => Some((name.as_str(), data)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_click_is_counted_at_growsurf_and_sent_to_customer_io_once() {
    let mut memory = knowing_ann(rules());
    let plan = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    let [update] = updates(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!(update.metadata["emailReferralClicks"], Some(Scalar::Integer(1)));
    assert_eq!(
        update.metadata["lastEmailReferralClickAt"],
        Some(Scalar::from(Time::from_seconds(1_789_500_000).to_string()))
    );
    let [(name, data)] = tracks(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!(name, "referral_link_clicked");
    assert_eq!(data["channel"], Scalar::from("email"));
    assert_eq!(data["delivery_id"], Scalar::from("dlv1"));
    assert_eq!(data["message_source_id"], Scalar::from("7"));

    let again = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    assert!(is_nothing(&again), "{again:?}");
    assert_eq!(again.mentioned, [PersonId(0)], "who is named can be found by it");
    let second = memory.take_in(&click("r2", 1_789_400_000), RECEIVED).unwrap();
    let [update] = updates(&second)[..] else { panic!("{second:?}") };
    assert_eq!(update.metadata["emailReferralClicks"], Some(Scalar::Integer(2)));
    let last = Some(Scalar::from(Time::from_seconds(1_789_500_000).to_string()));
    assert_eq!(update.metadata["lastEmailReferralClickAt"], last, "never an earlier one");
}

#[test]
fn the_count_goes_on_from_growsurfs_and_is_the_relays_own_from_then_on() {
    let mut memory = Memory::new(rules());
    let mut ann = snapshot("ann");
    ann.metadata.insert("emailReferralClicks".to_owned(), Scalar::from("41"));
    memory.take_in(&joined(1_789_000_000, ann.clone()), RECEIVED).unwrap();
    let first = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    assert_eq!(updates(&first)[0].metadata["emailReferralClicks"], Some(Scalar::Integer(42)));
    ann.metadata.insert("emailReferralClicks".to_owned(), Scalar::from("1000"));
    memory.take_in(&joined(1_789_600_000, ann), RECEIVED).unwrap();
    let second = memory.take_in(&click("r2", 1_789_700_000), RECEIVED).unwrap();
    assert_eq!(updates(&second)[0].metadata["emailReferralClicks"], Some(Scalar::Integer(43)));
}

#[test]
fn any_code_of_a_participants_links_leads_to_the_participant() {
    let mut memory = knowing_ann(rules());
    let codes = Facts::link_codes(["ann-b", "annie"]).unwrap();
    let ann = with(snapshot("ann"), &[(Facts::LINK_CODES, codes)]);
    memory.take_in(&joined(1_789_100_000, ann), RECEIVED).unwrap();
    for (report, reader, code, counted) in [
        ("r1", "ann@example.com", "annie", Some(1)),
        ("r2", "friend@example.com", "ann-b", Some(2)),
        ("r3", "friend@example.com", "ann", None),
    ] {
        let mut notification = click(report, 1_789_500_000);
        let feedback = notification.feedback.as_mut().unwrap();
        feedback.identifiers = vec![Identifier::Email(Email::parse(reader).unwrap())];
        let FeedbackKind::Clicked(click) = &mut feedback.kind else { unreachable!() };
        click.href = format!("https://short.example/?grsf={code}");
        click.grsf = Some(code.to_owned());
        let plan = memory.take_in(&notification, RECEIVED).unwrap();
        let reported =
            updates(&plan).first().and_then(|it| it.metadata["emailReferralClicks"].clone());
        assert_eq!(reported, counted.map(Scalar::Integer), "{code}");
    }
}

#[test]
fn unknown_links_and_people_without_a_participant_lead_to_nothing() {
    let mut memory = knowing_ann(rules());
    let change = |change: &dyn Fn(&mut Click)| {
        let mut notification = click("r1", 1_789_500_000);
        let Some(Feedback { kind: FeedbackKind::Clicked(click), .. }) = &mut notification.feedback
        else {
            unreachable!()
        };
        change(click);
        notification
    };
    let elsewhere = change(&|click| {
        click.href = "https://shop.example/prices".to_owned();
        click.grsf = None;
    });
    let other_shop = change(&|click| {
        click.href = "https://shop.example/?grsf=ann0011".to_owned();
        click.grsf = Some("ann0011".to_owned());
    });
    for notification in [elsewhere, other_shop] {
        assert!(is_nothing(&memory.take_in(&notification, RECEIVED).unwrap()));
    }
    let stranger = by("zoe@example.com", 1_789_500_000, FeedbackKind::Ignored);
    assert!(is_nothing(&memory.take_in(&stranger, RECEIVED).unwrap()));
    assert_eq!(memory.people.len(), 1, "nobody was made");
}

#[test]
fn a_friend_who_clicks_a_participants_link_counts_for_the_participant() {
    let mut memory = knowing_ann(rules());
    let mut notification = click("r1", 1_789_500_000);
    let feedback = notification.feedback.as_mut().unwrap();
    feedback.identifiers = vec![Identifier::Email(Email::parse("friend@example.com").unwrap())];
    let plan = memory.take_in(&notification, RECEIVED).unwrap();
    let [(key, _)] = writes(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!(key.participant, "ann001");
}

#[test]
fn nothing_is_written_to_a_campaign_without_a_key() {
    let mut memory = knowing_ann(Rules::standard());
    let plan = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    assert!(writes(&plan).is_empty() && tracks(&plan).len() == 1, "{plan:?}");
    let trigger = ask("k1", ActionKind::TriggerReferral { delay_in_days: None });
    assert!(memory.take_in(&trigger, RECEIVED).unwrap_err().contains("API key"));
}

#[test]
fn a_message_counts_only_if_an_effect_of_the_relays_led_to_it() {
    let mut memory = knowing_ann(rules());
    let of = |key: &str| {
        let event = EffectKey(key.to_owned()).event_id();
        let (delivery, channel) = ("dlv1".to_owned(), "email".to_owned());
        let metric = "clicked".to_owned();
        Message { event, delivery, channel, metric, sender: None, at: RECEIVED }
    };
    for (key, led) in [("joined:camp:ann001", true), ("joined:camp:zoe001", false)] {
        let mut notification = click(key, 1_789_500_000);
        let message = of(key);
        notification.feedback.as_mut().unwrap().message = Some(message.clone());
        let plan = memory.take_in(&notification, RECEIVED).unwrap();
        assert_eq!(plan.messages, if led { vec![message] } else { Vec::new() }, "{key}");
        assert_eq!(tracks(&plan).len(), 1, "the click is sent as well");
    }
}

#[test]
fn an_erased_person_stays_erased() {
    let mut memory = Memory::new(rules());
    let ann = Email::parse("ann@example.com").unwrap();
    memory.tombstones.insert(ErasureKey::Address(ann.clone()), RECEIVED);
    let plan = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    assert!(plan.erased.emails.contains(&ann) && plan.lanes.is_empty(), "{plan:?}");
}

#[test]
fn an_erased_referrer_is_left_out_until_the_address_has_a_new_owner() {
    let mut memory = Memory::new(rules());
    let email = Email::parse("ann@example.com").unwrap();
    let key = ParticipantKey::new("camp", "ann001");
    memory.tombstones.insert(ErasureKey::Address(email.clone()), Time::from_seconds(1_789_000_000));
    memory
        .tombstones
        .insert(ErasureKey::Participant(key.clone()), Time::from_seconds(1_789_000_000));
    let invites = |key: &str, referrer: &str| {
        let what = ActionKind::AddParticipant {
            first_name: None,
            last_name: None,
            referred_by: Some(referrer.to_owned()),
            metadata: Attributes::new(),
        };
        let mut notification = ask(key, what);
        let gil = Email::parse("gil@example.com").unwrap();
        notification.feedback.as_mut().unwrap().identifiers = vec![Identifier::Email(gil)];
        notification
    };
    let referrer = |plan: &Plan| match writes(plan)[..] {
        [(_, Call::AddParticipant { referred_by, .. })] => referred_by.clone(),
        _ => panic!("{plan:?}"),
    };
    let plan = memory.take_in(&invites("k1", "ann@example.com"), RECEIVED).unwrap();
    assert_eq!((referrer(&plan), plan.erased.emails), (None, [email].into()));
    let plan = memory.take_in(&invites("k2", "ann001"), RECEIVED).unwrap();
    assert_eq!((referrer(&plan), plan.erased.participants), (None, [key].into()));

    let mut ann = snapshot("ann");
    (ann.id, ann.joined_at) = (Some("ann002".to_owned()), Some(Time::from_seconds(1_789_100_000)));
    memory.take_in(&joined(1_789_100_000, ann), RECEIVED).unwrap();
    for (key, named) in [("k3", "ann@example.com"), ("k4", "ann002")] {
        let plan = memory.take_in(&invites(key, named), RECEIVED).unwrap();
        assert_eq!(referrer(&plan).as_deref(), Some(named));
        assert!(plan.erased.is_empty());
    }
}
