//! A cache of one kind: objects by key, with indexes, that knows whether it may be believed.
//!
//! A store is written by its watch and by our own writes; it is read by everybody. It answers [`Reading::Unreadable`]
//! until its first list is complete, while its kind cannot be listed, and when nothing has been heard for too long.

mod change;
mod followed;
mod state;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::sync::watch;

pub use self::change::Change;
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
        self.read().objects.len()
    }

    fn settled(&self) -> watch::Receiver<bool> {
        self.settled.subscribe()
    }
}

/// Objects of one kind by key, with secondary indexes.
#[derive(Debug)]
pub struct Store<K> {
    clock: Clock,
    cache: RwLock<State<K>>,
    settled: watch::Sender<bool>,
}

impl<K: Projection> Store<K> {
    /// Makes an empty store that nothing can be read from yet.
    pub fn new(clock: Clock) -> Arc<Self> {
        let cache = State::new(clock.monotonic());
        Arc::new(Self { clock, cache: RwLock::new(cache), settled: watch::Sender::new(false) })
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
        cache.objects.get(key).map_or(Reading::Absent, |held| Reading::Seen(held.object.clone()))
    }

    /// Looks for all objects with an index key; seen and empty when there are none.
    pub fn by_index(&self, index: &IndexKey) -> Reading<Vec<Arc<K>>> {
        let cache = self.read();
        match self.distrust(&cache) {
            Some(why) => Reading::Unreadable(why),
            None => Reading::Seen(cache.find(index)),
        }
    }

    /// Returns what was last known of an object, however old.
    pub fn last_known(&self, key: &Key) -> Option<Arc<K>> {
        self.read().objects.get(key).map(|held| held.object.clone())
    }

    /// Lists the keys of what was last known under an index key, however old: for deciding whom to wake.
    pub fn keys_by_index(&self, index: &IndexKey) -> Vec<Key> {
        self.read().index.get(index).cloned().unwrap_or_default()
    }

    /// Lists all objects that are held, however old, in no order.
    pub fn all(&self) -> Vec<Arc<K>> {
        self.read().objects.values().map(|held| held.object.clone()).collect()
    }

    /// Tells whether the first list is complete or the kind cannot be listed: work may begin.
    pub fn is_settled(&self) -> bool {
        self.read().sync != Sync::Pending
    }

    /// Takes in the answer to our own write, so that the next look shows it.
    ///
    /// # Guarantees
    /// A version that is not newer than the one held changes nothing, and an older event of the watch does not undo it.
    pub fn observe_own_write(&self, object: K) {
        let mut cache = self.write();
        let held = cache.objects.get(object.key());
        if held.is_none_or(|held| newer(object.version(), held.object.version())) {
            let epoch = cache.epoch;
            cache.put(object, epoch);
        }
    }

    /// Takes in an object that the watch or a list shows; `None` when a newer version is held.
    pub(super) fn apply(&self, object: K) -> Option<Change<K>> {
        let mut cache = self.write();
        cache.raise(object.version());
        cache.unreadable.remove(object.key());
        let epoch = cache.epoch;
        let known = cache.objects.get_mut(object.key()).map(|held| {
            held.epoch = epoch;
            held.object.clone()
        });
        match known {
            Some(known) if known.version() == object.version() => {
                Some(Change { old: Some(known.clone()), new: Some(known), echo: true })
            }
            Some(known) if newer(known.version(), object.version()) => None,
            old => {
                let new = Some(cache.put(object, epoch));
                Some(Change { old, new, echo: false })
            }
        }
    }

    /// Takes in that the watch saw an object go; `None` when it was not held or a newer one is.
    pub(super) fn remove(&self, object: &K) -> Option<Change<K>> {
        let mut cache = self.write();
        cache.raise(object.version());
        cache.unreadable.remove(object.key());
        let known = cache.objects.get(object.key())?;
        if newer(known.object.version(), object.version()) {
            return None;
        }
        let old = cache.take(object.key());
        Some(Change { old, new: None, echo: false })
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
        let epoch = cache.epoch;
        cache.unreadable.retain(|_, (_, seen)| *seen == epoch);
        let gone = cache.objects.iter().filter(|(key, held)| {
            held.epoch != epoch && !newer(held.object.version(), version) && !cache.unreadable.contains_key(*key)
        });
        let gone: Vec<Key> = gone.map(|(key, _)| key.clone()).collect();
        let changes = gone.iter().map(|key| Change { old: cache.take(key), new: None, echo: false }).collect();
        cache.raise(version);
        cache.objects.shrink_to_fit();
        cache.index.shrink_to_fit();
        cache.sync = Sync::Following;
        cache.heard = self.clock.monotonic();
        cache.last_error = None;
        self.settled.send_replace(true);
        changes
    }

    /// Tells whether a list at this version would go back behind what was seen.
    pub(super) fn is_behind(&self, version: &str) -> bool {
        newer(&self.read().highest, version)
    }

    /// Forgets which versions were seen: the API server's history was replaced, as by restoring a backup.
    pub(super) fn accept_older_history(&self) {
        let mut cache = self.write();
        cache.highest = "0".into();
        let keys: Vec<Key> = cache.objects.keys().cloned().collect();
        for key in keys {
            cache.take(&key);
        }
        cache.sync = Sync::Pending;
    }

    /// Takes in a sign of life of the watch.
    pub(super) fn touch(&self, version: Option<&str>) {
        let mut cache = self.write();
        cache.heard = self.clock.monotonic();
        cache.last_error = None;
        if let Some(version) = version {
            cache.raise(version);
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

    /// Takes in that the kind cannot be listed; the store is not believed from now on.
    pub(super) fn set_unavailable(&self, why: String) {
        self.write().sync = Sync::Unavailable(why);
        self.settled.send_replace(true);
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
