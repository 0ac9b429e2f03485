//! How long updates take, told from what each turn sees. A restart forgets those that were under way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use serin_crds::names::{CompletionStatus, PauseReason};

use crate::core::snapshot::Snapshot;

/// An update that has come to its end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Arrival {
    /// How it ended.
    pub status: CompletionStatus,
    /// From the change to its end.
    pub whole: SignedDuration,
    /// The part of it that people held it.
    pub held: SignedDuration,
}

/// An update that is under way.
#[derive(Clone, Debug)]
struct Journey {
    since: Timestamp,
    held_since: Option<Timestamp>,
    held: SignedDuration,
    fast: bool,
}

/// What was last seen of a Rollout.
#[derive(Clone, Debug)]
struct Known {
    hash: String,
    aborted: bool,
    journey: Option<Journey>,
}

/// The updates that are under way, by uid of their Rollout.
#[derive(Debug, Default)]
pub(super) struct UpdateDurations(Mutex<HashMap<String, Known>>);

impl UpdateDurations {
    /// Takes in what one turn sees; answers with the updates that have ended.
    ///
    /// An update whose beginning was not seen, since it began before this process, is not told.
    pub fn look(&self, s: &Snapshot) -> Vec<Arrival> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let hash = s.status.current_pod_hash.clone().unwrap_or_default();
        let aborted = s.status.aborted_at.is_some();
        let fresh = || Known { hash: hash.clone(), aborted, journey: None };
        let known = known.entry(s.id.uid.clone()).or_insert_with(fresh);
        let mut arrivals = Vec::new();
        if known.hash != hash {
            arrivals.extend(known.journey.take().map(|journey| journey.ended(overtaken(s, &hash), s.now)));
            known.journey = (!arrived(s)).then(|| Journey::from(s.now));
        } else if known.aborted && !aborted && !arrived(s) {
            known.journey = Some(Journey::from(s.now));
        }
        (known.hash, known.aborted) = (hash, aborted);
        if let Some(journey) = &mut known.journey {
            journey.hold(is_held(s), s.now);
            journey.fast |= s.status.promote_full;
        }
        if let Some(journey) = known.journey.take_if(|_| aborted || arrived(s)) {
            let promoted = if journey.fast { CompletionStatus::FastPromoted } else { CompletionStatus::Promoted };
            arrivals.push(journey.ended(if aborted { CompletionStatus::Aborted } else { promoted }, s.now));
        }
        arrivals
    }

    /// Forgets a Rollout that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

impl Journey {
    fn from(since: Timestamp) -> Self {
        Self { since, held_since: None, held: SignedDuration::ZERO, fast: false }
    }

    fn hold(&mut self, held: bool, now: Timestamp) {
        match (held, self.held_since) {
            (true, None) => self.held_since = Some(now),
            (false, Some(since)) => {
                self.held = self.held.saturating_add(now.duration_since(since));
                self.held_since = None;
            }
            _ => {}
        }
    }

    fn ended(mut self, status: CompletionStatus, now: Timestamp) -> Arrival {
        self.hold(false, now);
        Arrival { status, whole: now.duration_since(self.since), held: self.held }
    }
}

/// Whether the recorded revision is stable and all its pods answer.
fn arrived(s: &Snapshot) -> bool {
    s.recorded() && s.is_stable() && s.new_available() >= s.desired()
}

/// Whether a person, or what waits for one, holds the Rollout.
fn is_held(s: &Snapshot) -> bool {
    let endless = || s.step().and_then(|step| step.pause.as_ref()).is_some_and(|pause| pause.duration.is_none());
    s.halted() || (s.paused_for(&PauseReason::CanaryPauseStep) && endless())
}

