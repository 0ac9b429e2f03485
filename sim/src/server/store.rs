//! The store: every object, one counter of versions, and for each kind what happened lately.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use super::{
    bell::{Bell, Listening},
    json::{list, put, text},
};

/// Where an object stands within its kind; the namespace of cluster objects is empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// Makes a key.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// Reads the key of an object.
    pub fn of(object: &Value) -> Self {
        Self::new(text(object, &["metadata", "namespace"]), text(object, &["metadata", "name"]))
    }
}

/// One change of one object.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that the change made.
    pub revision: u64,
    /// When it was made.
    pub at: Instant,
    /// The object before; nothing when it is new.
    pub before: Option<Arc<Value>>,
    /// The object after; nothing when it is gone.
    pub after: Option<Arc<Value>>,
    /// The last state, which carries the version of the change even when the object is gone.
    pub last: Arc<Value>,
}

/// The objects of one kind.
#[derive(Debug)]
struct Shelf {
    objects: BTreeMap<Key, Arc<Value>>,
    changes: VecDeque<Change>,
    /// The newest version that can no longer be told apart from what came before it.
    forgotten: u64,
    bell: Bell,
}

/// All objects.
#[derive(Debug)]
pub struct Store {
    revision: u64,
    history: usize,
    shelves: Vec<Shelf>,
    owned: HashMap<String, BTreeSet<(usize, Key)>>,
}

impl Store {
    /// Makes an empty store that remembers `history` changes of each kind.
    pub fn new(history: usize) -> Self {
        Self { revision: 1, history, shelves: Vec::new(), owned: HashMap::new() }
    }

    /// Makes room for kinds up to `id`.
    pub fn prepare(&mut self, id: usize) {
        while self.shelves.len() <= id {
            self.shelves.push(Shelf {
                objects: BTreeMap::new(),
                changes: VecDeque::new(),
                forgotten: self.revision.saturating_sub(1),
                bell: Bell::default(),
            });
        }
    }

    /// Returns the newest version of all.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// Sets how many changes of each kind are remembered.
    pub fn remember(&mut self, history: usize) {
        self.history = history;
    }

    /// Returns an object.
    pub fn get(&self, id: usize, key: &Key) -> Option<Arc<Value>> {
        self.shelves.get(id)?.objects.get(key).cloned()
    }

    /// Returns the objects of a kind in the order of their keys, of one namespace or of all.
    pub fn list(&self, id: usize, namespace: Option<&str>) -> Vec<Arc<Value>> {
        let Some(kept) = self.shelves.get(id) else {
            return Vec::new();
        };
        match namespace {
            None => kept.objects.values().cloned().collect(),
            Some(namespace) => kept
                .objects
                .range(Key::new(namespace, "")..)
                .take_while(|(key, _)| key.namespace == namespace)
                .map(|(_, object)| Arc::clone(object))
                .collect(),
        }
    }

    /// Returns the objects of a kind as they were at `revision`; nothing when that has been forgotten.
    pub fn list_at(&self, id: usize, revision: u64) -> Option<Vec<Arc<Value>>> {
        let kept = self.shelves.get(id)?;
        if revision < kept.forgotten {
            return None;
        }
        let mut objects = kept.objects.clone();
        for change in kept.changes.iter().rev().take_while(|change| change.revision > revision) {
            let key = Key::of(&change.last);
            match &change.before {
                Some(before) => objects.insert(key, Arc::clone(before)),
                None => objects.remove(&key),
            };
        }
        Some(objects.into_values().collect())
    }

    /// Puts `object`, stamps it with the next version and returns it as stored.
    pub fn put(&mut self, id: usize, mut object: Value) -> Arc<Value> {
        self.revision += 1;
        put(&mut object, &["metadata", "resourceVersion"], self.revision.to_string().into());
        let (key, after) = (Key::of(&object), Arc::new(object));
        self.prepare(id);
        let before = self.shelves.get_mut(id).and_then(|kept| kept.objects.insert(key.clone(), Arc::clone(&after)));
        if let Some(before) = &before {
            self.disown(id, &key, before);
        }
        for owner in list(&after, &["metadata", "ownerReferences"]) {
            self.owned.entry(text(owner, &["uid"]).to_owned()).or_default().insert((id, key.clone()));
        }
        self.record(id, before, Some(Arc::clone(&after)), Arc::clone(&after));
        after
    }

    /// Takes an object away and returns its last state, stamped with the version of its end.
    pub fn remove(&mut self, id: usize, key: &Key) -> Option<Arc<Value>> {
        let before = self.shelves.get_mut(id)?.objects.remove(key)?;
        self.revision += 1;
        self.disown(id, key, &before);
        let mut last = (*before).clone();
        put(&mut last, &["metadata", "resourceVersion"], self.revision.to_string().into());
        let last = Arc::new(last);
        self.record(id, Some(before), None, Arc::clone(&last));
        Some(last)
    }

    /// Returns who names `uid` as an owner.
    pub fn owned_by(&self, uid: &str) -> Vec<(usize, Key)> {
        self.owned.get(uid).into_iter().flatten().cloned().collect()
    }

    /// Returns the changes of a kind after `revision`, oldest first; nothing when some of them have been forgotten.
    pub fn changes_after(&self, id: usize, revision: u64) -> Option<impl Iterator<Item = &Change>> {
        let kept = self.shelves.get(id)?;
        if revision < kept.forgotten {
            return None;
        }
        let start = kept.changes.partition_point(|change| change.revision <= revision);
        Some(kept.changes.range(start..))
    }

    /// Returns the newest version of a kind that is at least `lag` old.
    pub fn revision_behind(&self, id: usize, lag: Duration, now: Instant) -> u64 {
        let Some(kept) = self.shelves.get(id).filter(|_| !lag.is_zero()) else {
            return self.revision;
        };
        let young = kept.changes.iter().find(|change| change.at + lag > now);
        young.map_or(self.revision, |change| change.revision.saturating_sub(1))
    }

    /// Rings whenever an object of the kind changes.
    pub fn bell(&mut self, id: usize) -> Option<Listening> {
        self.prepare(id);
        self.shelves.get(id).map(|kept| kept.bell.listen())
    }

    /// Forgets all changes of a kind, so that a watch from an older version is told to list again.
    pub fn forget(&mut self, id: usize) {
        let revision = self.revision;
        if let Some(kept) = self.shelves.get_mut(id) {
            kept.changes.clear();
            kept.forgotten = revision;
        }
    }

    fn disown(&mut self, id: usize, key: &Key, object: &Value) {
        for owner in list(object, &["metadata", "ownerReferences"]) {
            if let Some(owned) = self.owned.get_mut(text(owner, &["uid"])) {
                owned.remove(&(id, key.clone()));
            }
        }
    }

    fn record(&mut self, id: usize, before: Option<Arc<Value>>, after: Option<Arc<Value>>, last: Arc<Value>) {
        let (revision, history) = (self.revision, self.history);
        let Some(kept) = self.shelves.get_mut(id) else {
            return;
        };
        kept.changes.push_back(Change { revision, at: now(), before, after, last });
        while kept.changes.len() > history {
            if let Some(old) = kept.changes.pop_front() {
                kept.forgotten = old.revision;
            }
        }
        kept.bell.ring();
    }
}

/// Returns the moment on tokio's clock, which a test may have stopped.
#[allow(clippy::disallowed_methods, reason = "tokio's clock is the simulated one")]
pub fn now() -> Instant {
    Instant::now()
}
