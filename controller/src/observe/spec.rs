//! What a Rollout asks for and what it has recorded, decoded once for each version of it.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use serin_crds::names;

use super::ObserveError;
use crate::core::snapshot::{Identity, Revision};
use crate::described::Described;
use crate::report::GenerationFormat;
use crate::runtime::projection::{Projection, ReplicaSetRow, RolloutRow};
use crate::world::World;

impl World {
    /// Decodes a Rollout with the workload that it refers to; once for each version of them.
    pub(super) fn describe(&self, row: &RolloutRow) -> Result<Arc<Described>, ObserveError> {
        let referred = self.referred(row);
        let version = match &referred {
            Some(referred) => Cow::from(format!("{} {}", row.meta.version, referred.version())),
            None => Cow::from(&*row.meta.version),
        };
        if let Some(known) = self.memories.described(&row.meta.uid, &version) {
            return Ok(known);
        }
        let described = Arc::new(Described::of(row, referred.as_ref()).map_err(ObserveError::Undecodable)?);
        self.memories.describe(&row.meta.uid, &version, described.clone());
        Ok(described)
    }

    /// Which revision the spec describes.
    ///
    /// The computed hash, if a `ReplicaSet` has it; else one whose template means the same; else a new one.
    /// Taking over from another controller so starts no revision.
    pub(super) async fn revision(
        &self,
        row: &RolloutRow,
        described: &Described,
        owned: &[Arc<ReplicaSetRow>],
    ) -> Result<Revision, ObserveError> {
        let (step_hash, workload) = (described.step_hash.clone(), described.workload.clone());
        let (Some(wanted), Some(computed)) = (described.spec.template.as_ref(), described.computed.clone()) else {
            let hash = described.status.current_pod_hash.clone().unwrap_or_default();
            return Ok(Revision { hash, step_hash, workload });
        };
        if owned.is_empty() || owned.iter().any(|rs| *rs.hash == *computed) {
            return Ok(Revision { hash: computed, step_hash, workload });
        }
        if let Some(known) = self.memories.revision(&row.meta.uid, &computed) {
            return Ok(Revision { hash: known, step_hash, workload });
        }
        let hash = self.same_template(row, wanted, owned).await?.unwrap_or_else(|| computed.clone());
        self.memories.found_revision(&row.meta.uid, &computed, hash.clone());
        Ok(Revision { hash, step_hash, workload })
    }

    /// The hash of a `ReplicaSet` whose template means the same; the templates are read at once, the oldest counts first.
    async fn same_template(
        &self,
        row: &RolloutRow,
        wanted: &Value,
        owned: &[Arc<ReplicaSetRow>],
    ) -> Result<Option<String>, ObserveError> {
        let mut oldest: Vec<&Arc<ReplicaSetRow>> = owned.iter().collect();
        oldest.sort_by_key(|rs| rs.meta.created);
        let reads = oldest.iter().map(|rs| {
            let name = rs.meta.key.name();
            let path = format!("{}/{name}", ReplicaSetRow::PLACE.path(Some(row.meta.key.namespace())));
            self.api.value(crate::api::Call::get(format!("ReplicaSet {name}"), path))
        });
        for (rs, read) in oldest.iter().zip(futures::future::join_all(reads).await) {
            let object = match read {
                Ok(object) => object,
                Err(error) if error.is_code(404) => continue,
                Err(error) => return Err(error.into()),
            };
            if serin_crds::template::same_revision(wanted, &object) {
                return Ok(Some(rs.hash.to_string()));
            }
        }
        Ok(None)
    }
}

pub(super) fn identity(row: &RolloutRow, object: &Value, format: GenerationFormat) -> Identity {
    let annotation =
        |key: &str| object.pointer("/metadata/annotations").and_then(|a| a.get(key)).and_then(Value::as_str);
    Identity {
        namespace: row.meta.key.namespace().to_owned(),
        name: row.meta.key.name().to_owned(),
        uid: row.meta.uid.to_string(),
        resource_version: row.meta.version.to_string(),
        generation: row.meta.generation,
        observed_generation: format.write(row.meta.generation),
        revision: annotation(names::REVISION_ANNOTATION).and_then(|text| text.parse().ok()).unwrap_or(0),
        deleting: row.meta.deleted.is_some(),
        ..Identity::default()
    }
}
