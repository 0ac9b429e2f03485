//! Everything that the writes so far have told. Built from writes alone, so that it works on the log of the simulator and on
//! the audit log of a real API server alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    cluster_view::ClusterView,
    record::{Key, WriteRecord},
    rollout_history::RolloutHistory,
    view,
};

/// How long a fact may be out of date in the hands of somebody who has just read it: the time of one request.
pub const RACE: SignedDuration = SignedDuration::from_millis(250);
/// How long proxies may go on sending to where they were told before.
pub const PROPAGATION: SignedDuration = SignedDuration::from_secs(1);

/// A value and what it was shortly before.
#[derive(Debug, Clone)]
pub struct Recent<T> {
    now: T,
    before: Vec<(Timestamp, T)>,
}

impl<T: PartialEq + Clone> Recent<T> {
    /// Begins with a value.
    pub const fn new(now: T) -> Self {
        Self { now, before: Vec::new() }
    }

    /// Sets the value, and keeps the old one for as long as somebody may still believe it.
    pub fn set(&mut self, at: Timestamp, value: T) {
        self.before.retain(|(until, _)| at.duration_since(*until) <= RACE);
        if value != self.now {
            let old = std::mem::replace(&mut self.now, value);
            self.before.push((at, old));
        }
    }

    /// All values that somebody may believe at this instant.
    pub fn believable(&self, at: Timestamp) -> impl Iterator<Item = &T> {
        let fresh = move |until: &Timestamp| at.duration_since(*until) <= RACE;
        let before = self.before.iter().filter(move |(until, _)| fresh(until)).map(|(_, value)| value);
        std::iter::once(&self.now).chain(before)
    }
}

/// What is remembered of one `ReplicaSet`.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Its available pods.
    pub available: Recent<i64>,
    /// When something last named it.
    pub named: Option<Timestamp>,
}

/// Everything that the writes so far have told.
#[derive(Debug)]
pub struct History {
    us: String,
    objects: BTreeMap<Key, Arc<Value>>,
    named_by: BTreeMap<Key, BTreeSet<Key>>,
    parts: BTreeMap<Key, Vec<Key>>,
    sets: BTreeMap<Key, BTreeSet<Key>>,
    selecting: BTreeMap<(String, String), BTreeSet<Key>>,
    shelves: BTreeMap<Key, Shelf>,
    stories: BTreeMap<Key, RolloutHistory>,
    runs: BTreeMap<Key, u64>,
}

impl History {
    /// Begins an empty history; `us` is the user name of the controller under test.
    pub fn new(us: impl Into<String>) -> Self {
        Self {
            us: us.into(),
            objects: BTreeMap::new(),
            named_by: BTreeMap::new(),
            parts: BTreeMap::new(),
            sets: BTreeMap::new(),
            selecting: BTreeMap::new(),
            shelves: BTreeMap::new(),
            stories: BTreeMap::new(),
            runs: BTreeMap::new(),
        }
    }

    /// Says whether the controller under test made this write, and the server took it.
    pub fn ours(&self, write: &WriteRecord) -> bool {
        write.accepted() && write.user == self.us
    }

