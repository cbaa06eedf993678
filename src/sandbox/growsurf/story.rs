//! The made-up program of a campaign, as a list of changes that is always the same.
//!
//! Joins are spread evenly. A third of the participants is referred, half of them by the first
//! three participants, so that a large program has members of every tier.

use fastrand::Rng;
use serde_json::{Value, json};

use super::program::{Kind, Program};
use super::reward::LAUNCH;

const FIRST_NAMES: [&str; 7] = ["Ada", "Bruno", "Chloe", "Dmitri", "Esther", "Farid", "Grace"];
const LAST_NAMES: [&str; 7] = ["Abbott", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia"];
const CHANNELS: [&str; 8] =
    ["email", "facebook", "twitter", "linkedin", "whatsapp", "sms", "qrcode", "copyRefLink"];

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
        for channel in CHANNELS.iter().filter(|_| random.u8(..5) == 0) {
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

/// Picks a referrer among those who joined before.
fn referrer(random: &mut Rng, index: usize, is_affiliate: bool) -> usize {
    let referrer = match random.u8(..100) {
        0..28 => 0,
        28..42 => 1,
        42..50 => 2,
        _ => random.usize(..index),
    };
    // The referred ones are customers in an affiliate program, and refer nobody.
    let is_customer = is_affiliate && referrer > 0 && referrer.is_multiple_of(3);
    if is_customer { 0 } else { referrer.min(index - 1) }
}
