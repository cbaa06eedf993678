//! Properties of a reward's event, and the sources of its value.

use super::memory::Memory;
use super::{RECEIVED, call, calls, notification, snapshot};
use crate::domain::{Amount, Attributes, Call, Event, ParticipantIndex, Reward, Scalar, Side};
use crate::mapping::Rules;

fn metadata(pairs: &[(&str, &str)]) -> Attributes {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Scalar::from(*value))).collect()
}

fn reward() -> Reward {
    Reward {
        id: "prew_1".to_owned(),
        side: Some(Side::Referrer),
        title: Some("Internal".to_owned()),
        description: Some("A t-shirt".to_owned()),
        coupon_code: Some("TEN".to_owned()),
        approved: true,
        ..Reward::default()
    }
}

fn sent(reward: Reward, rules: Rules) -> Attributes {
    let reported = Event::RewardEarned { earner: ParticipantIndex(0), reward };
    let reported = notification(1_780_000_000, vec![snapshot("rae")], vec![reported]);
    let plan = Memory::new(rules).take_in(&reported, RECEIVED).unwrap();
    assert_eq!(calls(&plan), [call("rae", "identify"), call("rae", "referral_reward_claimed")]);
    let Call::Track { data, .. } = &plan.lanes[0].calls[1].call else { panic!() };
    data.clone()
}

#[test]
fn a_reward_carries_what_every_track_does_and_the_side() {
    insta::assert_json_snapshot!(sent(reward(), Rules::standard()), @r#"
    {
      "campaign_id": "camp",
      "campaign_name": "Spring",
      "coupon_code": "TEN",
      "earned_as": "referrer",
      "referral_code": "rae001",
      "reward_description": "A t-shirt",
      "reward_id": "prew_1",
      "tracked_at": 1790000000
    }
    "#);
    let friend = Reward { side: Some(Side::Friend), ..reward() };
    assert_eq!(sent(friend, Rules::standard())["earned_as"], Scalar::from("friend"));
    let unknown = Reward { side: None, ..reward() };
    assert_eq!(sent(unknown, Rules::standard()).get("earned_as"), None);
    let rules = Rules { reward_title: true, ..Rules::standard() };
    assert_eq!(sent(reward(), rules)["reward_title"], Scalar::from("Internal"));
}

#[test]
fn the_value_is_of_the_side_and_of_the_first_source_that_has_one() {
    let both = metadata(&[("amount", "€25"), ("rewardForReferred", "€5")]);
    let amount = Some(Amount { value: Scalar::Decimal(9.5), currency: Some("GBP".to_owned()) });
    let fair = Some(Scalar::Integer(7));
    let (referrer, friend) = (Some(Side::Referrer), Some(Side::Friend));
    let none = Attributes::new;
    for (side, metadata, amount, fair, value, currency) in [
        (referrer, both.clone(), amount.clone(), fair.clone(), Some(25.0), Some("EUR")),
        (friend, both.clone(), amount.clone(), fair.clone(), Some(5.0), Some("EUR")),
        (friend, metadata(&[("amount", "€25")]), None, None, None, None),
        (None, both, None, None, None, None),
        (referrer, none(), amount.clone(), fair.clone(), Some(9.5), Some("GBP")),
        (friend, metadata(&[("amount", "€25")]), amount, fair.clone(), Some(9.5), Some("GBP")),
        (referrer, none(), None, fair, Some(7.0), Some("USD")),
        (referrer, none(), None, Some(Scalar::Integer(-7)), None, None),
        (referrer, none(), None, None, None, None),
    ] {
        let reported = Reward { side, metadata, amount, fair_value_usd: fair, ..reward() };
        let data = sent(reported.clone(), Rules::standard());
        let sent = match data.get("reward_value") {
            #[expect(clippy::cast_precision_loss, reason = "small")]
            Some(Scalar::Integer(whole)) => Some(*whole as f64),
            Some(Scalar::Decimal(decimal)) => Some(*decimal),
            None => None,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            (sent, data.get("currency")),
            (value, currency.map(Scalar::from).as_ref()),
            "{reported:?}"
        );
        assert_eq!(data.get("reward_value_text"), None);
    }
}

#[test]
fn what_is_no_plain_amount_is_sent_as_it_was_written() {
    for text in ["1,000", "One month free"] {
        let reported = Reward { metadata: metadata(&[("amount", text)]), ..reward() };
        let data = sent(reported, Rules::standard());
        assert_eq!(data["reward_value_text"], Scalar::from(text));
        assert_eq!((data.get("reward_value"), data.get("currency")), (None, None));
    }
    let flag = [("amount".to_owned(), Scalar::Boolean(true))].into();
    let data = sent(Reward { metadata: flag, ..reward() }, Rules::standard());
    assert_eq!((data.get("reward_value"), data.get("reward_value_text")), (None, None));
    let rules = Rules { friend_reward_value_key: "points".to_owned(), ..Rules::standard() };
    let reported = Reward {
        side: Some(Side::Friend),
        metadata: [("points".to_owned(), Scalar::Integer(1_000))].into(),
        ..reward()
    };
    assert_eq!(sent(reported, rules)["reward_value"], Scalar::Integer(1_000));
}
