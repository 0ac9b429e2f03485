//! Goal: what the record asks for at the step that is reached, and how much of it may be had now.
//!
//! Pure functions of spec, stage and what is observed. Nothing here reads an annotation to decide a size or a weight.

use serin_crds::IntOrString;

use super::capacity::{self, can_serve, drained, settles_at, stable_can_serve, superseded};
use super::sizes::{Basic, Bound, Limits, Side, Sizes, basic, nearest};
use super::snapshot::{ReplicaSetSeen, Snapshot};
use super::stage::Stage;
use super::steps::{Scale, scale_at, weight_at, weight_before};
use super::weight::Weight;

/// What a step asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goal {
    /// The canary's share of the traffic.
    pub weight: Weight,
    /// The canary's pods, with traffic routing.
    pub canary: i64,
    /// The stable pods, with traffic routing: all of them, unless they follow their share (`dynamicStableScale`).
    pub stable: i64,
}

/// What the record asks for: the one place that says what a step means.
pub fn of(s: &Snapshot) -> Goal {
    let desired = s.desired();
    let all = |weight| Goal { weight, canary: desired, stable: desired };
    match s.stage() {
        Stage::Deleting | Stage::Initial | Stage::Stable => all(Weight::ZERO),
        Stage::Aborted => Goal { canary: s.new_rs().map_or(0, |rs| rs.spec), ..all(Weight::ZERO) },
        // A stable side that has shrunk gives up its share as new pods take it over.
        Stage::FullPromotion | Stage::Rollback if s.dynamic_stable() => {
            let total = s.total_weight();
            let served = Weight::of(total * s.new_available() / desired.max(1), total);
            Goal { stable: 0, ..all(served.max(s.share())) }
        }
        // Services that swap their roles do not switch: all traffic moves before the revision becomes stable.
        Stage::FullPromotion | Stage::Rollback if s.swaps_services() && s.new_available() >= desired => {
            all(Weight::FULL)
        }
        // The weight is frozen until every pod is available and the revision becomes stable.
        Stage::FullPromotion | Stage::Rollback => all(s.share()),
        Stage::Unrecorded if s.is_stable() => all(Weight::ZERO),
        Stage::Unrecorded => step(s, 0),
        Stage::Updating(_) if s.stable_lost() => all(Weight::FULL),
        Stage::Updating(index) => step(s, index),
    }
}

fn step(s: &Snapshot, index: usize) -> Goal {
    // Without steps nothing is exposed before the revision is stable.
    let weight = if s.steps().is_empty() { Weight::ZERO } else { weight_at(s.steps(), index, s.total_weight()) };
    let (desired, total) = (s.desired(), s.total_weight());
    // What the canary's pods are for bounds how many stable ones it may stand in for.
    let (canary, stands_in) = match scale_at(s.steps(), index) {
        Some(Scale::Replicas(pods)) => (pods, Weight::ZERO),
        Some(Scale::Parts(parts)) => {
            let pods = super::weight::ceil_div(parts * desired, total);
            (at_least(s, pods), weight.min(Weight::of(parts, total)))
        }
        None if s.steps().is_empty() => (desired, weight),
        None => (pods(s, weight), weight),
    };
    let stable = if s.dynamic_stable() { pods(s, stands_in.rest()) } else { desired };
    Goal { weight, canary, stable }
}

/// The pods that a share of the traffic needs: none for none, else as many as `minPodsPerReplicaSet` says at least.
pub fn pods(s: &Snapshot, share: Weight) -> i64 {
    at_least(s, share.pods(s.desired()))
}

fn at_least(s: &Snapshot, pods: i64) -> i64 {
    let least = s.canary().min_pods_per_replica_set.filter(|_| s.routed()).map_or(0, i64::from);
    if pods == 0 { 0 } else { pods.max(least.min(s.desired())) }
}

/// The share that the record lets the canary have, with capacity or without.
pub fn entitled(s: &Snapshot) -> Weight {
    let superseded = superseded(s).is_some();
    if superseded || (s.new_available() == 0 && s.stage().is_update()) {
        return Weight::ZERO;
    }
    match s.stage() {
        // Other steps of a revision that has traffic: until they are recorded, it keeps what it has.
        Stage::Unrecorded if s.recorded_revision() => s.share(),
        Stage::Unrecorded => Weight::ZERO,
        _ => of(s).weight,
    }
}

