//! Posts of pages: clicks of visitors, claims of visitors, and shares.

mod budget;

use proptest::prelude::*;

use super::memory::Memory;
use super::{RECEIVED, call, calls, joined, notification, profile, referred, snapshot};
use crate::domain::{
    AnonymousId, Attributes, Call, EffectKey, ErasureKey, Event, Facts, LaneKey, Notification,
    ParticipantIndex, Person, Plan, Posts, Scalar, Snapshot, Time, Visit,
};
use crate::mapping::Rules;

const VISITOR: &str = "7d5b3b0e-visitor";

fn id(text: &str) -> AnonymousId {
    AnonymousId::parse(text).unwrap()
}

/// Returns a snapshot with an id alone, as pages send it.
fn by_id(name: &str) -> Snapshot {
    Snapshot { is_subject: false, ..Snapshot::with_id("participant", format!("{name}001")) }
}

/// Returns a visit by a participant's link.
fn visit(owner: &str, visitor: &str, key: &str) -> Notification {
    let page = Some("https://shop.example.com/landing".to_owned());
    let visit =
        Visit { owner: ParticipantIndex(0), visitor: id(visitor), key: key.to_owned(), page };
    notification(1_789_900_000, vec![by_id(owner)], vec![Event::Visited(visit)])
}

/// Returns a join with a visitor's id in the metadata.
fn claims(name: &str, visitor: &str) -> Notification {
    let mut who = snapshot(name);
    who.metadata.insert("cioAnonymousId".to_owned(), Scalar::from(visitor));
    joined(1_789_900_100, who)
}

fn share(name: &str, key: &str) -> Notification {
    let (channel, key) = ("whatsapp".to_owned(), key.to_owned());
    let share =
        Event::ShareReported { participant: ParticipantIndex(0), channel, key, is_from_page: true };
    notification(1_789_900_000, vec![by_id(name)], vec![share])
}

fn knowing_ann() -> Memory {
    let mut rules = Rules::standard();
    rules.shares_from_page.insert("camp".to_owned());
    let mut memory = Memory::new(rules);
    memory.take_in(&joined(1_789_000_000, snapshot("ann")), RECEIVED).unwrap();
    memory
}

/// Returns the visitor of this id.
fn visitor<'a>(memory: &'a Memory, text: &str) -> Option<&'a Person> {
    let key = LaneKey::Visitor(id(text));
    memory.people.iter().find(|person| person.key == key)
}

fn visited(visitor: &str) -> (String, String) {
    (visitor.to_owned(), "referral_link_clicked".to_owned())
}

fn data(plan: &Plan) -> &Attributes {
    let calls = plan.lanes.iter().flat_map(|lane| &lane.calls);
    let mut data = calls.filter_map(|it| match &it.call {
        Call::Track { data, .. } => Some(data),
        _ => None,
    });
    data.next_back().unwrap()
}

