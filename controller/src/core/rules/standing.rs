//! What is left alone: a deleted Rollout, what this version does not carry out, what can't be read, a spec that can't be used.

use serin_crds::names::{ConditionType, EventReason};

use super::super::because::Because;
use super::super::capacity::settles_at;
use super::super::conditions;
use super::super::plan::{Effect, Need, Plan};
use super::super::record;
use super::super::role;
use super::super::snapshot::{Route, Snapshot};
use super::super::stage::Stage;
use super::{aborting, capacity};

/// A Rollout that is being deleted goes with everything it owns; our marks are taken out of what others own.
pub(super) fn deleting(s: &Snapshot) -> Option<Plan> {
    (s.stage() == Stage::Deleting).then(|| Plan::act(s.status.clone(), Because::Deleting, released(s)))
}

/// Takes our marks out of what a Rollout no longer names.
pub(super) fn release(s: &Snapshot) -> Option<Plan> {
    let effects = released(s);
    (!effects.is_empty()).then(|| super::act(s, Because::CleaningUp, effects))
}

fn released(s: &Snapshot) -> Vec<Effect> {
    s.traffic.left.iter().cloned().map(Effect::Release).collect()
}

/// What decides exposure or capacity and is not carried out by this version holds everything as it is.
///
/// A revision is recorded all the same, and a first one gets its pods: where nothing runs, nothing that runs can change.
pub(super) fn unsupported(s: &Snapshot) -> Option<Plan> {
    let unrecorded = !s.recorded() || s.new_rs().is_none();
    if unrecorded && s.spec.template.is_some() {
        return None;
    }
    let held = held(s);
    (!held.is_empty()).then(|| Plan::wait(record::draft(s), Because::Unsupported(held.join(", "))))
}

/// What this version does not carry out of what decides the exposure or the capacity of this Rollout.
pub(super) fn held(s: &Snapshot) -> Vec<String> {
    let mut held = s.look.held.clone();
    // A provider is missed before any traffic moves, not at the step that needs it.
    if !s.is_stable() && !s.initial() {
        held.extend(s.analysis.unsupported.iter().cloned());
    }
    held
}

/// Pods that can't be seen: everything waits, unless traffic has to fall; then what can't be seen is read live.
pub(super) fn pods_unreadable(s: &Snapshot) -> Option<Plan> {
    if s.look.unreadable.is_empty() {
        return None;
    }
    if !s.look.asked.contains(&Need::Unreadable) && traffic_may_have_to_fall(s) {
        return Some(unseen(s).needing(Need::Unreadable));
    }
    s.look.pods_unreadable.then(|| unseen(s))
}

/// Something else that can't be seen: pods have followed the spec by now; nothing rises, moves or goes until it can.
pub(super) fn unreadable(s: &Snapshot) -> Option<Plan> {
    // A first revision needs neither a route nor a Service to get its pods.
    if s.look.unreadable.is_empty() || s.initial() {
        return None;
    }
    Some(capacity::shrink(s).unwrap_or_else(|| unseen(s)))
}

fn unseen(s: &Snapshot) -> Plan {
    let plan = Plan::wait(s.status.clone(), Because::Unreadable(s.look.unreadable.join("; ")));
    plan.wake_at(super::cleanup::next_deadline(s)).wake_at(settles_at(s))
}

/// Whether something that is known already asks for less traffic on the canary.
fn traffic_may_have_to_fall(s: &Snapshot) -> bool {
    let settled = s.initial() || (s.is_stable() && s.recorded());
    let lowered = s.route().is_some_and(|route| !route.exposure.reaches_canary());
    let done = settled || (s.status.abort && lowered);
    !done && (aborting::reason(s).is_some() || !s.recorded_revision())
}

