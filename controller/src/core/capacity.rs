//! Capacity: who can serve what, judged by the pods that serve now, never by the number that is desired alone.

use jiff::{SignedDuration, Timestamp};

use super::because::Because;
use super::conditions;
use super::goal;
use super::snapshot::{ReplicaSetSeen, Snapshot};
use super::stage::Stage;
use super::weight::Weight;

/// How long the proxies may take to follow a route or a selector that was written; pods stay at least so long after
/// traffic has left them.
pub const PROPAGATION: SignedDuration = SignedDuration::from_secs(5);

/// How long traffic that has to leave the canary waits for a stable side that can't serve everything.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Share of the stable pods that must be available for all traffic to go back at once.
const ENOUGH_STABLE_PERCENT: i64 = 80;

/// The hash that the canary's share goes to: of its subset where a rule names one, else of its Service.
pub fn canary_hash(s: &Snapshot) -> Option<&str> {
    match s.route().and_then(|route| route.subsets.as_ref()) {
        Some((canary, _)) => canary.as_deref(),
        None => s.traffic.canary_service.as_ref().and_then(|svc| svc.hash.as_deref()),
    }
}

/// Whether everything that points the canary's share at pods points at the revision that the spec describes.
pub fn canary_selected(s: &Snapshot) -> bool {
    selects(s, &s.revision.hash, s.traffic.canary_service.as_ref(), |subsets| &subsets.0)
}

/// Whether everything that points the stable share at pods points at the stable revision.
pub fn stable_selected(s: &Snapshot) -> bool {
    let stable = s.status.stable_rs.as_deref().unwrap_or_default();
    selects(s, stable, s.traffic.stable_service.as_ref(), |subsets| &subsets.1)
}

type Subsets = (Option<String>, Option<String>);

fn selects(
    s: &Snapshot,
    hash: &str,
    service: Option<&super::snapshot::ServiceSeen>,
    side: fn(&Subsets) -> &Option<String>,
) -> bool {
    let subsets = s.route().and_then(|route| route.subsets.as_ref());
    service.is_none_or(|svc| svc.hash.as_deref() == Some(hash))
        && subsets.is_none_or(|subsets| side(subsets).as_deref() == Some(hash))
}

/// The `ReplicaSet` that the canary's share reaches, where that is another one than the spec describes.
///
/// A share that reaches the stable pods, everybody's pods or nobody's is somebody's edit, and is repaired;
/// only a revision of ours that was superseded has to be drained.
pub fn superseded(s: &Snapshot) -> Option<&ReplicaSetSeen> {
    let rs = s.by_hash(canary_hash(s)?)?;
    let stable = s.status.stable_rs.as_deref();
    (rs.hash != s.revision.hash && Some(rs.hash.as_str()) != stable).then_some(rs)
}

/// Whether the new revision has as many available pods as `weight` needs.
///
/// Where a step says how many pods the canary has, those are enough; where stable is gone, whatever there is.
pub fn can_serve(s: &Snapshot, weight: Weight) -> bool {
    if weight == Weight::ZERO {
        return true;
    }
    let Some(rs) = s.new_rs() else { return false };
    let needed = goal::pods(s, weight).min(goal::of(s).canary).max(1);
    let lost = s.stable_lost() && rs.available > 0;
    // Counts of an earlier size may be of pods that are on their way out.
    lost || (rs.observed && rs.available >= needed)
}

/// The number of pods that serves all traffic: what is desired, or what it was before an autoscaler wanted more.
fn whole(s: &Snapshot) -> i64 {
    let desired = s.desired();
    s.look.memory.whole.map_or(desired, |whole| whole.min(desired)).max(1)
}

