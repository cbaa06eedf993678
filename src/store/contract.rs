//! The contract suite: what every backend of [`Store`] must keep, tested once for all.
//!
//! What belongs here and below: promises of [`Store`], written against it alone, and its model
//! ([`memory`]). What doesn't: promises of one backend, such as the way it commits, which are beside the backend.
//! A backend brings a [`Bench`] and calls `contract_tests!` with it.

pub(super) mod accepting;
pub(super) mod auditing;
pub(super) mod batches;
pub(super) mod burying;
pub(super) mod classes;
pub(super) mod cluster;
pub(super) mod comparing;
pub(super) mod effects;
pub(super) mod finding;
pub(super) mod forgetting;
pub(super) mod keeping;
pub(super) mod leasing;
pub(super) mod memory;
pub(super) mod model;
pub(super) mod script;
pub(super) mod settling;

use std::sync::Arc;

use async_trait::async_trait;

use super::{Stats, Store, StoreLocation};

/// A place with one store in it, empty at first.
#[async_trait]
pub(super) trait Bench: Send + Sync {
    /// Opens the store with [`script::Script`] as its planner; if it is open, as another process would.
    async fn open(&self) -> Arc<Store>;

    /// Returns its location, for copies.
    async fn place(&self) -> StoreLocation;

    /// Returns the numbers of [`Stats`], counted afresh from the rows. Panics if rows contradict each other in a
    /// way that the store doesn't show.
    async fn count(&self) -> Stats;
}