/// The share that the canary may have now.
///
/// Down: as far as the stable side can serve. Up: what the record asks for if the canary can serve it, else what held
/// before the step, else what it has.
pub fn allowed(s: &Snapshot) -> Weight {
    let Some(route) = s.route() else { return Weight::ZERO };
    let (wanted, live) = (entitled(s), route.exposure.share());
    if route.exposure.exceeds(wanted) {
        return lowered(s, wanted, live);
    }
    if !s.stage().is_update() || wanted <= live || can_serve(s, wanted) {
        return wanted;
    }
    let before = wanted.min(weight_before(s.steps(), s.index(), s.total_weight()));
    // What held before the step may be gone: a Rollout that was at no pods comes back from nothing.
    if before <= live || can_serve(s, before) { before } else { live }
}

fn lowered(s: &Snapshot, wanted: Weight, live: Weight) -> Weight {
    if must_leave(s) {
        return drained(s).0;
    }
    if stable_can_serve(s, wanted) { wanted } else { live.max(wanted) }
}

/// Whether traffic has to leave the canary whatever else is wrong: aborted, superseded, rolled back, or no pod answers.
pub fn must_leave(s: &Snapshot) -> bool {
    s.stage() == Stage::Aborted || superseded(s).is_some() || (s.stage().is_update() && s.new_available() == 0)
}

/// The sizes that both sides should have now.
///
/// # Guarantees
/// With traffic routing no side shrinks below what its live share needs; nothing that a Service or a subset selects goes to
/// zero while somebody else could answer.
pub fn sizes(s: &Snapshot) -> Sizes {
    if s.routed() { routed_sizes(s) } else { basic_sizes(s) }
}

fn routed_sizes(s: &Snapshot) -> Sizes {
    let (goal, share) = (of(s), s.share());
    let canary = match s.stage() {
        Stage::Deleting | Stage::Initial | Stage::Stable => s.desired(),
        Stage::Aborted => aborted_size(s),
        Stage::Updating(_) if held_without_pods(s) => 0,
        _ => towards(s, s.new_rs(), goal.canary, pods(s, share)),
    };
    Sizes { canary, stable: stable_size(s, goal.stable) }
}

/// The size of the stable side: everything where traffic has to come back to it, or where it does not follow its share.
fn stable_size(s: &Snapshot, goal: i64) -> i64 {
    if !s.dynamic_stable() || must_leave(s) {
        return s.desired();
    }
    let needed = match s.route() {
        Some(route) => pods(s, route.exposure.share().rest()),
        None => s.stable_rs().map_or(0, |rs| rs.spec),
    };
    towards(s, s.stable_rs(), goal.max(needed), needed)
}

/// Whether a person holds a revision that has no pods yet: it gets none before they go on.
fn held_without_pods(s: &Snapshot) -> bool {
    s.halted() && s.new_rs().is_none_or(|rs| rs.spec == 0)
}

/// The next size on the way to `wanted`: up at once; down no further than `needed` by the live share, and not before proxies
/// know that traffic has left.
fn towards(s: &Snapshot, rs: Option<&ReplicaSetSeen>, wanted: i64, needed: i64) -> i64 {
    let now = rs.map_or(0, |rs| rs.spec);
    let wanted = floor(s, rs, wanted);
    if wanted >= now {
        return wanted;
    }
    if s.route().is_none() || settles_at(s).is_some() { now } else { wanted.max(needed.min(now)) }
}

/// The size of an aborted canary: kept until its deadline, and as long as traffic or a Service reaches it; where stable takes
/// its share back pod by pod and nobody set a delay, it gives its pods up in the same measure.
fn aborted_size(s: &Snapshot) -> i64 {
    let Some(rs) = s.new_rs() else { return 0 };
    if s.dynamic_stable() && s.canary().abort_scale_down_delay_seconds.is_none() {
        return towards(s, Some(rs), 0, pods(s, s.share()));
    }
    let traffic = s.route().is_none_or(|route| route.exposure.reaches_canary());
    let reached = s.traffic.canary_service.as_ref().is_some_and(|svc| svc.hash.as_deref() == Some(&rs.hash));
    let passed = rs.deadline.is_some_and(|at| s.now >= at);
    if traffic || reached || !passed || settles_at(s).is_some() { rs.spec } else { 0 }
}

