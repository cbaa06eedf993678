//! Promises about dead letters.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{Call, DeliveryId, Scalar, TRIGGERS_FOR};
use crate::store::{ClaimRequest, DeadLetters, RedeliveryNote, Settle, Settlement, Store, Verdict};

use super::Bench;
use super::script::{
    NEVER, Saying, arrival, at, attempt, bury, claim, did, drain, lease, notification, settle,
    take, word, words,
};

pub(crate) async fn dead_letters_are_listed_newest_first_in_pages(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    take(&store, "ann", "b", at(0)).await;
    let mut buried = Vec::new();
    for second in 1..4 {
        buried.push(bury(&store, at(second)).await.deliveries[0].id);
    }
    let first = store.dead_letters(None, 2).await.unwrap();
    assert_eq!(
        first.iter().map(|letter| letter.delivery.id).collect::<Vec<_>>(),
        [buried[2], buried[1]]
    );
    let second = store.dead_letters(Some(buried[1]), 2).await.unwrap();
    assert_eq!(second.len(), 1);
    let letter = &second[0];
    assert_eq!((letter.delivery.id, letter.died_at), (buried[0], at(1)));
    assert_eq!((letter.reason.as_str(), letter.field.as_deref()), ("no", Some("name")));
    assert_eq!(letter.key.value(), "ann@example.com");
}

pub(crate) async fn dead_letters_are_grouped_by_what_they_died_of(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.letter_groups(10).await.unwrap(), []);
    take(&store, "ann", "a", at(0)).await;
    take(&store, "ann", "b", at(0)).await;
    for second in 1..4 {
        bury(&store, at(second)).await;
    }
    let mut groups = store.letter_groups(10).await.unwrap();
    groups.sort_by_key(|group| group.newest);
    let letters = store.dead_letters(None, 10).await.unwrap();
    let kinds: Vec<(&str, usize)> =
        groups.iter().map(|group| (group.kind.as_str(), group.letters)).collect();
    let mut expected: Vec<(&str, usize)> = Vec::new();
    for letter in letters.iter().rev() {
        let kind = letter.delivery.call.kind();
        match expected.iter_mut().find(|(it, _)| *it == kind) {
            Some((_, count)) => *count += 1,
            None => expected.push((kind, 1)),
        }
    }
    expected.sort_unstable();
    let mut sorted = kinds.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    for group in &groups {
        assert_eq!((&*group.reason, group.field.as_deref()), ("no", Some("name")));
        assert!(group.first_at <= group.last_at && group.first_at >= at(1));
    }
    let newest = store.letter_groups(1).await.unwrap();
    assert_eq!((newest.len(), newest[0].newest), (1, letters[0].delivery.id));
}

pub(crate) async fn the_next_deadline_counts_from_the_events_own_time(bench: &impl Bench) {
    let store = bench.open().await;
    assert_eq!(store.deadline(at(0)).await.unwrap(), None);
    take(&store, "ann", "a", at(5)).await;
    take(&store, "bob", "b", at(3)).await;
    let next = at(3).plus(TRIGGERS_FOR);
    assert_eq!(store.deadline(at(6)).await.unwrap(), Some(next));
    let latest = at(5).plus(TRIGGERS_FOR);
    assert_eq!(store.deadline(next).await.unwrap(), Some(latest));
    assert_eq!(store.deadline(latest).await.unwrap(), Some(latest), "all are too late");
}

