//! Every scenario that ships, played on the simulated cluster: it has to end as it says, break no promise, and read as its
//! golden transcript does.
#![allow(clippy::panic, reason = "a test may panic")]

use serin_sim::{play, scenario};

fn check(name: &str) {
    let scenario = scenario::shipped(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let played = play::play(&scenario).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
    if std::env::var_os("SHOW").is_some() {
        println!("{}\n{:?}", played.transcript, played.felt);
    }
    assert!(played.passed(), "{name}\n{}\n{}\n{:?}", played.report(), played.transcript, played.felt);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(scenario.description);
    settings.bind(|| insta::assert_snapshot!(name, played.transcript.to_string()));
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

macro_rules! scenarios {
    ($($test:ident: $name:literal),+ $(,)?) => {
        const TESTED: &[&str] = &[$($name),+];
        $(#[test] fn $test() { check($name); })+
    };
}

scenarios! {
    abort_before_ready: "abort-before-ready",
    abort_beside_new_version: "abort-beside-new-version",
    abort_between_steps: "abort-between-steps",
    abort_held_fix_released: "abort-held-fix-released",
    abort_in_analysis: "abort-in-analysis",
    abort_in_pause: "abort-in-pause",
    abort_of_replica_canary: "abort-of-replica-canary",
    abort_routes_stale: "abort-routes-stale",
    abort_runs_stale: "abort-runs-stale",
    abort_sets_stale: "abort-sets-stale",
    abort_when_finished: "abort-when-finished",
    abort_while_down: "abort-while-down",
    annotation_kept: "annotation-kept",
    background_bad: "background-bad",
    background_good: "background-good",
    bad_by_errors: "bad-by-errors",
    bad_by_latency: "bad-by-latency",
    basic: "basic",
    basic_bad: "basic-bad",
    blind_but_growing: "blind-but-growing",
    blue_green_left_behind: "blue-green-left-behind",
    breach_beside_inconclusive: "breach-beside-inconclusive",
    breach_runs_stale: "breach-runs-stale",
    canary_dead: "canary-dead",
    canary_service_reset: "canary-service-reset",
    canary_subset_reset: "canary-subset-reset",
    clock_ahead_of_server: "clock-ahead-of-server",
    dark_canary: "dark-canary",
    demo: "demo",
    destination_rule_missing: "destination-rule-missing",
    dry_run_beside: "dry-run-beside",
    dry_run_in_background: "dry-run-in-background",
    dry_run_only: "dry-run-only",
    flapping_canary: "flapping-canary",
    foreign_destination: "foreign-destination",
    good_release: "good-release",
    history_without_routing: "history-without-routing",
    inconclusive: "inconclusive",
    killed_in_abort: "killed-in-abort",
    killed_in_canary: "killed-in-canary",
    long_delay_hides_deadline: "long-delay-hides-deadline",
    min_ready_seconds: "min-ready-seconds",
    never_ready: "never-ready",
    orphans_adopted: "orphans-adopted",
    other_router: "other-router",
    pause_and_resume: "pause-and-resume",
    prometheus_back: "prometheus-back",
    prometheus_down: "prometheus-down",
    prometheus_empty: "prometheus-empty",
    prometheus_nan: "prometheus-nan",
    prometheus_slow: "prometheus-slow",
    promote_and_skip: "promote-and-skip",
    promote_full: "promote-full",
    promote_full_after_abort: "promote-full-after-abort",
    replicas_zero: "replicas-zero",
    replicaset_refused: "replicaset-refused",
    resume_then_inconclusive: "resume-then-inconclusive",
    retry: "retry",
    role_labels_taken_over: "role-labels-taken-over",
    rollback_to_stable: "rollback-to-stable",
    rollout_deleted: "rollout-deleted",
    route_deleted: "route-deleted",
    route_missing: "route-missing",
    run_of_another_rollout: "run-of-another-rollout",
    run_terminated_then_resumed: "run-terminated-then-resumed",
    same_version_again: "same-version-again",
    scaled_up_aborted: "scaled-up-aborted",
    scaled_while_paused: "scaled-while-paused",
    seed_error_rate: "seed-error-rate",
    seed_error_rate_bad: "seed-error-rate-bad",
    seed_errors_idle: "seed-errors-idle",
    seed_istio: "seed-istio",
    seed_istio_bad: "seed-istio-bad",
    service_renamed: "service-renamed",
    services_without_routing: "services-without-routing",
    stable_pod_dead: "stable-pod-dead",
    stable_set_gone: "stable-set-gone",
    stable_set_gone_basic: "stable-set-gone-basic",
    stable_short_superseded: "stable-short-superseded",
    starting_step_beyond: "starting-step-beyond",
    steps_edited: "steps-edited",
    steps_edited_with_routing: "steps-edited-with-routing",
    subsets: "subsets",
    superseded: "superseded",
    tcp_beside_http: "tcp-beside-http",
    two_routes_uneven_abort: "two-routes-uneven-abort",
    undecodable_abort: "undecodable-abort",
    verdict_forged: "verdict-forged",
    watches_back_one_by_one: "watches-back-one-by-one",
    watches_break: "watches-break",
    webhook_changes_weights: "webhook-changes-weights",
    weights_contended: "weights-contended",
    weights_edited: "weights-edited",
    workload_ref: "workload-ref",
}

#[test]
fn every_shipped_scenario_is_played() {
    let mut tested = TESTED.to_vec();
    tested.sort_unstable();
    let mut shipped: Vec<_> = scenario::shipped_names().collect();
    shipped.sort_unstable();
    assert_eq!(tested, shipped);
}
