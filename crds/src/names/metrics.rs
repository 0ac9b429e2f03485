//! Metrics of the controller.

/// Rollout: 1 with its strategy, traffic router and phase as labels.
pub const ROLLOUT_INFO: &str = "rollout_info";
/// Rollout: available pods.
pub const ROLLOUT_REPLICAS_AVAILABLE: &str = "rollout_info_replicas_available";
/// Rollout: pods that are not available.
pub const ROLLOUT_REPLICAS_UNAVAILABLE: &str = "rollout_info_replicas_unavailable";
/// Rollout: desired pods.
pub const ROLLOUT_REPLICAS_DESIRED: &str = "rollout_info_replicas_desired";
/// Rollout: pods of the new version.
pub const ROLLOUT_REPLICAS_UPDATED: &str = "rollout_info_replicas_updated";
/// Rollout: 0 or 1 for each phase (deprecated by Argo Rollouts).
pub const ROLLOUT_PHASE: &str = "rollout_phase";
/// Rollout: seconds of each reconcile.
pub const ROLLOUT_RECONCILE: &str = "rollout_reconcile";
/// Rollout: failed reconciles.
pub const ROLLOUT_RECONCILE_ERROR: &str = "rollout_reconcile_error";
/// Rollout: events by type and reason.
pub const ROLLOUT_EVENTS_TOTAL: &str = "rollout_events_total";
/// Rollout: seconds from a change to its end, by how it ended.
pub const ROLLOUT_DURATION_SECONDS: &str = "rollout_duration_seconds";
/// Rollout: the same without the time that people held it.
pub const ROLLOUT_PROGRESSION_DURATION_SECONDS: &str = "rollout_progression_duration_seconds";
/// Rollout: seconds that people held it.
pub const ROLLOUT_MANUAL_PAUSE_DURATION_SECONDS: &str = "rollout_manual_pause_duration_seconds";
/// Serin: weights that somebody else changed and that were put right.
pub const ROLLOUT_TRAFFIC_DRIFT_TOTAL: &str = "rollout_traffic_drift_total";
/// Serin: weight of the canary.
pub const ROLLOUT_CANARY_WEIGHT: &str = "rollout_canary_weight";
/// AnalysisRun: 1 with its phase as label.
pub const ANALYSIS_RUN_INFO: &str = "analysis_run_info";
/// AnalysisRun: 0 or 1 for each phase (deprecated by Argo Rollouts).
pub const ANALYSIS_RUN_PHASE: &str = "analysis_run_phase";
/// AnalysisRun: 1 for each metric with its provider as label.
pub const ANALYSIS_RUN_METRIC_TYPE: &str = "analysis_run_metric_type";
/// AnalysisRun: 0 or 1 for each metric and phase.
pub const ANALYSIS_RUN_METRIC_PHASE: &str = "analysis_run_metric_phase";
/// AnalysisRun: seconds of each reconcile.
pub const ANALYSIS_RUN_RECONCILE: &str = "analysis_run_reconcile";
/// AnalysisRun: failed reconciles.
pub const ANALYSIS_RUN_RECONCILE_ERROR: &str = "analysis_run_reconcile_error";
/// AnalysisTemplate: 1; the namespace is empty for a cluster template.
pub const ANALYSIS_TEMPLATE_INFO: &str = "analysis_template_info";
/// AnalysisTemplate: 1 for each metric with its provider as label.
pub const ANALYSIS_TEMPLATE_METRIC_INFO: &str = "analysis_template_metric_info";
/// Experiment: 1 with its phase as label.
pub const EXPERIMENT_INFO: &str = "experiment_info";
/// Experiment: 0 or 1 for each phase.
pub const EXPERIMENT_PHASE: &str = "experiment_phase";
/// Experiment: seconds of each reconcile.
pub const EXPERIMENT_RECONCILE: &str = "experiment_reconcile";
/// Experiment: failed reconciles.
pub const EXPERIMENT_RECONCILE_ERROR: &str = "experiment_reconcile_error";
/// Notifications that were sent.
pub const NOTIFICATION_SEND_SUCCESS: &str = "notification_send_success";
/// Notifications that could not be sent.
pub const NOTIFICATION_SEND_ERROR: &str = "notification_send_error";
/// Seconds of each notification.
pub const NOTIFICATION_SEND: &str = "notification_send";
/// Calls of the Kubernetes API.
pub const K8S_REQUEST_TOTAL: &str = "controller_clientset_k8s_request_total";
/// Version of the controller.
pub const CONTROLLER_INFO: &str = "argo_rollouts_controller_info";
/// Build of the controller.
pub const BUILD_INFO: &str = "build_info";

/// Bucket bounds of reconcile times, in seconds.
pub const RECONCILE_BUCKETS: [f64; 5] = [0.01, 0.15, 0.25, 0.5, 1.0];
/// Bucket bounds of [`ROLLOUT_DURATION_SECONDS`].
pub const DURATION_BUCKETS: [f64; 11] =
    [30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0];
/// Bucket bounds of [`ROLLOUT_PROGRESSION_DURATION_SECONDS`].
pub const PROGRESSION_BUCKETS: [f64; 8] = [30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0];
/// Bucket bounds of [`ROLLOUT_MANUAL_PAUSE_DURATION_SECONDS`].
pub const MANUAL_PAUSE_BUCKETS: [f64; 9] = [0.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 28800.0];
