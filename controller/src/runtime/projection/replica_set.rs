//! `ReplicaSets`, without their templates: a template is read live when it is compared.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serin_crds::template;

use super::raw::RawObject;
use super::{AnnotationValue, CutError, IndexKey, MetaRow, Place, Projection};

/// A `ReplicaSet`, cut to its counts and marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSetRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Value of the label with the pod-template hash; empty without the label.
    pub hash: Box<str>,
    /// Revision of the Rollout that it belongs to.
    pub revision: AnnotationValue<u64>,
    /// Size of the Rollout when it was scaled last.
    pub desired: AnnotationValue<i32>,
    /// Labels and annotations that its pods were given for their role, as JSON; empty for none.
    pub role: Box<str>,
    /// Hash of the revision whose nodes its pods avoid; empty for none.
    pub avoids: Box<str>,
    /// When it may be scaled down.
    pub scale_down_deadline: AnnotationValue<Timestamp>,
    /// Pods that it asks for; 1 when the spec says nothing.
    pub replicas: i32,
    /// Seconds for which a pod must be ready to count as available.
    pub min_ready_seconds: i32,
    /// What it has.
    pub status: ReplicaSetStatusRow,
}

/// What a `ReplicaSet` has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetStatusRow {
    /// Pods.
    pub replicas: i32,
    /// Ready pods.
    pub ready: i32,
    /// Available pods.
    pub available: i32,
    /// Generation that the counts belong to.
    pub observed_generation: i64,
    /// Why pods cannot be made, when they cannot.
    pub replica_failure: Option<Box<str>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawSpec {
    replicas: Option<i32>,
    min_ready_seconds: i32,
    template: RawTemplate,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawTemplate {
    spec: RawPod,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawPod {
    affinity: Option<Value>,
}

impl RawSpec {
    fn avoids(&self) -> Box<str> {
        self.template.spec.affinity.as_ref().and_then(template::avoided).unwrap_or_default().into()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct RawStatus {
    replicas: i32,
    ready_replicas: i32,
    available_replicas: i32,
    observed_generation: i64,
    conditions: Option<Vec<RawCondition>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawCondition {
    r#type: String,
    status: String,
    message: String,
}

impl RawStatus {
    fn project(self) -> ReplicaSetStatusRow {
        let failure = self
            .conditions
            .unwrap_or_default()
            .into_iter()
            .find(|condition| condition.r#type == "ReplicaFailure" && condition.status == "True");
        ReplicaSetStatusRow {
            replicas: self.replicas,
            ready: self.ready_replicas,
            available: self.available_replicas,
            observed_generation: self.observed_generation,
            replica_failure: failure.map(|condition| condition.message.into()),
        }
    }
}

impl ReplicaSetRow {
    /// Tells whether the counts belong to the size that is asked for.
    pub fn is_observed(&self) -> bool {
        self.status.observed_generation >= self.meta.generation
    }
}

impl Projection for ReplicaSetRow {
    const PLACE: Place = Place::of("apps", "v1", "replicasets", "ReplicaSet");

    fn project(json: &str) -> Result<Self, CutError> {
        let raw = RawObject::of(json)?;
        let (spec, status): (RawSpec, RawStatus) = (raw.spec()?, raw.status()?);
        let annotations = &raw.metadata.annotations;
        Ok(Self {
            hash: (&*raw.metadata.labels.hash).into(),
            revision: AnnotationValue::read(&annotations.revision),
            desired: AnnotationValue::read(&annotations.desired),
            role: (&*annotations.role).into(),
            avoids: spec.avoids(),
            scale_down_deadline: AnnotationValue::read(&annotations.scale_down_deadline),
            replicas: spec.replicas.unwrap_or(1),
            min_ready_seconds: spec.min_ready_seconds,
            status: status.project(),
            meta: raw.metadata.project()?,
        })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        vec![match &self.meta.owner {
            Some(owner) => IndexKey::OwnerUid(owner.uid.clone()),
            None => IndexKey::orphans(self.meta.key.namespace()),
        }]
    }
}
