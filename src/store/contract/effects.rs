//! Promises of [`Effects`](crate::store::Effects).

use crate::domain::{
    Call, EffectKey, EventId, Feedback, FeedbackKind, Message, Notification, Time,
};
use crate::store::{DeliveryState, Effect, MessageStatus, Store};

use super::Bench;
use super::script::{arrival, at, bury, did, drain, notification, take};

/// Returns the id of the effect that the script makes of a word.
pub(crate) fn event(word: &str) -> EventId {
    EffectKey(word.to_owned()).event_id()
}

/// Returns the report of a message that an effect triggered.
pub(crate) fn reported(effect: &str, delivery: &str, metric: &str, at: Time) -> Notification {
    let message = Message {
        event: event(effect),
        delivery: delivery.to_owned(),
        channel: "email".to_owned(),
        metric: metric.to_owned(),
        sender: Some(("campaign".to_owned(), "19".to_owned())),
        at,
    };
    let message = Some(message);
    let feedback = Feedback {
        at,
        identifiers: Vec::new(),
        kind: FeedbackKind::Ignored,
        message,
        left_out: Vec::new(),
    };
    Notification { feedback: Some(feedback), ..notification() }
}

async fn report(store: &Store, delivery: &str, metric: &str, second: i64) {
    let notification = reported("a", delivery, metric, at(second));
    let body = format!("{delivery} {metric} {second}");
    let receipt = store.accept(arrival(&body, at(50), notification), at(50)).await.unwrap();
    assert_eq!(receipt.calls, 0);
}

pub(crate) async fn an_effect_is_shown_with_its_call_as_long_as_that_is_kept(bench: &impl Bench) {
    let store = &*bench.open().await;
    assert_eq!(store.effect(event("a"), at(0)).await.unwrap(), None);
    take(store, "bob", "dead", at(0)).await;
    bury(store, at(0)).await;
    bury(store, at(1)).await;
    let taken = take(store, "ann", "a", at(2)).await;
    let shown = async |word| store.effect(event(word), at(3)).await.unwrap().unwrap().calls;
    let [waiting] = &shown("a").await[..] else { panic!() };
    assert_eq!((waiting.state, waiting.ended_at()), (DeliveryState::Pending, None));
    assert_eq!((waiting.event_name(), waiting.planned_at), (Some("a"), at(2)));
    let happened_at = waiting.call.as_ref().and_then(Call::happened_at);
    assert_eq!(happened_at, Some(at(2)));
    drain(store, at(3)).await;
    let [delivered] = &shown("a").await[..] else { panic!() };
    assert_eq!((delivered.state, delivered.ended_at()), (DeliveryState::Delivered, Some(at(3))));
    let [dead] = &shown("dead").await[..] else { panic!() };
    assert_eq!((dead.state, dead.ended_at()), (DeliveryState::Dead, Some(at(1))));
    assert!(store.dead_letter(dead.delivery).await.unwrap().is_some());
    assert_eq!(store.prune(at(10), 10).await.unwrap(), 1);
    let Effect { webhook, calls, messages } =
        store.effect(event("a"), at(10)).await.unwrap().unwrap();
    assert_eq!((webhook, calls, messages), (taken, vec![], vec![]));
}

pub(crate) async fn messages_are_kept_once_with_their_earliest_times_and_pruned(
    bench: &impl Bench,
) {
    let store = &*bench.open().await;
    store.accept(arrival("a", at(0), did("ann", "a")), at(0)).await.unwrap();
    // Some may share a commit.
    tokio::join!(
        report(store, "m1", "opened", 30),
        report(store, "m2", "sent", 20),
        report(store, "m1", "opened", 25),
        report(store, "m1", "opened", 40),
    );
    report(store, "m1", "sent", 10).await;
    let other = reported("b", "m1", "sent", at(10));
    store.accept(arrival("other", at(50), other), at(50)).await.unwrap();
    let sent = |delivery: &str, metrics: &[(&str, i64)]| MessageStatus {
        delivery: delivery.to_owned(),
        channel: "email".to_owned(),
        sender: Some(("campaign".to_owned(), "19".to_owned())),
        metrics: metrics
            .iter()
            .map(|(metric, second)| ((*metric).to_owned(), at(*second)))
            .collect(),
    };
    let messages = async || store.effect(event("a"), at(0)).await.unwrap().unwrap().messages;
    let both = [sent("m1", &[("sent", 10), ("opened", 25)]), sent("m2", &[("sent", 20)])];
    assert_eq!(messages().await, both);
    assert_eq!(store.prune_messages(at(10), 10).await.unwrap(), 0);
    assert_eq!(store.prune_messages(at(21), 2).await.unwrap(), 2, "the oldest, of two effects");
    assert_eq!(messages().await, [sent("m2", &[("sent", 20)]), sent("m1", &[("opened", 25)])]);
    assert_eq!(store.prune_messages(at(21), 10).await.unwrap(), 1);
    assert_eq!(messages().await, [sent("m1", &[("opened", 25)])]);
}
