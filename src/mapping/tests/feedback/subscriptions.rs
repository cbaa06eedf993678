//! Unsubscriptions at either service, and those that the relay takes back.

use super::*;

fn growsurf_reports(
    memory: &mut Memory,
    after: u64,
    unsubscribed: bool,
    mark: Option<EventId>,
) -> bool {
    let mut ann = with(snapshot("ann"), &[(Facts::UNSUBSCRIBED, Scalar::Boolean(unsubscribed))]);
    ann.metadata
        .extend(mark.map(|mark| (UNSUBSCRIBE_MARKER.to_owned(), Scalar::from(mark.to_string()))));
    let at = RECEIVED.plus(Duration::from_secs(after));
    let plan = memory.take_in(&joined(at.seconds(), ann), at).unwrap();
    plan.lanes.iter().flat_map(|lane| &lane.calls).any(|it| it.call.kind() == "unsubscribe")
}

fn knowing_ann_subscribed() -> Memory {
    let mut memory = knowing_ann(rules());
    assert!(!growsurf_reports(&mut memory, 0, false, None));
    memory
}

/// Returns the write of ann's subscription to GrowSurf, and its mark.
fn written(memory: &mut Memory, notification: &Notification) -> Option<(bool, EventId)> {
    let plan = memory.take_in(notification, RECEIVED).unwrap();
    let updates = updates(&plan);
    updates.first().map(|update| (update.unsubscribed.unwrap(), update.mark.unwrap()))
}

fn quiet(dedupe_key: &str, unsubscribed: bool) -> Notification {
    let unsubscribed = Some(unsubscribed);
    ask(
        dedupe_key,
        ActionKind::UpdateParticipant(ParticipantUpdate { unsubscribed, ..Default::default() }),
    )
}

#[test]
fn unsubscriptions_are_written_to_growsurf_and_only_the_relays_own_is_undone() {
    let at = 1_789_500_000;
    let mut memory = knowing_ann(rules());
    let (unsubscribed, mark) = written(&mut memory, &subscription("r1", at, false)).unwrap();
    assert!(unsubscribed);
    // Repeated, it has the mark that may be there already, or it couldn't be taken back.
    let again = written(&mut memory, &subscription("r2", at + 50, false));
    assert_eq!(again, Some((true, mark)));
    let back = written(&mut memory, &subscription("r3", at + 100, true));
    assert_eq!(back, Some((false, mark)));
    let late = written(&mut memory, &subscription("r0", at - 100, false));
    assert_eq!(late, None, "what was said before doesn't count any more");
    let more = written(&mut memory, &subscription("r4", at + 200, true));
    assert_eq!(more, None, "nothing is left to be taken back");
}

#[test]
fn of_two_reports_of_one_second_the_one_of_the_later_id_counts_in_any_order() {
    let at = 1_789_500_000;
    for (first, second) in [(false, true), (true, false)] {
        let [one, two] = [("01A", first), ("01B", second)];
        for order in [[one, two], [two, one]] {
            let mut memory = knowing_ann(rules());
            for (report, subscribed) in order {
                written(&mut memory, &subscription(report, at, subscribed));
            }
            let said =
                memory.people[0].participants[0].growsurf_counters.subscription.clone().unwrap();
            assert_eq!((said.report.as_str(), said.mark.is_none()), ("01B", second), "{order:?}");
        }
    }
}

#[test]
fn a_new_subscription_at_growsurf_leaves_nothing_to_undo() {
    let mut memory = knowing_ann_subscribed();
    let (_, mark) = written(&mut memory, &subscription("r1", 1_789_500_000, false)).unwrap();
    growsurf_reports(&mut memory, 60, true, Some(mark));
    growsurf_reports(&mut memory, 120, false, Some(mark));
    assert_eq!(written(&mut memory, &subscription("r2", 1_789_500_100, true)), None);
}

#[test]
fn an_unsubscription_at_growsurf_is_sent_despite_a_report_just_before() {
    for reports in [vec![true], vec![false], vec![false, true], vec![true, false]] {
        let mut memory = knowing_ann_subscribed();
        for (n, subscribed) in (0..).zip(&reports) {
            written(
                &mut memory,
                &subscription(&format!("r{n}"), RECEIVED.seconds() + n, *subscribed),
            );
        }
        assert!(growsurf_reports(&mut memory, 10, true, None), "{reports:?}");
    }
}

#[test]
fn what_was_written_to_growsurf_comes_back_without_an_effect() {
    for is_seen_before in [false, true] {
        let mut memory = knowing_ann_subscribed();
        let (_, mark) = written(&mut memory, &subscription("r1", 1_789_999_000, false)).unwrap();
        if is_seen_before {
            assert!(!growsurf_reports(&mut memory, 1, true, Some(mark)));
        }
        written(&mut memory, &subscription("r2", 1_789_999_100, true));
        // A row that GrowSurf gave out between the two writes.
        assert!(!growsurf_reports(&mut memory, 2, true, Some(mark)));
        assert!(!growsurf_reports(&mut memory, 3, false, None));
        assert!(growsurf_reports(&mut memory, 4, true, None), "that is theirs");
    }
}

#[test]
fn a_campaigns_unsubscription_comes_back_without_an_effect_and_later_changes_count() {
    let (minute, hour, day) = (60, 60 * 60, 24 * 60 * 60);
    let reports = [
        // At once; they subscribe again, and unsubscribe: GrowSurf keeps the mark all the while.
        vec![
            (minute, true, true, false),
            (2 * minute, false, true, false),
            (3 * minute, true, true, true),
        ],
        // The same, without a comparison while they were unsubscribed by the campaign.
        vec![(2 * minute, false, true, false), (3 * minute, true, true, true)],
        // Late, because many writes were before it.
        vec![
            (minute, false, false, false),
            (3 * day, true, true, false),
            (4 * day, true, true, false),
        ],
        // Never, because GrowSurf refused it, or they were unsubscribed before it came.
        vec![(minute, true, false, true)],
        vec![(minute, false, false, false), (hour, true, false, true)],
    ];
    for report in reports {
        let mut memory = knowing_ann_subscribed();
        let (unsubscribed, mark) = written(&mut memory, &quiet("k1", true)).unwrap();
        assert!(unsubscribed);
        assert_eq!(written(&mut memory, &quiet("k2", true)), Some((true, mark)), "it may be there");
        for (after, flag, is_marked, is_new) in &report {
            let is_written =
                growsurf_reports(&mut memory, *after, *flag, is_marked.then_some(mark));
            assert_eq!(is_written, *is_new, "{flag} after {after} s of {report:?}");
        }
    }
}

#[test]
fn what_a_campaign_unsubscribed_is_taken_back_by_campaigns_only_and_leaves_no_mark() {
    let mut memory = knowing_ann_subscribed();
    let (_, theirs) = written(&mut memory, &quiet("k1", true)).unwrap();
    let (_, ours) = written(&mut memory, &subscription("r1", 1_789_500_000, false)).unwrap();
    assert_ne!(theirs, ours);
    let back = written(&mut memory, &subscription("r2", 1_789_500_100, true));
    assert_eq!(back, Some((false, ours)));
    assert!(!growsurf_reports(&mut memory, 60, true, Some(theirs)), "of the two it came first");
    let plan = memory.take_in(&quiet("k2", false), RECEIVED).unwrap();
    let [update] = updates(&plan)[..] else { panic!("{plan:?}") };
    assert_eq!((update.unsubscribed, update.mark), (Some(false), None), "with any mark");
    assert_eq!(update.metadata[UNSUBSCRIBE_MARKER], None);
}
