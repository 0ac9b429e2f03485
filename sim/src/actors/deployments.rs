//! The Deployment controller, as far as Rollouts that take a Deployment's place need it: one `ReplicaSet` for each pod
//! template, the new one up at once, the old ones down as its pods become available.

use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::sleep;

use super::Task;
use crate::server::{
    Direct, Followed, Follower, Key, SimServer,
    json::{at, integer, list, put, text},
};

/// The label by which it tells its `ReplicaSets` apart.
const HASH: &str = "pod-template-hash";

/// Runs the Deployments of a server; it stops when this is dropped.
#[derive(Debug)]
pub struct DeploymentActor {
    _task: Task,
}

impl DeploymentActor {
    /// Starts to run the Deployments of `server`, which notices changes after `reaction`.
    pub fn spawn(server: &SimServer, reaction: Duration) -> Self {
        let user = "system:serviceaccount:kube-system:deployment-controller";
        let direct = server.as_user(user).managed_by("kube-controller-manager");
        let (deployments, sets) = (direct.follow("deployments"), direct.follow("replicasets"));
        let task = tokio::spawn(async move {
            if let (Some((deployments, known)), Some((sets, _))) = (deployments, sets) {
                run(&direct, deployments, sets, &known, reaction).await;
            }
        });
        Self { _task: Task(task) }
    }
}

async fn run(direct: &Direct, mut deployments: Follower, mut sets: Follower, known: &[Arc<Value>], reaction: Duration) {
    let mut dirty: BTreeSet<Key> = known.iter().map(|deployment| Key::of(deployment)).collect();
    loop {
        while let Some(key) = dirty.pop_first() {
            reconcile(direct, &key);
        }
        tokio::select! {
            biased;
            () = deployments.changed() => {}
            () = sets.changed() => {}
        }
        sleep(reaction).await;
        dirty.extend(deployments.drain().into_iter().map(|change| change.key));
        dirty.extend(sets.drain().iter().filter_map(owner));
    }
}

fn owner(change: &Followed) -> Option<Key> {
    let set = change.after.as_ref().or(change.before.as_ref())?;
    let owners = list(set, &["metadata", "ownerReferences"]);
    let owner = owners.iter().find(|owner| text(owner, &["kind"]) == "Deployment")?;
    Some(Key::new(&change.key.namespace, text(owner, &["name"])))
}

/// A number of a `ReplicaSet`; 0 when it isn't there.
fn count(set: &Value, path: &[&str]) -> i64 {
    integer(set, path).unwrap_or_default()
}

fn reconcile(direct: &Direct, key: &Key) {
    let Some(deployment) = direct.get("deployments", key) else { return };
    if at(&deployment, &["metadata", "deletionTimestamp"]).is_some() {
        return;
    }
    let sets = direct.owned_by("replicasets", text(&deployment, &["metadata", "uid"]));
    let hash = hash(&deployment);
    let wished = integer(&deployment, &["spec", "replicas"]).unwrap_or(1);
    let (new, old): (Vec<_>, Vec<_>) = sets.iter().partition(|set| text(set, &["metadata", "labels", HASH]) == hash);
    match new.first() {
        // What is refused is tried again at the next change.
        None => drop(direct.create(new_set(&deployment, &hash, wished))),
        Some(set) => scale(direct, set, wished),
    }
    let mut rest = (wished - new.first().map_or(0, |set| count(set, &["status", "availableReplicas"]))).max(0);
    for set in old {
        let kept = count(set, &["spec", "replicas"]).min(rest);
        rest -= kept;
        scale(direct, set, kept);
    }
    report(direct, &deployment, &sets, &hash);
}

fn scale(direct: &Direct, set: &Value, to: i64) {
    if count(set, &["spec", "replicas"]) != to {
        // It is looked at again when it has changed.
        let _ = direct.merge("replicasets", &Key::of(set), json!({"spec": {"replicas": to}}));
    }
}

fn report(direct: &Direct, deployment: &Arc<Value>, sets: &[Arc<Value>], hash: &str) {
    let sum = |field: &str| -> i64 { sets.iter().map(|set| count(set, &["status", field])).sum() };
    let updated = sets.iter().filter(|set| text(set, &["metadata", "labels", HASH]) == hash);
    let status = json!({
        "observedGeneration": at(deployment, &["metadata", "generation"]).cloned().unwrap_or_default(),
        "replicas": sum("replicas"),
        "readyReplicas": sum("readyReplicas"),
        "availableReplicas": sum("availableReplicas"),
        "updatedReplicas": updated.map(|set| count(set, &["status", "replicas"])).sum::<i64>(),
    });
    if deployment.get("status") != Some(&status) {
        let mut next = (**deployment).clone();
        put(&mut next, &["status"], status);
        // Whoever wrote in between has woken this again.
        let _ = direct.update(next, "status");
    }
}

fn hash(deployment: &Value) -> String {
    let mut hasher = DefaultHasher::new();
    at(deployment, &["spec", "template"]).map(ToString::to_string).unwrap_or_default().hash(&mut hasher);
    format!("{:08x}", hasher.finish() & 0xffff_ffff)
}

fn new_set(deployment: &Value, hash: &str, replicas: i64) -> Value {
    let name = text(deployment, &["metadata", "name"]);
    let part = |path: &[&str]| at(deployment, path).cloned().unwrap_or_default();
    let (mut template, mut selector) = (part(&["spec", "template"]), part(&["spec", "selector"]));
    put(&mut template, &["metadata", "labels", HASH], hash.into());
    put(&mut selector, &["matchLabels", HASH], hash.into());
    let owner = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": text(deployment, &["metadata", "uid"]),
        "controller": true, "blockOwnerDeletion": true,
    });
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": format!("{name}-{hash}"), "namespace": text(deployment, &["metadata", "namespace"]),
            "labels": template.pointer("/metadata/labels"), "ownerReferences": [owner],
        },
        "spec": {"replicas": replicas, "selector": selector, "template": template},
    })
}
