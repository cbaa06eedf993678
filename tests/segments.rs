//! The purpose of the relay: the segments and campaigns of GrowSurf's guide, read off what arrived.
//!
//! A program of a few people is played through webhooks; then each segment's conditions, as
//! Customer.io words them, are asked of what the sandbox holds.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::kit::now_seconds;
use crate::kit::relay::Relay;
use crate::kit::sandbox::{Event, Sandbox};
use crate::kit::webhooks::{Webhook, commission_added, email, goal_reached, joined};

const DAY: i64 = 24 * 3_600;

/// Everybody and everything, as a marketer's conditions see it.
struct Workspace {
    people: Vec<Value>,
    events: Vec<Event>,
    now: i64,
}

impl Workspace {
    fn of(sandbox: &Sandbox) -> Self {
        Self { people: sandbox.people(), events: sandbox.events(), now: now_seconds() }
    }

    /// Returns the people that the conditions fit.
    fn segment(&self, fits: impl Fn(&Person<'_>) -> bool) -> BTreeSet<String> {
        let people = self.people.iter().map(|shown| Person { shown, workspace: self });
        let fitting = people.filter(|person| fits(person));
        fitting.map(|person| person.email().to_owned()).collect()
    }
}

struct Person<'a> {
    shown: &'a Value,
    workspace: &'a Workspace,
}

impl Person<'_> {
    fn email(&self) -> &str {
        self.shown["email"].as_str().unwrap()
    }

    fn attribute(&self, name: &str) -> &Value {
        &self.shown["attributes"][name]
    }

    fn performed(&self, name: &str) -> impl Iterator<Item = &Event> {
        let events = self.workspace.events.iter();
        let own = events.filter(|event| event.shown["cio_id"] == self.shown["cio_id"]);
        own.filter(move |event| event.name() == name)
    }

    fn has_performed(&self, name: &str) -> bool {
        self.performed(name).next().is_some()
    }

    fn has_performed_within(&self, name: &str, days: i64) -> bool {
        let since = self.workspace.now - days * DAY;
        self.performed(name).any(|event| event.timestamp() > since)
    }
}

fn days_ago(webhook: Webhook, days: i64) -> Webhook {
    let at = (now_seconds() - days * DAY) * 1_000;
    webhook.at(at)
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| email(name)).collect()
}

/// Plays three referrers: Rae refers often, Sam once and long ago, Tom never.
fn play() -> Sandbox {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    let mut webhooks =
        vec![days_ago(joined("rae"), 60), days_ago(joined("sam"), 50), days_ago(joined("tom"), 40)];
    webhooks.push(days_ago(joined("zed").referred_by_with("sam", 1), 20));
    for number in 1..=5 {
        let friend = joined(&format!("f{number}")).referred_by_with("rae", number);
        webhooks.push(days_ago(friend, 15 - 3 * i64::try_from(number).unwrap()));
    }
    webhooks.push(days_ago(joined("uma"), 1));
    for webhook in [goal_reached("rae", "prew_1"), commission_added("comm_1", "rae", "f1")] {
        webhooks.push(webhook.with("/data/participant/referralCount", 5));
    }
    for webhook in webhooks {
        relay.accept(&webhook);
    }
    relay.drained();
    assert_eq!(relay.dead_letters(), 0);
    // The relay doesn't send these: the shop's purchases, and shares that a page reported.
    sandbox.track_by_others("f1@example.com", "purchase", now_seconds());
    sandbox.track_by_others("f2@example.com", "purchase", now_seconds());
    sandbox.track_by_others("tom@example.com", "referral_shared", now_seconds() - 3 * DAY);
    sandbox.track_by_others("sam@example.com", "referral_shared", now_seconds() - 45 * DAY);
    sandbox
}

#[test]
fn the_segments_of_the_guide_find_the_right_people() {
    let sandbox = play();
    let workspace = Workspace::of(&sandbox);

    let recent_referrers =
        workspace.segment(|person| person.has_performed_within("referral_friend_signed_up", 7));
    assert_eq!(recent_referrers, names(&["rae"]), "Recent Referrers");

    let inactive = workspace.segment(|person| {
        let has_joined = person.has_performed("referral_program_joined");
        let recently = person.has_performed_within("referral_program_joined", 30);
        has_joined && !recently && !person.has_performed_within("referral_shared", 30)
    });
    assert_eq!(inactive, names(&["rae", "sam"]), "Inactive Participants");

    let high_value = workspace
        .segment(|person| person.attribute("total_referrals").as_i64().is_some_and(|it| it >= 5));
    assert_eq!(high_value, names(&["rae"]), "High-Value Referrers");

    let unconverted = workspace.segment(|person| {
        let has_joined = person.has_performed("referral_program_joined");
        let is_referred = !person.attribute("referred_by").is_null();
        has_joined && is_referred && !person.has_performed("purchase")
    });
    assert_eq!(unconverted, names(&["f3", "f4", "f5", "zed"]), "Unconverted Referrals");
}

#[test]
fn the_tiers_split_the_participants() {
    let sandbox = play();
    let workspace = Workspace::of(&sandbox);
    let tier = |name: &str| workspace.segment(|person| person.attribute("referral_tier") == name);
    assert_eq!(tier("power_referrer"), names(&["rae"]));
    assert_eq!(tier("active"), names(&["sam"]));
    let new = ["f1", "f2", "f3", "f4", "f5", "tom", "uma", "zed"];
    assert_eq!(tier("new_participant"), names(&new));
}

/// Returns the people for whom an event-triggered campaign starts: the event comes, is young enough
/// to trigger anything, and the attributes as they are at that moment and its properties fit.
fn triggered(name: &str, fits: impl Fn(&Value, &Value) -> bool) -> Vec<String> {
    let sandbox = Sandbox::start();
    let relay = Relay::start(&sandbox);
    for webhook in [
        joined("rae"),
        // They count for GrowSurf once they have done what the program asks for.
        joined("fay").referred_by_with("rae", 0).with("/data/referrer/leadCount", 1),
        joined("gus").referred_by_with("rae", 0).with("/data/referrer/leadCount", 2),
        joined("zed").referred_by_with("old", 9),
        goal_reached("rae", "prew_1"),
        days_ago(joined("long_ago"), 30),
    ] {
        relay.accept(&webhook);
    }
    relay.drained();
    let mut profiles = std::collections::BTreeMap::new();
    let mut started = Vec::new();
    for call in sandbox.calls() {
        if call.is_identify() {
            profiles.insert(call.person().to_owned(), call.data.clone());
        } else if call.name == name
            && call.timestamp > now_seconds() - 72 * 3_600
            && fits(&profiles[call.person()], &call.data)
        {
            started.push(call.person().to_owned());
        }
    }
    started.sort();
    started
}

#[test]
fn the_welcome_campaign_starts_for_everybody_who_just_joined() {
    let started = triggered("referral_program_joined", |_, _| true);
    assert_eq!(started, ["fay", "gus", "rae", "zed"].map(email));
}

#[test]
fn the_first_referral_campaign_starts_once_with_the_first_friend() {
    let is_first = |_: &Value, event: &Value| event["friend_number"] == 1;
    assert_eq!(triggered("referral_friend_signed_up", is_first), [email("rae")]);
}

#[test]
fn the_reward_campaign_starts_for_who_earned_one() {
    assert_eq!(triggered("referral_reward_claimed", |_, _| true), [email("rae")]);
}
