//! `VirtualServices` and `DestinationRules`: compact JSON of metadata and spec, and who wrote the spec last.

use serde::Deserialize;
use serde_json::Value;

use super::compact::compact;
use super::raw::RawObject;
use super::{Body, CutError, IndexKey, MetaRow, Place, Projection, Writer};
use crate::routers::istio::noted;
use crate::runtime::key::Key;

/// A `VirtualService` of Istio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualServiceRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Who wrote the spec last.
    pub writer: Option<Writer>,
    /// Rollout whose mark of an abort it carries.
    pub aborted_by: Option<Key>,
    /// Rollouts whose managed routes stand in it.
    pub routed_by: Box<[Key]>,
    /// Metadata and spec, without managed fields and last applied configuration.
    pub body: Body,
}

/// A `DestinationRule` of Istio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationRuleRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Who wrote the spec last.
    pub writer: Option<Writer>,
    /// Rollout that steers it.
    pub managed_by: Option<Box<str>>,
    /// Host that it is for.
    pub host: Box<str>,
    /// Names of the subsets that it declares.
    pub subsets: Box<[Box<str>]>,
    /// Metadata and spec, without managed fields and last applied configuration.
    pub body: Body,
}

/// An Ingress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Who wrote the spec last.
    pub writer: Option<Writer>,
    /// Metadata and spec, without managed fields and last applied configuration.
    pub body: Body,
}

impl Projection for IngressRow {
    const PLACE: Place = Place::of("networking.k8s.io", "v1", "ingresses", "Ingress");

    const BODY_IF_NAMED: bool = true;

    fn project(json: &str) -> Result<Self, CutError> {
        let compact = compact(json, false)?;
        let raw = RawObject::of_bytes(compact.body.as_bytes())?;
        Ok(Self { meta: raw.metadata.project()?, writer: compact.writer, body: compact.body })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn shed(&mut self) {
        (self.writer, self.body) = (None, Body::default());
    }

    fn is_whole(&self) -> bool {
        self.body.is_kept()
    }

    /// Tells whether a Rollout has made it.
    fn is_managed(&self) -> bool {
        self.meta.owner.as_ref().is_some_and(|owner| &*owner.kind == "Rollout")
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RuleView {
    host: Value,
    subsets: Value,
}

impl DestinationRuleRow {
    /// Tells whether it declares a subset.
    pub fn declares(&self, subset: &str) -> bool {
        self.subsets.iter().any(|name| &**name == subset)
    }
}

impl Projection for VirtualServiceRow {
    const PLACE: Place = Place::of("networking.istio.io", "v1alpha3", "virtualservices", "VirtualService");

    const BODY_IF_NAMED: bool = true;

    fn project(json: &str) -> Result<Self, CutError> {
        let compact = compact(json, false)?;
        let raw = RawObject::of_bytes(compact.body.as_bytes())?;
        let meta = raw.metadata.project()?;
        let aborted_by = raw.metadata.annotations.aborted_by(&meta.key);
        let routed_by = noted::owners(&raw.metadata.annotations.managed_routes, &meta.key).into_boxed_slice();
        Ok(Self { meta, writer: compact.writer, aborted_by, routed_by, body: compact.body })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn shed(&mut self) {
        (self.writer, self.body) = (None, Body::default());
    }

    fn is_whole(&self) -> bool {
        self.body.is_kept()
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        let mut keys: Vec<IndexKey> = self.aborted_by.iter().chain(&self.routed_by).map(IndexKey::managed_by).collect();
        keys.dedup();
        keys
    }
}

impl Projection for DestinationRuleRow {
    const PLACE: Place = Place::of("networking.istio.io", "v1alpha3", "destinationrules", "DestinationRule");

    const BODY_IF_NAMED: bool = true;

    fn project(json: &str) -> Result<Self, CutError> {
        let compact = compact(json, false)?;
        let raw = RawObject::of_bytes(compact.body.as_bytes())?;
        let RuleView { host, subsets } = raw.spec_or_default();
        let subsets = subsets.as_array().into_iter().flatten().filter_map(|subset| subset.get("name")?.as_str());
        Ok(Self {
            managed_by: raw.metadata.annotations.managed_by(),
            host: host.as_str().unwrap_or_default().into(),
            subsets: subsets.map(Into::into).collect(),
            meta: raw.metadata.project()?,
            writer: compact.writer,
            body: compact.body,
        })
    }

    fn meta(&self) -> &MetaRow {
        &self.meta
    }

    fn meta_mut(&mut self) -> &mut MetaRow {
        &mut self.meta
    }

    fn shed(&mut self) {
        (self.writer, self.body) = (None, Body::default());
    }

    fn is_whole(&self) -> bool {
        self.body.is_kept()
    }

    fn index_keys(&self) -> Vec<IndexKey> {
        let managed_by = self.managed_by.iter().map(|name| IndexKey::ManagedBy(self.meta.key.beside(name)));
        // It also speaks of a Service, and whoever sends traffic there wants to know.
        let service = self.host.split('.').next().unwrap_or_default();
        let host = IndexKey::Ref("Service", self.meta.key.beside(service));
        managed_by.chain([host]).collect()
    }
}