pub(crate) async fn a_dead_letter_shows_its_attempts(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let verdicts = [
        Verdict::Retry { at: at(0), failing_since: Duration::ZERO },
        Verdict::NotAttempted,
        Verdict::Dead { reason: "no".to_owned(), field: None },
    ];
    let mut id = DeliveryId(0);
    for (second, verdict) in (1..).zip(verdicts) {
        let leased = lease(&store, at(second)).await;
        id = leased.deliveries[0].id;
        let attempt = Some(attempt(at(second), &format!("reason {second}")));
        let results = vec![Settle { delivery: id, verdict, attempt }];
        let settlement = Settlement { lane: leased.lane, token: leased.token, results };
        store.settle(vec![settlement], NEVER, at(second)).await.unwrap();
    }
    let (letter, attempts) = store.dead_letter(id).await.unwrap().unwrap();
    assert_eq!((word(&letter.delivery).as_str(), letter.delivery.attempts), ("identify", 2));
    let reported: Vec<_> = attempts.iter().map(|past| (past.at, past.reason.as_str())).collect();
    assert_eq!(reported, [(at(1), "reason 1"), (at(2), "reason 2"), (at(3), "reason 3")]);
    assert_eq!(attempts[0].took, Duration::from_millis(12));
    assert_eq!((attempts[0].http_status, attempts[0].outcome.as_str()), (Some(503), "retry"));
    assert_eq!(store.dead_letter(DeliveryId(id.0 + 1)).await.unwrap(), None, "it is pending");
}

pub(crate) async fn redelivered_letters_go_to_the_end_of_their_lane_as_if_never_tried(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let leased = lease(&store, at(0)).await;
    let later = Verdict::Retry { at: at(1), failing_since: Duration::ZERO };
    settle(&store, &leased, &later, at(1)).await;
    let dead = bury(&store, at(1)).await.deliveries.remove(0);
    assert_eq!(dead.attempts, 1);
    let these = DeadLetters::These(vec![dead.id, dead.id, DeliveryId(dead.id.0 + 1)]);
    assert_eq!(store.redeliver(these.clone(), at(2)).await.unwrap(), 1);
    assert_eq!(store.redeliver(these, at(2)).await.unwrap(), 0);
    assert_eq!(store.dead_letter(dead.id).await.unwrap(), None);
    let track = lease(&store, at(2)).await;
    assert_eq!(words(&track), ["a"]);
    settle(&store, &track, &Verdict::Delivered, at(2)).await;
    let back = lease(&store, at(2)).await.deliveries.remove(0);
    assert_eq!((back.attempts, back.failing_since), (0, None));
    assert_eq!(back.call, dead.call);
}

pub(crate) async fn a_redelivered_identify_carries_the_present_profile(bench: &impl Bench) {
    let store = bench.open().await;
    let reported = |effect: &str, name: &str| did("ann", effect).fact("first_name", name);
    store.accept(arrival("a", at(0), reported("a", "Ann")), at(0)).await.unwrap();
    bury(&store, at(0)).await;
    drain(&store, at(0)).await;
    store.accept(arrival("b", at(1), reported("b", "Anna")), at(1)).await.unwrap();
    drain(&store, at(1)).await;
    // Put back, buried once more alone in its row, and put back again.
    for second in [2, 4] {
        assert_eq!(store.redeliver(DeadLetters::All, at(second)).await.unwrap(), 1);
        let identify = bury(&store, at(second)).await.deliveries.remove(0);
        let Call::Identify { attributes } = &identify.call else { panic!("{identify:?}") };
        assert_eq!(attributes["first_name"], Scalar::from("Anna"));
        assert_eq!(store.stats().await.unwrap(), bench.count().await);
    }
    assert_eq!(store.dead_letters(None, 9).await.unwrap().len(), 1);
}

pub(crate) async fn discarded_letters_are_gone_and_their_effects_stay(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    bury(&store, at(1)).await;
    let track = bury(&store, at(1)).await.deliveries.remove(0);
    assert_eq!(store.discard(DeadLetters::These(vec![track.id])).await.unwrap(), 1);
    assert_eq!(store.discard(DeadLetters::All).await.unwrap(), 1);
    assert!(store.dead_letters(None, 9).await.unwrap().is_empty());
    assert_eq!(store.stats().await.unwrap(), bench.count().await);
    let again = store.accept(arrival("again", at(2), did("ann", "a")), at(2)).await.unwrap();
    assert_eq!(again.calls, 0);
}

/// Turns `tracks` tracks of one person, and their identifies, into dead letters. Returns their
/// number.
async fn bury_many(store: &Store, tracks: usize) -> usize {
    let mut reported = notification().participant("ann@example.com", "ann");
    for number in 0..tracks {
        reported = reported.effect(&format!("{number:04}"), Some(at(0)));
    }
    store.accept(arrival("many", at(1_000), reported), at(1_000)).await.unwrap();
    let mut dead = 0;
    loop {
        match bury_run(store).await {
            0 => return dead,
            buried => dead += buried,
        }
    }
}

