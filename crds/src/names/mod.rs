//! Every name of the contract, in one place: what manifests, dashboards, Argo CD and people look for.

mod conditions;
mod enums;
mod events;
mod metrics;
mod process;
mod rollback;

pub use conditions::*;
pub use enums::*;
pub use events::*;
pub use metrics::*;
pub use process::*;
pub use rollback::*;

/// API group of what only Serin has.
pub const SERIN_GROUP: &str = "serin.dev";
/// Group and version of what only Serin has, as manifests write them.
pub const SERIN_API_VERSION: &str = "serin.dev/v1alpha1";
/// API group of all five kinds of Argo Rollouts.
pub const GROUP: &str = "argoproj.io";
/// The only version.
pub const VERSION: &str = "v1alpha1";
/// Group and version, as manifests write them.
pub const API_VERSION: &str = "argoproj.io/v1alpha1";
/// Field manager of all writes.
pub const FIELD_MANAGER: &str = "rollouts-controller";
/// Component that events name.
pub const EVENT_COMPONENT: &str = "rollouts-controller";

/// Label with the pod-template hash: on ReplicaSets, their selectors and pods, Service selectors, subsets, runs.
pub const HASH_LABEL: &str = "rollouts-pod-template-hash";
/// Label that gives an object to the controller with this instance id.
pub const INSTANCE_ID_LABEL: &str = "argo-rollouts.argoproj.io/controller-instance-id";
/// Label of an AnalysisRun: what it is for, see [`RunPurpose`].
pub const ROLLOUT_TYPE_LABEL: &str = "rollout-type";
/// Label of an AnalysisRun: the step that it belongs to.
pub const STEP_INDEX_LABEL: &str = "step-index";

/// Annotation with the revision, on Rollouts, ReplicaSets, AnalysisRuns and Experiments.
pub const REVISION_ANNOTATION: &str = "rollout.argoproj.io/revision";
/// Annotation of a ReplicaSet with its former revisions, separated by commas.
pub const REVISION_HISTORY_ANNOTATION: &str = "rollout.argoproj.io/revision-history";
/// Annotation of a ReplicaSet with the size of the Rollout when it was scaled last.
pub const DESIRED_REPLICAS_ANNOTATION: &str = "rollout.argoproj.io/desired-replicas";
/// Annotation of a ReplicaSet with the metadata that was added to its pods, as JSON.
pub const EPHEMERAL_METADATA_ANNOTATION: &str = "rollout.argoproj.io/ephemeral-metadata";
/// In status: the ping Service of `pingPong` is the stable one.
pub const PING: &str = "ping";
/// In status: the pong Service of `pingPong` is the stable one.
pub const PONG: &str = "pong";

/// Annotation of a Rollout with the generation of the workload that it refers to.
pub const WORKLOAD_GENERATION_ANNOTATION: &str = "rollout.argoproj.io/workload-generation";
/// Annotation of a ReplicaSet with the instant at which it may be scaled down; the key has no prefix.
pub const SCALE_DOWN_DEADLINE_ANNOTATION: &str = "scale-down-deadline";
/// Annotation of a Service or DestinationRule with the Rollout that steers it.
pub const MANAGED_BY_ANNOTATION: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";
/// Annotation that Argo Rollouts reserves and does not use.
pub const RESTARTED_AFTER_ANNOTATION: &str = "argo-rollouts.argoproj.io/restarted-after";
/// Annotation with the notifications that were sent.
pub const NOTIFIED_ANNOTATION: &str = "notified.notifications.argoproj.io";
/// Prefix of annotations that subscribe to notifications.
pub const SUBSCRIBE_ANNOTATION_PREFIX: &str = "notifications.argoproj.io/subscribe.";
/// Annotation of an experiment's ReplicaSet or Service with the experiment.
pub const EXPERIMENT_NAME_ANNOTATION: &str = "experiment.argoproj.io/name";
/// Annotation of an experiment's ReplicaSet or Service with the template.
pub const EXPERIMENT_TEMPLATE_ANNOTATION: &str = "experiment.argoproj.io/template-name";
/// Annotation that `kubectl apply` keeps; never copied.
pub const LAST_APPLIED_ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// Label and annotation by which Argo CD tracks what it applied; never copied, else Argo CD prunes our objects.
pub const ARGOCD_TRACKING: [&str; 2] = ["app.kubernetes.io/instance", "argocd.argoproj.io/tracking-id"];

/// Defaults of fields that may be absent.
pub mod defaults {
    /// `spec.replicas`.
    pub const REPLICAS: i32 = 1;
    /// `spec.revisionHistoryLimit`.
    pub const REVISION_HISTORY_LIMIT: i32 = 10;
    /// `spec.progressDeadlineSeconds`.
    pub const PROGRESS_DEADLINE_SECONDS: i32 = 600;
    /// `scaleDownDelaySeconds`, with traffic routing.
    pub const SCALE_DOWN_DELAY_SECONDS: i32 = 30;
    /// `abortScaleDownDelaySeconds`, with traffic routing.
    pub const ABORT_SCALE_DOWN_DELAY_SECONDS: i32 = 30;
    /// `maxSurge` and `maxUnavailable`: a string, so a percentage.
    pub const MAX_SURGE_AND_UNAVAILABLE: &str = "25";
    /// `trafficRouting.maxTrafficWeight`.
    pub const MAX_TRAFFIC_WEIGHT: i32 = 100;
    /// `analysis.successfulRunHistoryLimit` and `analysis.unsuccessfulRunHistoryLimit`.
    pub const RUN_HISTORY_LIMIT: i32 = 5;
    /// `scaleDownDelayRevisionLimit`.
    pub const SCALE_DOWN_DELAY_REVISION_LIMIT: i32 = i32::MAX;
    /// `metrics[].failureLimit`.
    pub const FAILURE_LIMIT: i64 = 0;
    /// `metrics[].inconclusiveLimit`.
    pub const INCONCLUSIVE_LIMIT: i64 = 0;
    /// `metrics[].consecutiveErrorLimit`.
    pub const CONSECUTIVE_ERROR_LIMIT: i64 = 4;
    /// `metrics[].consecutiveSuccessLimit`: off.
    pub const CONSECUTIVE_SUCCESS_LIMIT: i64 = 0;
    /// Seconds to the next measurement after an error, or without an interval.
    pub const ERROR_INTERVAL_SECONDS: i64 = 10;
}