#[test]
fn a_click_is_the_visitors_and_counts_for_the_links_owner() {
    let mut memory = knowing_ann();
    let ann = memory.people[0].clone();
    let plan = memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert_eq!(calls(&plan), [visited(VISITOR)]);
    insta::assert_json_snapshot!(data(&plan), @r#"
    {
      "campaign_id": "camp",
      "campaign_name": "Spring",
      "channel": "page",
      "page": "https://shop.example.com/landing",
      "referral_code": "ann001",
      "tracked_at": 1790000000
    }
    "#);
    let effect = plan.lanes.iter().flat_map(|lane| &lane.calls).next().unwrap().effect.clone();
    assert_eq!(effect, Some(EffectKey("page_clicked:camp:click-01".to_owned())));
    let mut counted = ann;
    counted.participants[0].posts = Some(Posts { day: RECEIVED.day(), clicks: 1, shares: 0 });
    assert_eq!(memory.people[0], counted, "nothing else of the owner changes");
    let again = memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert!(again.lanes.is_empty() && !again.has_changes, "{again:?}");
    let second = memory.take_in(&visit("ann", VISITOR, "click-02"), RECEIVED).unwrap();
    assert_eq!(calls(&second), [visited(VISITOR)]);
}

#[test]
fn a_click_on_an_unknown_link_leads_to_nothing() {
    let mut memory = knowing_ann();
    let reason = memory.take_in(&visit("zoe", VISITOR, "click-01"), RECEIVED).unwrap_err();
    assert!(!reason.contains("zoe"), "{reason}");
    assert_eq!(memory.people.len(), 1);
}

#[test]
fn a_visit_that_leads_to_nothing_leaves_nobody_behind() {
    let mut memory = knowing_ann();
    memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    // As if the visitor had been pruned since.
    memory.people.retain(|person| person.key != LaneKey::Visitor(id(VISITOR)));
    memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert_eq!(visitor(&memory, VISITOR), None);

    let mut rules = Rules::standard();
    rules.events.remove("referral_link_clicked");
    let mut memory = Memory::new(rules);
    memory.take_in(&joined(1_789_000_000, snapshot("ann")), RECEIVED).unwrap();
    memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert_eq!(visitor(&memory, VISITOR), None);
}

#[test]
fn a_claimed_visitor_is_joined_behind_the_visitors_calls() {
    let mut memory = knowing_ann();
    memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    let plan = memory.take_in(&claims("bob", VISITOR), RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [call("bob", "identify"), call("bob", "referral_program_joined"), call("bob", "join")]
    );
    let [identify, _, join] = &plan.lanes[0].calls[..] else { panic!("{plan:?}") };
    let (Call::Identify { .. }, Call::Join { anonymous_id, .. }) = (&identify.call, &join.call)
    else {
        panic!("{plan:?}")
    };
    assert_eq!(anonymous_id, &id(VISITOR));
    // Each later click needs one more.
    let later = memory.take_in(&visit("ann", VISITOR, "click-02"), RECEIVED).unwrap();
    assert_eq!(calls(&later), [visited(VISITOR), call("bob", "join")]);
    let again = memory.take_in(&claims("bob", VISITOR), RECEIVED).unwrap();
    assert_eq!((calls(&again), again.has_changes), (vec![], false));
}

#[test]
fn the_first_claim_wins_for_the_id_and_for_the_participant() {
    let mut memory = knowing_ann();
    memory.take_in(&claims("bob", VISITOR), RECEIVED).unwrap();
    let late = memory.take_in(&claims("cid", VISITOR), RECEIVED).unwrap();
    assert_eq!(
        calls(&late),
        [call("cid", "identify"), call("cid", "referral_program_joined")],
        "the id is bob's"
    );
    let other = memory.take_in(&claims("bob", "another-visitor"), RECEIVED).unwrap();
    assert_eq!(calls(&other), [], "bob has an id");
    assert!(visitor(&memory, "another-visitor").is_none());
    let click = memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert_eq!(calls(&click), [visited(VISITOR), call("bob", "join")]);
    // A participant who was too late may claim another id.
    let mut next = claims("cid", "a-third-visitor");
    next.as_of = Some(Time::from_seconds(1_789_900_500));
    assert_eq!(calls(&memory.take_in(&next, RECEIVED).unwrap()), [call("cid", "join")]);
}

#[test]
fn what_is_no_id_is_claimed_by_nobody_and_nothing_is_where_it_is_turned_off() {
    let mut memory = knowing_ann();
    for text in ["", "short", "with space", "mail@example.com", &"x".repeat(65)] {
        memory.take_in(&claims("bob", text), RECEIVED).unwrap();
        assert_eq!(memory.people.len(), 2, "{text:?}");
        assert_eq!(memory.people[1].participants[0].claim, None, "{text:?}");
    }
    let rules = Rules { join_visitors: false, ..Rules::standard() };
    let mut memory = Memory::new(rules);
    let plan = memory.take_in(&claims("bob", VISITOR), RECEIVED).unwrap();
    assert_eq!(calls(&plan).len(), 2);
}

#[test]
fn who_isnt_at_customer_io_yet_is_joined_as_soon_as_they_are() {
    let mut memory = knowing_ann();
    memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    // Bob is only mentioned: he doesn't become a person by it.
    let mut bob = snapshot("bob");
    bob.metadata.insert("cioAnonymousId".to_owned(), Scalar::from(VISITOR));
    let counted =
        Event::SharesCounted { participant: ParticipantIndex(0), counts: Default::default() };
    let plan =
        memory.take_in(&notification(1_789_900_000, vec![bob], vec![counted]), RECEIVED).unwrap();
    assert_eq!(calls(&plan), []);
    assert_eq!(
        calls(&memory.take_in(&visit("ann", VISITOR, "click-02"), RECEIVED).unwrap()),
        [visited(VISITOR)]
    );
    let plan = memory.take_in(&joined(1_789_900_200, snapshot("bob")), RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [call("bob", "identify"), call("bob", "referral_program_joined"), call("bob", "join")]
    );
}

#[test]
fn a_claim_without_a_participant_id_follows_the_participant_who_gets_one() {
    let mut memory = knowing_ann();
    let mut guided = claims("bob", VISITOR);
    guided.people[0].id = None;
    let plan = memory.take_in(&guided, RECEIVED).unwrap();
    assert_eq!(calls(&plan).last(), Some(&call("bob", "join")));
    let click = memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert_eq!(calls(&click), [visited(VISITOR), call("bob", "join")]);
    // GrowSurf's own webhook names him, and later he has another address.
    memory.take_in(&claims("bob", VISITOR), RECEIVED).unwrap();
    let mut moved = claims("bob", VISITOR);
    moved.as_of = Some(Time::from_seconds(1_789_900_500));
    moved.people[0].email = crate::domain::Email::parse("rob@example.com").map_err(str::to_owned);
    moved.people[0].facts.insert(Facts::EMAIL.to_owned(), Scalar::from("rob@example.com"));
    memory.take_in(&moved, RECEIVED).unwrap();
    let click = memory.take_in(&visit("ann", VISITOR, "click-02"), RECEIVED).unwrap();
    assert_eq!(calls(&click), [visited(VISITOR), call("rob", "join")]);
}

#[test]
fn the_links_of_erased_people_lead_to_nothing() {
    let mut memory = knowing_ann();
    let key = crate::domain::ParticipantKey {
        campaign: "camp".to_owned(),
        participant: "ann001".to_owned(),
    };
    memory.people.clear();
    memory.tombstones.insert(ErasureKey::Participant(key), RECEIVED);
    let plan = memory.take_in(&visit("ann", VISITOR, "click-01"), RECEIVED).unwrap();
    assert!(plan.lanes.is_empty() && !plan.has_changes, "{plan:?}");
}

#[test]
fn a_share_is_sent_and_counted_once_if_pages_report_shares() {
    let mut memory = knowing_ann();
    let mut ann = snapshot("ann");
    ann.share_total = Some(3);
    memory.take_in(&joined(1_789_000_000, ann.clone()), RECEIVED).unwrap();
    let plan = memory.take_in(&share("ann", "share-01"), RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("ann", "identify"), call("ann", "referral_shared")]);
    assert_eq!(profile(&plan, "ann")["total_shares"], Scalar::Integer(4));
    assert_eq!(data(&plan)["share_method"], Scalar::from("message"));
    assert_eq!(calls(&memory.take_in(&share("ann", "share-01"), RECEIVED).unwrap()), []);
    // GrowSurf counts the same share.
    ann.share_total = Some(4);
    assert_eq!(calls(&memory.take_in(&joined(1_789_000_000, ann), RECEIVED).unwrap()), []);
    let second = memory.take_in(&share("ann", "share-02"), RECEIVED).unwrap();
    assert_eq!(profile(&second, "ann")["total_shares"], Scalar::Integer(5));
    assert!(memory.take_in(&share("zoe", "share-03"), RECEIVED).is_err());

    let mut memory = Memory::new(Rules::standard());
    memory.take_in(&joined(1_789_000_000, snapshot("ann")), RECEIVED).unwrap();
    let plan = memory.take_in(&share("ann", "share-01"), RECEIVED).unwrap();
    assert!(plan.lanes.is_empty() && !plan.has_changes, "only the comparison may report: {plan:?}");
}

