//! The Rollout: what is asked for, and what has been reached.

mod canary;
mod routing;
mod status;

pub use canary::*;
pub use routing::*;
pub use status::*;

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use kube::core::NamespaceResourceScope;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::int_or_string::IntOrString;
use crate::lenient;
use crate::names::ScaleDown;

/// A Rollout: a workload whose new revisions are brought out step by step.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Name, namespace, labels and the rest of the standard metadata.
    pub metadata: ObjectMeta,
    /// What is asked for.
    pub spec: RolloutSpec,
    /// What has been reached, and the orders of people (abort, promote-full).
    pub status: RolloutStatus,
}

crate::object::resource!(Rollout, "Rollout", "rollouts", NamespaceResourceScope, status);

/// What is asked for: pods, how many, and how a change of them is brought out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutSpec {
    /// Number of desired pods; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// Selects the pods; must match the template's labels and cannot change later.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::RolloutSelector>"))]
    pub selector: Option<LabelSelector>,
    /// The pod template, kept as raw JSON from end to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::PodTemplate>"))]
    pub template: Option<Value>,
    /// A Deployment, ReplicaSet or PodTemplate to take the template from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload_ref: Option<ObjectRef>,
    /// Seconds for which a new pod must be ready to count as available; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_ready_seconds: Option<i32>,
    /// How far back a rollback skips the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_window: Option<RollbackWindow>,
    /// How a change is brought out; exactly one strategy.
    pub strategy: Strategy,
    /// Old ReplicaSets to keep; 10 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_history_limit: Option<i32>,
    /// A person holds the rollout at its present step.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub paused: bool,
    /// Seconds without progress after which the rollout counts as failed; 600 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_seconds: Option<i32>,
    /// Whether to abort when the progress deadline has passed.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub progress_deadline_abort: bool,
    /// Pods created before this instant are restarted.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub restart_at: Option<Timestamp>,
    /// How many finished analysis runs to keep.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<AnalysisRunStrategy>,
}

/// Names the workload whose pod template is used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectRef {
    /// API version of the workload.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub api_version: Option<String>,
    /// Kind of the workload: Deployment, ReplicaSet or PodTemplate.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub kind: Option<String>,
    /// Name of the workload.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub name: Option<String>,
    /// When the workload itself is scaled down; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down: Option<ScaleDown>,
}

/// How far back a rollback skips the steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackWindow {
    /// Number of revisions within which a rollback is fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revisions: Option<i32>,
}

/// How many finished analysis runs and experiments to keep.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AnalysisRunStrategy {
    /// Successful ones to keep; 5 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successful_run_history_limit: Option<i32>,
    /// Failed, inconclusive and erroneous ones to keep; 5 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsuccessful_run_history_limit: Option<i32>,
}

/// How a change is brought out; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Strategy {
    /// Switch all traffic at once from the old to the new version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blue_green: Option<BlueGreenStrategy>,
    /// Shift traffic or pods in steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryStrategy>,
}

/// Switch all traffic at once from the old to the new version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct BlueGreenStrategy {
    /// Service that carries production traffic.
    pub active_service: String,
    /// Service that shows the new version before the switch.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub preview_service: Option<String>,
    /// Pods of the new version before the switch; all of them when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_replica_count: Option<i32>,
    /// Whether to switch without waiting for a person; true when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_promotion_enabled: Option<bool>,
    /// Seconds to wait before the switch; 0 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_promotion_seconds: Option<i32>,
    /// Pods that may be unavailable during a restart; 25 % when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<IntOrString>,
    /// Seconds to keep the old pods after the switch; 30 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_seconds: Option<i32>,
    /// Old ReplicaSets that may still run at one time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_delay_revision_limit: Option<i32>,
    /// Analysis before the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_promotion_analysis: Option<RolloutAnalysis>,
    /// Keeps old and new pods on different nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anti_affinity: Option<AntiAffinity>,
    /// Analysis after the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_promotion_analysis: Option<RolloutAnalysis>,
    /// Labels and annotations of preview pods while they are that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview_metadata: Option<PodTemplateMetadata>,
    /// Labels and annotations of active pods while they are that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub active_metadata: Option<PodTemplateMetadata>,
    /// Seconds to keep preview pods after an abort; 30 when absent, 0 means for ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub abort_scale_down_delay_seconds: Option<i32>,
}

/// Keeps pods of two revisions on different nodes; exactly one field is set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AntiAffinity {
    /// As a wish with a weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_during_scheduling_ignored_during_execution: Option<PreferredAntiAffinity>,
    /// As a must.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub required_during_scheduling_ignored_during_execution: Option<RequiredAntiAffinity>,
}

/// How strong the wish is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct PreferredAntiAffinity {
    /// From 1 to 100.
    pub weight: i32,
}

/// Has no settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RequiredAntiAffinity {}

/// Labels and annotations to add to pods or objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct PodTemplateMetadata {
    /// Labels to add.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Annotations to add.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}
