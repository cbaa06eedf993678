//! Effects of each webhook at Customer.io: every event, property and attribute, exactly.
//!
//! What belongs here: the default mapping and its settings. What doesn't: how people are
//! identified (`identity`), and what happens to a webhook that leads to nothing (`receiving`).

use serde_json::{Value, json};

use crate::kit::ids::event_id;
use crate::kit::now_seconds;
use crate::kit::relay::{Relay, Setup, after, after_with};
use crate::kit::sandbox::{Event, Sandbox};
use crate::kit::webhooks::{
    CAMPAIGN, CAMPAIGN_NAME, ENDED_AT, JOINED_AT, NOTES, Webhook, campaign_ended, commission_added,
    commission_adjusted, goal_reached, guide, joined, payout_issued, suspected,
};

/// Asserts every part of an event.
#[track_caller]
fn assert_event(event: &Event, person: &str, effect: &str, at: i64, data: Value) {
    assert_eq!(event.person(), format!("{person}@example.com"));
    assert_eq!(event.id(), event_id(effect), "{effect}");
    assert_eq!(event.timestamp(), at);
    let mut reported = event.data().clone();
    let tracked_at = reported.as_object_mut().unwrap().remove("tracked_at");
    assert_recent(tracked_at.and_then(|value| value.as_i64()).unwrap());
    assert_eq!(reported, data, "{}", event.name());
}

#[track_caller]
fn assert_recent(seconds: i64) {
    let now = now_seconds();
    assert!((now - 120..=now).contains(&seconds), "{seconds} isn't just before {now}");
}

/// Asserts that the last identify of a person has these attributes and no others.
#[track_caller]
fn assert_profile(sandbox: &Sandbox, person: &str, attributes: Value) {
    let identifies = sandbox.identifies(&format!("{person}@example.com"));
    let last = identifies.last().unwrap_or_else(|| panic!("{person} was never identified"));
    assert_eq!(last.data, attributes, "{person}");
}

/// Returns the names of what was called, for one person, in order.
fn called(sandbox: &Sandbox, person: &str) -> Vec<String> {
    let person = format!("{person}@example.com");
    let calls = sandbox.calls().into_iter();
    calls.filter(|call| call.person() == person).map(|call| call.name).collect()
}

fn profile(name: &str) -> Value {
    let (initial, rest) = name.split_at(1);
    json!({
        "email": format!("{name}@example.com"),
        "first_name": format!("{}{rest}", initial.to_uppercase()),
        "last_name": "Tester",
        "referral_code": name,
        "referral_link": format!("https://shop.example.com?grsf={name}"),
        "total_referrals": 0,
        "referral_tier": "new_participant",
        "total_shares": 3,
    })
}

/// Returns the profile with some attributes changed; null takes one away.
fn profile_with(name: &str, changes: Value) -> Value {
    let mut profile = profile(name);
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            profile.as_object_mut().unwrap().remove(name);
        } else {
            profile[name] = value.clone();
        }
    }
    profile
}

#[test]
fn a_direct_join_is_organic() {
    let webhook = joined("fay");
    let sandbox = after(std::slice::from_ref(&webhook));
    assert_eq!(called(&sandbox, "fay"), ["identify", "referral_program_joined"]);
    assert_profile(&sandbox, "fay", profile("fay"));
    assert_event(
        &sandbox.event("referral_program_joined"),
        "fay",
        "joined:ct8f71:fay",
        webhook.seconds(),
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "fay",
            "source": "organic",
            "referral_source": "DIRECT",
        }),
    );
    assert_eq!(sandbox.event_lines().len(), 1);
}

/// Returns the whole days from the common time of joining until this second.
fn days_until(at: i64) -> i64 {
    (at - JOINED_AT / 1_000) / (24 * 3_600)
}

