//! Everything that the writes so far have told. Built from writes alone, so that it works on the log of the simulator and on
//! the audit log of a real API server alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    cluster_view::ClusterView,
    recent::{Knowledge, Reads, Recent},
    record::{CallRecord, Key, WriteRecord},
    rollout_history::RolloutHistory,
    view,
    wiring::{RouteRef, wiring},
};

/// How long pods have to stay after traffic could reach them last: proxies may go on sending to where they were told before,
/// and what was sent has to be answered.
pub const DRAIN: SignedDuration = SignedDuration::from_secs(5);

/// What is remembered of one `ReplicaSet`.
#[derive(Debug, Clone)]
pub struct Shelf {
    /// Its available pods.
    pub available: Recent<i64>,
    /// Until when something named it, and the share that it had then, in percent.
    pub named: Vec<(Timestamp, i64)>,
}

impl Shelf {
    /// Until when traffic could reach it; nothing when it never could.
    pub fn reached(&self) -> Option<Timestamp> {
        self.named.last().map(|(until, _)| *until)
    }

    /// The largest share that it has had after this instant.
    pub fn share_since(&self, since: Timestamp) -> i64 {
        self.named.iter().filter(|(until, _)| *until > since).map(|(_, share)| *share).max().unwrap_or_default()
    }
}

/// Everything that the writes so far have told.
#[derive(Debug)]
pub struct History {
    us: String,
    /// The time of a request, where time is real.
    race: SignedDuration,
    reads: BTreeMap<Key, Reads>,
    objects: BTreeMap<Key, Arc<Value>>,
    named_by: BTreeMap<Key, BTreeSet<Key>>,
    parts: BTreeMap<Key, Vec<Key>>,
    sets: BTreeMap<Key, BTreeSet<Key>>,
    selecting: BTreeMap<(String, String), BTreeSet<Key>>,
    shelves: BTreeMap<Key, Shelf>,
    stories: BTreeMap<Key, RolloutHistory>,
    runs: BTreeMap<Key, u64>,
    secrets: BTreeMap<String, Key>,
    added: BTreeMap<Key, BTreeSet<String>>,
}

impl History {
    /// Begins an empty history; `us` is the user name of the controller under test.
    pub fn new(us: impl Into<String>) -> Self {
        Self {
            us: us.into(),
            race: SignedDuration::ZERO,
            reads: BTreeMap::new(),
            objects: BTreeMap::new(),
            named_by: BTreeMap::new(),
            parts: BTreeMap::new(),
            sets: BTreeMap::new(),
            selecting: BTreeMap::new(),
            shelves: BTreeMap::new(),
            stories: BTreeMap::new(),
            runs: BTreeMap::new(),
            secrets: BTreeMap::new(),
            added: BTreeMap::new(),
        }
    }

    /// Excuses who did not know yet what changed so shortly before, which is the time of a request where time is real.
    #[must_use]
    pub const fn racing(mut self, race: SignedDuration) -> Self {
        self.race = race;
        self
    }

    /// How long a write may be on its way.
    pub const fn race(&self) -> SignedDuration {
        self.race
    }

    /// Takes in a call of the controller under test.
    pub fn hear(&mut self, call: &CallRecord) {
        if call.verb == "get" && call.code == 200 {
            self.reads.entry(call.key.clone()).or_default().hear(call.version, call.at);
        }
    }

    /// What the controller may have known of an object when it made a write.
    pub fn knowledge(&self, of: &Key, write: &WriteRecord) -> Knowledge {
        let read = self.reads.get(of).and_then(|reads| reads.before(write));
        Knowledge { read, since: write.at - self.race }
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

    /// How long pods have to stay after traffic could reach them last. Where time is real it is written in whole seconds.
    pub const fn drain(&self) -> SignedDuration {
        if self.race.is_zero() { DRAIN } else { SignedDuration::from_secs(DRAIN.as_secs() - 1) }
    }

    /// What is remembered of a `ReplicaSet`.
    pub fn shelf(&self, set: &Key) -> Option<&Shelf> {
        self.shelves.get(set)
    }

    /// The most available pods of a `ReplicaSet` that the writer may believe in.
    pub fn available(&self, set: &Key, write: &WriteRecord) -> i64 {
        let knowledge = self.knowledge(set, write);
        self.shelf(set).and_then(|shelf| shelf.available.believable(knowledge).max().copied()).unwrap_or_default()
    }

    /// The numbers of replicas that the writer may believe a Rollout to ask for.
    pub fn wanted(&self, rollout: &Key, write: &WriteRecord) -> Vec<i64> {
        let knowledge = self.knowledge(rollout, write);
        self.story(rollout).map(|story| story.replicas.believable(knowledge).copied().collect()).unwrap_or_default()
    }

    /// What Secrets hold, each value with the Secret.
    pub const fn secrets(&self) -> &BTreeMap<String, Key> {
        &self.secrets
    }

    /// Says whether an HTTP route of a `VirtualService` is one that we have added, so that we may take it away again.
    pub fn added(&self, service: &Key, route: &Value) -> bool {
        self.added.get(service).is_some_and(|names| names.contains(view::text(route, "/name")))
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
                story.tell(write, ours, before.as_deref(), after.as_deref());
            }
            "replicasets" => self.shelve(write, after.as_deref()),
            "secrets" => self.learn(&write.key, after.as_deref()),
            "virtualservices" => self.note_added(write, before.as_deref()),
            "services" => self.reselect(&write.key, before.as_deref(), after.as_deref()),
            "analysisruns" => self.judge(write, before.as_deref(), after.as_deref()),
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
        let mut concerned: BTreeSet<Key> = self.naming(&write.key).cloned().collect();
        concerned.extend(write.is("rollouts").then(|| write.key.clone()));
        if write.is("services") {
            // Anybody's Service may select pods of a Rollout.
            concerned.extend(self.stories.keys().filter(|key| key.namespace == write.key.namespace).cloned());
        }
        let mut named = Vec::new();
        for rollout in &concerned {
            let scene = self.now();
            let shares = scene.shares(rollout);
            for (key, set) in self.sets(rollout) {
                let hash = view::label(set, view::HASH_LABEL);
                if scene.named(&rollout.namespace, &shares, hash) {
                    named.push((key.clone(), shares.get(hash).copied().unwrap_or_default()));
                }
            }
        }
        for (key, share) in named {
            if let Some(shelf) = self.shelves.get_mut(&key) {
                shelf.named.retain(|(until, _)| write.at.duration_since(*until) <= DRAIN * 2);
                shelf.named.push((write.at, share));
            }
        }
    }

