//! The CRDs of all kinds, made from the types.
//!
//! # Source
//! Kubernetes, "Extend the Kubernetes API with CustomResourceDefinitions": structural schemas, validation rules.

mod overlay;
mod pod;
mod rules;
mod structural;

use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

pub use pod::{JobMetadata, JobSpec, PodTemplate, RolloutSelector, Selector};

use crate::{
    analysis::{AnalysisRunSpec, AnalysisRunStatus, AnalysisTemplateSpec},
    experiment::{ExperimentSpec, ExperimentStatus},
    names::{GROUP, SERIN_GROUP, VERSION},
    rollback::{RollbackPolicySpec, RollbackPolicyStatus},
    rollout::{RolloutSpec, RolloutStatus},
};

/// A CRD and the name of the file that it is kept in.
#[derive(Clone, Debug, PartialEq)]
pub struct Crd {
    /// File name, such as `rollouts.yaml`.
    pub file: String,
    /// The CustomResourceDefinition.
    pub definition: Value,
}

impl Crd {
    /// The file's text.
    ///
    /// # Errors
    /// If it cannot be written as YAML.
    pub fn to_yaml(&self) -> Result<String, serde_saphyr::ser::Error> {
        let yaml = serde_saphyr::to_string(&self.definition)?;
        Ok(format!("# Made by `make crds` from the types in crds/src; don't edit.\n{yaml}"))
    }
}

/// What distinguishes one kind from another.
struct Kind {
    group: &'static str,
    name: &'static str,
    plural: &'static str,
    short: &'static str,
    scope: &'static str,
    /// Name, JSON path, type and priority of each printer column.
    columns: &'static [(&'static str, &'static str, &'static str, i32)],
    about: &'static str,
}

const AGE: (&str, &str, &str, i32) = ("Age", ".metadata.creationTimestamp", "date", 0);
const STATUS: (&str, &str, &str, i32) = ("Status", ".status.phase", "string", 0);
const MESSAGE: (&str, &str, &str, i32) = ("Message", ".status.message", "string", 1);

const ROLLOUT: Kind = Kind {
    group: GROUP,
    name: "Rollout",
    plural: "rollouts",
    short: "ro",
    scope: "Namespaced",
    columns: &[
        ("Desired", ".spec.replicas", "integer", 0),
        ("Current", ".status.replicas", "integer", 0),
        ("Up-to-date", ".status.updatedReplicas", "integer", 0),
        ("Available", ".status.availableReplicas", "integer", 0),
        AGE,
        ("Phase", ".status.phase", "string", 1),
        ("Step", ".status.currentStepIndex", "integer", 1),
        ("Weight", ".status.canary.weights.canary.weight", "integer", 1),
        MESSAGE,
    ],
    about: "A workload whose new revisions are brought out step by step.",
};

const ANALYSIS_TEMPLATE: Kind = Kind {
    group: GROUP,
    name: "AnalysisTemplate",
    plural: "analysistemplates",
    short: "at",
    scope: "Namespaced",
    columns: &[AGE],
    about: "Metrics that can be measured in its namespace.",
};

const CLUSTER_ANALYSIS_TEMPLATE: Kind = Kind {
    group: GROUP,
    name: "ClusterAnalysisTemplate",
    plural: "clusteranalysistemplates",
    short: "cat",
    scope: "Cluster",
    columns: &[AGE],
    about: "Metrics that can be measured in every namespace.",
};

const ANALYSIS_RUN: Kind = Kind {
    group: GROUP,
    name: "AnalysisRun",
    plural: "analysisruns",
    short: "ar",
    scope: "Namespaced",
    columns: &[STATUS, AGE, MESSAGE],
    about: "One run of analysis templates, and what it found.",
};

const EXPERIMENT: Kind = Kind {
    group: GROUP,
    name: "Experiment",
    plural: "experiments",
    short: "exp",
    scope: "Namespaced",
    columns: &[STATUS, AGE, MESSAGE],
    about: "ReplicaSets that run for a time to be compared.",
};