#[test]
fn a_referred_join_leads_to_events_of_both_people() {
    let webhook = joined("fay").referred_by("rae");
    let sandbox = after(std::slice::from_ref(&webhook));
    let at = webhook.seconds();
    assert_eq!(called(&sandbox, "fay"), ["identify", "referral_program_joined"]);
    assert_eq!(called(&sandbox, "rae"), ["identify", "referral_friend_signed_up"]);
    assert_profile(&sandbox, "fay", profile_with("fay", json!({"referred_by": "rae@example.com"})));
    let changes = json!({
        "total_referrals": 1,
        "referral_tier": "active",
        "last_referral_date": at,
    });
    assert_profile(&sandbox, "rae", profile_with("rae", changes));
    assert_event(
        &sandbox.event("referral_program_joined"),
        "fay",
        "joined:ct8f71:fay",
        at,
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "fay",
            "source": "referral",
            "referral_source": "PARTICIPANT",
            "referred_by": "rae@example.com",
        }),
    );
    assert_event(
        &sandbox.event("referral_friend_signed_up"),
        "rae",
        "friend_signed_up:ct8f71:fay",
        at,
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "rae",
            "friend_email": "fay@example.com",
            "friend_name": "Fay Tester",
            "total_referrals": 1,
        }),
    );
}

#[test]
fn the_dates_and_counts_of_referrals_grow_with_each_friend() {
    let start = now_seconds() - 3_600;
    let friend = |name: &str, number: u64, at: i64| {
        joined(name).referred_by_with("rae", number).at((start + at) * 1_000)
    };
    // The second friend's webhook comes last, with an older count.
    let rae = joined("rae").at(start * 1_000);
    let sandbox = after(&[rae, friend("ann", 1, 10), friend("cleo", 3, 30), friend("ben", 2, 20)]);
    let changes = json!({
        "total_referrals": 3,
        "referral_tier": "active",
        "total_friends": 3,
        "first_referral_date": start + 10,
        "last_referral_date": start + 30,
        "days_to_first_referral": days_until(start + 10),
    });
    assert_profile(&sandbox, "rae", profile_with("rae", changes));
}

#[test]
fn an_approved_reward_is_claimed() {
    let webhook = goal_reached("rae", "prew_ccm2ue");
    let sandbox = after(std::slice::from_ref(&webhook));
    assert_eq!(called(&sandbox, "rae"), ["identify", "referral_reward_claimed"]);
    assert_profile(&sandbox, "rae", profile("rae"));
    assert_event(
        &sandbox.event("referral_reward_claimed"),
        "rae",
        "reward:ct8f71:prew_ccm2ue",
        webhook.seconds(),
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "rae",
            "reward_id": "prew_ccm2ue",
            "reward_type": "SINGLE_SIDED",
            "reward_description": "Win a free t-shirt",
            "reward_value": 25,
            "coupon_code": "PROMO_20_OFF",
            "earned_as": "referrer",
        }),
    );
    assert!(sandbox.person("ned@example.com").is_none(), "the friend did nothing");
}

fn unapproved(webhook: Webhook) -> Webhook {
    webhook.with("/data/reward/approved", false).with("/data/reward/approvedAt", Value::Null)
}

#[test]
fn an_unapproved_reward_is_only_an_identify() {
    let sandbox = after(&[unapproved(goal_reached("rae", "prew_ccm2ue"))]);
    assert_eq!(called(&sandbox, "rae"), ["identify"]);
    assert_profile(&sandbox, "rae", profile("rae"));
    assert!(sandbox.events().is_empty());
}

#[test]
fn an_unapproved_reward_does_not_swallow_its_approval() {
    let first = goal_reached("rae", "prew_ccm2ue");
    let approved = goal_reached("rae", "prew_ccm2ue").at(first.seconds() * 1_000 + 999);
    let sandbox = after(&[unapproved(first), approved.clone()]);
    let event = sandbox.event("referral_reward_claimed");
    assert_eq!(event.id(), event_id("reward:ct8f71:prew_ccm2ue"));
    assert_eq!(event.timestamp(), approved.seconds());
}

#[test]
fn a_rewards_value_is_found_under_the_key_of_the_settings() {
    let change = |setup: Setup| setup.set("mapping.reward_value_key", "points");
    let sandbox = after_with(change, &[goal_reached("rae", "prew_1")]);
    assert_eq!(sandbox.event("referral_reward_claimed").data()["reward_value"], 1000);
}

#[test]
fn suspicion_of_fraud_changes_the_profile_alone() {
    let sandbox = after(&[suspected("fay")]);
    assert_eq!(called(&sandbox, "fay"), ["identify"]);
    let changes = json!({"fraud_risk_level": "HIGH", "fraud_reason": "REFERRAL_CHAIN_FRAUD"});
    assert_profile(&sandbox, "fay", profile_with("fay", changes));
    assert!(sandbox.events().is_empty());
}

