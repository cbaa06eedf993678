//! Event by event: which calls, and what they say.

use super::memory::Memory;
use super::{
    RECEIVED, call, calls, converted, knowing, notification, profile, referred, snapshot, with,
};
use crate::domain::{
    Call, Event, Facts, Money, ParticipantIndex, Reward, Scalar, Side, Snapshot, Time,
};
use crate::mapping::Rules;

fn memory() -> Memory {
    Memory::new(Rules::standard())
}

#[test]
fn a_referred_friend_leads_to_two_people_and_two_events() {
    let plan = memory().take_in(&referred(1_780_000_000, "fay", "rae", 5), RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [
            call("fay", "identify"),
            call("fay", "referral_program_joined"),
            call("rae", "identify"),
            call("rae", "referral_friend_signed_up"),
        ]
    );
    insta::assert_json_snapshot!(profile(&plan, "rae"), @r#"
    {
      "email": "rae@example.com",
      "first_name": "rae",
      "last_referral_date": 1780000000,
      "referral_code": "rae001",
      "referral_tier": "power_referrer",
      "total_referrals": 5
    }
    "#);
    insta::assert_json_snapshot!(profile(&plan, "fay"), @r#"
    {
      "email": "fay@example.com",
      "first_name": "fay",
      "referral_code": "fay001",
      "referred_by": "rae@example.com"
    }
    "#);
}

#[test]
fn nothing_is_planned_for_what_was_planned_before() {
    let mut memory = memory();
    let reported = referred(1_780_000_000, "fay", "rae", 5);
    memory.take_in(&reported, RECEIVED).unwrap();
    let again = memory.take_in(&reported, Time::from_seconds(1_790_000_500)).unwrap();
    assert_eq!(again.lanes, []);
}

#[test]
fn a_conversion_counts_for_the_referrer_and_is_sent_once_a_friend() {
    let mut memory = knowing(["rae"], Rules::standard());
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let plan = memory.take_in(&converted(1_780_000_100, "fay", "rae"), RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [call("fay", "identify"), call("fay", "referral_converted"), call("rae", "identify")]
    );
    assert_eq!(profile(&plan, "rae")["total_conversions"], Scalar::Integer(1));
    let again = memory.take_in(&converted(1_780_000_200, "fay", "rae"), RECEIVED).unwrap();
    assert_eq!(calls(&again), []);
}

#[test]
fn a_conversion_finds_the_referrer_that_it_does_not_name() {
    let mut memory = knowing(["rae"], Rules::standard());
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let mut reported = converted(1_780_000_100, "fay", "rae");
    reported.people.truncate(1);
    let Event::ReferralConverted { referrer, .. } = &mut reported.events[0].event else { panic!() };
    *referrer = None;
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(profile(&plan, "rae")["total_conversions"], Scalar::Integer(1));
}

#[test]
fn a_conversion_that_comes_before_the_sign_up_counts_all_the_same() {
    let mut reported = converted(1_780_000_100, "fay", "rae");
    reported.people.truncate(1);
    let Event::ReferralConverted { referrer, .. } = &mut reported.events[0].event else { panic!() };
    *referrer = None;
    let mut memory = knowing(["rae"], Rules::standard());
    memory.take_in(&reported, RECEIVED).unwrap();
    let plan = memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    assert_eq!(profile(&plan, "rae")["total_conversions"], Scalar::Integer(1));
    memory.take_in(&converted(1_780_000_200, "fay", "rae"), RECEIVED).unwrap();
    assert_eq!(memory.people[0].participants[0].conversions, 1);
}

#[test]
fn conversions_count_even_where_their_event_is_off() {
    let mut rules = Rules::standard();
    rules.events.remove("referral_converted");
    let mut memory = Memory::new(rules);
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 5), RECEIVED).unwrap();
    for _ in 0..2 {
        memory.take_in(&converted(1_780_000_100, "fay", "rae"), RECEIVED).unwrap();
    }
    assert_eq!(memory.people[1].participants[0].conversions, 1);
}

