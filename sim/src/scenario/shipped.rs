//! The scenarios that come with the program, so that a demo needs no files.

use super::{Scenario, ScenarioError};

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        [$(($path, include_str!(concat!("../../scenarios/", $path)))),+]
    };
}

const SEEDS: [(&str, &str); 9] = files![
    "base/background.yaml",
    "base/rollout.yaml",
    "base/route.yaml",
    "base/services.yaml",
    "base/templates.yaml",
    "seed/analysistemplate-error-rate-check.yaml",
    "seed/rollout-error-rate-steps.yaml",
    "seed/rollout-istio.yaml",
    "seed/virtualservice.yaml",
];

const SCENARIOS: &[(&str, &str)] = &files![
    "abort-before-ready.yaml",
    "abort-beside-new-version.yaml",
    "abort-between-steps.yaml",
    "abort-held-fix-released.yaml",
    "abort-in-analysis.yaml",
    "abort-in-pause.yaml",
    "abort-of-replica-canary.yaml",
    "abort-routes-stale.yaml",
    "abort-runs-stale.yaml",
    "abort-sets-stale.yaml",
    "abort-when-finished.yaml",
    "abort-while-down.yaml",
    "annotation-kept.yaml",
    "background-bad.yaml",
    "background-good.yaml",
    "bad-by-errors.yaml",
    "bad-by-latency.yaml",
    "basic.yaml",
    "basic-bad.yaml",
    "blind-but-growing.yaml",
    "blue-green-left-behind.yaml",
    "breach-beside-inconclusive.yaml",
    "breach-runs-stale.yaml",
    "canary-dead.yaml",
    "canary-service-reset.yaml",
    "canary-subset-reset.yaml",
    "clock-ahead-of-server.yaml",
    "dark-canary.yaml",
    "demo.yaml",
    "destination-rule-missing.yaml",
    "dry-run-beside.yaml",
    "dry-run-in-background.yaml",
    "dry-run-only.yaml",
    "flapping-canary.yaml",
    "foreign-destination.yaml",
    "good-release.yaml",
    "history-without-routing.yaml",
    "inconclusive.yaml",
    "killed-in-abort.yaml",
    "killed-in-canary.yaml",
    "long-delay-hides-deadline.yaml",
    "min-ready-seconds.yaml",
    "never-ready.yaml",
    "orphans-adopted.yaml",
    "other-router.yaml",
    "pause-and-resume.yaml",
    "prometheus-back.yaml",
    "prometheus-down.yaml",
    "prometheus-empty.yaml",
    "prometheus-nan.yaml",
    "prometheus-slow.yaml",
    "promote-and-skip.yaml",
    "promote-full.yaml",
    "promote-full-after-abort.yaml",
    "replicas-zero.yaml",
    "replicaset-refused.yaml",
    "resume-then-inconclusive.yaml",
    "retry.yaml",
    "role-labels-taken-over.yaml",
    "rollback-to-stable.yaml",
    "rollout-deleted.yaml",
    "route-deleted.yaml",
    "route-missing.yaml",
    "run-of-another-rollout.yaml",
    "run-terminated-then-resumed.yaml",
    "same-version-again.yaml",
    "scaled-up-aborted.yaml",
    "scaled-while-paused.yaml",
    "seed-error-rate.yaml",
    "seed-error-rate-bad.yaml",
    "seed-errors-idle.yaml",
    "seed-istio.yaml",
    "seed-istio-bad.yaml",
    "service-renamed.yaml",
    "services-without-routing.yaml",
    "stable-pod-dead.yaml",
    "stable-set-gone.yaml",
    "stable-set-gone-basic.yaml",
    "stable-short-superseded.yaml",
    "starting-step-beyond.yaml",
    "steps-edited.yaml",
    "steps-edited-with-routing.yaml",
    "subsets.yaml",
    "superseded.yaml",
    "tcp-beside-http.yaml",
    "two-routes-uneven-abort.yaml",
    "undecodable-abort.yaml",
    "verdict-forged.yaml",
    "watches-back-one-by-one.yaml",
    "watches-break.yaml",
    "webhook-changes-weights.yaml",
    "weights-contended.yaml",
    "weights-edited.yaml",
    "workload-ref.yaml",
];

/// The names of the scenarios that come with the program.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|(path, _)| path.trim_end_matches(".yaml"))
}

/// A scenario that comes with the program.
///
/// # Errors
/// When there is none of that name; the error lists those that there are.
pub fn shipped(name: &str) -> Result<Scenario, ScenarioError> {
    let found = SCENARIOS.iter().find(|(path, _)| path.trim_end_matches(".yaml") == name);
    let Some((path, text)) = found else {
        let known = shipped_names().collect::<Vec<_>>().join(", ");
        return Err(ScenarioError::field(format!("scenario {name:?}"), format!("does not exist; there are {known}")));
    };
    let read = |file: &str| {
        let found = SEEDS.iter().find(|(path, _)| *path == file).map(|(_, text)| (*text).to_owned());
        found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    };
    Scenario::parse(path, text, &read)
}
