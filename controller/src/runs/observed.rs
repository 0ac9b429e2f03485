//! An `AnalysisRun` as it was last seen.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serin_crds::analysis::{AnalysisRunSpec, AnalysisRunStatus};
use serin_crds::rollout::Rollout;
use serin_crds::salvage;

use crate::runtime::key::Key;
use crate::runtime::projection::AnalysisRunRow;

/// An `AnalysisRun` as it was last seen: by a watch, a read, or in the answer to a write.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedRun {
    /// Namespace and name.
    pub key: Key,
    /// Uid.
    pub uid: Arc<str>,
    /// Resource version.
    pub version: Arc<str>,
    /// The Rollout that controls it, if one does.
    pub rollout: Option<Key>,
    /// Whether its deletion has been asked for.
    pub leaving: bool,
    /// `spec`, as JSON.
    pub spec: Value,
    /// `status`, as JSON; null if there is none.
    pub status: Value,
}

impl ObservedRun {
    /// Reads an object; none if it has no name or uid.
    pub fn of(mut object: Value) -> Option<Self> {
        let metadata = object.get_mut("metadata").map(Value::take)?;
        let text = |field: &str| metadata.get(field).and_then(Value::as_str).unwrap_or_default();
        let (name, uid) = (text("name"), text("uid"));
        if name.is_empty() || uid.is_empty() {
            return None;
        }
        let key = Key::new(text("namespace"), name);
        let mut part = |field: &str| object.get_mut(field).map(Value::take).unwrap_or_default();
        Some(Self {
            uid: uid.into(),
            version: text("resourceVersion").into(),
            rollout: owner(&metadata).map(|name| key.beside(name)),
            leaving: metadata.get("deletionTimestamp").is_some_and(|at| !at.is_null()),
            spec: part("spec"),
            status: part("status"),
            key,
        })
    }

    /// Takes a run from the cache; none if the cache holds no more of it than its phase, because it has ended.
    pub fn of_row(run: &AnalysisRunRow) -> Option<Self> {
        Self::of(run.body.as_ref()?.value().ok()?)
    }

    /// The spec as our type.
    ///
    /// # Errors
    /// What in it does not fit, with its path.
    pub(super) fn read_spec(&self) -> Result<AnalysisRunSpec, String> {
        serin_crds::decode(self.spec.clone()).map_err(|fault| format!("spec.{}", fault.message))
    }

    /// The status as our type, without what in it does not fit.
    pub(super) fn read_status(&self) -> AnalysisRunStatus {
        tolerant(&self.status)
    }

    /// Whether it has ended, as far as its status says.
    pub(super) fn says_it_ended(&self) -> bool {
        self.read_status().phase.is_terminal()
    }
}

fn tolerant<T: DeserializeOwned + Default>(value: &Value) -> T {
    if value.is_null() {
        return T::default();
    }
    salvage(value.clone()).0
}

fn owner(metadata: &Value) -> Option<&str> {
    let controls = |owner: &&Value| {
        owner.get("controller").and_then(Value::as_bool).unwrap_or(false)
            && owner.get("kind").and_then(Value::as_str) == Some(<Rollout as kube::Resource>::kind(&()).as_ref())
    };
    metadata.get("ownerReferences")?.as_array()?.iter().find(controls)?.get("name")?.as_str()
}