#[test]
fn a_commission_of_a_sale_is_an_event_of_the_affiliate_and_converts_the_friend() {
    let webhook = commission_added("comm_jp1ku7", "ada", "dana");
    let sandbox = after(std::slice::from_ref(&webhook));
    let at = webhook.seconds();
    assert_eq!(called(&sandbox, "ada"), ["identify", "affiliate_commission_earned"]);
    assert_eq!(called(&sandbox, "dana"), ["identify", "referral_converted"]);
    assert_event(
        &sandbox.event("affiliate_commission_earned"),
        "ada",
        "commission:comm_jp1ku7",
        at,
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "ada",
            "commission_id": "comm_jp1ku7",
            "commission_type": "SALE",
            "commission_status": "APPROVED",
            "sale_amount": 100,
            "amount": 25.5,
            "currency": "USD",
            "friend_email": "dana@example.com",
        }),
    );
    assert_event(
        &sandbox.event("referral_converted"),
        "dana",
        "converted:ct8f71:dana",
        at,
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "dana",
            "referrer_email": "ada@example.com",
            "conversion_value": 100,
            "currency": "USD",
        }),
    );
    assert_profile(&sandbox, "ada", profile("ada"));
    let changes = json!({"referred_by": "ada@example.com", "referral_link": null});
    assert_profile(&sandbox, "dana", profile_with("dana", changes));
}

#[test]
fn a_friend_converts_once_whatever_they_buy_later() {
    let sandbox = after(&[
        joined("ada"),
        commission_added("comm_1", "ada", "dana"),
        commission_added("comm_2", "ada", "dana"),
    ]);
    assert_eq!(sandbox.events_named("affiliate_commission_earned").len(), 2);
    assert_eq!(sandbox.events_named("referral_converted").len(), 1);
    assert_eq!(sandbox.attributes("ada@example.com")["total_conversions"], 1);
}

#[test]
fn a_commission_of_a_lead_is_no_conversion() {
    let webhook = commission_added("comm_lead", "ada", "dana")
        .with("/data/commission/event", "LEAD")
        .with("/data/commission/amount", 500)
        .with("/data/commission/saleAmount", Value::Null)
        .with("/data/commission/provider", Value::Null);
    let sandbox = after(std::slice::from_ref(&webhook));
    assert_event(
        &sandbox.event("affiliate_commission_earned"),
        "ada",
        "commission:comm_lead",
        webhook.seconds(),
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "ada",
            "commission_id": "comm_lead",
            "commission_type": "LEAD",
            "commission_status": "APPROVED",
            "amount": 5,
            "currency": "USD",
            "friend_email": "dana@example.com",
        }),
    );
    assert_eq!(sandbox.event_lines(), ["affiliate_commission_earned ada@example.com"]);
}

#[test]
fn an_adjusted_commission_is_sent_in_major_units() {
    let webhook = commission_adjusted("comm_jp1ku7", "ada", "dana");
    let sandbox = after(std::slice::from_ref(&webhook));
    assert_eq!(called(&sandbox, "ada"), ["identify", "affiliate_commission_adjusted"]);
    assert_event(
        &sandbox.event("affiliate_commission_adjusted"),
        "ada",
        "commission_adjusted:comm_jp1ku7:1766393352171",
        webhook.seconds(),
        json!({
            "campaign_id": CAMPAIGN,
            "campaign_name": CAMPAIGN_NAME,
            "referral_code": "ada",
            "commission_id": "comm_jp1ku7",
            "reason": "FULL_REFUND",
            "original_amount": 99,
            "new_amount": 0,
            "amount": -99,
            "currency": "USD",
            "friend_email": "dana@example.com",
        }),
    );
    assert_eq!(sandbox.event_lines().len(), 1);
}

