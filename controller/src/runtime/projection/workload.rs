//! Workloads that Rollouts refer to, cut to the pod template, the selector and the size; followed once a Rollout names one.

use std::fmt::Debug;
use std::marker::PhantomData;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::raw::RawMeta;
use super::{Body, CutError, MetaRow, Place, Projection};

/// A kind of workload.
pub trait Workload: Clone + Debug + PartialEq + Send + Sync + 'static {
    /// Where it lives.
    const PLACE: Place;
}

/// `apps/v1 Deployment`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deployments;

/// `apps/v1 ReplicaSet`, whoever has made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSets;

/// `v1 PodTemplate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodTemplates;

impl Workload for Deployments {
    const PLACE: Place = Place::of("apps", "v1", "deployments", "Deployment");
}

impl Workload for ReplicaSets {
    const PLACE: Place = Place::of("apps", "v1", "replicasets", "ReplicaSet");
}

impl Workload for PodTemplates {
    const PLACE: Place = Place::of("", "v1", "podtemplates", "PodTemplate");
}

/// A workload: metadata, its size, and what a Rollout takes from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadRow<W> {
    /// Metadata.
    pub meta: MetaRow,
    /// `spec.replicas`.
    pub replicas: Option<i64>,
    /// An object of `selector` and `template`, null where the workload has none.
    pub body: Body,
    kind: PhantomData<W>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct View<'a> {
    #[serde(borrow)]
    metadata: RawMeta<'a>,
    #[serde(borrow)]
    spec: SpecView<'a>,
    #[serde(borrow)]
    template: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SpecView<'a> {
    replicas: Option<i64>,
    #[serde(borrow)]
    selector: Option<&'a RawValue>,
    #[serde(borrow)]
    template: Option<&'a RawValue>,
}

impl<W: Workload> Projection for WorkloadRow<W> {
    const PLACE: Place = W::PLACE;

    const BODY_IF_NAMED: bool = true;

    fn project(json: &str) -> Result<Self, CutError> {
        let View { metadata, spec, template } = serde_json::from_str(json)?;
        let text = |part: Option<&RawValue>| part.map_or("null", RawValue::get).to_owned();
        let body = format!(r#"{{"selector":{},"template":{}}}"#, text(spec.selector), text(spec.template.or(template)));
        Ok(Self {
            meta: metadata.project()?,
            replicas: spec.replicas,
            body: Body(body.into_bytes().into_boxed_slice()),
            kind: PhantomData,
        })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn shed(&mut self) {
        self.body = Body::default();
    }

    fn is_whole(&self) -> bool {
        self.body.is_kept()
    }

    fn says_as_before(&self, before: &Self) -> bool {
        let MetaRow { uid, generation, deleted, .. } = &self.meta;
        let meta = (uid, generation, deleted) == (&before.meta.uid, &before.meta.generation, &before.meta.deleted);
        meta && self.replicas == before.replicas && self.body == before.body
    }
}