/// A spec that can't be used: said with every fault at once; nothing but the size of the stable side follows it.
pub(super) fn invalid(s: &Snapshot) -> Option<Plan> {
    if s.faults.is_empty() || s.stage() == Stage::Aborted {
        return None;
    }
    if let Some(plan) = capacity::grow_stable(s) {
        return Some(plan);
    }
    Some(Plan::wait(record::draft(s), Because::Invalid(s.faults.join("; "))))
}

/// Says once that a spec is invalid, or that its route is missing; what looks absent is asked for before that is said.
pub(super) fn tell_faults(s: &Snapshot, plan: Plan) -> Plan {
    let Some(text) = conditions::faults(s) else { return plan };
    let was = conditions::find(&s.status, &ConditionType::InvalidSpec);
    let said = conditions::find(&plan.record, &ConditionType::InvalidSpec).is_some_and(|c| c.message == text);
    if !said || was.is_some_and(|c| c.message == text) {
        return plan;
    }
    let reason = match s.traffic.route {
        Route::Blind(_) if s.faults.is_empty() => EventReason::VirtualServiceNotFound,
        _ => EventReason::InvalidSpec,
    };
    // An abort asks nobody before it lowers.
    let asks = !plan.effects.iter().any(Effect::lowers);
    let plan = plan.note(reason, text);
    if asks { plan.needing(Need::Named) } else { plan }
}

/// A pod template that a workload gives and that can't be seen: what is recorded goes on, and nothing new begins.
pub(super) fn untemplated(s: &Snapshot) -> Option<Plan> {
    let begun = s.recorded() && s.new_rs().is_some();
    (s.spec.template.is_none() && !begun).then(|| unseen(s))
}

/// `spec.replicas` becomes 1 where it is absent: an autoscaler reads nothing else.
pub(super) fn default_replicas(s: &Snapshot) -> Option<Plan> {
    s.spec.replicas.is_none().then(|| super::act(s, Because::Defaulting, vec![Effect::DefaultReplicas]))
}

/// `ReplicaSet`s of this Rollout that belong to nobody, as `--cascade=orphan` leaves them, belong to it again.
pub(super) fn adopt(s: &Snapshot) -> Option<Plan> {
    let orphans = s.replica_sets.iter().filter(|rs| rs.orphan);
    let effects: Vec<Effect> = orphans.map(|rs| Effect::Adopt { name: rs.name.clone() }).collect();
    (!effects.is_empty()).then(|| Plan::act(s.status.clone(), Because::Adopting, effects).wake_at(Some(s.now)))
}

/// Fields that belong to no template follow the spec without a new revision, and pods have the labels of their role.
pub(super) fn synchronize(s: &Snapshot) -> Option<Plan> {
    let rs = s.new_rs().filter(|_| s.recorded_revision())?;
    if let Some(avoids) = role::avoids(s).filter(|hash| rs.avoids.as_deref() != Some(*hash)) {
        let because = Because::Converging(format!("pods of ReplicaSet {} avoid the nodes of {avoids}", rs.name));
        let effect = Effect::SetAntiAffinity { name: rs.name.clone(), avoids: avoids.to_owned() };
        return Some(super::act(s, because, vec![effect]));
    }
    let roles = s.replica_sets.iter().map(|rs| (rs, role::metadata(s, &rs.hash)));
    if let Some((rs, to)) = roles.into_iter().find(|(rs, wanted)| rs.role != *wanted) {
        let because = Because::Converging(format!("pods of ReplicaSet {} get the metadata of their role", rs.name));
        let effect = Effect::SetRole { name: rs.name.clone(), from: rs.role.clone(), to };
        return Some(super::act(s, because, vec![effect]));
    }
    let seconds = i64::from(s.spec.min_ready_seconds.unwrap_or(0).max(0));
    let effect = Effect::SetMinReadySeconds { name: rs.name.clone(), seconds };
    let because = Because::Converging(format!("minReadySeconds of ReplicaSet {} -> {seconds}", rs.name));
    (rs.min_ready_seconds != seconds).then(|| super::act(s, because, vec![effect]))
}
