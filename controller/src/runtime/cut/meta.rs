//! The metadata that all cuts keep.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Deserialize;

use super::CutError;
use crate::runtime::key::Key;

/// Metadata of a cached object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaCut {
    /// Namespace and name.
    pub key: Key,
    /// Uid.
    pub uid: Box<str>,
    /// Resource version; opaque, but see [`newer`](crate::runtime::store::newer).
    pub version: Box<str>,
    /// Generation of the spec; 0 if the kind has none.
    pub generation: i64,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// Its controller, shared by all objects of a cache that it owns.
    pub owner: Option<Arc<Owner>>,
}

/// The controller of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Uid.
    pub uid: Box<str>,
    /// Kind.
    pub kind: Box<str>,
    /// Name; the namespace is that of the object.
    pub name: Box<str>,
}

/// The value of an annotation: people can write anything there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mark<T> {
    /// The annotation is not there, or empty.
    #[default]
    Unset,
    /// The annotation says this.
    Set(T),
    /// The annotation has this text, which means nothing.
    Malformed(Box<str>),
}

impl<T: FromStr> Mark<T> {
    pub(super) fn read(text: Option<&String>) -> Self {
        match text.map(|text| text.trim()) {
            None | Some("") => Self::Unset,
            Some(text) => text
                .parse()
                .map_or_else(|_| Self::Malformed(text.into()), Self::Set),
        }
    }
}

impl<T: Clone> Mark<T> {
    /// Returns the value, if the annotation has one.
    pub fn get(&self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value.clone()),
            Self::Unset | Self::Malformed(_) => None,
        }
    }
}

/// Metadata as the API server sends it, without what is never read.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RawMeta {
    pub namespace: Option<String>,
    pub name: Option<String>,
    pub uid: Option<String>,
    pub resource_version: Option<String>,
    pub generation: Option<i64>,
    pub creation_timestamp: Option<String>,
    pub deletion_timestamp: Option<String>,
    pub labels: Option<BTreeMap<String, String>>,
    pub annotations: Option<BTreeMap<String, String>>,
    pub owner_references: Option<Vec<RawOwner>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawOwner {
    uid: String,
    kind: String,
    name: String,
    controller: Option<bool>,
}

impl RawMeta {
    pub(super) fn label(&self, key: &str) -> Option<&String> {
        self.labels.as_ref().and_then(|labels| labels.get(key))
    }

    pub(super) fn annotation(&self, key: &str) -> Option<&String> {
        self.annotations
            .as_ref()
            .and_then(|annotations| annotations.get(key))
    }

    pub(super) fn cut(self) -> Result<MetaCut, CutError> {
        let name = self.name.ok_or(CutError::Missing("metadata.name"))?;
        let version = self
            .resource_version
            .ok_or(CutError::Missing("metadata.resourceVersion"))?;
        let owner = self
            .owner_references
            .unwrap_or_default()
            .into_iter()
            .find(|owner| owner.controller == Some(true));
        Ok(MetaCut {
            key: Key::new(self.namespace.as_deref().unwrap_or_default(), &name),
            uid: self.uid.unwrap_or_default().into(),
            version: version.into(),
            generation: self.generation.unwrap_or_default(),
            created: instant(self.creation_timestamp.as_deref()),
            deleted: instant(self.deletion_timestamp.as_deref()),
            owner: owner.map(
                |RawOwner {
                     uid, kind, name, ..
                 }| {
                    Arc::new(Owner {
                        uid: uid.into(),
                        kind: kind.into(),
                        name: name.into(),
                    })
                },
            ),
        })
    }
}

fn instant(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}
