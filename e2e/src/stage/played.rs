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
    ("tls-and-tcp-routes", "users of a scenario ask over HTTP; a trial of its own asks over TLS and TCP"),
    ("min-ready-seconds", "its end names a number of seconds, which is another where time is shortened"),
    ("abort-routes-stale", SILENT),
    ("abort-sets-stale", SILENT),
    ("blind-but-growing", SILENT),
    ("orphans-adopted", ORPHANS),
    ("run-of-another-rollout", ORPHANS),
    ("undecodable-abort", "our CRDs refuse its spec; the simulator stores it, as a server with other CRDs does"),
    ("run-terminated-then-resumed", "where time is shortened, the run has measured before the person ends it"),
    ("abort-route-hangs", FAULT),
    ("abort-route-lost", FAULT),
    (
        "restart",
        "its instant is one of virtual time; on real parts it is past, and no pod is old enough to be restarted",
    ),
    ("stable-share-superseded", LATER),
    ("managed-route-dropped", LATER),
    ("managed-route-rollout-deleted", LATER),
    ("managed-route-unrouted", LATER),
    ("ping-pong", LATER),
    ("ping-pong-abort", LATER),
    ("workload-ref", LATER),
    ("workload-ref-abort", LATER),
    ("workload-ref-missing", LATER),
    ("workload-ref-never", LATER),
    ("workload-ref-progressively", LATER),
    ("workload-ref-replicaset", LATER),
];

/// Pods that stop at once and proxies that learn late have trials of their own here.
const LATE: &str = "how its proxies and pods behave is asked of the simulator; trials of their own play it here";

/// They delete a Rollout and leave its `ReplicaSets`.
const ORPHANS: &str =
    "the garbage collector writes metadata alone, and the audit log shows that in place of the object";

/// A cache is out of date when nothing was heard for longer than any scale leaves.
const SILENT: &str = "nothing has to be heard for minutes, and shortened time is over before";

/// New ones, tried here and not yet fitted to real time.
const LATER: &str = "its waits fit the time of the simulator; shortened, they end before pods have started or gone";

/// Calls that go wrong have trials of their own here, those of these scenarios among them.
const FAULT: &str = "trials of their own play faults of calls";

/// Scenarios whose transcripts are not compared with those of the simulator, each with the reason. All else is asked of them.
const TOLD_BY_CHANCE: [(&str, &str); 4] = [
    ("history-without-routing", "in how many turns the old pods go depends on how fast the new ones start"),
    ("services-without-routing", "in how many turns the old pods go depends on how fast the new ones start"),
    ("rivals", "how often a rival is overtaken is chance"),
    ("weights-contended", "whether an edit of somebody else comes before a raise or behind it is chance"),
];

/// Says whether a scenario has to be told alike on both worlds.
pub(super) fn is_compared(name: &str) -> bool {
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
