//! What is read from the API server because no cache can be believed about it: traffic has to fall, and does not wait.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::api::{Call, CallError};
use crate::described::Described;
use crate::routers::{self, ObjectId, Owner};
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection, ReplicaSetRow, RolloutRow, ServiceRow};
use crate::runtime::reading::Reading;
use crate::world::World;
use serde_json::Value;

/// Parts that were read for this turn; what is not here comes from the caches.
#[derive(Default)]
pub(super) struct Parts {
    /// The `ReplicaSet`s of the Rollout.
    pub(super) replica_sets: Option<Vec<Arc<ReplicaSetRow>>>,
    /// Services by key; `None` for one that is absent.
    pub(super) services: BTreeMap<Key, Option<Arc<ServiceRow>>>,
    /// Objects of routers; `None` for one that is absent.
    pub(super) objects: BTreeMap<ObjectId, Option<Arc<Value>>>,
}

impl World {
    /// Reads the Rollout itself.
    pub(super) async fn rollout_live(&self, key: &Key) -> Result<Option<Arc<RolloutRow>>, CallError> {
        let path = format!("{}/{}", RolloutRow::PLACE.path(Some(key.namespace())), key.name());
        let row: Option<RolloutRow> = absent(self.api.call(Call::get(format!("Rollout {key}"), path)).await)?;
        Ok(row.map(|row| {
            self.stores.rollouts.observe_own_write(row.clone());
            Arc::new(row)
        }))
    }

    /// Reads every part of a Rollout that its cache can't be believed about.
    ///
    /// A part that the API server does not show stays unread; it must not keep the others from being acted on.
    pub(super) async fn live_parts(&self, rollout: &RolloutRow) -> Parts {
        let mut parts = Parts::default();
        if self.stores.replica_sets.by_index(&IndexKey::owner(&rollout.meta.uid)).why_unreadable().is_some() {
            parts.replica_sets = self.replica_sets_live(rollout).await;
        }
        let described = self.describe(rollout).ok();
        for key in described.as_ref().map(|d| services(d, &rollout.meta.key)).unwrap_or_default() {
            if self.stores.services.get(&key).why_unreadable().is_some() {
                let path = format!("{}/{}", ServiceRow::PLACE.path(Some(key.namespace())), key.name());
                let read = absent(self.api.call::<ServiceRow>(Call::get(format!("Service {key}"), path)).await);
                if let Ok(row) = read {
                    parts.services.insert(key, row.map(Arc::new));
                }
            }
        }
        let owner = Owner { rollout: &rollout.meta.key, uid: &rollout.meta.uid };
        let routers = described.as_ref().and_then(|d| routers::of(&d.spec, owner).ok()).unwrap_or_default();
        let ids: Vec<ObjectId> = routers.iter().flat_map(|router| router.objects()).collect();
        for id in ids {
            if let Reading::Unreadable(_) = self.object(&id)
                && let Ok(object) = absent(self.api.value(self.reads(&id)).await)
            {
                parts.objects.insert(id, object.map(Arc::new));
            }
        }
        parts
    }

    /// Reads the `ReplicaSet`s that were last known; `None` where one of them does not show itself.
    async fn replica_sets_live(&self, rollout: &RolloutRow) -> Option<Vec<Arc<ReplicaSetRow>>> {
        let known = super::pods::last_known(&self.stores.replica_sets, &IndexKey::owner(&rollout.meta.uid));
        let reads = known.iter().map(|row| {
            let name = row.meta.key.name();
            let path = format!("{}/{name}", ReplicaSetRow::PLACE.path(Some(row.meta.key.namespace())));
            self.api.call::<ReplicaSetRow>(Call::get(format!("ReplicaSet {name}"), path))
        });
        let mut rows = Vec::with_capacity(known.len());
        for read in futures::future::join_all(reads).await {
            rows.extend(absent(read).ok()?.map(Arc::new));
        }
        Some(rows)
    }
}

/// The Services that a Rollout names.
fn services(described: &Described, rollout: &Key) -> Vec<Key> {
    let Some(canary) = described.spec.strategy.canary.as_ref() else { return Vec::new() };
    let names = [&canary.canary_service, &canary.stable_service].into_iter().flatten();
    names.filter(|name| !name.is_empty()).map(|name| rollout.beside(name)).collect()
}

/// An answer that there is no such object is an answer.
pub(super) fn absent<T>(read: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match read {
        Ok(object) => Ok(Some(object)),
        Err(error) if error.is_code(404) => Ok(None),
        Err(error) => Err(error),
    }
}
