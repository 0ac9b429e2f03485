//! Services, cut to whom they select.

use serde::Deserialize;
use serin_crds::names::HASH_LABEL;

use super::raw::{Pairs, RawObject};
use super::{CutError, IndexKey, MetaRow, Place, Projection};

/// A Service, cut to its selector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Labels of the pods that it sends traffic to; empty when it has no selector.
    pub selector: Box<[(Box<str>, Box<str>)]>,
    /// Rollout that steers it.
    pub managed_by: Option<Box<str>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawSpec {
    selector: Pairs,
}

impl ServiceRow {
    /// Returns the pod-template hash that it selects.
    pub fn selected_hash(&self) -> Option<&str> {
        self.selector.iter().find(|(key, _)| &**key == HASH_LABEL).map(|(_, value)| &**value)
    }
}

impl Projection for ServiceRow {
    const PLACE: Place = Place::of("", "v1", "services", "Service");

    fn project(json: &str) -> Result<Self, CutError> {
        let raw = RawObject::of(json)?;
        let RawSpec { selector } = raw.spec()?;
        Ok(Self {
            selector: selector.0.into_boxed_slice(),
            managed_by: raw.metadata.annotations.managed_by(),
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
        self.managed_by.iter().map(|name| IndexKey::ManagedBy(self.meta.key.beside(name))).collect()
    }
}