fn basic_weight(s: &Snapshot) -> Weight {
    match s.stage() {
        Stage::Aborted => Weight::ZERO,
        Stage::Updating(_) if held_without_pods(s) => Weight::ZERO,
        Stage::Updating(index) => weight_at(s.steps(), index, s.total_weight()),
        Stage::Unrecorded if !s.is_stable() => weight_at(s.steps(), 0, s.total_weight()),
        _ => Weight::FULL,
    }
}

fn basic_sizes(s: &Snapshot) -> Sizes {
    let side = |rs: &ReplicaSetSeen| Side { spec: rs.spec, available: rs.available };
    let same = s.is_stable() || s.initial();
    let older = s.other_rs().map(|rs| rs.spec).sum();
    let sizes = basic(&Basic {
        desired: s.desired(),
        weight: basic_weight(s),
        limits: limits(s),
        canary: Some(s.new_rs().map(side).unwrap_or_default()),
        stable: if same { None } else { s.stable_rs().map(side) },
        older,
    });
    if same {
        return Sizes { canary: sizes.canary, stable: sizes.canary };
    }
    Sizes { canary: floor(s, s.new_rs(), sizes.canary), stable: floor(s, s.stable_rs(), sizes.stable) }
}

/// A size that a Service's pods may have: one pod at least while it selects them, or has only just stopped to.
fn floor(s: &Snapshot, rs: Option<&ReplicaSetSeen>, size: i64) -> i64 {
    let kept = rs.is_some_and(|rs| rs.spec > 0 && size == 0 && s.desired() > 0 && may_be_reached(s, rs));
    if kept { 1 } else { size }
}

/// Whether requests may still reach a revision: a Service or a subset selects it, or stopped to a moment ago.
pub fn may_be_reached(s: &Snapshot, rs: &ReplicaSetSeen) -> bool {
    let steered = s.traffic.canary_service.is_some() || s.traffic.stable_service.is_some() || s.routed();
    capacity::is_selected(s, &rs.hash) || (steered && settles_at(s).is_some())
}

/// The revision that the stable Service should select now: the stable one, or the new one once it has taken over all pods.
pub fn stable_hash(s: &Snapshot) -> Option<&str> {
    let stable = s.status.stable_rs.as_deref().filter(|hash| !hash.is_empty())?;
    let all = match s.stage() {
        Stage::Updating(_) if !s.routed() => {
            let (desired, limits) = (s.desired(), limits(s));
            nearest(desired, basic_weight(s), limits.surge).stable == 0
                && s.new_available() >= (desired - limits.unavailable).max(1)
        }
        _ => false,
    };
    Some(if all || (s.stable_lost() && s.stage().is_update()) { &s.revision.hash } else { stable })
}

/// The limits of a rolling change of this Rollout.
pub fn limits(s: &Snapshot) -> Limits {
    let canary = s.canary();
    Limits::resolve(bound(canary.max_surge.as_ref()), bound(canary.max_unavailable.as_ref()), s.desired())
}

fn bound(declared: Option<&IntOrString>) -> Bound {
    match declared {
        None => Bound::Percent(25),
        Some(IntOrString::Int(pods)) => Bound::Pods(*pods),
        Some(text) => Bound::Percent(text.as_percent().unwrap_or(25)),
    }
}

/// Whether both sides stand at their sizes, so that the current step can be complete.
pub fn at_sizes(s: &Snapshot) -> bool {
    let sizes = sizes(s);
    let Some(new) = s.new_rs() else { return false };
    let canary = new.observed && new.spec == sizes.canary && new.available >= sizes.canary;
    if s.is_stable() || s.initial() {
        return canary;
    }
    let complete = |rs: &ReplicaSetSeen| rs.spec == sizes.stable && (s.routed() || rs.replicas == sizes.stable);
    // A stable side that follows its share shrinks behind the step.
    let stable = s.stable_lost() || s.dynamic_stable() || s.stable_rs().is_some_and(complete);
    let others = s.routed() || s.other_rs().all(|rs| rs.available == 0);
    // A pass may be one of several, and a shrinking canary may have to wait: the goal itself has to be reached.
    let there =
        if s.routed() { new.spec == floor(s, Some(new), of(s).canary) } else { basic_goal_reached(s, new.spec) };
    canary && stable && others && there
}

fn basic_goal_reached(s: &Snapshot, canary: i64) -> bool {
    if s.stable_lost() {
        return canary == s.desired();
    }
    let goal = nearest(s.desired(), basic_weight(s), limits(s).surge);
    canary == goal.canary && s.stable_rs().is_some_and(|rs| rs.spec == goal.stable)
}
