//! A cache of one kind: objects by key, with indexes, that knows whether it may be believed.
//!
//! A store is written by its watch and by our own writes; it is read by everybody. It answers [`Reading::Unreadable`]
//! until its first list is complete, while its kind cannot be listed, and when nothing has been heard for too long.

mod change;
mod followed;
mod gone;
mod state;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

pub use self::change::{Change, News, Taken};
pub use self::followed::{Followed, Sync, all_settled};
use self::state::State;
use super::clock::Clock;
use super::key::Key;
use super::projection::{IndexKey, Projection};
use super::reading::Reading;

/// How long a store is believed after the last sign of life of its watch.
pub const STALE_AFTER: Duration = Duration::from_secs(75);

/// Tells whether one resource version is newer than another; false where they cannot be compared.
///
/// # Source
/// Resource versions of one kind are decimal numbers that only grow (Kubernetes API conventions, since 1.35).
pub fn newer(this: &str, other: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(this) && digits(other) && (this.len(), this) > (other.len(), other)
}

impl<K: Projection> Followed for Store<K> {
    fn resource(&self) -> String {
        K::PLACE.resource()
    }

    fn sync(&self) -> Sync {
        self.read().sync.clone()
    }

    fn silence(&self) -> Duration {
        self.clock.monotonic().duration_since(self.read().heard)
    }

    fn len(&self) -> usize {
        self.read().len()
    }

    fn settled(&self) -> watch::Receiver<bool> {
        self.settled.subscribe()
    }

    fn regained(&self) -> watch::Receiver<u64> {
        self.regained.subscribe()
    }
}

/// Objects of one kind by key, with secondary indexes.
#[derive(Debug)]
pub struct Store<K> {
    clock: Clock,
    cache: RwLock<State<K>>,
    settled: watch::Sender<bool>,
    regained: watch::Sender<u64>,
}

impl<K: Projection> Store<K> {
    /// Makes an empty store that nothing can be read from yet.
    pub fn new(clock: Clock) -> Arc<Self> {
        let cache = RwLock::new(State::new(clock.monotonic()));
        Arc::new(Self { clock, cache, settled: watch::Sender::new(false), regained: watch::Sender::new(0) })
    }

    /// Looks for an object.
    pub fn get(&self, key: &Key) -> Reading<Arc<K>> {
        let cache = self.read();
        if let Some(why) = self.distrust(&cache) {
            return Reading::Unreadable(why);
        }
        if let Some((why, _)) = cache.unreadable.get(key) {
            return Reading::Unreadable(why.clone());
        }
        match cache.held(key) {
            None => Reading::Absent,
            Some(held) if held.is_whole() => Reading::Seen(held.clone()),
            Some(_) => {
                Reading::Unreadable(format!("{} {key} has to be read, since nobody named it before", K::PLACE.kind))
            }
        }
    }

    /// Tells whether an object is there whose body was given up because nobody named it: whoever wants it reads it live
    /// and stores it with [`Store::observe_own_write`], after which it is kept.
    pub fn has_to_be_read(&self, key: &Key) -> bool {
        self.read().held(key).is_some_and(|held| !held.is_whole())
    }

    /// Gives up the body of an object that nobody names any more, unless it says that a Rollout manages it.
    pub fn shed(&self, key: &Key) {
        let mut cache = self.write();
        let kept = cache.held(key).filter(|held| held.is_whole() && !held.is_managed());
        if let Some(mut object) = kept.map(|held| (**held).clone()) {
            object.shed();
            cache.swap(object);
        }
    }

    /// Looks for all objects with an index key, in the order of their keys; seen and empty when there are none. Bodies
    /// of those that nobody names are not there.
    pub fn by_index(&self, index: &IndexKey) -> Reading<Vec<Arc<K>>> {
        let cache = self.read();
        match self.distrust(&cache) {
            Some(why) => Reading::Unreadable(why),
            None => Reading::Seen(cache.find(index).cloned().collect()),
        }
    }

    /// Returns what was last known of an object, however old.
    pub fn last_known(&self, key: &Key) -> Option<Arc<K>> {
        self.read().held(key).cloned()
    }

    /// Lists the keys of what was last known under an index key, however old: for deciding whom to wake.
    pub fn keys_by_index(&self, index: &IndexKey) -> Vec<Key> {
        self.read().keys(index).cloned().collect()
    }

    /// Tells whether anything was last known under an index key.
    pub fn is_indexed(&self, index: &IndexKey) -> bool {
        self.read().keys(index).next().is_some()
    }