#[test]
fn payouts_are_sent_in_the_major_units_of_their_currency() {
    let currencies =
        [("USD", 3650, json!(36.5)), ("JPY", 3650, json!(3650)), ("KWD", 3650, json!(3.65))];
    let webhooks = currencies.clone().map(|(currency, amount, _)| {
        payout_issued(&format!("po_{currency}"), currency.to_lowercase().as_str(), amount, currency)
    });
    let sandbox = after(&webhooks);
    let events = sandbox.events_named("affiliate_payout_issued");
    assert_eq!(events.len(), 3);
    for (webhook, (currency, _, major)) in webhooks.iter().zip(currencies) {
        let name = currency.to_lowercase();
        let is_theirs = |event: &&Event| event.person().starts_with(&name);
        assert_eq!(called(&sandbox, &name), ["identify", "affiliate_payout_issued"]);
        assert_event(
            events.iter().find(is_theirs).unwrap(),
            &name,
            &format!("payout:po_{currency}"),
            webhook.seconds(),
            json!({
                "campaign_id": CAMPAIGN,
                "campaign_name": CAMPAIGN_NAME,
                "referral_code": name,
                "payout_id": format!("po_{currency}"),
                "provider": "paypal",
                "amount": major,
                "currency": currency,
            }),
        );
    }
}

#[test]
fn the_end_of_a_campaign_is_not_sent_by_default() {
    let sandbox = after(&[campaign_ended(&["ann", "ben"])]);
    assert!(sandbox.calls().is_empty());
}

#[test]
fn the_end_of_a_campaign_is_an_event_of_each_winner_if_it_has_a_name() {
    let change =
        |setup: Setup| setup.set("mapping.events.referral_campaign_ended", "spring_is_over");
    let webhook = campaign_ended(&["ann", "ben"]);
    let sandbox = after_with(change, std::slice::from_ref(&webhook));
    let events = sandbox.events_named("spring_is_over");
    assert_eq!(
        sandbox.event_lines(),
        ["spring_is_over ann@example.com", "spring_is_over ben@example.com"]
    );
    for name in ["ann", "ben"] {
        assert_eq!(called(&sandbox, name), ["identify", "spring_is_over"]);
        assert_profile(&sandbox, name, profile(name));
        assert_event(
            events.iter().find(|event| event.person().starts_with(name)).unwrap(),
            name,
            &format!("campaign_ended:ct8f71:{ENDED_AT}:{name}"),
            webhook.seconds(),
            json!({
                "campaign_id": CAMPAIGN,
                "campaign_name": CAMPAIGN_NAME,
                "referral_code": name,
                "total_referrals": 0,
            }),
        );
    }
}

/// Returns a person in the guide's shape: no shares, and a code of its own.
fn guided(name: &str, changes: Value) -> Value {
    let mut profile = profile_with(name, json!({"total_shares": null}));
    let code = format!("{}-code", profile["first_name"].as_str().unwrap());
    profile["referral_code"] = json!(code);
    for (name, value) in changes.as_object().unwrap() {
        profile[name] = value.clone();
    }
    profile
}

#[test]
fn the_guides_participant_created_is_a_join() {
    let sandbox = after(&[guide("PARTICIPANT_CREATED", "fay")]);
    let event = sandbox.event("referral_program_joined");
    assert_recent(event.timestamp());
    assert_eq!(event.data()["tracked_at"], event.timestamp(), "it has no time of its own");
    let mut data = event.data().clone();
    data.as_object_mut().unwrap().remove("tracked_at");
    let expected = json!({
        "campaign_id": CAMPAIGN,
        "campaign_name": CAMPAIGN_NAME,
        "referral_code": "Fay-code",
        "source": "organic",
    });
    assert_eq!(data, expected);
    assert_profile(&sandbox, "fay", guided("fay", json!({})));
    assert_eq!(called(&sandbox, "fay"), ["identify", "referral_program_joined"]);
}

#[test]
fn the_guides_participant_referred_is_an_event_of_the_referrer() {
    let sandbox = after(&[guide("PARTICIPANT_REFERRED", "fay").referred_by("rae")]);
    let event = sandbox.event("referral_friend_signed_up");
    assert_eq!(event.person(), "rae@example.com");
    let mut data = event.data().clone();
    data.as_object_mut().unwrap().remove("tracked_at");
    let expected = json!({
        "campaign_id": CAMPAIGN,
        "campaign_name": CAMPAIGN_NAME,
        "referral_code": "Rae-code",
        "friend_email": "fay@example.com",
        "friend_name": "Fay Tester",
        "total_referrals": 1,
    });
    assert_eq!(data, expected);
    let at = event.timestamp();
    let changes = json!({
        "total_referrals": 1,
        "referral_tier": "active",
        "last_referral_date": at,
    });
    assert_profile(&sandbox, "rae", guided("rae", changes));
    assert_eq!(sandbox.event_lines(), ["referral_friend_signed_up rae@example.com"]);
}

