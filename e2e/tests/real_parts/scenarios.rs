//! The scenarios of the simulator, on real parts: they end as they say, break no promise, and tell the same.

use std::time::Duration;

use serin_e2e::{runner::Trial, stage};

/// How long one may take on a machine that has more to do.
const LIMIT: Duration = Duration::from_secs(300);

/// The scenarios that are played here too.
const PLAYED: [&str; 31] = [
    "good-release",
    "bad-by-errors",
    "killed-in-canary",
    "killed-in-abort",
    "abort-in-pause",
    "retry",
    "promote-full",
    "superseded",
    "rollback-to-stable",
    "weights-edited",
    "weights-contended",
    "stable-pod-dead",
    "route-missing",
    "bad-by-latency",
    "seed-istio",
    "seed-error-rate",
    "subsets",
    "prometheus-down",
    "prometheus-nan",
    "prometheus-empty",
    "prometheus-slow",
    "abort-before-ready",
    "abort-between-steps",
    "abort-in-analysis",
    "abort-when-finished",
    "seed-istio-bad",
    "seed-error-rate-bad",
    "promote-and-skip",
    "basic-bad",
    "route-deleted",
    "prometheus-back",
];

/// A trial for each scenario.
pub fn trials() -> impl Iterator<Item = Trial> {
    PLAYED.into_iter().map(|name| {
        let title = format!("scenario {name}");
        Trial::new(title, move || stage::perform(name.to_owned())).within(LIMIT).beside_others()
    })
}
