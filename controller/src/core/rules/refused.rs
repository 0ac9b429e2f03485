//! What is left alone: a deleted Rollout, and a spec that can't be used.

use serin_crds::names::{ConditionReason, ConditionStatus, ConditionType, EventReason};

use super::super::because::Because;
use super::super::conditions::{self, Wanted};
use super::super::plan::{Basis, Effect, Plan};
use super::super::record;
use super::super::snapshot::{Route, Snapshot};

/// A Rollout that is being deleted goes with everything it owns; nothing is written any more.
pub(super) fn deleting(s: &Snapshot) -> Option<Plan> {
    s.id.deleting.then(|| Plan::wait(s.status.clone(), Because::Deleting))
}

/// A spec that can't be used, or that names what is missing: said with every fault at once; nothing else changes.
pub(super) fn invalid(s: &Snapshot) -> Option<Plan> {
    let blind = match &s.traffic.route {
        Route::Blind(why) => Some(why.clone()),
        Route::Seen(_) | Route::Unrouted => None,
    };
    let faults: Vec<String> = s.faults.iter().cloned().chain(blind.clone()).collect();
    if faults.is_empty() || s.status.abort {
        return None;
    }
    // A route that can't be seen does not keep a first revision from getting its pods: there is nothing to split yet.
    if s.faults.is_empty() && s.initial() {
        return None;
    }
    let why = faults.join("; ");
    let text = format!("The Rollout \"{}\" is invalid: {why}", s.id.name);
    let mut next = record::draft(s);
    let was = conditions::find(&next, &ConditionType::InvalidSpec).map(|c| c.message.clone());
    let wanted = Wanted::new(ConditionType::InvalidSpec, ConditionStatus::True, ConditionReason::InvalidSpec, &text);
    conditions::set(&mut next, wanted, s.now);
    let because = if s.faults.is_empty() { Because::Blind(why) } else { Because::Invalid(why) };
    let mut plan = Plan::wait(next, because);
    if was.as_deref() == Some(text.as_str()) {
        return Some(plan);
    }
    // Before it is said for the first time: what looks absent may only not have been seen yet.
    plan.needs = Basis::Asked;
    let reason = if s.faults.is_empty() { EventReason::VirtualServiceNotFound } else { EventReason::InvalidSpec };
    Some(plan.note(reason, text))
}

/// `spec.replicas` becomes 1 where it is absent: an autoscaler reads nothing else.
pub(super) fn default_replicas(s: &Snapshot) -> Option<Plan> {
    s.spec.replicas.is_none().then(|| super::act(s, Because::Defaulting, vec![Effect::DefaultReplicas]))
}
