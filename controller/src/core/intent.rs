//! Intent: the exposure that the record asks for, and what of it may be had now.
//!
//! Pure functions of spec, step and what is observed. Nothing here reads an annotation to decide a size or a weight.

use jiff::{SignedDuration, Timestamp};
use serin_crds::IntOrString;

use super::sizes::{Basic, Bound, Limits, Side, Sizes, basic};
use super::snapshot::{ReplicaSetSeen, Snapshot};
use super::steps::{weight_at, weight_before};
use super::weight::Weight;

/// How long the proxies may take to follow a weight that was written; pods stay at least so long after
/// traffic has left them.
pub const PROPAGATION: SignedDuration = SignedDuration::from_secs(5);

/// How long an abort waits for a stable side that can't carry everything, before it takes what there is.
pub const ABORT_PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Share of the stable pods that must be available for an abort to send everything back at once.
const ENOUGH_STABLE_PERCENT: i64 = 80;

/// The exposure that the record asks for, with capacity or without.
pub fn wanted_weight(s: &Snapshot, live: Weight) -> Weight {
    if s.promoted() || s.initial() {
        return Weight::ZERO;
    }
    if s.status.abort {
        return abort_weight(s, live).0;
    }
    let another = s.status.current_pod_hash.as_deref() != Some(s.revision.hash.as_str());
    if another || s.new_available() == 0 || s.steps().is_empty() {
        return Weight::ZERO;
    }
    if s.status.promote_full || !s.recorded() {
        return live;
    }
    weight_at(s.steps(), s.index())
}

/// The exposure that may be had now: what is wanted if the canary can carry it, else what held before the step.
pub fn allowed_weight(s: &Snapshot, live: Weight) -> Weight {
    let wanted = wanted_weight(s, live);
    if s.status.abort || s.promoted() || wanted <= live || can_carry(s, wanted) {
        return wanted;
    }
    let before = wanted.min(weight_before(s.steps(), s.index()));
    // What held before the step may be gone: a Rollout that was at no pods comes back from nothing.
    if before <= live || can_carry(s, before) { before } else { live }
}

/// Whether the new revision has as many available pods as `weight` needs.
pub fn can_carry(s: &Snapshot, weight: Weight) -> bool {
    weight == Weight::ZERO || s.new_available() >= weight.pods(s.desired()).max(1)
}

/// What an abort sends to the canary now, and why it is not 0.
///
/// Never more than `live`. All at once where the canary has no pod, or at least 80 % of stable is available; else only
/// what stable can't carry; after a minute nothing, if any stable pod answers at all.
///
/// # Source
/// Requirement 1: an abort always makes progress.
pub fn abort_weight(s: &Snapshot, live: Weight) -> (Weight, Option<Timestamp>) {
    let (available, desired) = (s.stable_available(), s.desired());
    if s.new_available() == 0 || available * 100 >= desired * ENOUGH_STABLE_PERCENT {
        return (Weight::ZERO, None);
    }
    if available == 0 {
        return (live, None);
    }
    let deadline = later(s.status.aborted_at.unwrap_or(s.now), ABORT_PATIENCE);
    if s.now >= deadline {
        return (Weight::ZERO, None);
    }
    let carried = 100 * available / desired.max(1);
    (live.min(Weight::clamped(100 - carried)), Some(deadline))
}

/// The sizes that both sides should have now.
///
/// # Guarantees
/// With traffic routing the canary never shrinks below what its live weight needs.
pub fn sizes(s: &Snapshot) -> Sizes {
    if s.routed() { routed_sizes(s) } else { basic_sizes(s) }
}

fn routed_sizes(s: &Snapshot) -> Sizes {
    let desired = s.desired();
    let now = s.new_rs().map_or(0, |rs| rs.spec);
    if s.promoted() || s.initial() {
        return Sizes { canary: desired, stable: desired };
    }
    if s.status.abort {
        return Sizes { canary: now.min(aborted_size(s)), stable: desired };
    }
    let wanted = routed_goal(s);
    let canary = if wanted < now { wanted.max(still_needed(s, now)) } else { wanted };
    Sizes { canary, stable: desired }
}

/// The pods that the step's weight needs.
fn routed_goal(s: &Snapshot) -> i64 {
    let weight = if s.status.promote_full { Weight::FULL } else { weight_at(s.steps(), s.index()) };
    weight.pods(s.desired())
}

/// The size below which the canary may not go yet: live traffic, and traffic that has only just left.
fn still_needed(s: &Snapshot, now: i64) -> i64 {
    let Some(route) = s.route() else { return now };
    let moved = route.writer.as_ref().map(|(_, at)| later(*at, PROPAGATION));
    if moved.is_some_and(|at| s.now < at) {
        return now;
    }
    route.canary.pods(s.desired())
}

/// When a shrinking canary may shrink, if that lies ahead.
pub fn settles_at(s: &Snapshot) -> Option<Timestamp> {
    let (_, at) = s.route()?.writer.as_ref()?;
    Some(later(*at, PROPAGATION)).filter(|at| *at > s.now)
}

/// The size of an aborted canary: kept until its deadline, and as long as traffic or a Service reaches it.
fn aborted_size(s: &Snapshot) -> i64 {
    let Some(rs) = s.new_rs() else { return 0 };
    let traffic = s.route().is_none_or(|route| route.canary > Weight::ZERO);
    let reached = s.traffic.canary_service.as_ref().is_some_and(|svc| svc.hash.as_deref() == Some(&rs.hash));
    let passed = rs.deadline.is_some_and(|at| s.now >= at);
    if traffic || reached || !passed { rs.spec } else { 0 }
}

fn basic_sizes(s: &Snapshot) -> Sizes {
    let weight = if s.promoted() || s.initial() || s.status.promote_full {
        Weight::FULL
    } else if s.status.abort {
        Weight::ZERO
    } else {
        weight_at(s.steps(), s.index())
    };
    let side = |rs: &ReplicaSetSeen| Side { spec: rs.spec, available: rs.available };
    let same = s.promoted() || s.initial();
    let older = s.other_rs().map(|rs| rs.spec).sum();
    let sizes = basic(&Basic {
        desired: s.desired(),
        weight,
        limits: limits(s),
        canary: Some(s.new_rs().map(side).unwrap_or_default()),
        stable: if same { None } else { s.stable_rs().map(side) },
        older,
    });
    if same { Sizes { canary: sizes.canary, stable: sizes.canary } } else { sizes }
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
    let canary = new.spec == sizes.canary && new.available >= sizes.canary;
    if s.promoted() || s.initial() {
        return canary;
    }
    let stable = s.stable_rs().is_some_and(|rs| rs.spec == sizes.stable && (s.routed() || rs.replicas == sizes.stable));
    let others = s.routed() || s.other_rs().all(|rs| rs.available == 0);
    // A pass may be one of several, and a shrinking canary may have to wait: the goal itself has to be reached.
    let there = if s.routed() { new.spec == routed_goal(s) } else { basic_goal_reached(s, new.spec) };
    canary && stable && others && there
}

fn basic_goal_reached(s: &Snapshot, canary: i64) -> bool {
    let weight = if s.status.promote_full { Weight::FULL } else { weight_at(s.steps(), s.index()) };
    let goal = super::sizes::nearest(s.desired(), weight, limits(s).surge);
    canary == goal.canary && s.stable_rs().is_some_and(|rs| rs.spec == goal.stable)
}

/// An instant later by a duration, saturating at the end of time.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// An instant later by whole seconds.
pub fn seconds_later(at: Timestamp, seconds: i64) -> Timestamp {
    later(at, SignedDuration::from_secs(seconds.max(0)))
}
