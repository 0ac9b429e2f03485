//! Memory: the little that is remembered of a Rollout from turn to turn. A restart may lose all of it: what it says then is
//! on the careful side.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serin_crds::rollout::RolloutStatus;
use tokio::time::Instant;

use crate::core::plan::{Effect, Note};
use crate::core::record;
use crate::core::snapshot::Best;
use crate::core::stage::Attempt;
use crate::described::Described;

/// What is remembered of every Rollout, by UID; a clone shares it.
#[derive(Clone, Debug, Default)]
pub struct Memories(Arc<Mutex<HashMap<String, Remembered>>>, Arc<Mutex<VecDeque<Decoded>>>);

/// What was decoded of one version of a Rollout: its UID, the version, what it describes.
type Decoded = (Box<str>, Box<str>, Arc<Described>);

/// How many decoded Rollouts are kept: those that turns are being taken at, not those that are idle.
const DECODED: usize = 64;

/// What is remembered of one Rollout.
#[derive(Debug, Default)]
struct Remembered {
    /// Since when a small difference of the status waits to be written.
    pending: Option<Timestamp>,
    /// The hash that was computed of a template, and the one that it was found to have.
    revision: Option<(String, String)>,
    /// How routes and selectors were last, and since when.
    moved: Option<(String, Instant)>,
    /// The largest number of pods that were available since they were last whole: the stable ones, or all that share traffic.
    whole: Option<i64>,
    /// How far an attempt has come.
    best: Option<(Attempt, Best)>,
    /// What was written last without being seen to change anything, how often, and when.
    repeated: Option<Repeated>,
    /// Names of runs that belong to somebody else.
    occupied: BTreeSet<String>,
    /// A record that may have been written or not, and the events that it makes true.
    doubt: Option<(RolloutStatus, Vec<Note>)>,
}

/// Effects that are carried out again and again.
#[derive(Clone, Debug)]
struct Repeated {
    effects: Vec<Effect>,
    /// How often they had no effect at all.
    idle: u32,
    /// How many more of them are free, and as of when.
    free: u32,
    since: Instant,
}

/// How often the same effects are carried out at once, one after the other: somebody who reverts now and then is put right
/// each time, and somebody who reverts at once is met only so often.
const FREE: u32 = 10;
/// How long until one more is free.
const REFILL: Duration = Duration::from_secs(1);
/// The longest wait between two writes that have no effect.
const LONGEST: Duration = Duration::from_secs(30);

