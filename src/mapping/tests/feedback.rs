//! What Customer.io tells leads to writes at GrowSurf: once, counted, and never in a loop.

use std::time::Duration;

use super::memory::Memory;
use super::{RECEIVED, joined, snapshot, with};
use crate::domain::{
    Ask, Attributes, Call, Click, Deed, EffectKey, Email, EventId, Facts, Feedback, Identifier,
    MARK, Message, News, ParticipantKey, ParticipantUpdate, PersonId, Plan, Scalar, Time, Trace,
    Wish, is_own_metadata,
};
use crate::mapping::Rules;

fn rules() -> Rules {
    let mut rules = Rules::standard();
    rules.feedback.campaigns.insert("camp".to_owned());
    rules
}

/// A memory that knows ann, with a link and some metadata.
fn knowing_ann(rules: Rules) -> Memory {
    let mut memory = Memory::new(rules);
    let link = Scalar::from("https://shop.example/?grsf=ann001");
    let ann = with(snapshot("ann"), &[(Facts::SHARE_URL, link)]);
    memory.take_in(&joined(1_789_000_000, ann), RECEIVED).unwrap();
    memory
}

fn by(email: &str, at: i64, deed: Deed) -> News {
    let who = vec![Identifier::Email(Email::parse(email).unwrap())];
    News::of(Feedback { at: Time::from_seconds(at), who, deed, message: None })
}

fn click(report: &str, at: i64) -> News {
    let click = Click {
        report: report.to_owned(),
        channel: "email",
        href: "https://shop.example/?grsf=ann001&utm_source=mail".to_owned(),
        grsf: Some("ann001".to_owned()),
        delivery: Some("dlv1".to_owned()),
        sender: Some(("campaign", "7".to_owned())),
    };
    by("ann@example.com", at, Deed::Clicked(click))
}

fn subscription(report: &str, at: i64, subscribed: bool) -> News {
    let report = report.to_owned();
    by("ann@example.com", at, Deed::Subscription { report, subscribed })
}

fn ask(dedupe_key: &str, what: Wish) -> News {
    let dedupe_key = dedupe_key.to_owned();
    let ask = Ask { dedupe_key, campaign: Some("camp".to_owned()), participant: None, what };
    by("ann@example.com", 1_789_500_000, Deed::Asked(ask))
}

/// What is written to GrowSurf, with whom it is about.
fn writes(plan: &Plan) -> Vec<(&ParticipantKey, &Call)> {
    let lanes = plan.lanes.iter().filter_map(|lane| match &lane.person.identifier {
        Identifier::Participant(key) => Some((key, &lane.calls)),
        _ => None,
    });
    lanes.flat_map(|(key, calls)| calls.iter().map(move |it| (key, &it.call))).collect()
}

fn is_nothing(plan: &Plan) -> bool {
    plan.lanes.is_empty() && plan.counted.is_empty() && !plan.is_news
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
fn a_click_is_counted_at_growsurf_and_told_to_customer_io_once() {
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
    assert_eq!(again.named, [PersonId(0)], "who is named can be found by it");
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
        let mut news = click(report, 1_789_500_000);
        let feedback = news.feedback.as_mut().unwrap();
        feedback.who = vec![Identifier::Email(Email::parse(reader).unwrap())];
        let Deed::Clicked(click) = &mut feedback.deed else { unreachable!() };
        click.href = format!("https://short.example/?grsf={code}");
        click.grsf = Some(code.to_owned());
        let plan = memory.take_in(&news, RECEIVED).unwrap();
        let told = updates(&plan).first().and_then(|it| it.metadata["emailReferralClicks"].clone());
        assert_eq!(told, counted.map(Scalar::Integer), "{code}");
    }
}