/// Makes a test of each promise, for the bench that the expression makes.
macro_rules! contract_tests {
    ($bench:expr) => {
        contract_tests! { @ $bench,
            accepting::what_was_accepted_is_there_after_a_restart,
            accepting::the_same_bytes_twice_are_a_duplicate,
            accepting::the_same_bytes_of_another_source_or_owner_are_another_webhook,
            accepting::a_webhook_comes_back_as_it_was_received,
            accepting::the_longest_id_is_kept_and_a_longer_one_parks_the_webhook,
            accepting::what_cannot_be_read_is_parked_with_its_reason,
            accepting::a_parked_webhook_arriving_again_is_planned_under_its_first_time,
            accepting::a_webhook_mapped_in_part_is_accepted_and_parked,
            accepting::a_planner_that_panics_parks_only_that_webhook,
            accepting::a_plan_that_contradicts_the_store_parks_the_webhook_and_leaves_no_trace,
            accepting::an_effect_reported_many_times_at_once_happens_once,
            accepting::an_effect_planned_twice_in_one_plan_happens_once,
            accepting::webhooks_accepted_together_keep_their_order,
            accepting::a_participant_is_found_by_its_id_when_its_address_changed,
            accepting::what_is_known_of_a_person_comes_back_whole,
            accepting::an_address_given_up_in_a_batch_can_have_a_new_owner_in_it,
            batches::the_same_bytes_twice_in_a_batch_are_one_webhook,
            batches::closing_answers_everybody,
            leasing::calls_of_a_lane_go_out_in_order_one_at_a_time,
            leasing::a_lease_gives_an_identify_and_the_tracks_behind_it_in_turn,
            leasing::lanes_out_and_back_are_kept_apart,
            forgetting::a_call_shows_whom_it_refers_to_as_they_are_when_it_is_sent,
            leasing::a_claim_gives_no_more_calls_than_asked,
            leasing::the_longest_due_lane_goes_first,
            leasing::a_lease_that_ends_makes_the_lane_due_and_fences_the_late_result,
            leasing::a_named_lane_is_given_due_or_not_unless_it_is_leased,
            leasing::old_tracks_go_together,
            leasing::an_old_run_gives_its_last_identify_alone,
            leasing::a_new_track_is_never_part_of_a_run,
            leasing::a_restart_takes_over_leases_and_the_living_keep_theirs,
            leasing::next_due_includes_retries_and_ends_of_leases,
            leasing::a_clock_set_back_holds_up_no_lane_and_ends_no_lease,
            classes::page_lanes_go_last_and_only_as_many_calls_as_asked,
            classes::a_lane_is_as_urgent_as_its_most_urgent_call_and_falls_back,
            classes::a_persons_tracks_of_pages_are_soon_out_of_the_way,
            classes::a_lanes_class_outlives_leases_and_restarts,
            classes::a_redelivered_call_of_a_page_stays_one,
            classes::a_join_makes_the_visitors_calls_as_urgent_as_itself,
            classes::what_a_page_posts_is_dropped_where_it_leads_to_nothing,
            settling::a_failed_call_stays_first_until_its_time,
            settling::an_untried_call_is_due_at_once,
            settling::a_call_that_waits_for_another_is_due_later_and_counts_no_attempt,
            settling::a_dead_call_lets_its_lane_go_on,
            settling::a_settlement_counts_once,
            settling::a_run_can_end_in_part,
            settling::the_availability_clock_is_stored,
            burying::dead_letters_are_listed_newest_first_in_pages,
            burying::dead_letters_are_grouped_by_what_they_died_of,
            burying::the_next_deadline_counts_from_the_events_own_time,
            burying::a_dead_letter_shows_its_attempts,
            burying::redelivered_letters_go_to_the_end_of_their_lane_as_if_never_tried,
            burying::a_redelivered_identify_carries_the_present_profile,
            burying::discarded_letters_are_gone_and_their_effects_stay,
            burying::more_dead_letters_than_one_piece_are_all_redelivered,
            burying::letters_that_die_meanwhile_are_not_redelivered,
            burying::letters_go_back_together_with_a_note_or_not_at_all,
            burying::the_books_balance_whatever_becomes_of_calls,
            forgetting::everything_of_a_person_goes_and_others_stay,
            forgetting::an_erased_participant_never_comes_back,
            forgetting::others_records_lose_references_to_the_person_and_nothing_else,
            forgetting::a_call_in_flight_is_reported_until_it_is_settled_or_its_lease_ends,
            forgetting::a_result_that_comes_after_the_erasing_is_fenced_off,
            forgetting::a_repeated_erasure_finds_nothing,
            forgetting::parked_webhooks_lose_them_as_well,
            forgetting::parked_webhooks_that_cannot_be_decoded_are_counted,
            forgetting::bodies_of_other_sources_than_growsurf_are_found_by_content,
            forgetting::many_calls_and_webhooks_go_in_pieces,
            keeping::pruning_takes_delivered_work_and_nothing_else,
            keeping::pruning_takes_visitors_of_whom_nothing_is_left_unless_they_are_claimed,
            keeping::pruning_leaves_a_visitor_whose_calls_are_under_way_or_dead,
            keeping::parking_ends_with_its_time_and_the_bytes_stay_known,
            keeping::pruned_effects_never_happen_again,
            keeping::pruning_goes_no_further_than_its_limit,
            keeping::a_replay_plans_only_what_is_new,
            keeping::what_is_planned_again_is_planned_at_the_present_time,
            keeping::a_dry_replay_changes_nothing,
            keeping::the_inbox_is_read_in_pages,
            keeping::the_destination_is_remembered,
            keeping::the_store_keeps_its_first_secret,
            keeping::a_closed_store_says_so,
            comparing::a_preview_returns_what_an_accept_would_and_changes_nothing,
            comparing::history_waits_for_what_is_live_and_live_calls_raise_it,
            comparing::waiting_history_becomes_live_with_the_persons_next_live_call,
            comparing::concurrent_updates_of_a_note_happen_one_after_the_other,
            comparing::work_that_panics_changes_nothing_and_stops_no_other_work,
            comparing::the_store_knows_when_it_was_made,
            comparing::participants_are_listed_in_pages,
            comparing::a_participant_is_found_by_the_codes_of_its_links,
            effects::an_effect_is_shown_with_its_call_as_long_as_that_is_kept,
            finding::a_persons_webhooks_are_listed_backwards_with_their_own_calls,
            finding::a_webhook_shows_the_state_of_each_call,
            finding::people_are_found_by_any_key_and_campaigns_are_listed,
            finding::a_lane_shows_what_it_waits_for,
            finding::waiting_calls_come_in_the_order_of_planning_and_a_lanes_wait_is_released,
            finding::parked_webhooks_are_listed_newest_first_and_the_newest_of_a_source_is_found,
            effects::messages_are_kept_once_with_their_earliest_times_and_pruned,
            comparing::a_lane_has_something_pending_until_it_is_settled,
            auditing::records_are_listed_newest_first_in_pages_and_pruned_when_old,
            auditing::traffic_is_summed_by_the_hour_and_forgotten,
        }

        #[test]
        fn a_batch_leads_to_what_its_webhooks_lead_to_one_by_one() {
            crate::store::contract::batches::a_batch_leads_to_what_its_webhooks_lead_to_one_by_one(
                || $bench,
            );
        }

        #[test]
        fn the_store_does_what_the_model_does() {
            crate::store::contract::model::the_store_does_what_the_model_does(|| $bench);
        }
    };
    (@ $bench:expr, $($chapter:ident :: $promise:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $promise() {
                crate::store::contract::$chapter::$promise(&$bench).await;
            }
        )+
    };
}

pub(super) use contract_tests;
