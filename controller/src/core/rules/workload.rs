//! The workload that a Rollout refers to: its generation is noted, and its pods give way to the Rollout's own, as
//! `scaleDown` asks for.
//!
//! Judged anew in each turn, in whatever revision: a Deployment that somebody brings up again beside a Rollout that serves
//! everything goes down again, and none goes down for a Rollout that does not.

use serin_crds::names::{ConditionType, EventReason, ScaleDown};

use super::super::because::Because;
use super::super::capacity::{settles_at, stable_selected};
use super::super::conditions;
use super::super::plan::{Effect, Plan};
use super::super::snapshot::{Snapshot, WorkloadSeen};
use super::super::stage::Stage;

/// Writes the generation of the workload on the Rollout, before a status says that it was observed.
pub(super) fn note(s: &Snapshot) -> Option<Plan> {
    let workload = s.revision.workload.as_ref()?;
    let generation = workload.generation.to_string();
    if workload.noted.as_ref() == Some(&generation) {
        return None;
    }
    let because = Because::Converging(format!("generation {generation} of {} is noted", workload.name));
    Some(super::act(s, because, vec![Effect::NoteWorkload { generation }]))
}

/// Brings pods of the workload back where those that were to take their place are gone, before the Rollout was ever healthy.
pub(super) fn grow(s: &Snapshot) -> Option<Plan> {
    resize(s, |have, want| want > have)
}

/// Takes down pods of the workload in whose place the Rollout's pods serve.
pub(super) fn shrink(s: &Snapshot) -> Option<Plan> {
    resize(s, |have, want| want < have)
}

fn resize(s: &Snapshot, differs: fn(i64, i64) -> bool) -> Option<Plan> {
    let workload = s.revision.workload.as_ref()?;
    let (from, to) = (workload.replicas?, wanted(s, workload)?);
    if !differs(from, to) {
        return None;
    }
    let way = if to > from { "up" } else { "down" };
    let text = format!("Scaled {way} Deployment {} from {from} to {to}", workload.name);
    let effect = Effect::ScaleWorkload { name: workload.name.clone(), from, to };
    Some(super::act(s, Because::Scaling(text.clone()), vec![effect]).note(EventReason::ScalingReplicaSet, text))
}

/// The size that the workload should have now; `None` where it is its owner's business.
///
/// # Guarantees
/// The pods of both together are never fewer than the Rollout asks for by this, and none goes before one of the Rollout's
/// is available.
fn wanted(s: &Snapshot, workload: &WorkloadSeen) -> Option<i64> {
    let mode = workload.scale_down.as_ref()?;
    let step_by_step = *mode == ScaleDown::Progressively;
    if !step_by_step && *mode != ScaleDown::OnSuccess {
        return None;
    }
    if carries(s) {
        return Some(0);
    }
    if !step_by_step || !takes_over(s) {
        return None;
    }
    let (have, available) = (workload.replicas?, available(s));
    let rest = (s.desired() - available).max(0);
    let may_shrink = available > 0 && settles_at(s).is_none();
    Some(if may_shrink { rest } else { rest.max(have) })
}

/// Pods of the Rollout that are available, of whatever revision.
fn available(s: &Snapshot) -> i64 {
    s.replica_sets.iter().filter(|rs| rs.observed).map(|rs| rs.available.min(rs.spec)).sum()
}

/// Whether the Rollout's own pods serve everything: as many as are asked for, and whatever is to select them does so long
/// enough for proxies to know.
fn carries(s: &Snapshot) -> bool {
    let recorded = !matches!(s.stage(), Stage::Deleting | Stage::Initial | Stage::Unrecorded);
    let whole = s.desired() > 0 && s.stable_available() > 0 && available(s) >= s.desired();
    recorded && whole && stable_selected(s) && settles_at(s).is_none()
}

/// Whether the Rollout takes the place of the workload for the first time. Only then do the workload's pods run the stable
/// version: later on its template is that of the next one, which nobody has measured.
fn takes_over(s: &Snapshot) -> bool {
    s.stage() == Stage::Stable && conditions::find(&s.status, &ConditionType::Healthy).is_none()
}
