//! The made-up program of a campaign, as a list of changes that is always the same.
//!
//! Joins are spread evenly. A third of the participants is referred, half of them by the first
//! three participants, so that a large program has members of every tier. Most participants share, by e-mail, on
//! social networks, by links and messages, or by several; those who share by e-mail refer most of the other half.

use fastrand::Rng;
use serde_json::{Value, json};

use super::program::{Kind, Program};
use super::reward::LAUNCH;

const FIRST_NAMES: [&str; 7] = ["Ada", "Bruno", "Chloe", "Dmitri", "Esther", "Farid", "Grace"];
const LAST_NAMES: [&str; 7] = ["Abbott", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia"];
const SOCIAL: [&str; 3] = ["facebook", "twitter", "linkedin"];
const DIRECT: [&str; 4] = ["whatsapp", "sms", "qrcode", "copyRefLink"];

/// Returns the changes of the campaign at `slot`, oldest first.
pub(super) fn story(program: &Program, slot: usize) -> Vec<(i64, Value)> {
    let mut random = Rng::with_seed(slot as u64);
    let is_affiliate = program.campaigns[slot].kind == Kind::Affiliate;
    let (start, end) = (program.started_at, program.ended_at);
    let steps = i64::try_from(program.participants.max(2) - 1).unwrap_or(i64::MAX);
    let mut changes = Vec::new();
    let mut emails: Vec<String> = Vec::new();
    for (index, step) in (0..program.participants).zip(0..) {
        let at = start + (end - start) * step / steps;
        let (first, last) = (FIRST_NAMES[random.usize(..7)], LAST_NAMES[random.usize(..7)]);
        let number = index * program.campaigns.len() + slot;
        let email = format!("{first}.{last}.{number}@example.com").to_ascii_lowercase();
        let is_referred = index > 0 && index.is_multiple_of(3);
        let referrer = is_referred.then(|| &emails[referrer(&mut random, index, is_affiliate)]);
        let user = index.is_multiple_of(4).then(|| format!("u-{index}"));
        let join = json!({
            "email": email, "referredBy": referrer, "metadata": {"shopUserId": user},
            "firstName": (index % 13 != 5).then_some(first),
            "lastName": (index % 11 != 5).then_some(last),
            "notes": if index % 20 == 1 { "internal note" } else { "" },
        });
        changes.push((at, json!({"join": join})));

        // What happens to them later, happens in what is left of the program.
        let mut later = |eighths: i64, kind: &str, fields: Value| {
            changes.push((at + (end - at) * eighths / 8, json!({kind: fields})));
        };
        if is_referred {
            match random.u8(..20) {
                0..12 => later(1, "convert", json!({"friend": email})),
                12..15 => later(2, "expire", json!({"friend": email})),
                _ => {}
            }
        }
        for channel in channels(&mut random, index) {
            later(1, "share", json!({"participant": email, "channel": channel, "times": 2}));
        }
        if index % 25 == 4 {
            let fields = json!({"unsubscribed": true});
            later(3, "update", json!({"participant": email, "fields": fields}));
        }
        if index % 99 == 7 {
            later(0, "invite", json!({"participant": email}));
        }
        emails.push(email);
    }
    if !is_affiliate {
        let off = json!({"list": "rewards", "id": LAUNCH, "fields": {"isVisible": false}});
        changes.push((start + (end - start) / 4, json!({"configure": off})));
    }
    // The milestones and commissions of others keep waiting for approval.
    for email in emails.iter().take(if is_affiliate { 3 } else { 1 }) {
        let approved_at = end - (end - start) / 20;
        changes.push((approved_at, json!({"approve": {"participant": email}})));
    }
    changes.sort_by_key(|(at, _)| *at);
    changes
}

/// Returns the channels that a participant shares on, if they share at all.
fn channels(random: &mut Rng, index: usize) -> Vec<&'static str> {
    let (social, direct) = (SOCIAL[random.usize(..3)], DIRECT[random.usize(..4)]);
    if random.u8(..4) == 0 {
        return Vec::new();
    }
    match index % 4 {
        EMAIL => vec!["email"],
        1 => vec![social],
        2 => vec![direct],
        _ => vec!["email", social, direct],
    }
}

/// The remainder by four of the numbers of participants who share by e-mail only.
const EMAIL: usize = 0;

/// Picks a referrer among those who joined before.
fn referrer(random: &mut Rng, index: usize, is_affiliate: bool) -> usize {
    let referrer = match random.u8(..100) {
        0..28 => 0,
        28..40 => 1,
        40..50 => 2,
        chance => match random.usize(..index) {
            other if chance < 90 => other - other % 4 + EMAIL,
            other => other,
        },
    };
    // The referred ones are customers in an affiliate program, and refer nobody.
    let is_customer = is_affiliate && referrer > 0 && referrer.is_multiple_of(3);
    if is_customer { 0 } else { referrer.min(index - 1) }
}
