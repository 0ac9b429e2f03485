//! `ReplicaSets`, without their templates: a template is read live when it is compared.

use jiff::Timestamp;
use serde::Deserialize;

use super::raw::RawObject;
use super::{Cut, CutError, Mark, MetaCut, Place};

/// A `ReplicaSet`, cut to its counts and marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSetCut {
    /// Metadata.
    pub meta: MetaCut,
    /// Value of the label with the pod-template hash; empty without the label.
    pub hash: Box<str>,
    /// Revision of the Rollout that it belongs to.
    pub revision: Mark<u64>,
    /// Size of the Rollout when it was scaled last.
    pub desired: Mark<i32>,
    /// When it may be scaled down.
    pub scale_down_deadline: Mark<Timestamp>,
    /// Pods that it asks for; 1 when the spec says nothing.
    pub replicas: i32,
    /// Seconds for which a pod must be ready to count as available.
    pub min_ready_seconds: i32,
    /// What it has.
    pub status: ReplicaSetStatusCut,
}

/// What a `ReplicaSet` has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplicaSetStatusCut {
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
    fn cut(self) -> ReplicaSetStatusCut {
        let failure = self
            .conditions
            .unwrap_or_default()
            .into_iter()
            .find(|condition| condition.r#type == "ReplicaFailure" && condition.status == "True");
        ReplicaSetStatusCut {
            replicas: self.replicas,
            ready: self.ready_replicas,
            available: self.available_replicas,
            observed_generation: self.observed_generation,
            replica_failure: failure.map(|condition| condition.message.into()),
        }
    }
}

impl ReplicaSetCut {
    /// Tells whether the counts belong to the size that is asked for.
    pub fn is_observed(&self) -> bool {
        self.status.observed_generation >= self.meta.generation
    }
}

impl Cut for ReplicaSetCut {
    const PLACE: Place = Place::of("apps", "v1", "replicasets", "ReplicaSet");

    fn cut(json: &str) -> Result<Self, CutError> {
        let raw = RawObject::of(json)?;
        let (spec, status): (RawSpec, RawStatus) = (raw.spec()?, raw.status()?);
        let annotations = &raw.metadata.annotations;
        Ok(Self {
            hash: (&*raw.metadata.labels.hash).into(),
            revision: Mark::read(&annotations.revision),
            desired: Mark::read(&annotations.desired),
            scale_down_deadline: Mark::read(&annotations.scale_down_deadline),
            replicas: spec.replicas.unwrap_or(1),
            min_ready_seconds: spec.min_ready_seconds,
            status: status.cut(),
            meta: raw.metadata.cut()?,
        })
    }

    fn meta(&self) -> &MetaCut {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaCut {
        &mut self.meta
    }
}
