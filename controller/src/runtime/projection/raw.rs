//! Objects as the API server sends them, looked at without copying: what is kept is allocated once, at its final size.
//!
//! A tree that is built and thrown away for each object leaves holes between those that stay, and doubles what a cache
//! costs.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::{CutError, MetaRow, Owner};
use crate::runtime::key::Key;

/// An object: its metadata, and the text of the rest.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawObject<'a> {
    #[serde(borrow)]
    pub metadata: RawMeta<'a>,
    #[serde(borrow)]
    spec: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
}

impl<'a> RawObject<'a> {
    pub fn of(json: &'a str) -> Result<Self, CutError> {
        Ok(serde_json::from_str(json)?)
    }

    pub fn of_bytes(json: &'a [u8]) -> Result<Self, CutError> {
        Ok(serde_json::from_slice(json)?)
    }

    /// Reads the spec of a kind whose fields the API server checks.
    pub fn spec<T: Default + Deserialize<'a>>(&self) -> Result<T, CutError> {
        Ok(self.spec.map_or_else(|| Ok(T::default()), |spec| serde_json::from_str(spec.get()))?)
    }

    /// Reads the status of a kind whose fields the API server checks.
    pub fn status<T: Default + Deserialize<'a>>(&self) -> Result<T, CutError> {
        Ok(self.status.map_or_else(|| Ok(T::default()), |status| serde_json::from_str(status.get()))?)
    }

    /// Reads what can be read of a spec that may hold anything.
    pub fn spec_or_default<T: Default + Deserialize<'a>>(&self) -> T {
        self.spec.and_then(|spec| serde_json::from_str(spec.get()).ok()).unwrap_or_default()
    }

    /// Reads what can be read of a status that may hold anything.
    pub fn status_or_default<T: Default + Deserialize<'a>>(&self) -> T {
        self.status.and_then(|status| serde_json::from_str(status.get()).ok()).unwrap_or_default()
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RawMeta<'a> {
    #[serde(borrow)]
    namespace: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    resource_version: Cow<'a, str>,
    generation: i64,
    creation_timestamp: Option<Cow<'a, str>>,
    deletion_timestamp: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub labels: RawLabels<'a>,
    #[serde(borrow)]
    pub annotations: RawAnnotations<'a>,
    #[serde(borrow)]
    owner_references: Controller<'a>,
}

/// The labels that are read, each under the name that `serin_crds::names` gives it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawLabels<'a> {
    #[serde(borrow, rename = "rollouts-pod-template-hash")]
    pub hash: Cow<'a, str>,
    #[serde(borrow, rename = "rollout-type")]
    pub purpose: Cow<'a, str>,
    #[serde(borrow, rename = "step-index")]
    pub step: Cow<'a, str>,
    #[serde(borrow, rename = "argo-rollouts.argoproj.io/controller-instance-id")]
    pub instance: Cow<'a, str>,
}

/// The annotations that are read, each under the name that `serin_crds::names` gives it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct RawAnnotations<'a> {
    #[serde(borrow, rename = "rollout.argoproj.io/revision")]
    pub revision: Cow<'a, str>,
    #[serde(borrow, rename = "rollout.argoproj.io/desired-replicas")]
    pub desired: Cow<'a, str>,
    #[serde(borrow, rename = "rollout.argoproj.io/ephemeral-metadata")]
    pub role: Cow<'a, str>,
    #[serde(borrow, rename = "scale-down-deadline")]
    pub scale_down_deadline: Cow<'a, str>,
    #[serde(borrow, rename = "argo-rollouts.argoproj.io/managed-by-rollouts")]
    pub managed_by: Cow<'a, str>,
    #[serde(borrow, rename = "rollouts.serin.dev/aborted-revision")]
    aborted: Cow<'a, str>,
    #[serde(borrow, rename = "rollouts.serin.dev/managed-routes")]
    pub managed_routes: Cow<'a, str>,
}

impl RawAnnotations<'_> {
    pub fn managed_by(&self) -> Option<Box<str>> {
        (!self.managed_by.is_empty()).then(|| (&*self.managed_by).into())
    }

    /// Reads the Rollout that left the mark of an abort, which begins with its name and a blank; with its namespace and
    /// a slash before the name where that is not the namespace of the marked object.
    pub fn aborted_by(&self, marked: &Key) -> Option<Key> {
        let (word, _) = self.aborted.split_once(' ')?;
        match word.split_once('/') {
            Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => Some(Key::new(namespace, name)),
            Some(_) => None,
            None => (!word.is_empty() && !word.ends_with(':')).then(|| marked.beside(word)),
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RawOwner<'a> {
    #[serde(borrow)]
    uid: Cow<'a, str>,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    controller: bool,
}

/// The one owner that is the controller.
#[derive(Default)]
struct Controller<'a>(Option<RawOwner<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Controller<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Find;
        impl<'de> Visitor<'de> for Find {
            type Value = Controller<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("owner references")
            }

            fn visit_unit<E>(self) -> Result<Controller<'de>, E> {
                Ok(Controller::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Controller<'de>, A::Error> {
                let mut found = None;
                while let Some(owner) = seq.next_element::<RawOwner<'de>>()? {
                    if owner.controller && found.is_none() {
                        found = Some(owner);
                    }
                }
                Ok(Controller(found))
            }
        }
        deserializer.deserialize_any(Find)
    }
}

/// A map of texts, in the order in which it is written.
#[derive(Default)]
pub(super) struct Pairs(pub Vec<(Box<str>, Box<str>)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of texts")
            }

            fn visit_unit<E>(self) -> Result<Pairs, E> {
                Ok(Pairs::default())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(Collect)
    }
}

/// Something whose presence is all that matters; null is absent.
pub(super) type Presence = Option<IgnoredAny>;

impl RawMeta<'_> {
    pub fn project(&self) -> Result<MetaRow, CutError> {
        if self.name.is_empty() {
            return Err(CutError::Missing("metadata.name"));
        }
        if self.resource_version.is_empty() {
            return Err(CutError::Missing("metadata.resourceVersion"));
        }
        Ok(MetaRow {
            key: Key::new(&self.namespace, &self.name),
            uid: (&*self.uid).into(),
            version: (&*self.resource_version).into(),
            generation: self.generation,
            created: instant(self.creation_timestamp.as_deref()),
            deleted: instant(self.deletion_timestamp.as_deref()),
            owner: self.owner_references.0.as_ref().map(|RawOwner { uid, kind, name, .. }| {
                Arc::new(Owner { uid: (&**uid).into(), kind: (&**kind).into(), name: (&**name).into() })
            }),
        })
    }
}

fn instant(text: Option<&str>) -> Option<Timestamp> {
    text.and_then(|text| text.parse().ok())
}
