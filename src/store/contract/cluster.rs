//! Promises about relays that share a store.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::DestinationState;
use crate::store::{ExclusiveJob, Outage, PeerStatus, Store};

use super::Bench;
use super::script::at;

fn relay(number: u128) -> PeerStatus {
    PeerStatus { relay: Uuid::from_u128(number), recoveries: 0, outage: None }
}

pub(crate) async fn relays_know_each_other_until_one_says_nothing_more(bench: &impl Bench) {
    let (first, second) = (bench.open().await, bench.open().await);
    let rest = Outage {
        kind: DestinationState::Halted,
        number: 3,
        remaining: Duration::from_secs(7),
        reason: "why\0".to_owned(),
    };
    let reported = PeerStatus { outage: Some(rest.clone()), ..relay(1) };
    assert_eq!(first.heartbeat(&reported, at(0)).await.unwrap(), []);
    let heard = second.heartbeat(&relay(2), at(2)).await.unwrap();
    let later = Outage { remaining: Duration::from_secs(5), ..rest };
    assert_eq!(heard, [PeerStatus { outage: Some(later), ..relay(1) }]);
    assert_eq!(first.heartbeat(&relay(1), at(3)).await.unwrap(), [relay(2)]);
    assert_eq!(first.heartbeat(&relay(1), at(8)).await.unwrap(), []);
    second.heartbeat(&relay(2), at(9)).await.unwrap();
    second.leave(relay(2).relay).await.unwrap();
    assert_eq!(first.heartbeat(&relay(1), at(9)).await.unwrap(), []);
}

pub(crate) async fn a_job_is_one_relays_until_it_is_over(bench: &impl Bench) {
    let (first, second) = (bench.open().await, bench.open().await);
    let lasts = Duration::from_secs(60);
    let take = async |store: &Store, number: u128, second: i64| {
        store.take_job(ExclusiveJob::Pruning, relay(number).relay, lasts, at(second)).await.unwrap()
    };
    assert!(take(&first, 1, 0).await);
    assert!(!take(&second, 2, 59).await);
    assert!(take(&first, 1, 59).await, "it goes on");
    assert!(!take(&second, 2, 61).await);
    assert!(take(&second, 2, 119).await);
    second.leave(relay(2).relay).await.unwrap();
    assert!(take(&first, 1, 120).await);
}
