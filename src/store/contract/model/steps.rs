//! Steps of the walk, at random.

use std::cmp::Ordering;
use std::time::Duration;

use proptest::prelude::{Just, Strategy, prop_oneof};

use crate::domain::{Class, Leased};
use crate::store::contract::script::{at, attempt};
use crate::store::{Settle, Settlement, Verdict};

/// A webhook about one person.
#[derive(Clone, Copy, Debug)]
pub(super) struct Report {
    pub(super) person: u8,
    pub(super) effect: u8,
    pub(super) manner: u8,
    pub(super) class: Class,
    pub(super) old: bool,
    pub(super) again: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Accept(Vec<Report>),
    Claim {
        calls: usize,
        page: usize,
        in_turn: usize,
        old: bool,
        lane: Option<usize>,
    },
    Settle {
        lease: usize,
        delivered: usize,
        verdict: u8,
    },
    Wait {
        seconds: i64,
    },
    SetBack {
        seconds: i64,
    },
    Raise {
        person: u8,
        class: Class,
    },
    TakeOver,
    Restart,
    Redeliver {
        one: bool,
    },
    Discard {
        one: bool,
    },
    Prune {
        parked: bool,
        limit: usize,
    },
    Replay {
        is_dry_run: bool,
    },
    /// To another store, by a copy.
    Move,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let any = proptest::bool::ANY;
    let lane = proptest::option::weighted(0.1, 0..3_usize);
    prop_oneof![
        6 => proptest::collection::vec(report(), 1..4).prop_map(Step::Accept),
        8 => (0..6_usize, 0..4_usize, 1..=4_usize, any, lane).prop_map(
            |(calls, page, in_turn, old, lane)| Step::Claim { calls, page, in_turn, old, lane }
        ),
        8 => (0..4_usize, 0..4_usize, 0..7_u8)
            .prop_map(|(lease, delivered, verdict)| Step::Settle { lease, delivered, verdict }),
        3 => (0..90_i64).prop_map(|seconds| Step::Wait { seconds }),
        1 => (1..50_i64).prop_map(|seconds| Step::SetBack { seconds }),
        1 => (0..3_u8, class()).prop_map(|(person, class)| Step::Raise { person, class }),
        1 => Just(Step::TakeOver),
        1 => Just(Step::Restart),
        1 => any.prop_map(|one| Step::Redeliver { one }),
        1 => any.prop_map(|one| Step::Discard { one }),
        1 => (any, 0..4_usize).prop_map(|(parked, limit)| Step::Prune { parked, limit }),
        1 => any.prop_map(|is_dry_run| Step::Replay { is_dry_run }),
    ]
}

fn report() -> impl Strategy<Value = Report> {
    let rare = proptest::bool::weighted(0.1);
    (0..3_u8, 0..20_u8, 0..9_u8, class(), proptest::bool::ANY, rare).prop_map(
        |(person, effect, manner, class, old, again)| Report {
            person,
            effect,
            manner,
            class,
            old,
            again,
        },
    )
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![3 => Just(Class::Live), 1 => Just(Class::History), 2 => Just(Class::Page)]
}

/// Returns the verdict for one delivery. Those to be sent before it in turn were delivered, and
/// those behind it only if it is; the others of a run are delivered, and those that it makes
/// superfluous if it is.
pub(super) fn verdicts(leased: &Leased, delivered: usize, verdict: u8, second: i64) -> Settlement {
    let verdict = match verdict {
        0 => Verdict::NotAttempted,
        1 => Verdict::Retry { at: at(second + 30), failing_since: Duration::from_secs(7) },
        2 => Verdict::Dead { reason: "no".to_owned(), field: None },
        3 => Verdict::Defer { at: at(second + 1) },
        _ => Verdict::Delivered,
    };
    let place = if leased.in_turn { delivered.min(leased.deliveries.len() - 1) } else { 0 };
    let of = |number: usize| match number.cmp(&place) {
        Ordering::Equal => verdict.clone(),
        Ordering::Greater if leased.in_turn && verdict != Verdict::Delivered => {
            Verdict::NotAttempted
        }
        Ordering::Less | Ordering::Greater => Verdict::Delivered,
    };
    let superseded = if verdict == Verdict::Delivered { &leased.superseded[..] } else { &[] };
    let given = leased.deliveries.iter().enumerate();
    let given = given.map(|(number, delivery)| (delivery.id, of(number)));
    let given = given.chain(superseded.iter().map(|id| (*id, Verdict::Delivered)));
    let settle = |(delivery, verdict)| {
        let was_tried = !matches!(verdict, Verdict::NotAttempted | Verdict::Defer { .. });
        let attempt = was_tried.then(|| attempt(at(second), "no"));
        Settle { delivery, verdict, attempt }
    };
    let results = given.map(settle).collect();
    Settlement { lane: leased.lane, token: leased.token, results }
}
