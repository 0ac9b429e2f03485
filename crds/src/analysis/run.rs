//! The AnalysisRun: one run of templates, and what it found.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};

use super::{Argument, DryRun, MeasurementRetention, Metric};
use crate::lenient;
use crate::names::AnalysisPhase;

/// An AnalysisRun: one run of templates, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AnalysisRun {
    /// Name, namespace, labels and the rest of the standard metadata.
    pub metadata: ObjectMeta,
    /// What is measured.
    pub spec: AnalysisRunSpec,
    /// What was found.
    pub status: AnalysisRunStatus,
}

crate::object::resource!(AnalysisRun, "AnalysisRun", "analysisruns", NamespaceResourceScope, status);

/// What is measured in this run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AnalysisRunSpec {
    /// The metrics, with arguments not yet filled in.
    pub metrics: Vec<Metric>,
    /// The arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// A person or the controller ends it early.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub terminate: bool,
    /// Metrics that are measured but do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<DryRun>,
    /// How many measurements to keep per metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// When a finished run is deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_strategy: Option<TtlStrategy>,
}

/// When a finished run is deleted, in seconds after its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct TtlStrategy {
    /// However it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_completion: Option<i32>,
    /// After a failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_failure: Option<i32>,
    /// After a success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_after_success: Option<i32>,
}

/// What a run has found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AnalysisRunStatus {
    /// How it stands.
    pub phase: AnalysisPhase,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// What was found for each metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metric_results: Vec<MetricResult>,
    /// When the first assessment ended.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub started_at: Option<Timestamp>,
    /// How many metrics ended how.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub run_summary: RunSummary,
    /// The same for metrics that do not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dry_run_summary: Option<RunSummary>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub completed_at: Option<Timestamp>,
}

/// How many metrics ended how.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RunSummary {
    /// All of them.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub count: i32,
    /// Successful ones.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub successful: i32,
    /// Failed ones.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub failed: i32,
    /// Inconclusive ones.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub inconclusive: i32,
    /// Those that could not be measured.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub error: i32,
}

/// What was found for one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct MetricResult {
    /// Name of the metric.
    pub name: String,
    /// How it stands.
    pub phase: AnalysisPhase,
    /// The latest measurements.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measurements: Vec<Measurement>,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// Measurements without error.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub count: i32,
    /// Successful measurements.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub successful: i32,
    /// Failed measurements.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub failed: i32,
    /// Inconclusive measurements.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub inconclusive: i32,
    /// Measurements that were errors.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub error: i32,
    /// Errors since the last measurement without one.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub consecutive_error: i32,
    /// Whether the metric does not count.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub dry_run: bool,
    /// What the provider adds, such as the resolved query.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Successes since the last measurement that was none.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub consecutive_success: i32,
}

/// One measurement of one metric.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Measurement {
    /// How it ended.
    pub phase: AnalysisPhase,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub finished_at: Option<Timestamp>,
    /// What was measured.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub value: Option<String>,
    /// What the provider adds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// When to look again, for providers that take their time.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub resume_at: Option<Timestamp>,
}