/// How far traffic that has to leave the canary may fall now, and until when the rest is held.
///
/// Never more than the canary has. All at once where the canary's pods can't answer, or at least 80 % of stable can; else
/// only what stable can serve; after a minute everything, if any stable pod answers at all. A stable side that followed its
/// share is small on purpose: it takes back what it can serve, pod by pod, within that minute.
///
/// # Source
/// Requirement 1: an abort always makes progress.
pub fn drained(s: &Snapshot) -> (Weight, Option<Timestamp>) {
    let live = s.share();
    let serving = superseded(s).or(s.new_rs()).map_or(0, |rs| rs.available);
    let (available, whole) = (s.stable_available(), whole(s));
    let enough = if s.dynamic_stable() { 100 } else { ENOUGH_STABLE_PERCENT };
    let unreadable = !s.look.unreadable.is_empty() && !s.dynamic_stable();
    if serving == 0 || unreadable || available * 100 >= whole * enough {
        return (Weight::ZERO, None);
    }
    if available == 0 {
        return (live, None);
    }
    let deadline = later(held_since(s), PATIENCE);
    if s.now >= deadline {
        return (Weight::ZERO, None);
    }
    let total = live.total();
    (live.min(Weight::of(total - total * available / whole, total)), Some(deadline))
}

/// Since when traffic that has to leave the canary is held.
fn held_since(s: &Snapshot) -> Timestamp {
    if let Some(at) = s.status.aborted_at.filter(|_| s.status.abort) {
        return at;
    }
    let waiting = conditions::find(&s.status, &conditions::waiting());
    waiting.filter(|c| c.reason == Because::DRAIN_HELD).map_or(s.now, |c| c.last_transition_time)
}

/// Whether the stable side can serve what it gets when the canary has `canary`.
pub fn stable_can_serve(s: &Snapshot, canary: Weight) -> bool {
    if s.stage() == Stage::Stable && superseded(s).is_none() {
        // Both sides reach the same pods: the stable side only has to select them.
        return stable_selected(s);
    }
    stable_selected(s) && s.stable_available() >= canary.rest().pods(whole(s))
}

/// When what has left a route or a Service may go, if that lies ahead.
pub fn settles_at(s: &Snapshot) -> Option<Timestamp> {
    let since = s.look.memory.unmoved_since?;
    Some(later(since, PROPAGATION)).filter(|at| *at > s.now)
}

/// Whether a named Service or a subset selects a revision.
pub fn is_selected(s: &Snapshot, hash: &str) -> bool {
    let services = [&s.traffic.canary_service, &s.traffic.stable_service];
    let by_service = services.into_iter().flatten().any(|svc| svc.hash.as_deref() == Some(hash));
    by_service || s.route().is_some_and(|route| route.referenced.iter().any(|other| other == hash))
}

/// An instant later by a duration, saturating at the end of time.
pub fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// Until when pods are kept that stay for so many seconds more: recorded in whole seconds, so the next whole one.
pub fn kept_until(now: Timestamp, seconds: i64) -> Timestamp {
    let end = seconds_later(now, seconds);
    let fraction = i64::from(end.subsec_nanosecond());
    if fraction == 0 { end } else { later(end, SignedDuration::from_nanos(1_000_000_000 - fraction)) }
}

/// An instant later by whole seconds.
pub fn seconds_later(at: Timestamp, seconds: i64) -> Timestamp {
    later(at, SignedDuration::from_secs(seconds.max(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_kept_until_a_whole_second_and_never_for_less_than_asked() {
        fn check(now: &str, seconds: i64, expect: &str) {
            assert_eq!(kept_until(now.parse().unwrap(), seconds).to_string(), expect, "{now} and {seconds} s");
        }
        check("2026-01-01T00:00:00Z", 30, "2026-01-01T00:00:30Z");
        check("2026-01-01T00:00:00.000000001Z", 30, "2026-01-01T00:00:31Z");
        check("2026-01-01T00:00:00.999Z", 0, "2026-01-01T00:00:01Z");
        check("2026-01-01T00:00:00Z", -5, "2026-01-01T00:00:00Z");
    }
}
