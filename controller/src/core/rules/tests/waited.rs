//! What tools read that wait for a Rollout and know no Rollouts.

use serin_crds::names::ConditionStatus;
use serin_crds::rollout::RolloutStatus;

use super::*;

/// Decides as kstatus does, by the conditions that it knows, for a status that is about the present spec.
///
/// # Source
/// kstatus of sigs.k8s.io/cli-utils, the rules for kinds that it does not know.
fn kstatus(status: &RolloutStatus) -> &'static str {
    let stands = |kind: &str| {
        let found = status.conditions.iter().find(|condition| condition.kind.to_string() == kind);
        found.map(|condition| condition.status == ConditionStatus::True)
    };
    match (stands("Reconciling"), stands("Stalled"), stands("Ready")) {
        (Some(true), ..) => "InProgress",
        (_, Some(true), _) => "Failed",
        (.., Some(false)) => "InProgress",
        _ => "Current",
    }
}

fn check(s: &Snapshot, phase: &str, expect: &str) {
    let record = decide(s).record;
    let seen = (record.phase.map(|phase| phase.to_string()), kstatus(&record));
    assert_eq!(seen, (Some(phase.to_owned()), expect), "{:#?}", record.conditions);
}

#[test]
fn every_phase_is_what_kstatus_takes_it_for() {
    check(&rollout(), "Progressing", "InProgress");
    check(&rollout().canary_pods(2).selected().weight(20).at_step(1), "Progressing", "InProgress");
    let mut paused = rollout().canary_pods(2).selected().weight(20).at_step(1);
    std::sync::Arc::make_mut(&mut paused.spec).paused = true;
    check(&paused, "Paused", "InProgress");
    let failing = rollout().canary_pods(2).selected().weight(20).at_step(1).failing("error rate 7 %");
    check(&failing, "Degraded", "Failed");
    let mut invalid = rollout().canary_pods(2).selected();
    invalid.faults = vec!["spec.strategy: must be one of canary and blueGreen".into()];
    check(&invalid, "Degraded", "Failed");
}
