//! What caches don't hold is asked for once more before its absence is held against anybody.
//!
//! Kinds are followed apart from each other: a Rollout can be seen before the Service that was applied with it. And
//! caches keep the bodies of those objects only that somebody names: what nobody named before is read now.

use std::collections::BTreeSet;

use super::ObserveError;
use crate::api::Call;
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection, RolloutRow};
use crate::runtime::reading::Reading;
use crate::runtime::store::{Store, Taken};
use crate::world::World;

impl World {
    /// Reads what a Rollout names, directly or through templates, and what no cache holds; unless `live`, only what is
    /// known to be there.
    ///
    /// # Errors
    /// When the API server gives no answer that tells present from absent.
    pub(super) async fn look_for_absent(&self, rollout: &RolloutRow, live: bool) -> Result<(), ObserveError> {
        let mut open = rollout.index_keys();
        let mut asked = BTreeSet::new();
        while let Some(index) = open.pop() {
            let IndexKey::Ref(kind, key) = &index else { continue };
            if !asked.insert(index.clone()) {
                continue;
            }
            let s = &self.stores;
            open.extend(match *kind {
                "Service" => self.ask(&s.services, key, live).await?,
                "VirtualService" => self.ask(&s.virtual_services, key, live).await?,
                "DestinationRule" => self.ask(&s.destination_rules, key, live).await?,
                "AnalysisTemplate" => self.ask(&s.templates, key, live).await?,
                "ClusterAnalysisTemplate" => self.ask(&s.cluster_templates, key, live).await?,
                "Ingress" => self.ask(&s.ingresses, key, live).await?,
                "Deployment" => self.ask(&s.workloads.deployments, key, live).await?,
                "ReplicaSet" => self.ask(&s.workloads.replica_sets, key, live).await?,
                "PodTemplate" => self.ask(&s.workloads.pod_templates, key, live).await?,
                _ => Vec::new(),
            });
        }
        Ok(())
    }

    /// Asks for one object that the cache says is absent, if `live`, or whose body it does not keep; answers what the
    /// object itself names.
    async fn ask<K: Projection>(&self, store: &Store<K>, key: &Key, live: bool) -> Result<Vec<IndexKey>, ObserveError> {
        match store.get(key) {
            Reading::Seen(object) => return Ok(object.index_keys()),
            Reading::Absent if !live => return Ok(Vec::new()),
            Reading::Unreadable(_) if !store.has_to_be_read(key) => return Ok(Vec::new()),
            Reading::Absent | Reading::Unreadable(_) => {}
        }
        let place = if K::PLACE.group == ISTIO { K::PLACE.at_version(&self.istio_version) } else { K::PLACE };
        let collection = place.path(Some(key.namespace()));
        let what = format!("{} {key}", K::PLACE.kind);
        match self.api.call::<K>(Call::get(what, format!("{collection}/{}", key.name()))).await {
            Ok(object) => {
                let names = object.index_keys();
                if store.observe_own_write(object) == Taken::Appeared {
                    // Others may have been told that it is not there; the watch will show it as known.
                    self.stores
                        .who_names(K::PLACE.kind, key)
                        .into_iter()
                        .for_each(|rollout| (self.listeners.wake)(rollout));
                }
                Ok(names)
            }
            Err(error) if error.is_refusal() => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Group of the kinds whose version is a setting.
const ISTIO: &str = "networking.istio.io";