/// Turns a run of old tracks, or an identify, into dead letters; returns how many.
async fn bury_run(store: &Store) -> usize {
    let old = ClaimRequest { old_before: at(500), calls: 5_000, ..claim(at(1_000)) };
    let Some(leased) = store.claim(old).await.unwrap().pop() else { return 0 };
    let no = Verdict::Dead { reason: "no".to_owned(), field: None };
    settle(store, &leased, &no, at(1_000)).await;
    leased.deliveries.len()
}

pub(crate) async fn more_dead_letters_than_one_piece_are_all_redelivered(bench: &impl Bench) {
    let store = bench.open().await;
    let dead = bury_many(&store, 700).await;
    assert!(dead > 700, "{dead}");
    assert_eq!(store.redeliver(DeadLetters::All, at(1_001)).await.unwrap(), dead);
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.pending, stats.dead), (u64::try_from(dead).unwrap(), 0));
    let mut tracks = drain(&store, at(1_001)).await;
    tracks.retain(|word| word != "identify");
    assert!(tracks.is_sorted() && tracks.len() == 700, "{tracks:?}");
}

pub(crate) async fn letters_that_die_meanwhile_are_not_redelivered(bench: &impl Bench) {
    let store = bench.open().await;
    let dead = bury_many(&store, 1_600).await;
    let redelivering = {
        let store = store.clone();
        tokio::spawn(async move { store.redeliver(DeadLetters::All, at(1_000)).await.unwrap() })
    };
    let mut buried = 0;
    while !redelivering.is_finished() {
        buried += bury_run(&store).await;
    }
    assert_eq!(redelivering.await.unwrap(), dead, "each once");
    assert!(buried > 0, "some died again meanwhile");
}

pub(crate) async fn letters_go_back_together_with_a_note_or_not_at_all(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    let id = bury(&store, at(1)).await.deliveries[0].id;
    let refuse: RedeliveryNote = Arc::new(|_note, _done| None);
    let refused = store.redeliver_noting(vec![id], "act", refuse, at(2)).await.unwrap();
    assert_eq!((refused, store.stats().await.unwrap().dead), (None, 1));
    assert_eq!(store.kv_get("act").await.unwrap(), None);
    let count: RedeliveryNote = Arc::new(|note, done| {
        let before: usize = note.map_or(0, |text| text.parse().unwrap());
        Some((before + done).to_string())
    });
    for count_now in ["1", "1"] {
        let ids = vec![id, DeliveryId(id.0 + 1_000)];
        let noted = store.redeliver_noting(ids, "act", count.clone(), at(3)).await.unwrap();
        assert_eq!(noted.as_deref(), Some(count_now), "each goes back once");
    }
    let stats = store.stats().await.unwrap();
    assert_eq!((stats.dead, stats.pending), (0, 2));
}

pub(crate) async fn the_books_balance_whatever_becomes_of_calls(bench: &impl Bench) {
    let store = bench.open().await;
    take(&store, "ann", "a", at(0)).await;
    take(&store, "ann", "b", at(0)).await;
    store.accept(arrival("odd", at(0), notification().named("unmappable")), at(0)).await.unwrap();
    bury(&store, at(1)).await;
    bury(&store, at(1)).await;
    let letters = store.dead_letters(None, 2).await.unwrap();
    store.discard(DeadLetters::These(vec![letters[0].delivery.id])).await.unwrap();
    let books = store.books().await.unwrap();
    assert_eq!((books.received, books.mapped, books.unmapped, books.parked), (3, 2, 1, 1));
    assert_eq!((books.planned, books.dead, books.discarded), (4, 1, 1), "{books:?}");
    assert_eq!(books.differences(), (0, 0), "{books:?}");
    drain(&store, at(2)).await;
    let books = store.books().await.unwrap();
    assert_eq!((books.pending, books.delivered + books.replaced), (0, 2), "{books:?}");
    assert_eq!(books.differences(), (0, 0), "{books:?}");
}