/// Returns the participant who claims the visitor of a number.
const NAMES: [&str; 3] = ["ann", "bob", "cid"];

/// Clicks and claims among a few people and visitors; each participant claims one id, and each id is
/// claimed by one, so that it doesn't matter who comes first.
fn any_notifications() -> impl Strategy<Value = Vec<Notification>> {
    let step = (0..3_usize, 0..6_u8, any::<bool>());
    proptest::collection::vec(step, 1..12).prop_map(|steps| {
        let reported = |(who, click, is_claim): (usize, u8, bool)| {
            let visitor = format!("visitor-{who}");
            if is_claim {
                let mut notification = claims(NAMES[who], &visitor);
                // The guide's shape names no participant.
                if click % 3 == 0 {
                    notification.people[0].id = None;
                }
                return notification;
            }
            visit("rae", &visitor, &format!("click-{who}-{click}"))
        };
        steps.into_iter().map(reported).collect()
    })
}

/// Returns the final state after some notifications in this order: joined visitors, and the effects before.
fn state(notifications: &[Notification]) -> (Vec<String>, Vec<String>, Vec<String>) {
    let rules = Rules::standard();
    let mut memory = Memory::new(rules.clone());
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let (mut clicked, mut joined) = (Vec::<String>::new(), Vec::<String>::new());
    for reported in notifications {
        let planned = calls(&memory.take_in(reported, RECEIVED).unwrap());
        for (who, _) in planned.iter().filter(|(_, what)| what == "referral_link_clicked") {
            // What was joined before doesn't count for this click.
            let place = who.strip_prefix("visitor-").unwrap().parse::<usize>().unwrap();
            joined.retain(|it| !it.starts_with(NAMES[place]));
            clicked.push(who.clone());
        }
        joined.extend(planned.into_iter().filter(|(_, what)| what == "join").map(|(who, _)| who));
    }
    let claimed = memory.people.iter().filter_map(|person| {
        let claimer = person.claimed_by.as_ref()?;
        let by = format!("{claimer:?}").contains("Participant");
        Some(format!("{} {by}", person.key.value()))
    });
    let mut claimed: Vec<String> = claimed.collect();
    claimed.sort();
    clicked.sort();
    // The last click of an id that was claimed is followed by a join.
    let claimers = memory
        .people
        .iter()
        .filter(|person| person.participants.iter().any(|participant| participant.claim.is_some()));
    let mut claimers: Vec<String> = claimers.map(|person| person.key.value().to_owned()).collect();
    claimers.sort();
    for claimer in &claimers {
        assert!(joined.contains(claimer), "{claimer} isn't joined: {joined:?}");
    }
    (claimed, clicked, claimers)
}

proptest! {
    #[test]
    fn any_order_of_clicks_and_claims_ends_in_the_same_state(
        mut notifications in any_notifications(),
        seed in any::<u64>(),
    ) {
        let before = state(&notifications);
        fastrand::Rng::with_seed(seed).shuffle(&mut notifications);
        prop_assert_eq!(before, state(&notifications));
    }

    #[test]
    fn a_replay_of_all_clicks_and_claims_plans_nothing(notifications in any_notifications()) {
        let mut memory = Memory::new(Rules::standard());
        memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
        for reported in &notifications {
            memory.take_in(reported, RECEIVED).unwrap();
        }
        for reported in &notifications {
            let plan = memory.take_in(reported, Time::from_seconds(1_790_009_999)).unwrap();
            prop_assert_eq!(plan.lanes, vec![]);
        }
    }
}