#[test]
fn only_the_server_may_report_conversions_if_the_settings_say_so() {
    let mut rules = Rules::standard();
    rules.conversions_from_server.insert("camp".to_owned());
    let plan = Memory::new(rules).take_in(&converted(1_780_000_100, "fay", "rae"), RECEIVED);
    assert_eq!(calls(&plan.unwrap()), []);
}

fn reward(approved: bool) -> Event {
    Event::RewardEarned {
        earner: ParticipantIndex(0),
        reward: Reward {
            id: "prew_1".to_owned(),
            kind: Some("MILESTONE".to_owned()),
            side: Some(Side::Referrer),
            title: Some("A t-shirt".to_owned()),
            approved,
            metadata: [("amount".to_owned(), Scalar::from("$25"))].into(),
            ..Reward::default()
        },
    }
}

#[test]
fn an_unapproved_reward_does_not_swallow_the_approved_one() {
    let mut memory = memory();
    let reported =
        |approved| notification(1_780_000_000, vec![snapshot("rae")], vec![reward(approved)]);
    let first = memory.take_in(&reported(false), RECEIVED).unwrap();
    assert_eq!(calls(&first), [call("rae", "identify")]);
    let second = memory.take_in(&reported(true), RECEIVED).unwrap();
    assert_eq!(calls(&second), [call("rae", "identify"), call("rae", "referral_reward_claimed")]);
    let Call::Track { data, .. } = &second.lanes[0].calls[1].call else { panic!() };
    insta::assert_json_snapshot!(data, @r#"
    {
      "campaign_id": "camp",
      "campaign_name": "Spring",
      "earned_as": "referrer",
      "referral_code": "rae001",
      "reward_id": "prew_1",
      "reward_type": "MILESTONE",
      "reward_value": 25,
      "tracked_at": 1790000000
    }
    "#);
}

#[test]
fn money_is_sent_in_major_units_with_its_currency() {
    let commission = crate::domain::Commission {
        id: "comm_1".to_owned(),
        kind: Some("SALE".to_owned()),
        amount: Some(Money { minor: 1_999, currency: "USD".to_owned() }),
        sale: Some(Money { minor: 10_000, currency: "USD".to_owned() }),
        status: None,
    };
    let event = Event::CommissionAdded {
        affiliate: ParticipantIndex(0),
        friend: Some(ParticipantIndex(1)),
        commission,
    };
    let reported = notification(1_780_000_000, vec![snapshot("rae"), snapshot("fay")], vec![event]);
    let plan = memory().take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("rae", "identify"), call("rae", "affiliate_commission_earned")]);
    let Call::Track { data, .. } = &plan.lanes[0].calls[1].call else { panic!() };
    assert_eq!(data["amount"], Scalar::Decimal(19.99));
    assert_eq!(data["sale_amount"], Scalar::Integer(100));
    assert_eq!(data["currency"], Scalar::from("USD"));
}

#[test]
fn the_end_of_a_campaign_makes_nobody_a_person_unless_it_is_turned_on() {
    let ended = Event::CampaignEnded { winner: ParticipantIndex(0), ended_at: None };
    let reported = notification(1_780_000_000, vec![snapshot("rae")], vec![ended]);
    assert_eq!(calls(&memory().take_in(&reported, RECEIVED).unwrap()), []);
    let mut rules = Rules::standard();
    rules.events.insert("referral_campaign_ended".to_owned(), "program_over".to_owned());
    let plan = Memory::new(rules).take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("rae", "identify"), call("rae", "program_over")]);
}

#[test]
fn the_language_of_a_participant_is_in_the_profile() {
    let speaks = with(snapshot("fay"), &[(Facts::LANGUAGE, "pt-BR".into())]);
    let joined =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    let plan = memory().take_in(&notification(1_780_000_000, vec![speaks], vec![joined]), RECEIVED);
    assert_eq!(profile(&plan.unwrap(), "fay")["referral_language"], Scalar::from("pt-BR"));
}

