use super::*;

#[test]
fn the_names_of_the_metrics_are_a_contract() {
    let metrics = Metrics::new();
    metrics.webhook("accepted");
    let text = metrics.render(Gauges::default());
    let types: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE")).collect();
    insta::assert_snapshot!(types.join("\n"), @r"
    # TYPE relay_log_lines_dropped counter
    # TYPE relay_webhooks counter
    # TYPE relay_calls counter
    # TYPE relay_attempts counter
    # TYPE relay_fenced counter
    # TYPE relay_late counter
    # TYPE relay_sync_healed counter
    # TYPE relay_page_posts counter
    # TYPE relay_page_posts_from_one_address gauge
    # TYPE relay_refused_tokens counter
    # TYPE relay_connections gauge
    # TYPE relay_connections_closed counter
    # TYPE relay_bodies_refused counter
    # TYPE relay_accept_duration_seconds histogram
    # TYPE relay_attempt_duration_seconds histogram
    # TYPE relay_insights_people gauge
    # TYPE relay_insights_as_of_seconds gauge
    # TYPE relay_insights_duration_seconds gauge
    # TYPE relay_pending_calls gauge
    # TYPE relay_oldest_pending_age_seconds gauge
    # TYPE relay_dead_letters gauge
    # TYPE relay_parked_webhooks gauge
    # TYPE relay_store_damaged gauge
    # TYPE relay_destination_state gauge
    ");
    assert!(text.contains("relay_webhooks_total{outcome=\"accepted\"} 1\n"), "{text}");
    assert!(text.ends_with("# EOF\n"));
}