#[test]
fn the_guides_conversion_is_the_friends_with_value_and_product() {
    let webhook = guide("CAMPAIGN_REFERRAL_CONVERTED", "fay")
        .referred_by("rae")
        .with("/conversion", json!({"value": "49.50", "currency": "eur", "product": "Pro plan"}));
    let sandbox = after(&[webhook]);
    let event = sandbox.event("referral_converted");
    assert_eq!(event.person(), "fay@example.com");
    let mut data = event.data().clone();
    data.as_object_mut().unwrap().remove("tracked_at");
    let expected = json!({
        "campaign_id": CAMPAIGN,
        "campaign_name": CAMPAIGN_NAME,
        "referral_code": "Fay-code",
        "referrer_email": "rae@example.com",
        "conversion_value": 49.5,
        "currency": "EUR",
        "product": "Pro plan",
    });
    assert_eq!(data, expected);
    assert_profile(&sandbox, "fay", guided("fay", json!({"referred_by": "rae@example.com"})));
}

#[test]
fn internal_notes_never_reach_customerio() {
    let mut webhooks = vec![
        joined("fay").referred_by("rae"),
        goal_reached("rae", "prew_1"),
        suspected("fay"),
        commission_added("comm_1", "ada", "dana"),
        commission_adjusted("comm_1", "ada", "dana"),
        payout_issued("po_1", "ada", 100, "USD"),
        campaign_ended(&["ann"]),
        guide("PARTICIPANT_CREATED", "gus").with("/participant/notes", NOTES),
    ];
    let last = webhooks.pop().unwrap();
    let change = |setup: Setup| setup.set("mapping.events.referral_campaign_ended", "ended");
    let sandbox = after_with(change, &[webhooks, vec![last]].concat());
    assert!(sandbox.calls().len() >= 14);
    let everything = serde_json::to_string(&sandbox.requests()).unwrap();
    assert!(!everything.contains(NOTES));
    assert!(!everything.contains("\"notes\""));
}

#[test]
fn absent_facts_are_absent_properties() {
    let webhook = joined("fay")
        .with("/data/firstName", Value::Null)
        .with("/data/lastName", "")
        .with("/data/referralSource", " ")
        .with("/data/campaign/name", Value::Null)
        .without("/data/shareUrl")
        .without("/data/shareCount")
        .without("/data/referralCount");
    let sandbox = after(&[webhook]);
    assert_profile(&sandbox, "fay", json!({"email": "fay@example.com", "referral_code": "fay"}));
    let mut data = sandbox.event("referral_program_joined").data().clone();
    data.as_object_mut().unwrap().remove("tracked_at");
    let expected = json!({"campaign_id": CAMPAIGN, "referral_code": "fay", "source": "organic"});
    assert_eq!(data, expected);
}

#[test]
fn a_vanity_key_is_the_code_that_links_carry() {
    let sandbox = after(&[joined("fay").with("/data/vanityKeys", json!(["fay-4ever", "second"]))]);
    assert_eq!(sandbox.attributes("fay@example.com")["referral_code"], "fay-4ever");
}

#[test]
fn an_unknown_referrer_is_named_by_their_id() {
    let sandbox = after(&[joined("fay").with("/data/referredBy", "rae")]);
    assert_eq!(sandbox.attributes("fay@example.com")["referred_by"], "rae");
    assert_eq!(sandbox.event_lines(), ["referral_program_joined fay@example.com"]);
}

