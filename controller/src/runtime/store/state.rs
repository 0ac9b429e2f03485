//! What a store holds: objects and indexes. Knows no clock and no lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::time::Instant;

use super::gone::Gone;
use super::{Change, Sync, newer};
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection};

struct Entry<K> {
    object: Arc<K>,
    /// The list that showed it last.
    epoch: u32,
    /// Whether the watch has told of this version.
    told: bool,
}

/// Objects, indexes, and how far the watch has come.
pub(super) struct State<K> {
    objects: BTreeMap<Key, Entry<K>>,
    /// Flat, so that it costs the same to take one object out however many share its index key.
    index: BTreeSet<(IndexKey, Key)>,
    /// Objects that are there and cannot be decoded: why, and the list that showed them last.
    pub unreadable: BTreeMap<Key, (String, u32)>,
    pub gone: Gone,
    pub sync: Sync,
    pub heard: Instant,
    pub last_error: Option<String>,
    pub highest: Box<str>,
    pub epoch: u32,
}

impl<K> std::fmt::Debug for State<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State({} objects, {:?})", self.objects.len(), self.sync)
    }
}

impl<K: Projection> State<K> {
    pub fn new(now: Instant) -> Self {
        Self {
            objects: BTreeMap::new(),
            index: BTreeSet::new(),
            unreadable: BTreeMap::new(),
            gone: Gone::default(),
            sync: Sync::Pending,
            heard: now,
            last_error: None,
            highest: "0".into(),
            epoch: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.objects.len()
    }

    pub fn all(&self) -> Vec<Arc<K>> {
        self.objects.values().map(|held| held.object.clone()).collect()
    }

    pub fn held(&self, key: &Key) -> Option<&Arc<K>> {
        self.objects.get(key).map(|held| &held.object)
    }

    /// Finds an object that is shown in this version; and whether this version was told before.
    pub fn show(&mut self, key: &Key, version: &str) -> Option<(Arc<K>, bool)> {
        let held = self.objects.get_mut(key)?;
        held.epoch = self.epoch;
        let told = held.told;
        held.told |= held.object.version() == version;
        Some((held.object.clone(), told))
    }

    /// Puts the same version of an object in its place, with its body or without.
    pub fn swap(&mut self, object: K) {
        if let Some(held) = self.objects.get_mut(object.key()) {
            held.object = Arc::new(object);
        }
    }

    pub fn raise(&mut self, version: &str) {
        if newer(version, &self.highest) {
            self.highest = version.into();
        }
    }

    /// Finds the objects under an index key, in the order of their keys.
    pub fn find(&self, index: &IndexKey) -> impl Iterator<Item = &Arc<K>> {
        self.keys(index).filter_map(|key| self.held(key))
    }

    /// Finds the keys under an index key, in order.
    pub fn keys(&self, index: &IndexKey) -> impl Iterator<Item = &Key> {
        let here = self.index.range((index.clone(), Key::first())..);
        here.take_while(move |(other, _)| other == index).map(|(_, key)| key)
    }

    pub fn put(&mut self, mut object: K, told: bool) -> Arc<K> {
        self.take(object.key());
        self.share_owner(&mut object);
        let key = object.key().clone();
        for index in object.index_keys() {
            self.index.insert((index, key.clone()));
        }
        let object = Arc::new(object);
        self.objects.insert(key, Entry { object: object.clone(), epoch: self.epoch, told });
        object
    }

    /// Lets an object share the owner of its siblings: a Rollout has many `ReplicaSets`.
    fn share_owner(&self, object: &mut K) {
        let Some(owner) = &object.meta().owner else {
            return;
        };
        let sibling = self.find(&IndexKey::OwnerUid(owner.uid.clone())).next();
        let theirs = sibling.and_then(|held| held.meta().owner.clone());
        if let Some(theirs) = theirs.filter(|theirs| theirs == owner) {
            object.meta_mut().owner = Some(theirs);
        }
    }

    pub fn take(&mut self, key: &Key) -> Option<Arc<K>> {
        let held = self.objects.remove(key)?;
        for index in held.object.index_keys() {
            self.index.remove(&(index, key.clone()));
        }
        Some(held.object)
    }

    /// Takes out what the list that ends at this version has not shown, but for what is newer than the list.
    pub fn sweep(&mut self, version: &str, now: Instant) -> Vec<Change<K>> {
        let epoch = self.epoch;
        let unseen = |key: &Key| !self.objects.contains_key(key);
        let vanished: Vec<Key> = self
            .unreadable
            .iter()
            .filter(|(key, (_, seen))| *seen != epoch && unseen(key))
            .map(|(key, _)| key.clone())
            .collect();
        self.unreadable.retain(|_, (_, seen)| *seen == epoch);
        let gone = self.objects.iter().filter(|(key, held)| {
            held.epoch != epoch && !newer(held.object.version(), version) && !self.unreadable.contains_key(*key)
        });
        let gone: BTreeSet<Key> = gone.map(|(key, _)| key.clone()).chain(vanished).collect();
        let changes = gone.into_iter().map(|key| {
            let old = self.take(&key);
            self.gone.add(&key, version, now);
            Change::gone(key, old)
        });
        changes.collect()
    }

    /// Forgets everything that was held, and which versions were seen.
    pub fn clear(&mut self) {
        self.objects.clear();
        self.index.clear();
        self.unreadable.clear();
        self.gone.clear();
        self.highest = "0".into();
        self.sync = Sync::Pending;
    }
}
