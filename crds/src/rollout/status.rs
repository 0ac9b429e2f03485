//! What a Rollout has reached, as written into its status.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::names::{AnalysisPhase, CompletionStatus, ConditionStatus, ConditionType, PauseReason, RolloutPhase};
use crate::{IntOrString, lenient};

/// What a Rollout has reached, and the orders that people put into status.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutStatus {
    /// A person or the controller calls the update off.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub abort: bool,
    /// Why the controller holds the rollout; a person clears it to go on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pause_conditions: Vec<PauseCondition>,
    /// Whether the controller has paused; with no pause condition left, a person resumed.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub controller_pause: bool,
    /// When the abort was carried out.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub aborted_at: Option<Timestamp>,
    /// Hash of the pod template that is asked for.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub current_pod_hash: Option<String>,
    /// Hash of the steps, to notice a change of them.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub current_step_hash: Option<String>,
    /// Pods of all ReplicaSets.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub replicas: i32,
    /// Pods of the new ReplicaSet.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub updated_replicas: i32,
    /// Ready pods of all ReplicaSets.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub ready_replicas: i32,
    /// Available pods of all ReplicaSets.
    #[serde(skip_serializing_if = "lenient::is_zero")]
    pub available_replicas: i32,
    /// Step that the rollout is at; the number of steps when all are done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_index: Option<i32>,
    /// Salt for the hash after a name collision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collision_count: Option<i32>,
    /// Generation that was seen last: a number, or a decimal string as Argo Rollouts writes it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::int_or_string")]
    pub observed_generation: Option<IntOrString>,
    /// Conditions by type.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<RolloutCondition>,
    /// State of the canary strategy.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub canary: CanaryStatus,
    /// State of the blue-green strategy.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub blue_green: BlueGreenStatus,
    /// Pods that the scale subresource reports.
    #[serde(rename = "HPAReplicas", skip_serializing_if = "lenient::is_zero")]
    pub hpa_replicas: i32,
    /// Selector that the scale subresource reports.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub selector: Option<String>,
    /// Hash of the stable ReplicaSet; none before the first promotion.
    #[serde(rename = "stableRS", skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub stable_rs: Option<String>,
    /// The `spec.restartAt` that was carried out last.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub restarted_at: Option<Timestamp>,
    /// A person orders the rest of the steps to be skipped.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub promote_full: bool,
    /// Healthy, Degraded, Progressing or Paused.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::word")]
    pub phase: Option<RolloutPhase>,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// Generation of the referenced workload that was seen last.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub workload_observed_generation: Option<String>,
    /// State of the AWS load balancer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alb: Option<AlbStatus>,
    /// State of several AWS load balancers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub albs: Vec<AlbStatus>,
    /// How long the update has taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<RolloutDuration>,
}

/// Why the controller holds the rollout, and since when.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct PauseCondition {
    /// Why.
    pub reason: PauseReason,
    /// Since when.
    #[serde(with = "crate::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::time::Wire"))]
    pub start_time: Timestamp,
}

/// One condition of a Rollout.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutCondition {
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

/// State of the canary strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct CanaryStatus {
    /// The analysis run of the present step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_step_analysis_run_status: Option<RunRef>,
    /// The analysis run beside the steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_background_analysis_run_status: Option<RunRef>,
    /// The experiment of the present step.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub current_experiment: Option<String>,
    /// How traffic is split; only with traffic routing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<TrafficWeights>,
    /// Which of the two ping-pong Services is stable.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub stable_ping_pong: Option<String>,
    /// State of the step plugins.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub step_plugin_statuses: Vec<StepPluginStatus>,
}

/// An analysis run and how it stands.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RunRef {
    /// Name of the AnalysisRun.
    pub name: String,
    /// Its phase.
    pub status: AnalysisPhase,
    /// Why the phase is what it is.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
}

/// How traffic is split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct TrafficWeights {
    /// The share of the canary.
    pub canary: WeightDestination,
    /// The share of stable.
    pub stable: WeightDestination,
    /// The shares of experiments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional: Vec<WeightDestination>,
    /// Whether the split was seen to take effect, where that can be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
}

/// A share of traffic and where it goes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct WeightDestination {
    /// The share.
    pub weight: i32,
    /// Service that gets it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub service_name: Option<String>,
    /// Hash of the pods that get it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub pod_template_hash: Option<String>,
}

/// State of the blue-green strategy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct BlueGreenStatus {
    /// Hash that the preview Service selects.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub preview_selector: Option<String>,
    /// Hash that the active Service selects.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub active_selector: Option<String>,
    /// Whether the new version may grow to its full size.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub scale_up_preview_check_point: bool,
    /// The analysis run before the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pre_promotion_analysis_run_status: Option<RunRef>,
    /// The analysis run after the switch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_promotion_analysis_run_status: Option<RunRef>,
}

/// State of one step plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct StepPluginStatus {
    /// Step that it belongs to.
    pub index: i32,
    /// Name of the plugin.
    pub name: String,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
    /// Running, Successful, Failed or Error.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub phase: Option<String>,
    /// When it started.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub started_at: Option<Timestamp>,
    /// When it answered last.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub updated_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub finished_at: Option<Timestamp>,
    /// Run, Terminate or Abort.
    pub operation: String,
    /// How long to wait before the next call.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub backoff: Option<String>,
    /// How often it was called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub executions: Option<i32>,
    /// Whether it is switched off.
    #[serde(skip_serializing_if = "lenient::is_false")]
    pub disabled: bool,
    /// What it keeps between calls, as raw JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
}

/// State of an AWS load balancer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AlbStatus {
    /// The load balancer.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub load_balancer: AwsResourceRef,
    /// Target group of the canary.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub canary_target_group: AwsResourceRef,
    /// Target group of stable.
    #[serde(skip_serializing_if = "lenient::is_default")]
    pub stable_target_group: AwsResourceRef,
    /// Ingress that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub ingress: Option<String>,
}

/// Names a resource of AWS.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct AwsResourceRef {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its full name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub full_name: String,
}

/// How long the update has taken.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RolloutDuration {
    /// When the change was noticed.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub rollout_started_at: Option<Timestamp>,
    /// Since when a person holds it.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub manual_pause_started_at: Option<Timestamp>,
    /// How long people held it before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_manual_pause_duration_seconds: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<CompletionStatus>,
}