#[test]
fn links_that_are_nobodys_and_people_who_are_no_participants_lead_to_nothing() {
    let mut memory = knowing_ann(rules());
    let change = |change: &dyn Fn(&mut Click)| {
        let mut news = click("r1", 1_789_500_000);
        let Some(Feedback { deed: Deed::Clicked(click), .. }) = &mut news.feedback else {
            unreachable!()
        };
        change(click);
        news
    };
    let elsewhere = change(&|click| {
        click.href = "https://shop.example/prices".to_owned();
        click.grsf = None;
    });
    let other_shop = change(&|click| {
        click.href = "https://shop.example/?grsf=ann0011".to_owned();
        click.grsf = Some("ann0011".to_owned());
    });
    for news in [elsewhere, other_shop] {
        assert!(is_nothing(&memory.take_in(&news, RECEIVED).unwrap()));
    }
    let stranger = by("zoe@example.com", 1_789_500_000, Deed::Nothing);
    assert!(is_nothing(&memory.take_in(&stranger, RECEIVED).unwrap()));
    assert_eq!(memory.people.len(), 1, "nobody was made");
}

#[test]
fn a_friend_who_clicks_a_participants_link_counts_for_the_participant() {
    let mut memory = knowing_ann(rules());
    let mut news = click("r1", 1_789_500_000);
    let feedback = news.feedback.as_mut().unwrap();
    feedback.who = vec![Identifier::Email(Email::parse("friend@example.com").unwrap())];
    let plan = memory.take_in(&news, RECEIVED).unwrap();
    let [(key, _)] = writes(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!(key.participant, "ann001");
}

/// GrowSurf tells so long after `RECEIVED` whether ann is unsubscribed, and by which mark of the
/// relay's; gives whether Customer.io is told.
fn growsurf_tells(
    memory: &mut Memory,
    after: u64,
    unsubscribed: bool,
    mark: Option<EventId>,
) -> bool {
    let mut ann = with(snapshot("ann"), &[(Facts::UNSUBSCRIBED, Scalar::Boolean(unsubscribed))]);
    ann.metadata.extend(mark.map(|mark| (MARK.to_owned(), Scalar::from(mark.to_string()))));
    let at = RECEIVED.plus(Duration::from_secs(after));
    let plan = memory.take_in(&joined(at.seconds(), ann), at).unwrap();
    plan.lanes.iter().flat_map(|lane| &lane.calls).any(|it| it.call.kind() == "unsubscribe")
}

/// A memory that knows ann as subscribed.
fn knowing_ann_subscribed() -> Memory {
    let mut memory = knowing_ann(rules());
    assert!(!growsurf_tells(&mut memory, 0, false, None));
    memory
}

/// What GrowSurf is to be told of ann's subscription, and by which mark.
fn told(memory: &mut Memory, news: &News) -> Option<(bool, EventId)> {
    let plan = memory.take_in(news, RECEIVED).unwrap();
    let updates = updates(&plan);
    updates.first().map(|update| (update.unsubscribed.unwrap(), update.mark.unwrap()))
}

fn quiet(dedupe_key: &str, unsubscribed: bool) -> News {
    let unsubscribed = Some(unsubscribed);
    ask(dedupe_key, Wish::Update(ParticipantUpdate { unsubscribed, ..Default::default() }))
}

#[test]
fn growsurf_is_told_who_unsubscribed_and_only_our_own_word_is_taken_back() {
    let at = 1_789_500_000;
    let mut memory = knowing_ann(rules());
    let (unsubscribed, mark) = told(&mut memory, &subscription("r1", at, false)).unwrap();
    assert!(unsubscribed);
    // Told again it has the mark that may be there already, or it couldn't be taken back.
    let again = told(&mut memory, &subscription("r2", at + 50, false));
    assert_eq!(again, Some((true, mark)));
    let back = told(&mut memory, &subscription("r3", at + 100, true));
    assert_eq!(back, Some((false, mark)));
    let late = told(&mut memory, &subscription("r0", at - 100, false));
    assert_eq!(late, None, "what was said before doesn't count any more");
    let more = told(&mut memory, &subscription("r4", at + 200, true));
    assert_eq!(more, None, "nothing is left to be taken back");
}

#[test]
fn of_two_reports_of_one_second_the_one_of_the_later_id_counts_in_any_order() {
    let at = 1_789_500_000;
    for (first, second) in [(false, true), (true, false)] {
        let [one, two] = [("01A", first), ("01B", second)];
        for order in [[one, two], [two, one]] {
            let mut memory = knowing_ann(rules());
            for (report, subscribed) in order {
                told(&mut memory, &subscription(report, at, subscribed));
            }
            let said = memory.people[0].participants[0].way_back.subscription.clone().unwrap();
            assert_eq!((said.report.as_str(), said.mark.is_none()), ("01B", second), "{order:?}");
        }
    }
}

#[test]
fn who_subscribes_again_at_growsurf_leaves_nothing_to_be_taken_back() {
    let mut memory = knowing_ann_subscribed();
    let (_, mark) = told(&mut memory, &subscription("r1", 1_789_500_000, false)).unwrap();
    growsurf_tells(&mut memory, 60, true, Some(mark));
    growsurf_tells(&mut memory, 120, false, Some(mark));
    assert_eq!(told(&mut memory, &subscription("r2", 1_789_500_100, true)), None);
}

#[test]
fn an_unsubscription_at_growsurf_is_told_whatever_was_reported_just_before() {
    for reports in [vec![true], vec![false], vec![false, true], vec![true, false]] {
        let mut memory = knowing_ann_subscribed();
        for (n, subscribed) in (0..).zip(&reports) {
            told(&mut memory, &subscription(&format!("r{n}"), RECEIVED.seconds() + n, *subscribed));
        }
        assert!(growsurf_tells(&mut memory, 10, true, None), "{reports:?}");
    }
}

#[test]
fn what_was_written_to_growsurf_comes_back_without_an_effect() {
    for is_seen_before in [false, true] {
        let mut memory = knowing_ann_subscribed();
        let (_, mark) = told(&mut memory, &subscription("r1", 1_789_999_000, false)).unwrap();
        if is_seen_before {
            assert!(!growsurf_tells(&mut memory, 1, true, Some(mark)));
        }
        told(&mut memory, &subscription("r2", 1_789_999_100, true));
        // A row that GrowSurf gave out between the two writes.
        assert!(!growsurf_tells(&mut memory, 2, true, Some(mark)));
        assert!(!growsurf_tells(&mut memory, 3, false, None));
        assert!(growsurf_tells(&mut memory, 4, true, None), "that is theirs");
    }
}

#[test]
fn what_a_campaign_unsubscribed_at_growsurf_comes_back_in_silence_and_what_follows_is_news() {
    let (minute, hour, day) = (60, 60 * 60, 24 * 60 * 60);
    let tellings = [
        // At once; they subscribe again, and unsubscribe: GrowSurf keeps the mark all the while.
        vec![
            (minute, true, true, false),
            (2 * minute, false, true, false),
            (3 * minute, true, true, true),
        ],
        // The same, without a comparison while they were unsubscribed by the campaign.
        vec![(2 * minute, false, true, false), (3 * minute, true, true, true)],
        // Late, because many writes were before it.
        vec![
            (minute, false, false, false),
            (3 * day, true, true, false),
            (4 * day, true, true, false),
        ],
        // Never, because GrowSurf refused it, or they were unsubscribed before it came.
        vec![(minute, true, false, true)],
        vec![(minute, false, false, false), (hour, true, false, true)],
    ];
    for telling in tellings {
        let mut memory = knowing_ann_subscribed();
        let (unsubscribed, mark) = told(&mut memory, &quiet("k1", true)).unwrap();
        assert!(unsubscribed);
        assert_eq!(told(&mut memory, &quiet("k2", true)), Some((true, mark)), "it may be there");
        for (after, flag, is_marked, is_news) in &telling {
            let is_told = growsurf_tells(&mut memory, *after, *flag, is_marked.then_some(mark));
            assert_eq!(is_told, *is_news, "{flag} after {after} s of {telling:?}");
        }
    }
}

#[test]
fn what_a_campaign_unsubscribed_is_taken_back_by_campaigns_only_and_leaves_no_mark() {
    let mut memory = knowing_ann_subscribed();
    let (_, theirs) = told(&mut memory, &quiet("k1", true)).unwrap();
    let (_, ours) = told(&mut memory, &subscription("r1", 1_789_500_000, false)).unwrap();
    assert_ne!(theirs, ours);
    let back = told(&mut memory, &subscription("r2", 1_789_500_100, true));
    assert_eq!(back, Some((false, ours)));
    assert!(!growsurf_tells(&mut memory, 60, true, Some(theirs)), "of the two it came first");
    let plan = memory.take_in(&quiet("k2", false), RECEIVED).unwrap();
    let [update] = updates(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!((update.unsubscribed, update.mark), (Some(false), None), "whoever set it");
    assert_eq!(update.metadata[MARK], None);
}

#[test]
fn an_ask_is_done_once_whatever_sends_it_again() {
    let mut memory = knowing_ann(rules());
    let trigger = || ask("k1", Wish::TriggerReferral { delay_in_days: Some(3) });
    let plan = memory.take_in(&trigger(), RECEIVED).unwrap();
    let [(key, Call::TriggerReferral { delay_in_days: Some(3), .. })] = writes(&plan)[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(key.participant, "ann001");
    assert!(is_nothing(&memory.take_in(&trigger(), RECEIVED).unwrap()));
    let other = ask("k1", Wish::Update(ParticipantUpdate::default()));
    assert_eq!(writes(&memory.take_in(&other, RECEIVED).unwrap()).len(), 1, "of another type");
}

#[test]
fn a_campaign_that_sets_itself_off_is_cut_off() {
    let mut memory = knowing_ann(rules());
    let limit = rules().feedback.asks_per_hour;
    let nth = |n: u32| ask(&format!("k{n}"), Wish::TriggerReferral { delay_in_days: None });
    for n in 0..limit {
        assert_eq!(writes(&memory.take_in(&nth(n), RECEIVED).unwrap()).len(), 1);
    }
    let reason = memory.take_in(&nth(limit), RECEIVED).unwrap_err();
    assert!(reason.contains("asks_per_hour"), "{reason}");
    let minutes = |minutes: u64| RECEIVED.plus(Duration::from_secs(60 * minutes));
    let reason = memory.replay(&nth(limit), RECEIVED, minutes(1)).unwrap_err();
    assert!(reason.contains("asks_per_hour"), "a replay at once is no way around: {reason}");
    for n in limit..2 * limit {
        let plan = memory.replay(&nth(n), RECEIVED, minutes(60)).unwrap();
        assert_eq!(writes(&plan).len(), 1, "it can be replayed");
    }
    let reason = memory.replay(&nth(2 * limit), RECEIVED, minutes(61)).unwrap_err();
    assert!(reason.contains("asks_per_hour"), "and not all of them at once: {reason}");
}

#[test]
fn a_recorded_share_is_counted_and_told() {
    let mut memory = knowing_ann(rules());
    let share = |key: &str| ask(key, Wish::RecordShare { channel: "whatsapp".to_owned() });
    memory.take_in(&share("k1"), RECEIVED).unwrap();
    let plan = memory.take_in(&share("k2"), RECEIVED).unwrap();
    assert_eq!(updates(&plan)[0].metadata["recordedShares"], Some(Scalar::Integer(2)));
    let [(name, data)] = tracks(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!((name, &data["share_method"]), ("referral_shared", &Scalar::from("message")));
}

#[test]
fn what_the_relay_counts_with_no_campaign_may_set() {
    let mut memory = knowing_ann(rules());
    let share = ask("k1", Wish::RecordShare { channel: "whatsapp".to_owned() });
    for news in [click("r1", 1_789_500_000), share] {
        let plan = memory.take_in(&news, RECEIVED).unwrap();
        let keys: Vec<&String> = updates(&plan)[0].metadata.keys().collect();
        assert!(keys.len() == 2 && keys.iter().all(|key| is_own_metadata(key)), "{keys:?}");
    }
    for key in ["CioAnonymousId", "CioUnsubscribed", "lastPageReferralClickAt", "RecordedShares"] {
        assert!(is_own_metadata(key), "{key}");
    }
    assert!(!is_own_metadata("plan") && !is_own_metadata("referralClicksWanted"));
}

#[test]
fn somebody_new_is_added_under_their_address_and_asks_for_strangers_are_parked() {
    let mut memory = knowing_ann(rules());
    let add = Wish::Add {
        first_name: Some("Zoe".to_owned()),
        last_name: None,
        referred_by: Some("ann001".to_owned()),
        metadata: Attributes::new(),
    };
    let of_zoe = |what: Wish| {
        let mut news = ask("k1", what);
        let feedback = news.feedback.as_mut().unwrap();
        feedback.who = vec![Identifier::Email(Email::parse("zoe@example.com").unwrap())];
        news
    };
    let plan = memory.take_in(&of_zoe(add), RECEIVED).unwrap();
    let [(key, Call::AddParticipant { .. })] = writes(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!(key.participant, "zoe@example.com");
    let trigger = Wish::TriggerReferral { delay_in_days: None };
    let reason = memory.take_in(&of_zoe(trigger), RECEIVED).unwrap_err();
    assert!(reason.contains("backfill") && !reason.contains("zoe"), "{reason}");
}

#[test]
fn nothing_is_written_to_a_campaign_without_a_key() {
    let mut memory = knowing_ann(Rules::standard());
    let plan = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    assert!(writes(&plan).is_empty() && tracks(&plan).len() == 1, "{plan:?}");
    let trigger = ask("k1", Wish::TriggerReferral { delay_in_days: None });
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
        let mut news = click(key, 1_789_500_000);
        let message = of(key);
        news.feedback.as_mut().unwrap().message = Some(message.clone());
        let plan = memory.take_in(&news, RECEIVED).unwrap();
        assert_eq!(plan.messages, if led { vec![message] } else { Vec::new() }, "{key}");
        assert_eq!(tracks(&plan).len(), 1, "the click is told besides");
    }
}

#[test]
fn whoever_was_forgotten_stays_so() {
    let mut memory = Memory::new(rules());
    let ann = Email::parse("ann@example.com").unwrap();
    memory.tombstones.insert(Trace::Address(ann.clone()), RECEIVED);
    let plan = memory.take_in(&click("r1", 1_789_500_000), RECEIVED).unwrap();
    assert!(plan.forgotten.emails.contains(&ann) && plan.lanes.is_empty(), "{plan:?}");
}

#[test]
fn a_referrer_who_was_forgotten_is_left_out_until_somebody_new_has_the_address() {
    let mut memory = Memory::new(rules());
    let email = Email::parse("ann@example.com").unwrap();
    let key = ParticipantKey { campaign: "camp".to_owned(), participant: "ann001".to_owned() };
    memory.tombstones.insert(Trace::Address(email.clone()), Time::from_seconds(1_789_000_000));
    memory.tombstones.insert(Trace::Participant(key.clone()), Time::from_seconds(1_789_000_000));
    let invites = |key: &str, referrer: &str| {
        let what = Wish::Add {
            first_name: None,
            last_name: None,
            referred_by: Some(referrer.to_owned()),
            metadata: Attributes::new(),
        };
        let mut news = ask(key, what);
        let gil = Email::parse("gil@example.com").unwrap();
        news.feedback.as_mut().unwrap().who = vec![Identifier::Email(gil)];
        news
    };
    let referrer = |plan: &Plan| match writes(plan)[..] {
        [(_, Call::AddParticipant { referred_by, .. })] => referred_by.clone(),
        _ => panic!("{plan:?}"),
    };
    let plan = memory.take_in(&invites("k1", "ann@example.com"), RECEIVED).unwrap();
    assert_eq!((referrer(&plan), plan.forgotten.emails), (None, [email].into()));
    let plan = memory.take_in(&invites("k2", "ann001"), RECEIVED).unwrap();
    assert_eq!((referrer(&plan), plan.forgotten.participants), (None, [key].into()));

    let mut ann = snapshot("ann");
    (ann.id, ann.joined_at) = (Some("ann002".to_owned()), Some(Time::from_seconds(1_789_100_000)));
    memory.take_in(&joined(1_789_100_000, ann), RECEIVED).unwrap();
    for (key, named) in [("k3", "ann@example.com"), ("k4", "ann002")] {
        let plan = memory.take_in(&invites(key, named), RECEIVED).unwrap();
        assert_eq!(referrer(&plan).as_deref(), Some(named));
        assert!(plan.forgotten.is_empty());
    }
}
