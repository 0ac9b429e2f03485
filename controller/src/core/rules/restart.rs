//! Restart: pods that were made before `spec.restartAt` are evicted, a few at a time.

use jiff::{SignedDuration, Timestamp};

use super::super::because::Because;
use super::super::capacity::{later, seconds_later};
use super::super::goal;
use super::super::plan::{Effect, Need, Plan};
use super::super::record;
use super::super::snapshot::{PodSeen, Snapshot};

/// After how many seconds pods that could not be evicted are looked at again.
const AGAIN: i64 = 30;

/// Evicts as many old pods as may be missing; records the restart once there is none.
///
/// # Guarantees
/// No more pods than `maxUnavailable` (one at least) are missing by it, no revision is left without an available pod unless
/// it has but one, and disruption budgets are kept.
///
/// # Source
/// Behaviour contract 2.16.
pub(super) fn restart(s: &Snapshot) -> Option<Plan> {
    let at = ordered(s).filter(|at| s.now > *at && s.recorded())?;
    if !s.look.asked.contains(&Need::Pods) {
        return Some(Plan::wait(record::draft(s), Because::Restarting { left: 0 }).needing(Need::Pods));
    }
    let pods = s.look.pods.as_ref()?;
    let old = old(s, at);
    if old.is_empty() && !pods.iter().any(|pod| pod.ending && pod.created < at) {
        let mut next = record::draft(s);
        next.restarted_at = Some(at);
        return Some(Plan::wait(next, Because::Restarted).wake_at(Some(s.now)));
    }
    let pods = evicted(&old, pods, allowed(s, pods));
    let because = Because::Restarting { left: old.len() };
    (!pods.is_empty()).then(|| super::act(s, because, vec![Effect::Evict { pods }]))
}

/// The restart that is asked for and not done.
fn ordered(s: &Snapshot) -> Option<Timestamp> {
    s.spec.restart_at.filter(|at| s.status.restarted_at != Some(*at))
}

/// The pods that have to go: of the stable side first, then of the new one, then others; the oldest of each first.
fn old(s: &Snapshot, at: Timestamp) -> Vec<&PodSeen> {
    let pods = s.look.pods.iter().flatten();
    let mut old: Vec<&PodSeen> = pods.filter(|pod| pod.created < at && !pod.ending).collect();
    let stable = s.status.stable_rs.as_deref().unwrap_or_default();
    old.sort_by_key(|pod| (pod.hash != stable, pod.hash != s.revision.hash, pod.created, pod.name.clone()));
    old
}

/// How many pods may go now.
fn allowed(s: &Snapshot, pods: &[PodSeen]) -> usize {
    let available = i64::try_from(pods.iter().filter(|pod| pod.available).count()).unwrap_or(0);
    let asked = s.desired().max(s.replica_sets.iter().map(|rs| rs.spec).sum());
    usize::try_from(available - (asked - goal::limits(s).unavailable.max(1))).unwrap_or(0)
}

/// Those of the old pods that go now, by name and UID.
fn evicted(old: &[&PodSeen], pods: &[PodSeen], allowed: usize) -> Vec<(String, String)> {
    let mut evicted: Vec<&PodSeen> = Vec::new();
    for pod in old {
        let beside = |other: &&PodSeen| other.hash == pod.hash && other.uid != pod.uid;
        let gone = evicted.iter().filter(|other| other.hash == pod.hash && other.available).count();
        let answering = pods.iter().filter(beside).filter(|other| other.available).count() > gone;
        let alone = !pods.iter().any(|other| beside(&other));
        if evicted.len() < allowed && (answering || alone || !pod.available) {
            evicted.push(pod);
        }
    }
    evicted.into_iter().map(|pod| (pod.name.clone(), pod.uid.clone())).collect()
}

/// What a restart waits for, if it is all that is waited for.
pub(super) fn waiting(s: &Snapshot) -> Option<Because> {
    let left = ordered(s).filter(|at| s.now > *at).map(|at| old(s, at).len())?;
    Some(Because::Restarting { left })
}

/// When a restart begins, or is looked at again.
pub(super) fn next(s: &Snapshot) -> Option<Timestamp> {
    let at = ordered(s)?;
    // Strictly after it, as the contract says.
    Some(if s.now > at { seconds_later(s.now, AGAIN) } else { later(at, SignedDuration::from_millis(1)) })
}
