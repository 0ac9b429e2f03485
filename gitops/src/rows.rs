//! What is watched, cut to what tells whom to look at.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;
use serin_controller::runtime::key::Key;
use serin_controller::runtime::projection::{CutError, MetaRow, Place, Projection};
use serin_crds::names::{REVISION_ANNOTATION, RollbackStage};
use serin_crds::time;

use crate::core::observed::rollback_id;

/// A `RollbackPolicy`: that it is there, in which version, and whether a rollback is under way.
#[derive(Clone, Debug)]
pub struct PolicyRow {
    meta: MetaRow,
    /// Whether a rollback is under way, so that every change of its Rollouts may matter.
    pub open: bool,
}

/// A Rollout: its labels, and whether it is aborted.
#[derive(Clone, Debug)]
pub struct RolloutRow {
    meta: MetaRow,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// What the rollback of its abort is called, if one is recorded.
    pub rollback: Option<String>,
}

#[derive(Deserialize)]
struct Raw {
    metadata: ObjectMeta,
    #[serde(default)]
    status: Value,
}

impl Raw {
    fn row(&mut self) -> Result<MetaRow, CutError> {
        let meta = std::mem::take(&mut self.metadata);
        let name = meta.name.ok_or(CutError::Missing("name"))?;
        Ok(MetaRow {
            key: Key::new(meta.namespace.as_deref().unwrap_or_default(), &name),
            uid: meta.uid.unwrap_or_default().into(),
            version: meta.resource_version.unwrap_or_default().into(),
            generation: meta.generation.unwrap_or_default(),
            created: None,
            deleted: None,
            owner: None,
        })
    }
}

impl Projection for PolicyRow {
    const PLACE: Place = Place {
        group: "serin.dev",
        version: Cow::Borrowed("v1alpha1"),
        plural: "rollbackpolicies",
        kind: "RollbackPolicy",
        namespaced: true,
    };

    fn project(json: &str) -> Result<Self, CutError> {
        let mut raw: Raw = serde_json::from_str(json)?;
        let rollbacks = raw.status.get("rollbacks").and_then(Value::as_array).into_iter().flatten();
        let mut stages = rollbacks.filter_map(|rollback| rollback.get("stage")?.as_str());
        let open = stages.any(|stage| !RollbackStage::from(stage).is_final());
        Ok(Self { meta: raw.row()?, open })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }
}

impl Projection for RolloutRow {
    const PLACE: Place = Place {
        group: "argoproj.io",
        version: Cow::Borrowed("v1alpha1"),
        plural: "rollouts",
        kind: "Rollout",
        namespaced: true,
    };

    fn project(json: &str) -> Result<Self, CutError> {
        let mut raw: Raw = serde_json::from_str(json)?;
        let labels = raw.metadata.labels.take().unwrap_or_default();
        let annotations = raw.metadata.annotations.take().unwrap_or_default();
        let aborted = raw.status.get("abort").and_then(Value::as_bool).unwrap_or_default();
        let at = raw.status.get("abortedAt").and_then(Value::as_str).and_then(time::parse).filter(|_| aborted);
        let (uid, revision) = (raw.metadata.uid.clone().unwrap_or_default(), annotations.get(REVISION_ANNOTATION));
        let rollback = at.map(|at| rollback_id(&uid, revision.map(String::as_str), at));
        Ok(Self { meta: raw.row()?, labels, rollback })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }
}