    /// An object as it is now.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.objects.get(key).map(AsRef::as_ref)
    }

    /// All objects of one resource.
    pub fn all<'a>(&'a self, resource: &'a str) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        let first = Key::new(resource, "", "");
        let wanted = self.objects.range(first..).take_while(move |(key, _)| key.resource == resource);
        wanted.map(|(key, object)| (key, object.as_ref()))
    }

    /// All objects of a namespace but pods and events, of which there are many.
    pub fn objects(&self, namespace: &str) -> BTreeMap<Key, Arc<Value>> {
        let many = |key: &Key| key.resource == "pods" || key.resource == "events";
        let wanted = self.objects.iter().filter(|(key, _)| key.namespace == namespace && !many(key));
        wanted.map(|(key, object)| (key.clone(), Arc::clone(object))).collect()
    }

    /// The world as it is now.
    pub const fn now(&self) -> ClusterView<'_> {
        ClusterView::new(self, None)
    }

    /// The world as the write leaves it.
    pub fn after<'a>(&'a self, write: &'a WriteRecord) -> ClusterView<'a> {
        ClusterView::new(self, Some((&write.key, write.after.as_deref())))
    }

    /// The object of a write as it was before.
    pub fn before<'a>(&'a self, write: &'a WriteRecord) -> Option<&'a Value> {
        self.get(&write.key).or(write.before.as_deref())
    }

    /// The Rollouts that name this object as one of their parts.
    pub fn naming(&self, part: &Key) -> impl Iterator<Item = &Key> {
        self.named_by.get(part).into_iter().flatten()
    }

    /// All Rollouts that there were.
    pub fn rollouts(&self) -> impl Iterator<Item = &Key> {
        self.stories.keys()
    }

    /// The Rollout that owns an object.
    pub fn owner(&self, namespace: &str, object: &Value) -> Option<Key> {
        view::owner(object, "Rollout").map(|name| Key::new("rollouts", namespace, name))
    }

    /// The `ReplicaSets` of a Rollout.
    pub fn sets(&self, rollout: &Key) -> impl Iterator<Item = (&Key, &Value)> {
        let keys = self.sets.get(rollout).into_iter().flatten();
        keys.filter_map(|key| Some((key, self.get(key)?)))
    }

    /// The `ReplicaSet` of a Rollout with this hash.
    pub fn set(&self, rollout: &Key, hash: &str) -> Option<(&Key, &Value)> {
        self.sets(rollout).find(|(_, set)| view::label(set, view::HASH_LABEL) == hash)
    }

    /// The Services of a namespace that select a hash.
    pub fn selecting(&self, namespace: &str, hash: &str) -> impl Iterator<Item = &Key> {
        self.selecting.get(&(namespace.to_owned(), hash.to_owned())).into_iter().flatten()
    }

    /// What is remembered of a `ReplicaSet`.
    pub fn shelf(&self, set: &Key) -> Option<&Shelf> {
        self.shelves.get(set)
    }

    /// The most available pods that somebody who has just read the `ReplicaSet` may believe in.
    pub fn available(&self, set: &Key, at: Timestamp) -> i64 {
        self.shelf(set).and_then(|shelf| shelf.available.believable(at).max().copied()).unwrap_or_default()
    }

    /// What is remembered of a Rollout.
    pub fn story(&self, rollout: &Key) -> Option<&RolloutHistory> {
        self.stories.get(rollout)
    }

    /// Takes in a write that the server took.
    pub fn admit(&mut self, write: &WriteRecord) {
        if !write.accepted() || write.subresource.as_deref().is_some_and(|sub| sub != "status" && sub != "scale") {
            return;
        }
        self.note_named(write);
        let ours = self.ours(write);
        let before = self.objects.get(&write.key).cloned().or_else(|| write.before.clone());
        let after = if write.touches("scale") { scaled(before.as_deref(), write) } else { write.after.clone() };
        match write.key.resource.as_str() {
            "rollouts" => {
                self.relink(&write.key, after.as_deref());
                let story = self.stories.entry(write.key.clone()).or_default();
                story.tell(write.at, ours, before.as_deref(), after.as_deref());
            }
            "replicasets" => self.shelve(write, after.as_deref()),
            "services" => self.reselect(&write.key, before.as_deref(), after.as_deref()),
            "analysisruns" => self.judge(write, after.as_deref()),
            _ => {}
        }
        match after {
            Some(after) => self.objects.insert(write.key.clone(), after),
            None => self.objects.remove(&write.key),
        };
    }

    /// Remembers which `ReplicaSets` were named until this write, which may take a name away.
    fn note_named(&mut self, write: &WriteRecord) {
        if !["virtualservices", "services", "destinationrules", "rollouts"].contains(&write.key.resource.as_str()) {
            return;
        }
        let mut concerned: Vec<Key> = self.naming(&write.key).cloned().collect();
        concerned.extend(write.is("rollouts").then(|| write.key.clone()));
        let mut named = Vec::new();
        for rollout in &concerned {
            let scene = self.now();
            let shares = scene.shares(rollout);
            let hit = |set: &Value| scene.named(&write.key.namespace, &shares, view::label(set, view::HASH_LABEL));
            named.extend(self.sets(rollout).filter(|(_, set)| hit(set)).map(|(key, _)| key.clone()));
        }
        for key in named {
            if let Some(shelf) = self.shelves.get_mut(&key) {
                shelf.named = Some(write.at);
            }
        }
    }

    fn relink(&mut self, rollout: &Key, after: Option<&Value>) {
        for part in self.parts.remove(rollout).into_iter().flatten() {
            if let Some(names) = self.named_by.get_mut(&part) {
                names.remove(rollout);
            }
        }
        let Some(after) = after else { return };
        let wiring = view::wiring(after);
        let space = &rollout.namespace;
        let mut parts: Vec<Key> = Vec::new();
        let services = [&wiring.canary_service, &wiring.stable_service];
        parts
            .extend(services.into_iter().filter(|name| !name.is_empty()).map(|name| Key::new("services", space, name)));
        let routes = wiring.virtual_services.iter();
        parts.extend(routes.map(|(space, name, _)| Key::new("virtualservices", space, name)));
        if !wiring.destination_rule.is_empty() {
            parts.push(Key::new("destinationrules", space, &wiring.destination_rule));
        }
        for part in &parts {
            self.named_by.entry(part.clone()).or_default().insert(rollout.clone());
        }
        self.parts.insert(rollout.clone(), parts);
    }

    fn shelve(&mut self, write: &WriteRecord, after: Option<&Value>) {
        let Some(after) = after else {
            self.shelves.remove(&write.key);
            self.sets.values_mut().for_each(|sets| {
                sets.remove(&write.key);
            });
            return;
        };
        if let Some(owner) = self.owner(&write.key.namespace, after) {
            self.sets.entry(owner).or_default().insert(write.key.clone());
        }
        let available = view::number(after, "/status/availableReplicas").unwrap_or_default();
        let fresh = || Shelf { available: Recent::new(available), named: None };
        self.shelves.entry(write.key.clone()).or_insert_with(fresh).available.set(write.at, available);
    }

    fn reselect(&mut self, key: &Key, before: Option<&Value>, after: Option<&Value>) {
        let slot = |object: &Value| {
            let hash = object.pointer("/spec/selector").and_then(|all| all.get(view::HASH_LABEL)?.as_str());
            hash.map(|hash| (key.namespace.clone(), hash.to_owned()))
        };
        if let Some(slot) = before.and_then(slot)
            && let Some(keys) = self.selecting.get_mut(&slot)
        {
            keys.remove(key);
        }
        if let Some(slot) = after.and_then(slot) {
            self.selecting.entry(slot).or_default().insert(key.clone());
        }
    }

    fn judge(&mut self, write: &WriteRecord, after: Option<&Value>) {
        let Some(after) = after else { return };
        let Some(rollout) = self.owner(&write.key.namespace, after) else {
            return;
        };
        let current = self.get(&rollout).map(|rollout| view::text(rollout, "/status/currentPodHash").to_owned());
        let story = self.stories.entry(rollout).or_default();
        let attempt = *self.runs.entry(write.key.clone()).or_insert(story.attempt);
        if attempt == story.attempt && current.as_deref() == Some(view::label(after, view::HASH_LABEL)) {
            story.judge(write.at, &write.key.name, after);
        }
    }
}

/// The object as a write to its scale leaves it.
fn scaled(before: Option<&Value>, write: &WriteRecord) -> Option<Arc<Value>> {
    let mut object = before?.clone();
    let replicas = write.after.as_deref().and_then(|scale| scale.pointer("/spec/replicas")).cloned();
    if let (Some(replicas), Some(slot)) = (replicas, object.get_mut("spec").and_then(Value::as_object_mut)) {
        slot.insert("replicas".to_owned(), replicas);
    }
    Some(Arc::new(object))
}
