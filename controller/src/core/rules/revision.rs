//! A revision is taken up, or tried again.

use serin_crds::names::{ConditionReason, ConditionStatus, ConditionType, EventReason, PauseReason};

use super::super::because::Because;
use super::super::conditions;
use super::super::goal;
use super::super::plan::{Effect, Move, Need, Plan, Way};
use super::super::record;
use super::super::snapshot::Snapshot;
use super::super::stage::Stage;

/// A person's second try, or their order to promote an aborted revision all the same: the mark on the route goes first,
/// so that it can't abort the try again; then the record.
pub(super) fn retry(s: &Snapshot) -> Option<Plan> {
    let carried_out = s.status.aborted_at.is_some()
        || conditions::has_reason(&s.status, &ConditionType::Progressing, ConditionReason::RolloutAborted);
    let ordered = !s.status.abort || s.status.promote_full;
    if !ordered || !carried_out || !s.recorded_revision() || s.is_stable() || s.stage() == Stage::Deleting {
        return None;
    }
    let attempt = s.attempt();
    if let Some(route) = s.route()
        && route.aborted.as_ref().is_some_and(|(marked, _)| *marked == attempt)
    {
        let share = route.exposure.share();
        let effect = Effect::Move(Move { from: share, to: share, managed: Vec::new(), way: Way::Up });
        return Some(Plan::act(s.status.clone(), Because::Retrying, vec![effect]));
    }
    let mut next = record::draft(s);
    record::clear_attempt(&mut next);
    next.current_step_index = record::step_index(s, 0);
    next.promote_full = s.status.promote_full;
    if !next.promote_full {
        enter_pause(s, &mut next, 0);
    }
    Some(
        Plan::wait(next, Because::Retrying)
            .note(EventReason::RolloutRetry, "Retrying Rollout after abort")
            .wake_at(Some(s.now))
            .needing(Need::Rollout),
    )
}

/// A pause step is entered by recording its start.
pub(super) fn enter_pause(s: &Snapshot, next: &mut serin_crds::rollout::RolloutStatus, index: usize) {
    if s.steps().get(index).is_some_and(|step| step.pause.is_some()) && !s.within_window() {
        record::pause(s, next, PauseReason::CanaryPauseStep);
    }
}

/// A revision (or a list of steps) that is not recorded yet: its `ReplicaSet` exists before it is recorded.
pub(super) fn start_revision(s: &Snapshot) -> Option<Plan> {
    if s.recorded() && s.new_rs().is_some() {
        return None;
    }
    if s.status.abort && s.recorded_revision() && s.new_rs().is_some() {
        return Some(other_steps(s));
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
    let back = s.is_stable() && !s.steps().is_empty();
    let because = if back { Because::BackToStable } else { Because::NewRevision(s.revision.hash.clone()) };
    let mut plan = Plan::act(reset(s), because, effects).wake_at(Some(s.now));
    // A revision that is only now made may not be promoted by a stale cache: the record carries the version it rests on.
    plan.together = false;
    if s.new_rs().is_none() && s.recorded_revision() {
        // What was recorded is gone: with a Rollout that was deleted, all that it owns goes, and its watch may lag behind.
        plan = plan.needing(Need::Rollout);
    }
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
    if s.within_window() {
        return Some(plan.note(EventReason::SkipSteps, "Rollback to active ReplicaSets within RollbackWindow"));
    }
    if s.status.stable_rs.is_some() && s.status.stable_rs == s.status.current_pod_hash && !s.is_stable() {
        let text = format!("Rollout not completed, started update to revision {number} ({})", s.revision.hash);
        return Some(plan.note(EventReason::RolloutNotCompleted, text));
    }
    if s.initial() {
        let text = format!("Rollout completed update to revision {number} ({}): Initial deploy", s.revision.hash);
        return Some(plan.note(EventReason::RolloutCompleted, text));
    }
    Some(plan)
}

/// Other steps of an aborted revision are recorded and begin with the next try: an edit of the steps undoes no abort.
fn other_steps(s: &Snapshot) -> Plan {
    let mut next = record::draft(s);
    next.current_step_hash = Some(s.revision.step_hash.clone());
    next.current_step_index = record::step_index(s, 0);
    Plan::wait(next, Because::NewRevision(s.revision.hash.clone())).wake_at(Some(s.now))
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
        record::swap_services(s, &mut next);
    }
    let done = s.initial() || s.is_stable() || s.within_window();
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
    if s.initial() || s.is_stable() {
        return if s.spec.paused { 0 } else { s.desired() };
    }
    if s.halted() || !super::standing::held(s).is_empty() { 0 } else { goal::sizes(s).canary }
}
