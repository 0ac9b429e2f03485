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
    abort_between_steps: "abort-between-steps",
    abort_in_analysis: "abort-in-analysis",
    abort_in_pause: "abort-in-pause",
    abort_runs_stale: "abort-runs-stale",
    abort_when_finished: "abort-when-finished",
    bad_by_errors: "bad-by-errors",
    bad_by_latency: "bad-by-latency",
    basic_bad: "basic-bad",
    basic: "basic",
    demo: "demo",
    good_release: "good-release",
    killed_in_abort: "killed-in-abort",
    killed_in_canary: "killed-in-canary",
    never_ready: "never-ready",
    pause_and_resume: "pause-and-resume",
    pods_stop_at_once: "pods-stop-at-once",
    prometheus_back: "prometheus-back",
    prometheus_down: "prometheus-down",
    prometheus_empty: "prometheus-empty",
    prometheus_nan: "prometheus-nan",
    prometheus_slow: "prometheus-slow",
    promote_and_skip: "promote-and-skip",
    promote_full: "promote-full",
    proxies_late_abort: "proxies-late-abort",
    proxies_late: "proxies-late",
    replicas_zero: "replicas-zero",
    retry: "retry",
    rivals: "rivals",
    rollback_to_stable: "rollback-to-stable",
    route_deleted: "route-deleted",
    route_missing: "route-missing",
    seed_error_rate_bad: "seed-error-rate-bad",
    seed_error_rate: "seed-error-rate",
    seed_errors_idle: "seed-errors-idle",
    seed_istio_bad: "seed-istio-bad",
    seed_istio: "seed-istio",
    stable_pod_dead: "stable-pod-dead",
    subsets: "subsets",
    superseded: "superseded",
    verdict_forged: "verdict-forged",
    weights_contended: "weights-contended",
    weights_edited: "weights-edited",
}

#[test]
fn every_shipped_scenario_is_played() {
    let mut tested = TESTED.to_vec();
    tested.sort_unstable();
    let mut shipped: Vec<_> = scenario::shipped_names().collect();
    shipped.sort_unstable();
    assert_eq!(tested, shipped);
}
