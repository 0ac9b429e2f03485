//! What stands in the API server when a scenario is over, cut to what somebody wants to read.

use serde::Serialize;
use serde_json::Value;

use super::NAMESPACE;
use crate::invariants::{
    History, Key,
    view::{self, HASH_LABEL},
};

/// The last state of a Rollout and of what belongs to it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LastState {
    /// The Rollout; null when there is none.
    pub rollout: Value,
    /// The Services of the namespace.
    pub services: Vec<Value>,
    /// The `VirtualServices` of the namespace.
    pub virtual_services: Vec<Value>,
    /// The `DestinationRules` of the namespace.
    pub destination_rules: Vec<Value>,
    /// The sizes of the `ReplicaSets` of the namespace.
    pub replica_sets: Vec<Sizes>,
    /// The analysis runs of the namespace.
    pub analysis_runs: Vec<Phase>,
}

/// How many pods of a `ReplicaSet` there are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Sizes {
    /// The name of the `ReplicaSet`.
    pub name: String,
    /// Its revision.
    pub revision: String,
    /// The image of its first container.
    pub image: String,
    /// Whether its hash is the stable one, the desired one, both, or neither.
    pub role: &'static str,
    /// `spec.replicas`.
    pub wanted: i64,
    /// `status.availableReplicas`.
    pub available: i64,
}

/// How an analysis run stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Phase {
    /// The name of the run.
    pub name: String,
    /// `status.phase`.
    pub phase: String,
    /// `status.message`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl LastState {
    /// What the writes so far have left of the Rollout with this name.
    pub fn of(history: &History, rollout: &str) -> Self {
        let rollout = history.get(&Key::new("rollouts", NAMESPACE, rollout)).map(readable).unwrap_or_default();
        let all = |resource| {
            let mut all: Vec<_> = history.all(resource).filter(|(key, _)| key.namespace == NAMESPACE).collect();
            all.sort_by_key(|(key, _)| *key);
            all
        };
        let objects = |resource| all(resource).into_iter().map(|(_, object)| readable(object)).collect();
        Self {
            services: objects("services"),
            virtual_services: objects("virtualservices"),
            destination_rules: objects("destinationrules"),
            replica_sets: all("replicasets").into_iter().map(|(_, set)| sizes(&rollout, set)).collect(),
            analysis_runs: all("analysisruns").into_iter().map(|(_, run)| phase(run)).collect(),
            rollout,
        }
    }

    /// The state as YAML.
    pub fn yaml(&self) -> String {
        serde_saphyr::to_string(self).unwrap_or_else(|error| format!("# can't be written as YAML: {error}\n"))
    }
}

/// An object without the bookkeeping of the API server.
fn readable(object: &Value) -> Value {
    let mut object = object.clone();
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    object
}

fn sizes(rollout: &Value, set: &Value) -> Sizes {
    let hash = view::label(set, HASH_LABEL);
    let is = |pointer| view::text(rollout, pointer) == hash;
    Sizes {
        name: view::text(set, "/metadata/name").to_owned(),
        revision: view::annotation(set, view::REVISION).to_owned(),
        image: view::text(set, "/spec/template/spec/containers/0/image").to_owned(),
        role: match (is("/status/stableRS"), is("/status/currentPodHash")) {
            (true, true) => "stable and desired",
            (true, false) => "stable",
            (false, true) => "desired",
            (false, false) => "old",
        },
        wanted: view::number(set, "/spec/replicas").unwrap_or_default(),
        available: view::number(set, "/status/availableReplicas").unwrap_or_default(),
    }
}

fn phase(run: &Value) -> Phase {
    Phase {
        name: view::text(run, "/metadata/name").to_owned(),
        phase: view::text(run, "/status/phase").to_owned(),
        message: view::text(run, "/status/message").to_owned(),
    }
}
