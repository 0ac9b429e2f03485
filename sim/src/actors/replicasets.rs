//! The `ReplicaSet` controller: makes and ends pods until there are as many as wished, and counts them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::{
    Task,
    pod::{is_active, is_dying, ready_since},
};
use crate::server::{
    Direct, Followed, Follower, Key, SimServer,
    json::{at, integer, list, put, text, texts},
};

/// Runs the `ReplicaSets` of a server; it stops when this is dropped.
#[derive(Debug)]
pub struct ReplicaSetActor {
    _task: Task,
}

impl ReplicaSetActor {
    /// Starts to run the `ReplicaSets` of `server`, which notices changes after `reaction`.
    pub fn spawn(server: &SimServer, reaction: Duration) -> Self {
        let user = "system:serviceaccount:kube-system:replicaset-controller";
        let direct = server.as_user(user).managed_by("kube-controller-manager");
        let (sets, pods) = (direct.follow("replicasets"), direct.follow("pods"));
        let worker = Worker { direct, server: server.clone(), dirty: BTreeSet::new(), timers: BTreeMap::new() };
        let task = tokio::spawn(async move {
            if let (Some((sets, known)), Some((pods, _))) = (sets, pods) {
                worker.run(sets, pods, &known, reaction).await;
            }
        });
        Self { _task: Task(task) }
    }
}

struct Worker {
    direct: Direct,
    server: SimServer,
    dirty: BTreeSet<Key>,
    /// When a `ReplicaSet` is to be counted again because a pod becomes available.
    timers: BTreeMap<Key, Instant>,
}

impl Worker {
    async fn run(mut self, mut sets: Follower, mut pods: Follower, known: &[Arc<Value>], reaction: Duration) {
        self.dirty.extend(known.iter().map(|set| Key::of(set)));
        loop {
            while let Some(key) = self.dirty.pop_first() {
                self.reconcile(&key);
            }
            let next = self.timers.values().min().copied();
            tokio::select! {
                biased;
                () = sets.changed() => {}
                () = pods.changed() => {}
                () = wait(next) => {}
            }
            sleep(reaction).await;
            self.dirty.extend(sets.drain().into_iter().map(|change| change.key));
            for change in pods.drain() {
                self.dirty.extend(owner(&change));
            }
            let now = crate::server::tokio_now();
            let due: Vec<Key> = self.timers.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
            for key in due {
                self.timers.remove(&key);
                self.dirty.insert(key);
            }
        }
    }

    fn reconcile(&mut self, key: &Key) {
        let Some(set) = self.direct.get("replicasets", key) else {
            self.timers.remove(key);
            return;
        };
        let pods = self.direct.owned_by("pods", text(&set, &["metadata", "uid"]));
        let dying = pods.iter().filter(|pod| is_dying(pod)).count();
        let mut active: Vec<Arc<Value>> = pods.into_iter().filter(|pod| is_active(pod)).collect();
        if at(&set, &["metadata", "deletionTimestamp"]).is_none() {
            self.match_wish(&set, key, &mut active.clone());
        }
        active.sort_by_key(|pod| Key::of(pod));
        self.count(&set, key, &active, dying);
    }

    /// Makes what is missing, or ends what is too much.
    fn match_wish(&self, set: &Value, key: &Key, active: &mut [Arc<Value>]) {
        let wished = integer(set, &["spec", "replicas"]).and_then(|wished| usize::try_from(wished).ok()).unwrap_or(1);
        for _ in active.len()..wished {
            if self.direct.create(new_pod(set)).is_err() {
                // The namespace is closing, or the template is refused; the next change tries again.
                return;
            }
        }
        active.sort_by_key(|pod| worth(pod));
        for pod in active.iter().take(active.len().saturating_sub(wished)) {
            let name = text(pod, &["metadata", "name"]);
            // A pod that is gone already is no loss.
            let _ = self.direct.delete("pods", &Key::new(&key.namespace, name));
        }
    }