#[test]
fn events_and_attributes_are_renamed_and_turned_off() {
    let change = |setup: Setup| {
        setup
            .set("mapping.events.referral_program_joined", "Joined the club")
            .set("mapping.events.referral_friend_signed_up", "")
            .set("mapping.attributes.referral_link", "club_link")
            .set("mapping.attributes.referral_tier", "")
            .set("mapping.attributes.total_shares", "")
    };
    let sandbox = after_with(change, &[joined("fay").referred_by("rae")]);
    assert_eq!(sandbox.event_lines(), ["Joined the club fay@example.com"]);
    assert_eq!(sandbox.event("Joined the club").id(), event_id("joined:ct8f71:fay"));
    let changes = json!({
        "referred_by": "rae@example.com",
        "club_link": "https://shop.example.com?grsf=fay",
        "referral_link": null,
        "referral_tier": null,
        "total_shares": null,
    });
    assert_profile(&sandbox, "fay", profile_with("fay", changes));
    assert_eq!(called(&sandbox, "rae"), ["identify"], "the profile is sent all the same");
}

#[test]
fn participant_metadata_becomes_attributes_that_the_settings_name() {
    let change = |setup: Setup| {
        setup.file("[mapping.metadata]\ncompany = \"companyName\"\nseats = \"seats\"\n")
    };
    let webhook = joined("fay")
        .with("/data/metadata/seats", 12)
        .with("/data/metadata/companySecret", "not asked for");
    let sandbox = after_with(change, &[webhook]);
    let changes = json!({"company": "Example Shop Ltd", "seats": 12});
    assert_profile(&sandbox, "fay", profile_with("fay", changes));
}

#[test]
fn tiers_come_from_the_settings_file() {
    let file = "[[mapping.tiers]]\nname = \"newbie\"\nat_least = 0\n\
                [[mapping.tiers]]\nname = \"hero\"\nat_least = 3\n";
    let change = |setup: Setup| setup.file(file);
    let sandbox = after_with(
        change,
        &[
            joined("fay").with("/data/referralCount", 2),
            joined("rae").with("/data/referralCount", 3),
        ],
    );
    assert_eq!(sandbox.attributes("fay@example.com")["referral_tier"], "newbie");
    assert_eq!(sandbox.attributes("rae@example.com")["referral_tier"], "hero");
}

#[test]
fn the_builtin_tiers_start_at_one_five_and_ten() {
    let tiers = [(0, "new_participant"), (1, "active"), (4, "active"), (5, "power_referrer")];
    let tiers = [&tiers[..], &[(9, "power_referrer"), (10, "champion")]].concat();
    let name = |count: i32| format!("rae{count}");
    let joins =
        tiers.iter().map(|(count, _)| joined(&name(*count)).with("/data/referralCount", *count));
    let sandbox = after(&joins.collect::<Vec<_>>());
    for (count, tier) in tiers {
        let attributes = sandbox.attributes(&format!("{}@example.com", name(count)));
        assert_eq!(attributes["referral_tier"], tier, "{count}");
        assert_eq!(attributes["total_referrals"], count);
    }
}

#[test]
fn only_the_server_reports_conversions_if_the_settings_say_so() {
    let file = "[[growsurf.campaigns]]\nid = \"ct8f71\"\nconversions_from = \"server\"\n";
    let change = |setup: Setup| setup.file(file).set("api.token", "the-token-of-the-shop");
    let sandbox = after_with(change, &[commission_added("comm_1", "ada", "dana")]);
    assert_eq!(sandbox.event_lines(), ["affiliate_commission_earned ada@example.com"]);
}

#[test]
fn both_dialects_about_the_same_friend_lead_to_each_effect_once() {
    let real = || joined("fay").referred_by("rae");
    let created = || guide("PARTICIPANT_CREATED", "fay").referred_by("rae");
    let referred = || guide("PARTICIPANT_REFERRED", "fay").referred_by("rae");
    let expected =
        ["referral_friend_signed_up rae@example.com", "referral_program_joined fay@example.com"];
    for order in [
        [real(), created(), referred()],
        [created(), referred(), real()],
        [referred(), real(), created()],
    ] {
        let sandbox = after(&order);
        assert_eq!(sandbox.event_lines(), expected, "{order:?}");
        assert_eq!(sandbox.events()[0].shown["repeats"], 0);
        assert_eq!(sandbox.people().len(), 2);
    }
}

#[test]
fn the_guides_shape_without_a_campaign_belongs_to_the_only_one() {
    let change = |setup: Setup| setup.file("[[growsurf.campaigns]]\nid = \"ct8f71\"\n");
    let created = guide("PARTICIPANT_CREATED", "fay").without("/participant/campaignId");
    let sandbox = after_with(change, &[created, joined("fay")]);
    let event = sandbox.event("referral_program_joined");
    assert_eq!(event.data()["campaign_id"], CAMPAIGN);
}

