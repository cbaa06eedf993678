//! The made-up program of a campaign, as a list of changes that is always the same.
//!
//! Joins are spread evenly. A third of the participants is referred, half of them by the first
//! three participants, so that a large program has members of every tier.

use fastrand::Rng;
use serde_json::{Value, json};

use super::reward::LAUNCH;
use super::world::{Kind, MAX_CAMPAIGNS, Program};

const FIRST_NAMES: [&str; 7] = ["Ada", "Bruno", "Chloe", "Dmitri", "Esther", "Farid", "Grace"];
const LAST_NAMES: [&str; 7] = ["Abbott", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia"];
const CHANNELS: [&str; 8] =
    ["email", "facebook", "twitter", "linkedin", "whatsapp", "sms", "qrcode", "copyRefLink"];

/// Returns the changes of the campaign at `slot`, oldest first.
pub(super) fn story(program: &Program, slot: usize) -> Vec<(i64, Value)> {
    let mut random = Rng::with_seed(slot as u64);
    let is_affiliate = program.campaigns[slot].kind == Kind::Affiliate;
    let (start, end) = (program.started_at, program.ended_at);
    let mut changes = Vec::new();
    let mut emails: Vec<String> = Vec::new();
    for index in 0..program.participants {
        let at = start + part(end - start, index, program.participants.max(2) - 1);
        let (first, last) = (FIRST_NAMES[random.usize(..7)], LAST_NAMES[random.usize(..7)]);
        let number = index * MAX_CAMPAIGNS + slot;
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
        let whose = json!({"participant": email});
        if index % 25 == 4 {
            later(3, "unsubscribe", whose.clone());
        }
        if index % 99 == 7 {
            later(0, "invite", whose);
        }
        let fraud = match index % 150 {
            11 => Some(("MEDIUM", "SIMILAR_EMAIL")),
            27 => Some(("HIGH", "REFERRAL_VELOCITY_FRAUD")),
            _ => None,
        };
        if let Some((level, reason)) = fraud {
            let fields = json!({"participant": email, "level": level, "reason": reason});
            later(4, "fraud", fields);
        }
        emails.push(email);
    }
    if !is_affiliate {
        let off = json!({"configure": {"id": LAUNCH, "isVisible": false}});
        changes.push((start + (end - start) / 4, off));
    }
    // The milestones and commissions of others keep waiting for approval.
    for email in emails.iter().take(if is_affiliate { 3 } else { 1 }) {
        let whose = json!({"participant": email});
        changes.push((end - (end - start) / 20, json!({"approve": whose})));
        changes.push((end - (end - start) / 40, json!({"pay": whose})));
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

/// Returns this part of a span.
fn part(span: i64, number: usize, of: usize) -> i64 {
    let passed = i128::from(span) * number as i128 / of as i128;
    i64::try_from(passed).expect("it is within the span")
}