    /// Writes the numbers as they were seen, as the real controller does: the pods just made are counted later.
    fn count(&mut self, set: &Value, key: &Key, active: &[Arc<Value>], dying: usize) {
        let labels = at(set, &["spec", "template", "metadata", "labels"]);
        let wanted = |pod: &&Arc<Value>| {
            let has = |(name, value): (&str, &str)| text(pod, &["metadata", "labels", name]) == value;
            labels.is_none_or(|labels| texts(labels, &[]).all(has))
        };
        let now = self.server.now();
        let least = integer(set, &["spec", "minReadySeconds"]).unwrap_or_default();
        let ready: Vec<Timestamp> = active.iter().filter_map(|pod| ready_since(pod)).collect();
        let end = |since: &Timestamp| since.checked_add(SignedDuration::from_secs(least)).unwrap_or(Timestamp::MAX);
        let available = ready.iter().filter(|since| end(since) <= now).count();
        let next = ready.iter().map(end).filter(|end| *end > now).min();
        match next.and_then(|next| Duration::try_from(next.duration_since(now)).ok()) {
            Some(wait) => drop(self.timers.insert(key.clone(), crate::server::tokio_now() + wait)),
            None => drop(self.timers.remove(key)),
        }
        let mut status = json!({"replicas": active.len(), "terminatingReplicas": dying});
        let counts = [
            ("fullyLabeledReplicas", active.iter().filter(wanted).count()),
            ("readyReplicas", ready.len()),
            ("availableReplicas", available),
        ];
        for (field, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            put(&mut status, &[field], count.into());
        }
        if let Some(generation) = at(set, &["metadata", "generation"]) {
            put(&mut status, &["observedGeneration"], generation.clone());
        }
        if let Some(conditions) = at(set, &["status", "conditions"]) {
            put(&mut status, &["conditions"], conditions.clone());
        }
        if set.get("status") == Some(&status) {
            return;
        }
        let mut next = set.clone();
        put(&mut next, &["status"], status);
        if self.direct.update(next, "status").is_err() {
            // Somebody else wrote in between: look again.
            self.dirty.extend(self.direct.get("replicasets", key).map(|_| key.clone()));
        }
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Returns the `ReplicaSet` that a pod belongs, or belonged, to.
fn owner(change: &Followed) -> Option<Key> {
    let pod = change.after.as_ref().or(change.before.as_ref())?;
    let owners = list(pod, &["metadata", "ownerReferences"]);
    let set = owners.iter().find(|owner| text(owner, &["kind"]) == "ReplicaSet")?;
    Some(Key::new(&change.key.namespace, text(set, &["name"])))
}

/// On a node, running, ready, since when, born when, and its name.
type Worth = (bool, bool, bool, Reverse<Option<Timestamp>>, Reverse<String>, Reverse<String>);

/// Orders pods by how much is lost with them: those that never ran, then those not ready, then the youngest.
fn worth(pod: &Value) -> Worth {
    let cost = text(pod, &["spec", "nodeName"]);
    let running = text(pod, &["status", "phase"]) == "Running";
    let since = ready_since(pod);
    let born = text(pod, &["metadata", "creationTimestamp"]).to_owned();
    let name = text(pod, &["metadata", "name"]).to_owned();
    (!cost.is_empty(), running, since.is_some(), Reverse(since), Reverse(born), Reverse(name))
}

fn new_pod(set: &Value) -> Value {
    let template = |field: &str| at(set, &["spec", "template", "metadata", field]).cloned();
    let mut metadata = Map::new();
    for field in ["labels", "annotations", "finalizers"] {
        metadata.extend(template(field).map(|value| (field.to_owned(), value)));
    }
    let name = text(set, &["metadata", "name"]);
    metadata.insert("generateName".into(), format!("{name}-").into());
    metadata.insert("namespace".into(), text(set, &["metadata", "namespace"]).into());
    let owner = json!([{
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": text(set, &["metadata", "uid"]),
        "controller": true, "blockOwnerDeletion": true,
    }]);
    metadata.insert("ownerReferences".into(), owner);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": at(set, &["spec", "template", "spec"]).cloned().unwrap_or_default(),
    })
}