#[test]
fn a_conversion_reported_by_two_sources_happens_once() {
    let sandbox = after(&[
        joined("ada"),
        commission_added("comm_1", "ada", "dana"),
        guide("CAMPAIGN_REFERRAL_CONVERTED", "dana").referred_by("ada"),
    ]);
    let event = sandbox.event("referral_converted");
    assert_eq!(event.data()["conversion_value"], 100, "the first one wins");
    assert_eq!(sandbox.attributes("ada@example.com")["total_conversions"], 1);
}

#[test]
fn an_older_snapshot_never_overwrites_a_newer_one() {
    let now = now_seconds() * 1_000;
    let newer = joined("fay").at(now).with("/data/referralCount", 7);
    let older = suspected("fay").at(now - 60_000).with("/data/participant/referralCount", 4);
    let sandbox = after(&[newer, older]);
    assert_eq!(sandbox.attributes("fay@example.com")["total_referrals"], 7);
    assert_eq!(sandbox.attributes("fay@example.com")["fraud_risk_level"], "LOW");
    assert!(sandbox.activity("dropped_older_update").is_empty());
}

#[test]
fn campaigns_are_kept_apart_and_their_people_are_one_person() {
    let autumn = joined("fay")
        .with("/data/id", "fay2")
        .with("/data/campaign/id", "autumn")
        .with("/data/campaign/name", "Autumn Program");
    let sandbox = after(&[joined("fay"), autumn]);
    let events = sandbox.events_named("referral_program_joined");
    let ids: Vec<&str> = events.iter().map(Event::id).collect();
    assert_eq!(ids, [event_id("joined:ct8f71:fay"), event_id("joined:autumn:fay2")]);
    assert_eq!(sandbox.people().len(), 1);
}

#[test]
fn an_unchanged_person_leads_to_no_call() {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let webhook = suspected("fay");
    relay.accept(&webhook);
    relay.accept(&webhook.clone().at(webhook.seconds() * 1_000 + 1_000));
    relay.drained();
    assert_eq!(sandbox.calls().len(), 1);
}

#[test]
fn a_friend_whose_referrer_cannot_be_named_was_referred_all_the_same() {
    let (address, long) = ("ra\u{200f}e@example.com", "b".repeat(201));
    let created = || guide("PARTICIPANT_CREATED", "fay");
    let added = || joined("fay").without("/data/referralSource");
    let is_sent = |reported: &Sandbox| {
        let event = reported.event("referral_program_joined");
        (event.data()["source"].clone(), event.data().get("referred_by").cloned())
    };
    for webhook in [
        created().with("/participant/referredBy", address),
        created().with("/referrer", json!({"email": address})),
        created().with("/referrer", json!({"id": long, "email": address})),
        created().with("/referrer", json!({"firstName": "Rae"})),
        added().with("/data/referredBy", address),
        added().with("/data/referredBy", long.as_str()),
    ] {
        let sandbox = Sandbox::start();
        let relay = Relay::start(&sandbox);
        assert_eq!(relay.send(&webhook).status, 200);
        relay.drained();
        assert_eq!(is_sent(&sandbox), (json!("referral"), None), "{webhook:?}");
    }
    // One who was erased is a referrer still.
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    relay.accept(&joined("rae"));
    relay.command(&["erase", "rae@example.com"]).expect(0);
    relay.accept(&added().with("/data/referredBy", "rae"));
    relay.drained();
    let event = sandbox.events_named("referral_program_joined").pop().unwrap();
    assert_eq!(event.person(), "fay@example.com");
    assert_eq!(
        (&event.data()["source"], event.data().get("referred_by")),
        (&json!("referral"), None)
    );
    // An empty place names nobody.
    for nobody in [json!({}), json!({"id": null, "email": null})] {
        let webhook = created().with("/referrer", nobody);
        let sandbox = Sandbox::start();
        let relay = Relay::start(&sandbox);
        assert_eq!(relay.send(&webhook).status, 200);
        relay.drained();
        assert_eq!(is_sent(&sandbox), (json!("organic"), None), "{webhook:?}");
    }
}
