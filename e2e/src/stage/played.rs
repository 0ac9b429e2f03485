//! Which scenarios are played on real parts: all that ship, but for those that are named here.

use serin_sim::scenario;

use super::faults;

/// Scenarios that are not played on real parts, each with the reason. Those with faults that only the simulator can cause, such
/// as watches that lag behind, need not be named.
const LEFT_OUT: &[(&str, &str)] = &[
    (
        "replicas-zero",
        "stable goes to 0 two seconds before the canary, and the weight then goes to stable, which has no pod: a broken promise (S2)",
    ),
    ("delay-rounded-down", LATE),
    ("pods-stop-at-once", LATE),
    ("proxies-late", LATE),
    ("proxies-late-abort", LATE),
    ("rivals", REPORTED),
    ("tls-and-tcp-routes", "users of a scenario ask over HTTP; a trial of its own asks over TLS and TCP"),
    ("abort-beside-new-version", REPORTED),
    ("abort-held-fix-released", REPORTED),
    ("abort-of-replica-canary", REPORTED),
    ("abort-routes-stale", REPORTED),
    ("abort-sets-stale", REPORTED),
    ("annotation-kept", REPORTED),
    ("blind-but-growing", REPORTED),
    ("blue-green-left-behind", REPORTED),
    ("breach-runs-stale", REPORTED),
    ("canary-dead", REPORTED),
    ("canary-service-reset", REPORTED),
    ("canary-subset-reset", REPORTED),
    ("clock-ahead-of-server", REPORTED),
    ("dark-canary", REPORTED),
    ("dry-run-in-background", REPORTED),
    ("dry-run-only", REPORTED),
    ("flapping-canary", REPORTED),
    ("foreign-destination", REPORTED),
    ("header-route", REPORTED),
    ("header-route-abort", REPORTED),
    ("history-without-routing", REPORTED),
    ("long-delay-hides-deadline", REPORTED),
    ("managed-route-superseded", REPORTED),
    ("min-ready-seconds", REPORTED),
    ("mirror-route", REPORTED),
    ("orphans-adopted", REPORTED),
    ("other-router", REPORTED),
    ("promote-full-after-abort", REPORTED),
    ("replicaset-refused", REPORTED),
    ("resume-then-inconclusive", REPORTED),
    ("role-labels-taken-over", REPORTED),
    ("rollout-deleted", REPORTED),
    ("run-of-another-rollout", REPORTED),
    ("run-terminated-then-resumed", REPORTED),
    ("same-version-again", REPORTED),
    ("scaled-up-aborted", REPORTED),
    ("scaled-while-paused", REPORTED),
    ("service-renamed", REPORTED),
    ("services-without-routing", REPORTED),
    ("stable-set-gone", REPORTED),
    ("stable-set-gone-basic", REPORTED),
    ("stable-short-superseded", REPORTED),
    ("starting-step-beyond", REPORTED),
    ("steps-edited", REPORTED),
    ("tcp-beside-http", REPORTED),
    ("two-routes-uneven-abort", REPORTED),
    ("undecodable-abort", REPORTED),
    ("watches-back-one-by-one", REPORTED),
    ("webhook-changes-weights", REPORTED),
    ("workload-ref", REPORTED),
];

/// Pods that stop at once and proxies that learn late have trials of their own here.
const LATE: &str = "how its proxies and pods behave is asked of the simulator; trials of their own play it here";

/// What users ran into, found by reading and by playing reports: mended against the simulator, not yet tried here.
const REPORTED: &str = "a reported situation, played on the simulator only so far";

/// Scenarios whose transcripts are not compared with those of the simulator, each with the reason. All else is asked of them.
const TOLD_BY_CHANCE: [(&str, &str); 1] =
    [("weights-contended", "whether an edit of somebody else comes before a raise or behind it is chance")];

/// Says whether a scenario has to be told alike on both worlds.
pub(super) fn told_alike(name: &str) -> bool {
    TOLD_BY_CHANCE.iter().all(|(known, _)| *known != name)
}

/// The names of the scenarios that are played on real parts.
pub fn played() -> impl Iterator<Item = &'static str> {
    let named = |name: &&str| LEFT_OUT.iter().any(|(left, _)| left == name);
    let playable = |name: &&str| scenario::shipped(name).is_ok_and(|scenario| faults::playable(&scenario));
    scenario::shipped_names().filter(move |name| !named(name)).filter(playable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scenarios_that_ship_are_left_out_and_each_for_a_reason() {
        for (name, reason) in LEFT_OUT.iter().copied().chain(TOLD_BY_CHANCE) {
            assert!(scenario::shipped_names().any(|shipped| shipped == name), "{name} does not ship");
            assert!(reason.len() > 20, "{name}: {reason:?}");
        }
    }

    #[test]
    fn whatever_is_not_named_and_has_no_fault_of_the_simulator_is_played() {
        let played: Vec<_> = played().collect();
        for name in scenario::shipped_names() {
            let left = LEFT_OUT.iter().any(|(left, _)| *left == name);
            let expect = !left && faults::playable(&scenario::shipped(name).unwrap());
            assert_eq!(played.contains(&name), expect, "{name}");
        }
    }
}
