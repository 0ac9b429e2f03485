//! Calls of the controller that go wrong in front of the real API server: each release ends as it does without, and every promise
//! is kept.

use std::time::Duration;

use serin_e2e::{
    runner::{Fault, Trial},
    stage,
};
use serin_sim::scenario;

/// How long one may take on a machine that has more to do.
const LIMIT: Duration = Duration::from_secs(300);

/// What goes wrong: in words, in which scenario, and as scenario files say it.
const FAULTS: [(&str, &str, &str); 14] = [
    (
        "the first writes of every kind meet a conflict",
        "good-release",
        "
- calls: {verbs: [patch], kind: Rollout, subresource: \"\", times: 1, what: {refused: 409}}
- calls: {verbs: [patch], kind: Rollout, subresource: status, nth: 3, times: 1, what: {refused: 409}}
- calls: {verbs: [patch], kind: ReplicaSet, times: 2, what: {refused: 409}}
- calls: {verbs: [patch], kind: Service, times: 2, what: {refused: 409}}
- calls: {verbs: [patch], kind: VirtualService, times: 2, what: {refused: 409}}
- calls: {verbs: [patch], kind: AnalysisRun, times: 1, what: {refused: 409}}",
    ),
    (
        "somebody else writes the route just before each of its raises",
        "good-release",
        "- calls: {verbs: [patch], kind: VirtualService, times: 3, what: rival}",
    ),
    (
        "the API server is too busy for the first records",
        "good-release",
        "- calls: {verbs: [patch], kind: Rollout, subresource: status, times: 3, what: {busy: 1}}",
    ),
    (
        "the new ReplicaSet is made and the answer says 500",
        "good-release",
        "- calls: {verbs: [create], kind: ReplicaSet, nth: 2, times: 1, what: {committed: 500}}",
    ),
    (
        "the analysis is made and half of the answer arrives",
        "good-release",
        "- calls: {verbs: [create], kind: AnalysisRun, times: 1, what: truncated}",
    ),
    (
        "an abort's patch of the route is committed and the answer says 504",
        "bad-by-errors",
        "- calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 1, what: {committed: 504}}",
    ),
    (
        "an abort's patch of the route is refused three times",
        "bad-by-errors",
        "- calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 3, what: {refused: 500}}",
    ),
    (
        "an abort's patch of the route loses its connection",
        "bad-by-errors",
        "- calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 1, what: reset}",
    ),
    (
        "an abort's patch of the route hangs",
        "bad-by-errors",
        "- calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 1, what: hang}",
    ),
    (
        "an abort is recorded and the connection breaks before the answer",
        "abort-in-pause",
        "- calls: {verbs: [patch], kind: Rollout, subresource: status, nth: 7, times: 1, what: resetAfter}",
    ),
    (
        "the controller dies before its abort reaches the route",
        "abort-in-pause",
        "- calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 1, what: crashBefore}",
    ),
    (
        "the controller dies when its abort has reached the route",
        "abort-in-pause",
        "- calls: {verbs: [patch], kind: VirtualService, nth: 2, times: 1, what: crashAfter}",
    ),
    (
        "the controller dies when it has raised the weight, before it records the step",
        "good-release",
        "- calls: {verbs: [patch], kind: VirtualService, times: 1, what: crashAfter}",
    ),
    (
        "nobody answers the controller for five seconds in the middle of a release",
        "good-release",
        "- calls: {nth: 60, for: 5s, what: hang}",
    ),
];

/// A trial for each.
pub fn trials() -> impl Iterator<Item = Trial> {
    FAULTS.into_iter().map(|(title, base, faults)| {
        Trial::new(format!("fault: {title}"), move || play(base, faults)).within(LIMIT).beside_others()
    })
}

async fn play(base: &'static str, faults: &'static str) -> Result<(), Fault> {
    let mut scenario = scenario::shipped(base)?;
    scenario.faults = serde_saphyr::from_str(faults)?;
    stage::perform_disturbed(scenario).await
}
