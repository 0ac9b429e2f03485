//! The `ReplicaSet`s of a Rollout: those that it owns, and those that belong to nobody and are its own by name and hash.
//! Their pods are read from the API server where a decision needs them.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serin_crds::names;

use super::live::Parts;
use crate::api::{Call, CallError};
use crate::core::snapshot::{PodSeen, ReplicaSetSeen};
use crate::runtime::projection::{IndexKey, Projection, ReplicaSetRow, RolloutRow};
use crate::runtime::reading::Reading;
use crate::runtime::store::Store;
use crate::world::World;

/// What is seen of the pods of a Rollout.
pub(super) struct Pods {
    /// As they are cached.
    pub(super) rows: Vec<Arc<ReplicaSetRow>>,
    /// As rules see them.
    pub(super) seen: Vec<ReplicaSetSeen>,
    /// What can't be read, and why.
    pub(super) unreadable: Vec<String>,
}

impl World {
    /// Looks at the `ReplicaSet`s of a Rollout.
    pub(super) fn pods(&self, rollout: &RolloutRow, parts: &Parts) -> Pods {
        let store = &self.stores.replica_sets;
        let mut unreadable = Vec::new();
        let mut rows = match (&parts.replica_sets, store.by_index(&IndexKey::owner(&rollout.meta.uid))) {
            (Some(live), _) => live.clone(),
            (None, Reading::Seen(rows)) => rows,
            (None, Reading::Absent) => Vec::new(),
            (None, Reading::Unreadable(why)) => {
                unreadable.push(format!("ReplicaSets: {why}"));
                last_known(store, &IndexKey::owner(&rollout.meta.uid))
            }
        };
        let orphans = IndexKey::orphans(rollout.meta.key.namespace());
        let orphans = store.by_index(&orphans).seen().unwrap_or_default();
        let prefix = format!("{}-", rollout.meta.key.name());
        // A name that Rollouts give, and the hash in it: the selector of the Rollout asks for that hash too.
        let ours = |rs: &ReplicaSetRow| {
            let hash = rs.meta.key.name().strip_prefix(&prefix).unwrap_or_default();
            !rs.hash.is_empty() && hash == &*rs.hash && rs.meta.deleted.is_none()
        };
        rows.extend(orphans.into_iter().filter(|rs| ours(rs)));
        rows.sort_by(|a, b| a.meta.key.cmp(&b.meta.key));
        let seen = rows.iter().map(|rs| replica_set(rs)).collect();
        Pods { rows, seen, unreadable }
    }
}

impl World {
    /// Reads the pods of `ReplicaSet`s of one namespace from the API server; no cache holds pods.
    ///
    /// # Errors
    /// What the API server said, or that it said nothing.
    pub(crate) async fn pods_live(&self, sets: &[Arc<ReplicaSetRow>]) -> Result<Vec<Value>, CallError> {
        let Some(first) = sets.first() else { return Ok(Vec::new()) };
        let hashes: Vec<&str> = sets.iter().map(|rs| &*rs.hash).collect();
        let selector = format!("{}%20in%20({})", names::HASH_LABEL, hashes.join(","));
        let namespace = first.meta.key.namespace();
        let path = format!("api/v1/namespaces/{namespace}/pods?labelSelector={selector}");
        let list = self.api.value(Call::get(format!("pods of {}", first.meta.key), path)).await?;
        let pods = list.get("items").and_then(Value::as_array).into_iter().flatten();
        Ok(pods.filter(|pod| owner(pod, sets).is_some()).cloned().collect())
    }

    /// The pods of a Rollout as rules see them; `None` where they can't be read.
    pub(super) async fn pods_seen(&self, sets: &[Arc<ReplicaSetRow>]) -> Option<Vec<PodSeen>> {
        let running: Vec<_> = sets.iter().filter(|rs| rs.replicas > 0 || rs.status.replicas > 0).cloned().collect();
        let pods = self.pods_live(&running).await.ok()?;
        let now = self.clock.now();
        Some(pods.iter().filter_map(|seen| pod(seen, owner(seen, &running)?, now)).collect())
    }
}

/// The `ReplicaSet` that a pod belongs to.
fn owner<'a>(pod: &Value, sets: &'a [Arc<ReplicaSetRow>]) -> Option<&'a ReplicaSetRow> {
    let owners = pod.pointer("/metadata/ownerReferences")?.as_array()?;
    let uids: Vec<&str> = owners.iter().filter_map(|owner| owner.get("uid")?.as_str()).collect();
    sets.iter().map(AsRef::as_ref).find(|rs| uids.contains(&&*rs.meta.uid))
}

/// A pod that has not ended.
fn pod(pod: &Value, rs: &ReplicaSetRow, now: Timestamp) -> Option<PodSeen> {
    let text = |path: &str| pod.pointer(path).and_then(Value::as_str).unwrap_or_default();
    if matches!(text("/status/phase"), "Succeeded" | "Failed") {
        return None;
    }
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array).into_iter().flatten();
    let ready = |condition: &&Value| {
        let is = |key: &str, value: &str| condition.get(key).and_then(Value::as_str) == Some(value);
        is("type", "Ready") && is("status", "True")
    };
    let since =
        conditions.into_iter().find(ready).and_then(|ready| ready.get("lastTransitionTime")?.as_str()?.parse().ok());
    let least = SignedDuration::from_secs(i64::from(rs.min_ready_seconds));
    let ending = pod.pointer("/metadata/deletionTimestamp").is_some();
    Some(PodSeen {
        name: text("/metadata/name").to_owned(),
        uid: text("/metadata/uid").to_owned(),
        hash: rs.hash.to_string(),
        created: text("/metadata/creationTimestamp").parse().ok()?,
        available: !ending && since.is_some_and(|since: Timestamp| now.duration_since(since) >= least),
        ending,
    })
}

/// What was last known under an index key, however old.
pub(super) fn last_known<K: Projection>(store: &Store<K>, index: &IndexKey) -> Vec<Arc<K>> {
    store.keys_by_index(index).iter().filter_map(|key| store.last_known(key)).collect()
}

fn replica_set(rs: &ReplicaSetRow) -> ReplicaSetSeen {
    ReplicaSetSeen {
        name: rs.meta.key.name().to_owned(),
        hash: rs.hash.to_string(),
        revision: rs.revision.get().unwrap_or(0),
        spec: i64::from(rs.replicas),
        replicas: i64::from(rs.status.replicas),
        ready: i64::from(rs.status.ready),
        available: i64::from(rs.status.available),
        observed: rs.is_observed(),
        min_ready_seconds: i64::from(rs.min_ready_seconds),
        avoids: (!rs.avoids.is_empty()).then(|| rs.avoids.to_string()),
        // An annotation that is no JSON says nothing.
        role: serde_json::from_str(&rs.role).unwrap_or_default(),
        deadline: rs.scale_down_deadline.get(),
        orphan: rs.meta.owner.is_none(),
        created: rs.meta.created.unwrap_or_default(),
        failure: rs.status.replica_failure.as_ref().map(|m| ("FailedCreate".to_owned(), m.to_string())),
    }
}