/// How an update ends when another revision takes its place.
fn overtaken(s: &Snapshot, hash: &str) -> CompletionStatus {
    if s.status.stable_rs.as_deref() == Some(hash) {
        return CompletionStatus::FastRolledBack;
    }
    let revision = |hash: &str| s.replica_sets.iter().find(|rs| rs.hash == hash).map(|rs| rs.revision);
    let stable = s.status.stable_rs.as_deref().and_then(revision);
    match (revision(hash), stable) {
        (Some(new), Some(stable)) if new < stable => CompletionStatus::RolledBack,
        _ => CompletionStatus::Superseded,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::fixtures::{noon_plus, rollout, rs};

    /// A Rollout so many seconds after noon.
    fn at(seconds: i64, change: impl FnOnce(&mut Snapshot)) -> Snapshot {
        let mut s = rollout();
        s.now = noon_plus(seconds);
        change(&mut s);
        s
    }

    fn recorded(hash: &'static str, stable: &'static str) -> impl Fn(&mut Snapshot) {
        move |s| {
            s.revision.hash = hash.into();
            s.status.current_pod_hash = Some(hash.into());
            s.status.stable_rs = Some(stable.into());
        }
    }

    /// What is told of Rollouts seen one after the other: `status whole held`.
    fn check(seen: &[Snapshot], expect: &[&str]) {
        let durations = UpdateDurations::default();
        let told: Vec<String> = seen
            .iter()
            .flat_map(|s| durations.look(s))
            .map(|a| format!("{} {} {}", a.status, a.whole.as_secs(), a.held.as_secs()))
            .collect();
        assert_eq!(told, expect);
    }

    fn begins() -> [Snapshot; 2] {
        [at(0, recorded("old", "old")), at(1, recorded("new", "old"))]
    }

    fn whole(s: Snapshot) -> Snapshot {
        s.pods("new", 10, 10)
    }

    #[test]
    fn an_update_ends_when_its_revision_is_stable_and_whole() {
        let [idle, begun] = begins();
        let promoted = |seconds| at(seconds, recorded("new", "new"));
        check(
            &[idle, begun, promoted(60).pods("new", 9, 9), whole(promoted(61)), whole(promoted(90))],
            &["Promoted 60 0"],
        );
    }

    #[test]
    fn skipping_what_is_left_is_a_fast_promotion() {
        let [idle, begun] = begins();
        let skipped = at(10, |s| {
            recorded("new", "old")(s);
            s.status.promote_full = true;
        });
        check(&[idle, begun, skipped, whole(at(20, recorded("new", "new")))], &["FastPromoted 19 0"]);
    }

    #[test]
    fn time_that_people_held_it_is_told_apart() {
        let [idle, begun] = begins();
        let paused =
            |seconds, paused| at(seconds, |s| recorded("new", "old")(s)).spec(move |spec| spec.paused = paused);
        let endless = at(41, |s| recorded("new", "old")(s)).at_step(3);
        let now = endless.now;
        let endless = endless.paused(PauseReason::CanaryPauseStep, now);
        let on = at(50, recorded("new", "old"));
        let seen = [idle, begun, paused(11, true), paused(21, true), paused(31, false), endless, on];
        let mut seen = seen.to_vec();
        seen.push(whole(at(61, recorded("new", "new"))));
        check(&seen, &["Promoted 60 29"]);
    }

    #[test]
    fn an_abort_ends_an_update_and_a_retry_begins_it_again() {
        let [idle, begun] = begins();
        let aborted = |seconds| {
            at(seconds, |s| {
                recorded("new", "old")(s);
                s.status.aborted_at = Some(s.now);
            })
        };
        let retried = at(100, recorded("new", "old"));
        let seen = [idle, begun, aborted(31), aborted(40), retried, whole(at(150, recorded("new", "new")))];
        check(&seen, &["Aborted 30 0", "Promoted 50 0"]);
    }

    #[test]
    fn another_revision_ends_an_update_in_its_own_way() {
        let to = |hash, revision| {
            at(11, move |s| {
                recorded(hash, "old")(s);
                s.replica_sets.push(rs(hash, revision, 0));
            })
        };
        let [idle, begun] = begins();
        check(&[idle.clone(), begun.clone(), to("newer", 9)], &["Superseded 10 0"]);
        check(&[idle.clone(), begun.clone(), to("older", 0)], &["RolledBack 10 0"]);
        check(&[idle, begun, at(11, recorded("old", "old"))], &["FastRolledBack 10 0"]);
    }

    #[test]
    fn an_update_whose_beginning_was_not_seen_is_not_told() {
        check(&[at(0, recorded("new", "old")), whole(at(60, recorded("new", "new")))], &[]);
    }
}