    /// Lists all objects that are held, however old, in the order of their keys.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read().all()
    }

    /// Tells whether the first list is complete or the kind cannot be listed: work may begin.
    pub fn is_settled(&self) -> bool {
        self.read().sync != Sync::Pending
    }

    /// Takes in the answer to our own write, or what we have read ourselves, so that the next look shows it.
    ///
    /// # Guarantees
    /// A version that is not newer than the one held changes nothing, and an older event of the watch does not undo it.
    pub fn observe_own_write(&self, object: K) -> Taken {
        let mut cache = self.write();
        let Some(held) = cache.held(object.key()).cloned() else {
            if cache.gone.since(object.key(), object.version()) {
                return Taken::Old;
            }
            cache.unreadable.remove(object.key());
            cache.put(object, false);
            return Taken::Appeared;
        };
        if newer(object.version(), held.version()) {
            let readable = cache.unreadable.remove(object.key()).is_none() && held.is_whole();
            cache.put(object, false);
            if readable { Taken::Newer } else { Taken::Appeared }
        } else if held.version() == object.version() && !held.is_whole() {
            cache.swap(object);
            Taken::Appeared
        } else {
            Taken::Old
        }
    }

    /// Takes in an object that the watch or a list shows; `None` when a newer version is held.
    pub(super) fn apply(&self, object: K) -> Option<Change<K>> {
        let mut cache = self.write();
        cache.raise(object.version());
        cache.unreadable.remove(object.key());
        match cache.show(object.key(), object.version()) {
            Some((known, told)) if known.version() == object.version() => {
                let news = if told { News::Known } else { News::Own };
                if known.is_whole() != object.is_whole() {
                    cache.swap(object);
                }
                Some(Change::shown(Some(known.clone()), known, news))
            }
            Some((known, _)) if newer(known.version(), object.version()) => None,
            old => {
                let new = cache.put(object, true);
                Some(Change::shown(old.map(|(known, _)| known), new, News::Changed))
            }
        }
    }

    /// Takes in that the watch saw an object go, in this version; `None` when nothing was known of it or a newer one is
    /// held.
    pub(super) fn remove(&self, key: &Key, version: &str) -> Option<Change<K>> {
        let mut cache = self.write();
        cache.raise(version);
        let unreadable = cache.unreadable.remove(key).is_some();
        if cache.held(key).is_some_and(|held| newer(held.version(), version)) {
            return None;
        }
        cache.gone.add(key, version, self.clock.monotonic());
        let old = cache.take(key);
        (old.is_some() || unreadable).then(|| Change::gone(key.clone(), old))
    }

    /// Remembers that an object is there but cannot be read.
    pub(super) fn mark_unreadable(&self, key: Key, why: String) {
        let mut cache = self.write();
        let epoch = cache.epoch;
        cache.unreadable.insert(key, (why, epoch));
    }

    /// Begins a list: what it does not show is gone when it ends.
    pub(super) fn begin_list(&self) {
        let mut cache = self.write();
        cache.epoch = cache.epoch.wrapping_add(1);
    }

    /// Ends a list that shows the world at `version`; returns what vanished since the last one.
    pub(super) fn end_list(&self, version: &str) -> Vec<Change<K>> {
        let mut cache = self.write();
        let changes = cache.sweep(version, self.clock.monotonic());
        cache.raise(version);
        let before = self.distrust(&cache);
        cache.sync = Sync::Following;
        cache.heard = self.clock.monotonic();
        cache.last_error = None;
        drop(cache);
        self.settled.send_replace(true);
        self.regain(before);
        changes
    }

    /// Tells whether a list at this version would go back behind what was seen.
    pub(super) fn is_behind(&self, version: &str) -> bool {
        newer(&self.read().highest, version)
    }

    /// Forgets which versions were seen: the API server's history was replaced, as by restoring a backup.
    pub(super) fn accept_older_history(&self) {
        self.write().clear();
    }

    /// Takes in a sign of life of the watch.
    pub(super) fn touch(&self, version: Option<&str>) {
        let mut cache = self.write();
        let before = self.distrust(&cache);
        cache.heard = self.clock.monotonic();
        let heard = cache.heard;
        cache.gone.expire(heard);
        cache.last_error = None;
        if let Some(version) = version {
            cache.raise(version);
        }
        let regained = before.filter(|_| self.distrust(&cache).is_none());
        drop(cache);
        self.regain(regained);
    }

    /// Tells those who wait that the store can be believed again, if it could not be before.
    fn regain(&self, distrusted: Option<String>) {
        if let Some(why) = distrusted {
            tracing::debug!(resource = %K::PLACE.resource(), %why, "can be read again");
            self.regained.send_modify(|count| *count = count.wrapping_add(1));
        }
    }

    /// Takes in that the watch failed: the store is believed until it is stale.
    pub(super) fn fail(&self, why: &str) {
        self.write().last_error = Some(why.to_owned());
    }

    /// Says that this kind is not followed at all.
    pub fn leave_out(&self, why: &str) {
        self.set_unavailable(why.to_owned());
    }

    /// Takes in that the API server refuses to list or watch the kind.
    ///
    /// # Guarantees
    /// A store that was followed is believed until it is stale: right after a restart an API server may refuse for a
    /// moment what it is about to serve.
    pub(super) fn refuse(&self, why: String) {
        if self.is_believed() {
            self.fail(&why);
        } else {
            self.set_unavailable(why);
        }
    }

    /// Takes in that the kind cannot be listed; the store is not believed from now on.
    pub(super) fn set_unavailable(&self, why: String) {
        self.write().sync = Sync::Unavailable(why);
        self.settled.send_replace(true);
    }

    /// Tells whether the store can be believed now.
    pub(super) fn is_believed(&self) -> bool {
        self.distrust(&self.read()).is_none()
    }

    fn distrust(&self, cache: &State<K>) -> Option<String> {
        let resource = || K::PLACE.resource();
        let error = || cache.last_error.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        match &cache.sync {
            Sync::Unavailable(why) => return Some(why.clone()),
            Sync::Pending => return Some(format!("{} are not listed yet{}", resource(), error())),
            Sync::Following => {}
        }
        let silence = self.clock.monotonic().duration_since(cache.heard);
        let stale = silence > STALE_AFTER;
        stale.then(|| format!("nothing heard of {} for {} s{}", resource(), silence.as_secs(), error()))
    }

    fn read(&self) -> RwLockReadGuard<'_, State<K>> {
        self.cache.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State<K>> {
        self.cache.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