const ROLLBACK_POLICY: Kind = Kind {
    group: SERIN_GROUP,
    name: "RollbackPolicy",
    plural: "rollbackpolicies",
    short: "rbp",
    scope: "Namespaced",
    columns: &[
        ("Ready", ".status.conditions[?(@.type==\"Ready\")].status", "string", 0),
        ("Rollout", ".status.rollbacks[0].rollout", "string", 0),
        ("From", ".status.rollbacks[0].from", "string", 0),
        ("To", ".status.rollbacks[0].to", "string", 0),
        ("Stage", ".status.rollbacks[0].stage", "string", 0),
        ("Commit", ".status.rollbacks[0].commit", "string", 1),
        ("Message", ".status.rollbacks[0].message", "string", 1),
        AGE,
    ],
    about: "How an automatic rollback gets into Git, and who hears of it.",
};

/// The CRD of the kind that the loop into Git is told by; it is installed only where that runs.
pub fn loop_crd() -> Crd {
    let spec = of_type::<RollbackPolicySpec>("RollbackPolicySpec");
    let status = of_type::<RollbackPolicyStatus>("RollbackPolicyStatus");
    crd(&ROLLBACK_POLICY, spec, Some(status), &json!({ "status": {} }))
}

/// The CRDs of the five kinds of Argo Rollouts.
pub fn crds() -> Vec<Crd> {
    let template = || of_type::<AnalysisTemplateSpec>("AnalysisTemplateSpec");
    let rollout = (of_type::<RolloutSpec>("RolloutSpec"), unseen(of_type::<RolloutStatus>("RolloutStatus")));
    let run = (of_type::<AnalysisRunSpec>("AnalysisRunSpec"), of_type::<AnalysisRunStatus>("AnalysisRunStatus"));
    let experiment = (of_type::<ExperimentSpec>("ExperimentSpec"), of_type::<ExperimentStatus>("ExperimentStatus"));
    let subresources = json!({
        "status": {},
        "scale": {
            "specReplicasPath": ".spec.replicas",
            "statusReplicasPath": ".status.HPAReplicas",
            "labelSelectorPath": ".status.selector",
        },
    });
    let none = json!({});
    vec![
        crd(&ROLLOUT, rollout.0, Some(rollout.1), &subresources),
        crd(&ANALYSIS_TEMPLATE, template(), None, &none),
        crd(&CLUSTER_ANALYSIS_TEMPLATE, template(), None, &none),
        crd(&ANALYSIS_RUN, run.0, Some(run.1), &none),
        crd(&EXPERIMENT, experiment.0, Some(experiment.1), &none),
    ]
}

/// A status that reads as "not seen yet" until it is written for the first time: without it, tools that wait take an object
/// that no controller has looked at for one that is finished.
///
/// # Source
/// The CRDs of Flux, which have the same default as a number; as a string, Argo's clients can read it too.
fn unseen(mut status: Value) -> Value {
    if let Some(members) = status.as_object_mut() {
        members.insert("default".to_owned(), json!({ "observedGeneration": "-1" }));
    }
    status
}

fn of_type<T: JsonSchema>(name: &str) -> Value {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft2020_12());
    let root = generator.root_schema_for::<T>().to_value();
    structural::root(name, &root)
}

fn crd(kind: &Kind, spec: Value, status: Option<Value>, subresources: &Value) -> Crd {
    let Kind { group, name, plural, short, scope, columns, about } = kind;
    let mut properties = Map::from_iter([
        ("apiVersion".to_owned(), json!({ "type": "string" })),
        ("kind".to_owned(), json!({ "type": "string" })),
        ("metadata".to_owned(), json!({ "type": "object" })),
        ("spec".to_owned(), spec),
    ]);
    properties.extend(status.map(|status| ("status".to_owned(), status)));
    let columns: Vec<Value> = columns.iter().map(column).collect();
    let definition = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group,
            "names": {
                "kind": name,
                "listKind": format!("{name}List"),
                "plural": plural,
                "singular": name.to_lowercase(),
                "shortNames": [short],
            },
            "scope": scope,
            "versions": [{
                "name": VERSION,
                "served": true,
                "storage": true,
                "additionalPrinterColumns": columns,
                "subresources": subresources,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "description": about,
                        "required": ["spec"],
                        "properties": properties,
                    },
                },
            }],
        },
    });
    Crd { file: format!("{plural}.yaml"), definition }
}

fn column((name, path, kind, priority): &(&str, &str, &str, i32)) -> Value {
    let mut column = json!({ "name": name, "jsonPath": path, "type": kind });
    if let (true, Some(column)) = (*priority > 0, column.as_object_mut()) {
        column.insert("priority".to_owned(), json!(priority));
    }
    column
}
