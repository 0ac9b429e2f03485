//! What a store holds: objects and indexes. Knows no clock and no lock.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Sync, newer};
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection};

/// An object, and the list that showed it last.
pub(super) struct Entry<K> {
    pub object: Arc<K>,
    pub epoch: u32,
}

/// Objects, indexes, and how far the watch has come.
pub(super) struct State<K> {
    pub objects: HashMap<Key, Entry<K>>,
    pub index: HashMap<IndexKey, Vec<Key>>,
    pub unreadable: HashMap<Key, (String, u32)>,
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
            objects: HashMap::new(),
            index: HashMap::new(),
            unreadable: HashMap::new(),
            sync: Sync::Pending,
            heard: now,
            last_error: None,
            highest: "0".into(),
            epoch: 0,
        }
    }

    pub fn raise(&mut self, version: &str) {
        if newer(version, &self.highest) {
            self.highest = version.into();
        }
    }

    pub fn find(&self, index: &IndexKey) -> Vec<Arc<K>> {
        let keys = self.index.get(index).into_iter().flatten();
        keys.filter_map(|key| self.objects.get(key)).map(|held| held.object.clone()).collect()
    }

    pub fn put(&mut self, mut object: K, epoch: u32) -> Arc<K> {
        self.take(object.key());
        self.share_owner(&mut object);
        let key = object.key().clone();
        for index in object.index_keys() {
            self.index.entry(index).or_insert_with(|| Vec::with_capacity(1)).push(key.clone());
        }
        let object = Arc::new(object);
        self.objects.insert(key, Entry { object: object.clone(), epoch });
        object
    }

    /// Lets an object share the owner of its siblings: a Rollout has many `ReplicaSets`.
    fn share_owner(&self, object: &mut K) {
        let Some(owner) = &object.meta().owner else {
            return;
        };
        let siblings = self.index.get(&IndexKey::OwnerUid(owner.uid.clone()));
        let sibling = siblings.and_then(|keys| self.objects.get(keys.first()?));
        let theirs = sibling.and_then(|held| held.object.meta().owner.clone());
        if let Some(theirs) = theirs.filter(|theirs| theirs == owner) {
            object.meta_mut().owner = Some(theirs);
        }
    }

    pub fn take(&mut self, key: &Key) -> Option<Arc<K>> {
        let held = self.objects.remove(key)?;
        for index in held.object.index_keys() {
            if let Slot::Occupied(mut keys) = self.index.entry(index) {
                keys.get_mut().retain(|other| other != key);
                if keys.get().is_empty() {
                    keys.remove();
                }
            }
        }
        Some(held.object)
    }
}
