//! Promises about the audit and the traffic.

use std::time::Duration;

use crate::domain::{Act, Actor, AuditEntry, Time};
use crate::store::{Store, Traffic};

use super::Bench;
use super::script::at;

fn entry(subject: &str, at: Time) -> AuditEntry {
    let (name, origin) = ("Kim".to_owned(), "192.0.2.1".to_owned());
    AuditEntry::new(at, &Actor { name, role: "operate", origin }, Act::Reveal, subject, "shown")
}

/// Returns the subjects of a page, and the number of its last record.
async fn page(store: &Store, before: Option<i64>) -> (Vec<String>, Option<i64>) {
    let records = store.audit(before, 2).await.unwrap();
    let last = records.last().map(|(number, _)| *number);
    (records.into_iter().map(|(_, it)| it.subject).collect(), last)
}

pub(crate) async fn records_are_listed_newest_first_in_pages_and_pruned_when_old(
    bench: &impl Bench,
) {
    let store = bench.open().await;
    assert_eq!(page(&store, None).await, (vec![], None));
    for second in 1..=3 {
        store.record(entry(&format!("person {second}"), at(second))).await.unwrap();
    }
    let (first, last) = page(&store, None).await;
    assert_eq!(first, ["person 3", "person 2"]);
    assert_eq!(page(&store, last).await.0, ["person 1"]);
    let (_, newest) = store.audit(None, 1).await.unwrap().remove(0);
    assert_eq!(newest, entry("person 3", at(3)));

    assert_eq!(store.prune_audit(at(1), 10).await.unwrap(), 0, "not before its time");
    assert_eq!(store.prune_audit(at(3), 1).await.unwrap(), 1, "no more than its limit");
    assert_eq!(store.prune_audit(at(3), 10).await.unwrap(), 1);
    assert_eq!(page(&store, None).await.0, ["person 3"]);
    store.record(entry("person 4", at(4))).await.unwrap();
    assert_eq!(page(&store, None).await.0, ["person 4", "person 3"]);
}

pub(crate) async fn traffic_is_summed_by_the_hour_and_forgotten(bench: &impl Bench) {
    const HOUR: Duration = Duration::from_secs(3_600);
    let store = bench.open().await;
    let (now, add) = (at(0), async |counts: &[(&str, i64)], now: Time| {
        let counts = counts.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect();
        store.add_traffic(counts, now, now.minus(48 * HOUR)).await.unwrap();
    });
    add(&[("webhook accepted", 3), ("attempt retry", 1)], now).await;
    add(&[("webhook accepted", 4)], now).await;
    add(&[("webhook accepted", 5)], now.plus(HOUR)).await;
    let sums = async |since| {
        let traffic = store.traffic(since).await.unwrap();
        let sum =
            |it: Traffic| (it.hour.since(traffic_begins(now)).as_secs() / 3_600, it.what, it.n);
        traffic.into_iter().map(sum).collect::<Vec<_>>()
    };
    let accepted = |hour, n| (hour, "webhook accepted".to_owned(), n);
    let retried = (0, "attempt retry".to_owned(), 1);
    assert_eq!(sums(now).await, [retried, accepted(0, 7), accepted(1, 5)]);
    assert_eq!(sums(now.plus(HOUR)).await, [accepted(1, 5)]);
    add(&[], now.plus(49 * HOUR)).await;
    assert_eq!(sums(now).await, [accepted(1, 5)]);
}

/// Returns the beginning of the hour of a time.
fn traffic_begins(time: Time) -> Time {
    Time::from_micros(time.micros().div_euclid(3_600_000_000) * 3_600_000_000)
}
