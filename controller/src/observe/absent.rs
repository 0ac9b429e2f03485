//! What caches don't hold is asked for once more before its absence is held against anybody.
//!
//! Kinds are followed apart from each other: a Rollout can be seen before the Service that was applied with it.

use std::collections::HashSet;

use super::ObserveError;
use crate::runtime::key::Key;
use crate::runtime::projection::{
    ClusterTemplateRow, DestinationRuleRow, IndexKey, Projection, RolloutRow, ServiceRow, TemplateRow,
    VirtualServiceRow,
};
use crate::runtime::reading::Reading;
use crate::runtime::store::Store;
use crate::world::World;

impl World {
    /// Reads what a Rollout names, directly or through templates, and what no cache holds.
    ///
    /// # Errors
    /// When the API server gives no answer that tells present from absent.
    pub(super) async fn look_for_absent(&self, rollout: &RolloutRow) -> Result<(), ObserveError> {
        let mut open = rollout.index_keys();
        let mut asked = HashSet::new();
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
        match self.read::<K>(&format!("{collection}/{}", key.name())).await {
            Ok(object) => {
                let names = object.index_keys();
                store.observe_own_write(object);
                Ok(names)
            }
            Err(error) if crate::act::is_refusal(&error) => Ok(Vec::new()),
            Err(error) => Err(error.into()),
        }
    }
}

fn place<K: Projection>(key: &Key) -> String {
    K::PLACE.path(Some(key.namespace()))
}
