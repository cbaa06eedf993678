//! Actions of campaigns.

use super::*;

#[test]
fn an_action_is_done_once_however_often_it_is_sent() {
    let mut memory = knowing_ann(rules());
    let trigger = || ask("k1", ActionKind::TriggerReferral { delay_in_days: Some(3) });
    let plan = memory.take_in(&trigger(), RECEIVED).unwrap();
    let [(key, Call::TriggerReferral { delay_in_days: Some(3), .. })] = writes(&plan)[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(key.participant, "ann001");
    assert!(is_nothing(&memory.take_in(&trigger(), RECEIVED).unwrap()));
    let other = ask("k1", ActionKind::UpdateParticipant(ParticipantUpdate::default()));
    assert_eq!(writes(&memory.take_in(&other, RECEIVED).unwrap()).len(), 1, "of another type");
}

#[test]
fn a_campaign_that_sets_itself_off_is_cut_off() {
    let mut memory = knowing_ann(rules());
    let limit = rules().feedback.asks_per_hour;
    let nth = |n: u32| ask(&format!("k{n}"), ActionKind::TriggerReferral { delay_in_days: None });
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
fn a_recorded_share_is_counted_and_sent() {
    let mut memory = knowing_ann(rules());
    let share = |key: &str| ask(key, ActionKind::RecordShare { channel: "whatsapp".to_owned() });
    memory.take_in(&share("k1"), RECEIVED).unwrap();
    let plan = memory.take_in(&share("k2"), RECEIVED).unwrap();
    assert_eq!(updates(&plan)[0].metadata["recordedShares"], Some(Scalar::Integer(2)));
    let [(name, data)] = tracks(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!((name, &data["share_method"]), ("referral_shared", &Scalar::from("message")));
}

#[test]
fn what_the_relay_counts_with_no_campaign_may_set() {
    let mut memory = knowing_ann(rules());
    let share = ask("k1", ActionKind::RecordShare { channel: "whatsapp".to_owned() });
    for notification in [click("r1", 1_789_500_000), share] {
        let plan = memory.take_in(&notification, RECEIVED).unwrap();
        let keys: Vec<&String> = updates(&plan)[0].metadata.keys().collect();
        assert!(keys.len() == 2 && keys.iter().all(|key| is_own_metadata(key)), "{keys:?}");
    }
    for key in ["CioAnonymousId", "CioUnsubscribed", "lastPageReferralClickAt", "RecordedShares"] {
        assert!(is_own_metadata(key), "{key}");
    }
    assert!(!is_own_metadata("plan") && !is_own_metadata("referralClicksWanted"));
}

#[test]
fn a_new_participant_is_added_by_address_and_actions_for_unknown_ones_are_parked() {
    let mut memory = knowing_ann(rules());
    let add = ActionKind::AddParticipant {
        first_name: Some("Zoe".to_owned()),
        last_name: None,
        referred_by: Some("ann001".to_owned()),
        metadata: Attributes::new(),
    };
    let of_zoe = |what: ActionKind| {
        let mut notification = ask("k1", what);
        let feedback = notification.feedback.as_mut().unwrap();
        feedback.identifiers = vec![Identifier::Email(Email::parse("zoe@example.com").unwrap())];
        notification
    };
    let plan = memory.take_in(&of_zoe(add), RECEIVED).unwrap();
    let [(key, Call::AddParticipant { .. })] = writes(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!(key.participant, "zoe@example.com");
    let trigger = ActionKind::TriggerReferral { delay_in_days: None };
    let reason = memory.take_in(&of_zoe(trigger), RECEIVED).unwrap_err();
    assert!(reason.contains("backfill") && !reason.contains("zoe"), "{reason}");
}

#[test]
fn a_name_that_one_person_gives_another_is_harmless() {
    let mut memory = knowing_ann(rules());
    let named = |key: &str, name: &str| {
        let first_name = Some(name.to_owned());
        ask(
            key,
            ActionKind::UpdateParticipant(ParticipantUpdate {
                first_name,
                ..ParticipantUpdate::default()
            }),
        )
    };
    let plan = memory.take_in(&named("k1", "<b>Zoe\u{202e}"), RECEIVED).unwrap();
    assert_eq!(updates(&plan)[0].first_name.as_deref(), Some("b>Zoe"));
    let reason = memory.take_in(&named("k2", "win at evil.example"), RECEIVED).unwrap_err();
    assert!(reason.contains("holds a URL"), "{reason}");

    let mut notification = ask(
        "k3",
        ActionKind::AddParticipant {
            first_name: Some("Zoe".to_owned()),
            last_name: Some("https://evil.example".to_owned()),
            referred_by: None,
            metadata: Attributes::new(),
        },
    );
    let zoe = Identifier::Email(Email::parse("zoe@example.com").unwrap());
    notification.feedback.as_mut().unwrap().identifiers = vec![zoe];
    let plan = memory.take_in(&notification, RECEIVED).unwrap();
    let [(_, Call::AddParticipant { first_name, last_name, .. })] = writes(&plan)[..] else {
        panic!("{plan:?}")
    };
    assert_eq!((first_name.as_deref(), last_name), (Some("Zoe"), &None));
}
