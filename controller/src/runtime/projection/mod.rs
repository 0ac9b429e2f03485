//! Objects cut to what rules read.
//!
//! A watched object is decoded straight into one of these; what is not listed here is never allocated. A cut never
//! fails on a field of the wrong type inside `spec` or `status`: one malformed object must not break the watch of its
//! kind.
//!
//! # Source
//! The budget of some hundred bytes a `ReplicaSet`: ARCHITECTURE.md, *Memory*.

mod analysis;
mod compact;
mod figures;
mod meta;
mod raw;
mod replica_set;
mod rollout;
mod route;
mod service;
mod workload;

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use self::analysis::{AnalysisRunRow, ClusterTemplateRow, TemplateRow};
pub use self::compact::Writer;
pub use self::figures::{MetricFigures, RolloutFigures};
pub use self::meta::{AnnotationValue, MetaRow, Owner};
pub use self::replica_set::{ReplicaSetRow, ReplicaSetStatusRow};
pub use self::rollout::{RolloutRow, virtual_service_key};
pub use self::route::{DestinationRuleRow, IngressRow, VirtualServiceRow};
pub use self::service::ServiceRow;
pub use self::workload::{Deployments, PodTemplates, ReplicaSets, Workload, WorkloadRow};
use super::key::Key;

/// Where a kind lives in the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Version that is asked for.
    pub version: Cow<'static, str>,
    /// Resource name in paths.
    pub plural: &'static str,
    /// Kind, as manifests name it.
    pub kind: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

impl Place {
    const fn of(group: &'static str, version: &'static str, plural: &'static str, kind: &'static str) -> Self {
        Self { group, version: Cow::Borrowed(version), plural, kind, namespaced: true }
    }

    /// Asks for another version of the same kind.
    #[must_use]
    pub fn at_version(mut self, version: &str) -> Self {
        self.version = Cow::Owned(version.to_owned());
        self
    }

    /// Returns `group/version`, as manifests write it.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_string() } else { format!("{}/{}", self.group, self.version) }
    }

    /// Returns the path of the collection, in one namespace or in all.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = if self.group.is_empty() { "api" } else { "apis" };
        let api_version = self.api_version();
        let plural = self.plural;
        match namespace {
            Some(namespace) if self.namespaced => {
                format!("/{root}/{api_version}/namespaces/{namespace}/{plural}")
            }
            _ => format!("/{root}/{api_version}/{plural}"),
        }
    }

    /// Returns the full name of the resource, such as `virtualservices.networking.istio.io`.
    pub fn resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// A secondary way to find an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IndexKey {
    /// By the uid of its controller.
    OwnerUid(Arc<str>),
    /// By an object that it names: kind and key.
    Ref(&'static str, Key),
    /// By the Rollout that it says it is managed by.
    ManagedBy(Key),
    /// By its namespace, where it has no controller: a Rollout may adopt it.
    Orphan(Box<str>),
}

impl IndexKey {
    /// Finds what is owned by this uid.
    pub fn owner(uid: &str) -> Self {
        Self::OwnerUid(uid.into())
    }

    /// Finds what names this object.
    pub fn reference(kind: &'static str, key: &Key) -> Self {
        Self::Ref(kind, key.clone())
    }

    /// Finds what says that it is managed by this Rollout.
    pub fn managed_by(rollout: &Key) -> Self {
        Self::ManagedBy(rollout.clone())
    }

    /// Finds what has no controller in this namespace.
    pub fn orphans(namespace: &str) -> Self {
        Self::Orphan(namespace.into())
    }
}

/// Why an object could not be cut.
#[derive(Debug, thiserror::Error)]
pub enum CutError {
    /// The text is no object that the API server would store.
    #[error("cannot decode the object")]
    Json(#[from] serde_json::Error),
    /// The metadata lacks what every stored object has.
    #[error("the object has no {0}")]
    Missing(&'static str),
}

/// An object cut to what rules read.
pub trait Projection: Clone + Debug + Send + Sync + 'static {
    /// Where the kind lives.
    const PLACE: Place;

    /// Whether the body of an object is kept only while somebody names it: a cluster may have many more of its kind than
    /// Rollouts.
    const BODY_IF_NAMED: bool = false;

    /// Cuts an object from its JSON text.
    fn project(json: &str) -> Result<Self, CutError>;

    /// Returns the metadata that all objects have.
    fn meta(&self) -> &MetaRow;

    /// Gives the metadata to whoever shares parts of it among objects.
    fn meta_mut(&mut self) -> &mut MetaRow;

    /// Lists the secondary ways to find this object.
    fn index_keys(&self) -> Vec<IndexKey> {
        self.meta().owner.iter().map(|owner| IndexKey::OwnerUid(owner.uid.clone())).collect()
    }

    /// Gives up the body; what it is found and woken by stays.
    fn shed(&mut self) {}

    /// Tells whether all is there that a reader may ask for: that no body was given up.
    fn is_whole(&self) -> bool {
        true
    }

    /// Tells whether the object says that a Rollout manages it.
    fn is_managed(&self) -> bool {
        self.index_keys().iter().any(|index| matches!(index, IndexKey::ManagedBy(_)))
    }

    /// Tells whether it says nothing else than an earlier version of it to those who read it.
    fn says_as_before(&self, _before: &Self) -> bool {
        false
    }

    /// Tells whether the object orders that traffic is taken off something.
    fn orders_abort(&self) -> bool {
        false
    }

    /// Cuts an object that is in memory, such as the answer to our own write.
    fn from_value(object: &Value) -> Result<Self, CutError> {
        Self::project(&object.to_string())
    }

    /// Returns namespace and name.
    fn key(&self) -> &Key {
        &self.meta().key
    }

    /// Returns the resource version.
    fn version(&self) -> &str {
        &self.meta().version
    }
}

/// An object kept as compact JSON, decoded when somebody looks at it; empty where it was given up.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Body(Box<[u8]>);

impl Body {
    /// Decodes the object into a type.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, CutError> {
        Ok(serde_json::from_slice(&self.0)?)
    }

    /// Decodes the object without a type.
    pub fn value(&self) -> Result<Value, CutError> {
        self.decode()
    }

    /// Tells whether the object is here.
    pub fn is_kept(&self) -> bool {
        !self.0.is_empty()
    }

    /// Returns the text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests;