impl Memories {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, uid: &str, look: impl FnOnce(&mut Remembered) -> T) -> T {
        let mut all = self.lock();
        if let Some(known) = all.get_mut(uid) {
            return look(known);
        }
        look(all.entry(uid.to_owned()).or_default())
    }

    /// What was decoded of this version of a Rollout, if that was a moment ago.
    pub(crate) fn described(&self, uid: &str, version: &str) -> Option<Arc<Described>> {
        let recent = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        let found = recent.iter().find(|(of, at, _)| **of == *uid && **at == *version);
        found.map(|(_, _, described)| described.clone())
    }

    /// Keeps what was decoded of a version of a Rollout; its older versions go.
    pub(crate) fn describe(&self, uid: &str, version: &str, described: Arc<Described>) {
        let mut recent = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        recent.retain(|(of, ..)| **of != *uid);
        recent.push_front((uid.into(), version.into(), described));
        recent.truncate(DECODED);
    }

    /// Forgets a Rollout that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// How many Rollouts are remembered.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Since when the small difference of this Rollout waits; it begins now if none waited.
    pub fn pending_since(&self, uid: &str, now: Timestamp) -> Timestamp {
        self.with(uid, |known| *known.pending.get_or_insert(now))
    }

    /// Nothing waits to be written any more.
    pub fn nothing_pending(&self, uid: &str) {
        self.with(uid, |known| known.pending = None);
    }

    /// The hash that a template was found to have, by the one that was computed of it.
    ///
    /// They differ for a Rollout that another controller, or another release of one, has run before.
    pub fn revision(&self, uid: &str, computed: &str) -> Option<String> {
        let all = self.lock();
        let (asked, found) = all.get(uid)?.revision.as_ref()?;
        (asked == computed).then(|| found.clone())
    }

    /// Remembers a comparison of templates.
    pub fn found_revision(&self, uid: &str, computed: &str, found: String) {
        self.with(uid, |known| known.revision = Some((computed.to_owned(), found)));
    }

    /// For how long routes and selectors have been as they are; not at all where they were another way before.
    ///
    /// Counted on the clock that never jumps, from when this process saw it: neither another machine's clock nor ours can
    /// shorten what pods are owed.
    pub fn unmoved(&self, uid: &str, how: String, now: Instant) -> Duration {
        self.with(uid, |known| match &known.moved {
            Some((was, since)) if *was == how => now.duration_since(*since),
            _ => {
                known.moved = Some((how, now));
                Duration::ZERO
            }
        })
    }

    /// The size at which pods were last whole, with the available and the asked for that are seen now taken in.
    pub fn whole(&self, uid: &str, seen: Option<(i64, i64)>) -> Option<i64> {
        self.with(uid, |known| {
            match (seen, known.whole) {
                (Some((available, spec)), _) if available >= spec && spec > 0 => known.whole = Some(spec),
                (Some((available, _)), Some(whole)) if available > whole => known.whole = Some(available),
                _ => {}
            }
            known.whole
        })
    }

    /// The furthest that an attempt has come; nothing for one that is new here.
    pub fn best(&self, uid: &str, attempt: &Attempt) -> Best {
        let all = self.lock();
        let known = all.get(uid).and_then(|known| known.best.as_ref());
        known.filter(|(of, _)| of == attempt).map(|(_, best)| best.clone()).unwrap_or_default()
    }

    /// Takes in how far an attempt is in a record that was written.
    pub fn came(&self, uid: &str, attempt: Attempt, now: &Best) {
        self.with(uid, |known| {
            let best = known.best.take().filter(|(of, _)| *of == attempt).map(|(_, best)| best).unwrap_or_default();
            let old = match (best.old, now.old) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            let best = Best {
                updated: best.updated.max(now.updated),
                ready: best.ready.max(now.ready),
                available: best.available.max(now.available),
                old,
            };
            known.best = Some((attempt, best));
        });
    }

    /// Takes in that effects are about to be carried out; how long they have to wait, if they come too often.
    pub fn about_to(&self, uid: &str, effects: &[Effect], now: Instant) -> Option<Duration> {
        self.with(uid, |known| match &mut known.repeated {
            Some(last) if last.effects == effects => {
                let refills = now.duration_since(last.since).as_millis() / REFILL.as_millis();
                if refills > 0 {
                    last.free = last.free.saturating_add(u32::try_from(refills).unwrap_or(FREE)).min(FREE);
                    last.since = now;
                }
                if last.free == 0 {
                    return Some(REFILL.saturating_sub(now.duration_since(last.since)));
                }
                last.free -= 1;
                None
            }
            other => {
                *other = Some(Repeated { effects: effects.to_vec(), idle: 0, free: FREE - 1, since: now });
                None
            }
        })
    }

    /// Whether these effects were carried out before and changed nothing.
    pub fn is_idle(&self, uid: &str, effects: &[Effect]) -> bool {
        let all = self.lock();
        let last = all.get(uid).and_then(|known| known.repeated.as_ref());
        last.is_some_and(|last| last.idle > 0 && last.effects == effects)
    }

    /// Takes in that effects were carried out and changed nothing; how long to wait before they are tried again.
    pub fn had_no_effect(&self, uid: &str) -> Duration {
        self.with(uid, |known| {
            let idle = known.repeated.as_mut().map_or(0, |last| {
                last.idle = last.idle.saturating_add(1);
                last.idle - 1
            });
            Duration::from_secs(1 << idle.min(5)).min(LONGEST)
        })
    }

    /// Remembers the events of a record whose answer was lost: they are told when the record is seen to stand.
    pub fn doubt(&self, uid: &str, record: &RolloutStatus, notes: Vec<Note>) {
        // As it is read back: times are cut to seconds.
        let written = serde_json::to_value(record).and_then(serde_json::from_value);
        self.with(uid, |known| known.doubt = written.ok().map(|record| (record, notes)));
    }

    /// A later record was written for certain: what was in doubt is told with it, or never.
    pub fn certain(&self, uid: &str) {
        self.with(uid, |known| known.doubt = None);
    }

    /// The events of a record that was in doubt and stands in this status; none are left then.
    pub fn proved(&self, uid: &str, status: &RolloutStatus) -> Vec<Note> {
        let mut all = self.lock();
        let doubt = all.get_mut(uid).map(|known| &mut known.doubt);
        let stands = doubt.and_then(|doubt| doubt.take_if(|(record, _)| !record::differs_materially(record, status)));
        stands.map(|(_, notes)| notes).unwrap_or_default()
    }

    /// Names of runs that belong to somebody else.
    pub fn occupied(&self, uid: &str) -> BTreeSet<String> {
        self.lock().get(uid).map(|known| known.occupied.clone()).unwrap_or_default()
    }

    /// Remembers that a run of this name belongs to somebody else.
    pub fn occupy(&self, uid: &str, name: &str) {
        self.with(uid, |known| known.occupied.insert(name.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_that_was_whole_follows_what_serves_and_not_what_is_desired() {
        let memories = Memories::default();
        assert_eq!(memories.whole("u", Some((9, 10))), None, "after a restart nothing is known");
        assert_eq!(memories.whole("u", Some((10, 10))), Some(10));
        assert_eq!(memories.whole("u", Some((10, 50))), Some(10), "an autoscaler wants more");
        assert_eq!(memories.whole("u", Some((30, 50))), Some(30));
        assert_eq!(memories.whole("u", Some((12, 50))), Some(30), "pods that die do not make it smaller");
        assert_eq!(memories.whole("u", None), Some(30), "nothing new is seen");
        assert_eq!(memories.whole("u", Some((5, 5))), Some(5));
    }

    #[test]
    fn events_of_a_record_in_doubt_are_told_once_it_stands_and_only_once() {
        let memories = Memories::default();
        let note = Note::new(serin_crds::names::EventReason::RolloutAborted, "aborted");
        let record = RolloutStatus { abort: true, aborted_at: Some(Timestamp::UNIX_EPOCH), ..RolloutStatus::default() };
        memories.doubt("u", &record, vec![note.clone()]);
        assert_eq!(memories.proved("u", &RolloutStatus::default()), [], "it was not written yet, or never");
        assert_eq!(memories.proved("u", &record), std::slice::from_ref(&note));
        assert_eq!(memories.proved("u", &record), []);
        memories.doubt("u", &record, vec![note]);
        memories.certain("u");
        assert_eq!(memories.proved("u", &record), [], "it was written anew, and told then");
    }

    #[test]
    fn pods_that_come_back_are_no_progress() {
        let memories = Memories::default();
        let attempt = Attempt { revision: 2, hash: "new".into() };
        let at = |available| Best { available, ..Best::default() };
        memories.came("u", attempt.clone(), &at(4));
        memories.came("u", attempt.clone(), &at(0));
        assert_eq!(memories.best("u", &attempt), at(4));
        let other = Attempt { revision: 3, hash: "new".into() };
        assert_eq!(memories.best("u", &other), Best::default(), "another try begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn somebody_who_reverts_now_and_then_is_put_right_at_once_and_a_hot_fight_is_slowed_down() {
        let memories = Memories::default();
        let effects = [Effect::DefaultReplicas];
        for _ in 0..100 {
            assert_eq!(memories.about_to("u", &effects, Instant::now()), None);
            tokio::time::advance(Duration::from_secs(3)).await;
        }
        let at_once = (0..100).filter(|_| memories.about_to("u", &effects, Instant::now()).is_none()).count();
        assert!(at_once <= 10, "{at_once}");
        let wait = memories.about_to("u", &effects, Instant::now()).expect("a wait");
        tokio::time::advance(wait).await;
        assert_eq!(memories.about_to("u", &effects, Instant::now()), None);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_no_effect_is_tried_ever_more_rarely_and_never_given_up() {
        let memories = Memories::default();
        memories.about_to("u", &[Effect::DefaultReplicas], Instant::now());
        let waits: Vec<u64> = (0..7).map(|_| memories.had_no_effect("u").as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
    }
}
