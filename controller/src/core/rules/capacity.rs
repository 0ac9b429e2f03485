//! Capacity: up before traffic, down after it.

use serin_crds::names::EventReason;

use super::super::because::Because;
use super::super::goal;
use super::super::plan::{Effect, Plan};
use super::super::sizes::Sizes;
use super::super::snapshot::{ReplicaSetSeen, Snapshot};
use super::super::stage::Stage;

/// Brings up what is too small; a pause holds steps, never the sizes that the spec asks for.
pub(super) fn grow(s: &Snapshot) -> Option<Plan> {
    resize(s, sides(s), |have, want| want > have)
}

/// Takes down what is too big. Others are `clean_up`'s.
pub(super) fn shrink(s: &Snapshot) -> Option<Plan> {
    resize(s, sides(s), |have, want| want < have)
}

/// Brings the stable side up to what is desired where nothing else of the spec can be used.
pub(super) fn grow_stable(s: &Snapshot) -> Option<Plan> {
    let stable = s.stable_rs().filter(|_| s.routed() || s.is_stable())?;
    resize(s, vec![(stable, s.desired())], |have, want| want > have)
}

fn sides(s: &Snapshot) -> Vec<(&ReplicaSetSeen, i64)> {
    let Sizes { canary, stable } = goal::sizes(s);
    let stable = s.stable_rs().filter(|_| !s.is_stable()).map(|rs| (rs, stable));
    stable.into_iter().chain(s.new_rs().map(|rs| (rs, canary))).collect()
}

fn resize(s: &Snapshot, sides: Vec<(&ReplicaSetSeen, i64)>, differs: fn(i64, i64) -> bool) -> Option<Plan> {
    let mut effects = Vec::new();
    let mut said = Vec::new();
    for (rs, want) in sides {
        // What becomes current again loses the deadline that it got when it was left.
        let stale = rs.deadline.is_some() && s.stage() != Stage::Aborted;
        if stale && want >= rs.spec && want > 0 {
            effects.push(Effect::SetDeadline { name: rs.name.clone(), at: None });
        }
        if differs(rs.spec, want) {
            effects.push(Effect::ScaleReplicaSet { name: rs.name.clone(), from: rs.spec, to: want });
            said.push(scaled(rs, want));
        }
    }
    if effects.is_empty() {
        return None;
    }
    let because = Because::Scaling(said.join("; "));
    let plan = super::act(s, because, effects);
    Some(said.into_iter().fold(plan, |plan, text| plan.note(EventReason::ScalingReplicaSet, text)))
}

/// How a change of size is told.
pub(super) fn scaled(rs: &ReplicaSetSeen, to: i64) -> String {
    let way = if to > rs.spec { "up" } else { "down" };
    format!("Scaled {way} ReplicaSet {} (revision {}) from {} to {to}", rs.name, rs.revision, rs.spec)
}
