//! What caches don't hold is asked for once more before its absence is held against anybody.
//!
//! Kinds are followed apart from each other: a Rollout can be seen before the Service that was applied with it.

use std::collections::BTreeSet;

use super::ObserveError;
use crate::api::Call;
use crate::runtime::key::Key;
use crate::runtime::projection::{
    ClusterTemplateRow, DestinationRuleRow, IndexKey, IngressRow, Projection, RolloutRow, ServiceRow, TemplateRow,
    VirtualServiceRow,
};
use crate::runtime::reading::Reading;
use crate::runtime::store::{Store, Taken};
use crate::world::World;

impl World {
    /// Reads what a Rollout names, directly or through templates, and what no cache holds.
    ///
    /// # Errors
    /// When the API server gives no answer that tells present from absent.
    pub(super) async fn look_for_absent(&self, rollout: &RolloutRow) -> Result<(), ObserveError> {
        let mut open = rollout.index_keys();
        let mut asked = BTreeSet::new();
        while let Some(index) = open.pop() {
            let IndexKey::Ref(kind, key) = &index else { continue };
            if !asked.insert(index.clone()) {
                continue;
            }
            let s = &self.stores;
            let istio = |plural: &str| format!("{}/namespaces/{}/{plural}", self.istio_api(), key.namespace());
            open.extend(match *kind {
                "Service" => self.ask(&s.services, key, &place::<ServiceRow>(key)).await?,
                "VirtualService" => {
                    self.ask::<VirtualServiceRow>(&s.virtual_services, key, &istio("virtualservices")).await?
                }
                "DestinationRule" => {
                    self.ask::<DestinationRuleRow>(&s.destination_rules, key, &istio("destinationrules")).await?
                }
                "AnalysisTemplate" => self.ask(&s.templates, key, &place::<TemplateRow>(key)).await?,
                "ClusterAnalysisTemplate" => {
                    self.ask(&s.cluster_templates, key, &ClusterTemplateRow::PLACE.path(None)).await?
                }
                "Ingress" => self.ask(&s.ingresses, key, &place::<IngressRow>(key)).await?,
                _ => Vec::new(),
            });
        }
        Ok(())
    }

    /// Asks for one object that the cache says is absent; answers what the object itself names.
    async fn ask<K: Projection>(
        &self,
        store: &Store<K>,
        key: &Key,
        collection: &str,
    ) -> Result<Vec<IndexKey>, ObserveError> {
        match store.get(key) {
            Reading::Seen(object) => return Ok(object.index_keys()),
            Reading::Unreadable(_) => return Ok(Vec::new()),
            Reading::Absent => {}
        }
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

fn place<K: Projection>(key: &Key) -> String {
    K::PLACE.path(Some(key.namespace()))
}
