//! A revision is taken up, or tried again.

use serin_crds::names::{ConditionReason, ConditionStatus, ConditionType, EventReason, PauseReason};

use super::super::because::Because;
use super::super::conditions;
use super::super::intent;
use super::super::plan::{Effect, Plan};
use super::super::record;
use super::super::sizes::{Basic, Side, basic};
use super::super::snapshot::Snapshot;
use super::super::steps::weight_at;
use crate::routers::istio::Cause;

/// A person's second try: the mark on the route goes first, so that it can't abort the try again; then the record.
pub(super) fn retry(s: &Snapshot) -> Option<Plan> {
    let aborted = s.status.aborted_at.is_some()
        || conditions::has_reason(&s.status, &ConditionType::Progressing, ConditionReason::RolloutAborted);
    if s.status.abort || !aborted || !s.recorded() || s.promoted() {
        return None;
    }
    let marked = s.route().filter(|route| route.aborted.as_ref().is_some_and(|(hash, _)| *hash == s.revision.hash));
    if let Some(route) = marked {
        let effect = Effect::SetWeight { from: route.canary, to: route.canary, cause: Cause::Raise };
        return Some(Plan::act(s.status.clone(), Because::Retrying, vec![effect]));
    }
    let mut next = record::draft(s);
    record::clear_attempt(&mut next);
    next.current_step_index = record::step_index(s, 0);
    enter_pause(s, &mut next, 0);
    Some(
        Plan::wait(next, Because::Retrying)
            .note(EventReason::RolloutRetry, "Retrying Rollout after abort")
            .wake_at(Some(s.now)),
    )
}

/// A pause step is entered by recording its start.
pub(super) fn enter_pause(s: &Snapshot, next: &mut serin_crds::rollout::RolloutStatus, index: usize) {
    if s.steps().get(index).is_some_and(|step| step.pause.is_some()) {
        record::pause(s, next, PauseReason::CanaryPauseStep);
    }
}

/// A revision (or a list of steps) that is not recorded yet: its `ReplicaSet` exists before it is recorded.
pub(super) fn start_revision(s: &Snapshot) -> Option<Plan> {
    if s.recorded() && s.new_rs().is_some() {
        return None;
    }
    let highest = s.replica_sets.iter().filter(|rs| rs.hash != s.revision.hash).map(|rs| rs.revision).max();
    let number = highest.unwrap_or(0) + 1;
    let mut effects = Vec::new();
    match s.new_rs() {
        None => {
            effects.push(Effect::CreateReplicaSet { replicas: first_size(s), revision: number });
        }
        Some(rs) if rs.revision < number => {
            effects.push(Effect::Renumber { name: rs.name.clone(), revision: number });
        }
        Some(_) => {}
    }
    let number = s.new_rs().map_or(number, |rs| rs.revision.max(number));
    if s.id.revision != number {
        effects.push(Effect::AnnotateRevision { revision: number });
    }
    let back = s.promoted() && !s.steps().is_empty();
    let because = if back { Because::BackToStable } else { Because::NewRevision(s.revision.hash.clone()) };
    let mut plan = Plan::act(reset(s), because, effects).wake_at(Some(s.now));
    // A revision that is only now made may not be promoted by a stale cache: the record carries the version it rests on.
    plan.together = false;
    let rs = format!("{}-{}", s.id.name, s.revision.hash);
    if s.id.revision != number {
        plan = plan.note(EventReason::RolloutUpdated, format!("Rollout updated to revision {number}"));
    }
    if s.new_rs().is_none() {
        plan = plan.note(EventReason::NewReplicaSetCreated, format!("Created ReplicaSet {rs} (revision {number})"));
    }
    if back && s.status.current_pod_hash.is_some() && !s.recorded() {
        return Some(plan.note(EventReason::SkipSteps, "Rollback to stable ReplicaSets"));
    }
    if s.status.stable_rs.is_some() && s.status.stable_rs == s.status.current_pod_hash && !s.promoted() {
        let text = format!("Rollout not completed, started update to revision {number} ({})", s.revision.hash);
        return Some(plan.note(EventReason::RolloutNotCompleted, text));
    }
    if s.initial() {
        let text = format!("Rollout completed update to revision {number} ({}): Initial deploy", s.revision.hash);
        return Some(plan.note(EventReason::RolloutCompleted, text));
    }
    Some(plan)
}

/// The record of a fresh attempt at the revision that the spec describes.
fn reset(s: &Snapshot) -> serin_crds::rollout::RolloutStatus {
    let mut next = record::draft(s);
    record::clear_attempt(&mut next);
    next.current_pod_hash = Some(s.revision.hash.clone());
    next.current_step_hash = Some(s.revision.step_hash.clone());
    next.restarted_at = s.spec.restart_at;
    if s.initial() {
        next.stable_rs = Some(s.revision.hash.clone());
    }
    let done = s.initial() || s.promoted();
    let index = if done { s.steps().len() } else { 0 };
    next.current_step_index = record::step_index(s, index);
    if !done {
        enter_pause(s, &mut next, 0);
    }
    let wanted = conditions::Wanted::new(
        ConditionType::Progressing,
        ConditionStatus::True,
        ConditionReason::NewReplicaSetCreated,
        &format!("Created new replica set \"{}-{}\"", s.id.name, s.revision.hash),
    );
    conditions::set(&mut next, wanted, s.now);
    next
}

/// The size that a new `ReplicaSet` starts with: that of the first step, so that it needs no second write.
fn first_size(s: &Snapshot) -> i64 {
    if s.spec.paused {
        return 0;
    }
    if s.initial() || s.promoted() {
        return s.desired();
    }
    let weight = weight_at(s.steps(), 0);
    if s.routed() {
        return weight.pods(s.desired());
    }
    let stable = s.stable_rs().map(|rs| Side { spec: rs.spec, available: rs.available });
    let older = s.other_rs().map(|rs| rs.spec).sum();
    let canary = Some(Side::default());
    basic(&Basic { desired: s.desired(), weight, limits: intent::limits(s), canary, stable, older }).canary
}
