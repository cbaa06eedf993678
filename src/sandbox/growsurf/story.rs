//! The made-up program of a campaign, as a list of changes that the same options always give.
//!
//! Joins are spread evenly. A third of the participants is referred, half of them by the first
//! three participants, so that a large program has members of every tier.

use fastrand::Rng;
use serde_json::{Map, json};

use super::campaign::mix;
use super::change::{Change, Join, Whose};
use super::program::{Kind, Program};
use super::reward::LAUNCH;

const FIRST_NAMES: [&str; 12] = [
    "Ada", "Bruno", "Chloe", "Dmitri", "Esther", "Farid", "Grace", "Hana", "Ivan", "Jonas", "Kemi",
    "Liam",
];
const LAST_NAMES: [&str; 12] = [
    "Abbott", "Berg", "Costa", "Diaz", "Evans", "Fischer", "Garcia", "Hansen", "Ito", "Jensen",
    "Khan", "Lopez",
];
const CHANNELS: [&str; 8] =
    ["email", "facebook", "twitter", "linkedin", "whatsapp", "sms", "qrcode", "copyRefLink"];

/// What is made up so far.
struct Story {
    random: Rng,
    /// Distinguishes the people of other campaigns than the first.
    suffix: &'static str,
    emails: Vec<String>,
    changes: Vec<(i64, Change)>,
}

/// Returns the changes of the campaign at `slot`, oldest first.
pub(super) fn story(program: &Program, slot: usize) -> Vec<(i64, Change)> {
    let mut story = Story {
        random: Rng::with_seed(mix(program.seed, slot as u64)),
        suffix: ["", "b", "c", "d", "e", "f", "g", "h"][slot],
        emails: Vec::new(),
        changes: Vec::new(),
    };
    let is_affiliate = program.campaigns[slot].kind == Kind::Affiliate;
    let span = program.ended_at - program.started_at;
    for index in 0..program.participants {
        let at = program.started_at + part(span, index, program.participants.max(2) - 1);
        story.member(index, at, program.ended_at, is_affiliate);
    }
    if !is_affiliate {
        let off = json!({"id": LAUNCH, "isVisible": false});
        let off = off.as_object().expect("it is an object, above").clone();
        story.changes.push((program.started_at + span / 4, Change::Configure(off)));
    }
    // The milestones of others keep waiting for approval.
    for email in story.emails.iter().take(if is_affiliate { 3 } else { 1 }) {
        let whose = || Whose { participant: email.clone() };
        story.changes.push((program.ended_at - span / 20, Change::Approve(whose())));
        if is_affiliate {
            story.changes.push((program.ended_at - span / 40, Change::Pay(whose())));
        }
    }
    story.changes.sort_by_key(|(at, _)| *at);
    story.changes
}

impl Story {
    /// Makes up a participant and everything that is about this one only.
    fn member(&mut self, index: usize, at: i64, ended_at: i64, is_affiliate: bool) {
        let (first, last) = (self.random.usize(..12), self.random.usize(..12));
        let (first, last) = (FIRST_NAMES[first], LAST_NAMES[last]);
        let email = format!("{first}.{last}.{index}{}@example.com", self.suffix);
        let email = email.to_ascii_lowercase();
        let is_referred = index > 0 && index.is_multiple_of(3);
        let referrer = is_referred.then(|| self.referrer(index, is_affiliate));
        let referred_by = referrer.map(|referrer| self.emails[referrer].clone());
        let mut metadata = Map::new();
        if index.is_multiple_of(4) {
            metadata.insert("shopUserId".to_owned(), json!(format!("u-{index}")));
        }
        self.changes.push((
            at,
            Change::Join(Join {
                email: email.clone(),
                first_name: (index % 13 != 5).then(|| first.to_owned()),
                last_name: (index % 11 != 5).then(|| last.to_owned()),
                notes: (index % 20 == 1).then(|| "internal note".to_owned()),
                referred_by: referred_by.clone(),
                is_affiliate: None,
                metadata,
            }),
        ));

        // What happens to them later, happens in what is left of the program.
        let mut later = |eighths: i64, change| {
            self.changes.push((at + (ended_at - at) * eighths / 8, change));
        };
        let whose = || Whose { participant: email.clone() };
        if referred_by.is_some() {
            let friend = email.clone();
            match self.random.u8(..20) {
                0..12 => later(1, Change::Convert { friend, delay_in_days: 0 }),
                12..15 => later(2, Change::Expire { friend }),
                _ => {}
            }
        }
        for channel in CHANNELS.iter().filter(|_| self.random.u8(..5) == 0) {
            let (participant, channel) = (email.clone(), (*channel).to_owned());
            later(1, Change::Share { participant, channel, times: 2 });
        }
        if index % 25 == 4 {
            later(3, Change::Unsubscribe(whose()));
        }
        if index % 99 == 7 {
            later(0, Change::Invite(whose()));
        }
        let fraud = match index % 150 {
            11 => Some(("MEDIUM", "SIMILAR_EMAIL")),
            27 => Some(("HIGH", "REFERRAL_VELOCITY_FRAUD")),
            _ => None,
        };
        if let Some((level, reason)) = fraud {
            let (level, reason) = (level.to_owned(), reason.to_owned());
            later(4, Change::Fraud { participant: email.clone(), level, reason });
        }
        self.emails.push(email);
    }

    /// Picks who has referred a participant: one of those who joined before.
    fn referrer(&mut self, index: usize, is_affiliate: bool) -> usize {
        let referrer = match self.random.u8(..100) {
            0..28 => 0,
            28..42 => 1,
            42..50 => 2,
            _ => self.random.usize(..index),
        };
        // The referred ones are customers in an affiliate program, and refer nobody.
        let is_customer = is_affiliate && referrer > 0 && referrer.is_multiple_of(3);
        if is_customer { 0 } else { referrer.min(index - 1) }
    }
}

/// Returns this part of a span.
fn part(span: i64, number: usize, of: usize) -> i64 {
    let passed = i128::from(span) * number as i128 / of as i128;
    i64::try_from(passed).expect("it is within the span")
}
