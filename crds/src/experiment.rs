//! The Experiment: ReplicaSets that run for a time to be compared.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::analysis::{Argument, DryRun, MeasurementRetention};
use crate::lenient;
use crate::names::{AnalysisPhase, ConditionStatus, ConditionType, TemplatePhase};
use crate::rollout::PodTemplateMetadata;

/// An Experiment: ReplicaSets that run for a time to be compared.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Experiment {
    /// Name, namespace, labels and the rest of the standard metadata.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: ExperimentSpec,
    /// What has been reached.
    pub status: ExperimentStatus,
}

crate::object::resource!(Experiment, "Experiment", "experiments", NamespaceResourceScope, status);

/// What is asked for: which ReplicaSets run, how long, and what is measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ExperimentSpec {
    /// The ReplicaSets to run.
    pub templates: Vec<ExperimentTemplate>,
    /// How long it runs, such as `30m`; without end when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub duration: Option<String>,
    /// Seconds in which the pods must become available; 600 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// A person or the controller ends it early.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub terminate: bool,
    /// Analyses that run with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub analyses: Vec<ExperimentAnalysis>,
    /// Seconds to keep its pods after the end; 30 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
    /// Metrics that are measured but do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<DryRun>,
    /// How many measurements to keep per metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// Labels and annotations of its runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis_run_metadata: Option<PodTemplateMetadata>,
}

/// One ReplicaSet of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ExperimentTemplate {
    /// Name of the template.
    pub name: String,
    /// Number of pods; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Seconds for which a pod must be ready to count as available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ready_seconds: Option<i32>,
    /// Selects the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Selector>"))]
    pub selector: Option<LabelSelector>,
    /// The pod template, as raw JSON.
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PodTemplate>"))]
    pub template: Value,
    /// Asks for a Service of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<TemplateService>,
}

/// Asks for a Service of an experiment's ReplicaSet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct TemplateService {
    /// Name of the Service; that of the ReplicaSet when absent.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub name: Option<String>,
}

/// One analysis of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ExperimentAnalysis {
    /// Name of the analysis.
    pub name: String,
    /// Template it runs.
    pub template_name: String,
    /// Whether that is a ClusterAnalysisTemplate.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub cluster_scope: bool,
    /// Arguments for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// Whether the experiment waits for its end.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub required_for_completion: bool,
}

/// What an experiment has reached.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ExperimentStatus {
    /// How it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<AnalysisPhase>,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// State of each ReplicaSet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub template_statuses: Vec<TemplateStatus>,
    /// When all ReplicaSets were available; the duration counts from here.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub available_at: Option<Timestamp>,
    /// Conditions by type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ExperimentCondition>,
    /// State of each analysis.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub analysis_runs: Vec<ExperimentRunStatus>,
}

/// State of one ReplicaSet of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct TemplateStatus {
    /// Name of the template.
    pub name: String,
    /// Its pods.
    pub replicas: i32,
    /// Its pods of the asked template.
    pub updated_replicas: i32,
    /// Its ready pods.
    pub ready_replicas: i32,
    /// Its available pods.
    pub available_replicas: i32,
    /// Salt for the hash after a name collision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// How it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<TemplatePhase>,
    /// Why it stands so.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// When that changed last.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub last_transition_time: Option<Timestamp>,
    /// Name of its Service.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub service_name: Option<String>,
    /// Hash of its pods.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub pod_template_hash: Option<String>,
}

/// One condition of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ExperimentCondition {
    /// What the condition is about.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When it was written last.
    #[serde(with = "crate::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::time::Wire"))]
    pub last_update_time: Timestamp,
    /// When its status changed last.
    #[serde(with = "crate::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::time::Wire"))]
    pub last_transition_time: Timestamp,
    /// One word for machines.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

/// State of one analysis of an experiment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ExperimentRunStatus {
    /// Name of the analysis.
    pub name: String,
    /// Name of the AnalysisRun.
    pub analysis_run: String,
    /// Its phase.
    pub phase: AnalysisPhase,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
}
