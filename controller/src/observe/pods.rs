//! The `ReplicaSet`s of a Rollout: those that it owns, and those that belong to nobody and are its own by name and hash.

use std::sync::Arc;

use super::live::Parts;
use crate::core::snapshot::ReplicaSetSeen;
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
        // An annotation that is no JSON says nothing.
        role: serde_json::from_str(&rs.role).unwrap_or_default(),
        deadline: rs.scale_down_deadline.get(),
        orphan: rs.meta.owner.is_none(),
        created: rs.meta.created.unwrap_or_default(),
        failure: rs.status.replica_failure.as_ref().map(|m| ("FailedCreate".to_owned(), m.to_string())),
    }
}
