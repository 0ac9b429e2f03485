//! The scenarios that come with the program, so that a demo needs no files.

use super::{Scenario, ScenarioError};

macro_rules! files {
    ($($path:literal),+ $(,)?) => {
        [$(($path, include_str!(concat!("../../scenarios/", $path)))),+]
    };
}

const SEEDS: [(&str, &str); 8] = files![
    "base/rollout.yaml",
    "base/route.yaml",
    "base/services.yaml",
    "base/templates.yaml",
    "seed/analysistemplate-error-rate-check.yaml",
    "seed/rollout-error-rate-steps.yaml",
    "seed/rollout-istio.yaml",
    "seed/virtualservice.yaml",
];

const SCENARIOS: [(&str, &str); 43] = files![
    "abort-before-ready.yaml",
    "abort-between-steps.yaml",
    "abort-in-analysis.yaml",
    "abort-in-pause.yaml",
    "abort-runs-stale.yaml",
    "abort-when-finished.yaml",
    "bad-by-errors.yaml",
    "bad-by-latency.yaml",
    "basic-bad.yaml",
    "basic.yaml",
    "demo.yaml",
    "good-release.yaml",
    "killed-in-abort.yaml",
    "killed-in-canary.yaml",
    "never-ready.yaml",
    "pause-and-resume.yaml",
    "pods-stop-at-once.yaml",
    "prometheus-back.yaml",
    "prometheus-down.yaml",
    "prometheus-empty.yaml",
    "prometheus-nan.yaml",
    "prometheus-slow.yaml",
    "promote-and-skip.yaml",
    "promote-full.yaml",
    "proxies-late-abort.yaml",
    "proxies-late.yaml",
    "replicas-zero.yaml",
    "retry.yaml",
    "rivals.yaml",
    "rollback-to-stable.yaml",
    "route-deleted.yaml",
    "route-missing.yaml",
    "seed-error-rate-bad.yaml",
    "seed-error-rate.yaml",
    "seed-errors-idle.yaml",
    "seed-istio-bad.yaml",
    "seed-istio.yaml",
    "stable-pod-dead.yaml",
    "subsets.yaml",
    "superseded.yaml",
    "verdict-forged.yaml",
    "weights-contended.yaml",
    "weights-edited.yaml",
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