#[test]
fn a_fraud_status_is_in_the_profile_after_its_first_change() {
    let mut memory = memory();
    let rated = |level: &str| with(snapshot("fay"), &[(Facts::FRAUD_RISK_LEVEL, level.into())]);
    let joined =
        Event::ParticipantJoined { participant: ParticipantIndex(0), referral_source: None };
    let plan =
        memory.take_in(&notification(1_780_000_000, vec![rated("LOW")], vec![joined]), RECEIVED);
    assert_eq!(profile(&plan.unwrap(), "fay").get("fraud_risk_level"), None);
    let changed = Event::FraudStatusChanged { participant: ParticipantIndex(0) };
    let plan =
        memory.take_in(&notification(1_780_000_100, vec![rated("HIGH")], vec![changed]), RECEIVED);
    let plan = plan.unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify")]);
    assert_eq!(profile(&plan, "fay")["fraud_risk_level"], Scalar::from("HIGH"));
}

#[test]
fn events_and_attributes_are_renamed_and_turned_off_by_the_rules() {
    let mut rules = Rules::standard();
    rules.events.insert("referral_program_joined".to_owned(), "welcome".to_owned());
    rules.events.remove("referral_friend_signed_up");
    rules.attributes.insert("first_name".to_owned(), "given_name".to_owned());
    rules.attributes.remove("referral_code");
    let reported = referred(1_780_000_000, "fay", "rae", 1);
    let plan = Memory::new(rules).take_in(&reported, RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [call("fay", "identify"), call("fay", "welcome"), call("rae", "identify")]
    );
    let fay = profile(&plan, "fay");
    assert_eq!(fay["given_name"], Scalar::from("fay"));
    assert_eq!((fay.get("first_name"), fay.get("referral_code")), (None, None));
}

#[test]
fn if_only_one_person_can_not_be_mapped_the_rest_is_planned() {
    let mut reported = referred(1_780_000_000, "fay", "rae", 1);
    reported.people[1] = Snapshot::with_id("data.referredBy", "rae001".to_owned());
    let plan = memory().take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("fay", "identify"), call("fay", "referral_program_joined")]);
    assert_eq!(plan.unmapped, ["data.referredBy.email is missing"]);
    let mut reported = referred(1_780_000_000, "fay", "rae", 1);
    reported.people.iter_mut().for_each(|it| it.email = Err("data.email is missing".to_owned()));
    let reason = memory().take_in(&reported, RECEIVED).unwrap_err();
    assert_eq!(reason, "data.email is missing");
}

#[test]
fn a_referrer_named_by_id_is_found_if_known() {
    let mut memory = memory();
    memory.take_in(&referred(1_780_000_000, "fay", "rae", 1), RECEIVED).unwrap();
    let mut reported = referred(1_780_000_100, "gus", "rae", 2);
    reported.people[0].facts.remove(Facts::REFERRER_EMAIL);
    reported.people[1] = Snapshot::with_id("data.referredBy", "rae001".to_owned());
    let plan = memory.take_in(&reported, RECEIVED).unwrap();
    assert_eq!(
        calls(&plan),
        [
            call("gus", "identify"),
            call("gus", "referral_program_joined"),
            call("rae", "identify"),
            call("rae", "referral_friend_signed_up"),
        ]
    );
    assert_eq!(profile(&plan, "gus")["referred_by"], Scalar::from("rae@example.com"));
    assert_eq!(plan.unmapped, [""; 0]);
}

#[test]
fn people_of_ignored_addresses_lead_to_nothing() {
    let mut rules = Rules::standard();
    rules.ignore_emails = vec!["fay@*".parse().unwrap()];
    let reported = referred(1_780_000_000, "fay", "rae", 1);
    let reason = Memory::new(rules).take_in(&reported, RECEIVED).unwrap_err();
    assert_eq!(reason, "data.email matches growsurf.ignore_emails");
}

#[test]
fn extra_attributes_come_from_metadata() {
    let mut rules = Rules::standard();
    rules.metadata.insert("company".to_owned(), "companyName".to_owned());
    let mut reported = referred(1_780_000_000, "fay", "rae", 1);
    reported.people[0].metadata.insert("companyName".to_owned(), "Acme".into());
    reported.people[0].metadata.insert("cio_id".to_owned(), "a3".into());
    let plan = Memory::new(rules).take_in(&reported, RECEIVED).unwrap();
    assert_eq!(profile(&plan, "fay")["company"], Scalar::from("Acme"));
    assert_eq!(profile(&plan, "fay").get("cio_id"), None);
}
