//! Analysis templates and runs: what is measured, and what was found.

mod provider;
mod run;
mod vendors;

pub use provider::*;
pub use run::*;
pub use vendors::*;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use serde::{Deserialize, Serialize};

use crate::int_or_string::IntOrString;
use crate::lenient;

/// An AnalysisTemplate: metrics that can be measured in its namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct AnalysisTemplate {
    /// Name, namespace, labels and the rest of the standard metadata.
    pub metadata: ObjectMeta,
    /// What is measured.
    pub spec: AnalysisTemplateSpec,
}

crate::object::resource!(AnalysisTemplate, "AnalysisTemplate", "analysistemplates", NamespaceResourceScope);

/// A ClusterAnalysisTemplate: metrics that can be measured in every namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ClusterAnalysisTemplate {
    /// Name, labels and the rest of the standard metadata.
    pub metadata: ObjectMeta,
    /// What is measured.
    pub spec: AnalysisTemplateSpec,
}

crate::object::resource!(
    ClusterAnalysisTemplate,
    "ClusterAnalysisTemplate",
    "clusteranalysistemplates",
    ClusterResourceScope
);

/// What is measured, and with which arguments.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AnalysisTemplateSpec {
    /// The metrics.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Metric>,
    /// The arguments that they use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// Metrics that are measured but do not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<DryRun>,
    /// How many measurements to keep per metric.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measurement_retention: Vec<MeasurementRetention>,
    /// Further templates that belong to this one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<TemplateRef>,
}

/// Names an analysis template.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "WrittenTemplateRef", into = "WrittenTemplateRef")]
pub struct TemplateRef {
    /// Its name.
    pub template_name: String,
    /// Whether it is a ClusterAnalysisTemplate.
    pub cluster_scope: bool,
    /// Whether the manifest spells the scope out; the hash of the steps depends on it.
    pub spelled_out: bool,
}

// As manifests write it; the comment below becomes a description in the CRDs.
/// Names an analysis template.
#[derive(Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
struct WrittenTemplateRef {
    /// Its name.
    template_name: String,
    /// Whether it is a ClusterAnalysisTemplate.
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_scope: Option<bool>,
}

impl From<WrittenTemplateRef> for TemplateRef {
    fn from(WrittenTemplateRef { template_name, cluster_scope }: WrittenTemplateRef) -> Self {
        Self { template_name, cluster_scope: cluster_scope.unwrap_or_default(), spelled_out: cluster_scope.is_some() }
    }
}

impl From<TemplateRef> for WrittenTemplateRef {
    fn from(TemplateRef { template_name, cluster_scope, spelled_out }: TemplateRef) -> Self {
        let cluster_scope = (cluster_scope || spelled_out).then_some(cluster_scope);
        Self { template_name, cluster_scope }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for TemplateRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "TemplateRef".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        WrittenTemplateRef::json_schema(generator)
    }
}

/// An argument of a template or a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Argument {
    /// Name of the argument.
    pub name: String,
    /// Its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Where its value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// Where the value of an argument comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ValueFrom {
    /// A key of a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_key_ref: Option<SecretKeyRef>,
    /// A field of the object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field_ref: Option<FieldRef>,
}

/// A key of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: String,
    /// Key in it.
    pub key: String,
}

/// A field of an object.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct FieldRef {
    /// Path of the field.
    pub field_path: String,
}

/// Metrics that are measured but do not count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct DryRun {
    /// Regular expression for their names, not anchored.
    pub metric_name: String,
}

/// How many measurements to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct MeasurementRetention {
    /// Regular expression for the metric names, not anchored.
    pub metric_name: String,
    /// Number of measurements to keep.
    pub limit: i32,
}

/// One metric: what is asked, how often, and when it counts as failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Metric {
    /// Its name, unique in a run.
    pub name: String,
    /// Time between measurements, such as `30s`.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub interval: Option<String>,
    /// Time to wait before the first measurement.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub initial_delay: Option<String>,
    /// Number of measurements; see the interval when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<IntOrString>,
    /// Expression under which a measurement succeeds.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub success_condition: Option<String>,
    /// Expression under which a measurement fails.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub failure_condition: Option<String>,
    /// Failures that are tolerated; 0 when absent, -1 means any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure_limit: Option<IntOrString>,
    /// Inconclusive measurements that are tolerated; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inconclusive_limit: Option<IntOrString>,
    /// Errors in a row that are tolerated; 4 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_error_limit: Option<IntOrString>,
    /// Successes in a row that end the metric; off when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_success_limit: Option<IntOrString>,
    /// Who is asked; exactly one.
    pub provider: MetricProvider,
}