    /// Remembers which named HTTP routes we have added to a `VirtualService`, for as long as they stand.
    fn note_added(&mut self, write: &WriteRecord, before: Option<&Value>) {
        let names = |object: Option<&Value>| -> BTreeSet<String> {
            let routes = object.map(|object| view::list(object, "/spec/http")).unwrap_or_default();
            routes.iter().map(|route| view::text(route, "/name").to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let (old, new, ours) = (names(before), names(write.after.as_deref()), self.ours(write));
        let added = self.added.entry(write.key.clone()).or_default();
        added.retain(|name| new.contains(name));
        added.extend(new.into_iter().filter(|name| ours && !old.contains(name)));
    }

    fn relink(&mut self, rollout: &Key, after: Option<&Value>) {
        for part in self.parts.remove(rollout).into_iter().flatten() {
            if let Some(names) = self.named_by.get_mut(&part) {
                names.remove(rollout);
            }
        }
        let Some(after) = after else { return };
        let wiring = wiring(after);
        let space = &rollout.namespace;
        let mut parts: Vec<Key> = Vec::new();
        let services = [&wiring.canary_service, &wiring.stable_service];
        parts
            .extend(services.into_iter().filter(|name| !name.is_empty()).map(|name| Key::new("services", space, name)));
        parts.extend(wiring.routes.iter().map(RouteRef::key));
        if !wiring.destination_rule.is_empty() {
            parts.push(Key::new("destinationrules", space, &wiring.destination_rule));
        }
        for part in &parts {
            self.named_by.entry(part.clone()).or_default().insert(rollout.clone());
        }
        self.parts.insert(rollout.clone(), parts);
    }

    fn shelve(&mut self, write: &WriteRecord, after: Option<&Value>) {
        for sets in self.sets.values_mut() {
            sets.remove(&write.key);
        }
        let Some(after) = after else {
            self.shelves.remove(&write.key);
            return;
        };
        if let Some(owner) = self.owner(&write.key.namespace, after) {
            self.sets.entry(owner).or_default().insert(write.key.clone());
        }
        let available = view::number(after, "/status/availableReplicas").unwrap_or_default();
        let fresh = || Shelf { available: Recent::new(available), named: Vec::new() };
        let shelf = self.shelves.entry(write.key.clone()).or_insert_with(fresh);
        shelf.available.set(write.version(), write.at, available);
    }

    /// Learns what a Secret holds: its values in the clear and as they are stored.
    fn learn(&mut self, key: &Key, after: Option<&Value>) {
        let fields = |name| after.and_then(|after| after.get(name)).and_then(Value::as_object).into_iter().flatten();
        let values = fields("data").chain(fields("stringData")).filter_map(|(_, value)| value.as_str());
        for value in values {
            let clear = BASE64_STANDARD.decode(value).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            // Short values are words that stand anywhere.
            let long = [Some(value.to_owned()), clear].into_iter().flatten().filter(|value| value.len() >= 8);
            self.secrets.extend(long.map(|value| (value, key.clone())));
        }
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

    fn judge(&mut self, write: &WriteRecord, before: Option<&Value>, after: Option<&Value>) {
        let Some(after) = after else { return };
        let (Some(rollout), ours) = (self.owner(&write.key.namespace, after), self.ours(write)) else {
            return;
        };
        let current = self.get(&rollout).map(|rollout| view::text(rollout, "/status/currentPodHash").to_owned());
        let story = self.stories.entry(rollout).or_default();
        let attempt = *self.runs.entry(write.key.clone()).or_insert(story.attempt);
        if attempt == story.attempt && current.as_deref() == Some(view::label(after, view::HASH_LABEL)) && ours {
            story.judge(write, before, after);
        }
    }
}

/// The object as a write to its scale leaves it.
fn scaled(before: Option<&Value>, write: &WriteRecord) -> Option<Arc<Value>> {
    let mut object = before?.clone();
    // A scale of none is written without a number.
    let replicas = write.after.as_deref().map(|scale| view::number(scale, "/spec/replicas").unwrap_or_default());
    if let (Some(replicas), Some(slot)) = (replicas, object.get_mut("spec").and_then(Value::as_object_mut)) {
        slot.insert("replicas".to_owned(), replicas.into());
    }
    Some(Arc::new(object))
}
