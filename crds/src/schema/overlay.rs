//! What the types cannot say: which fields are required, their bounds, and the rules over several fields.

use serde_json::{Map, Value, json};

use super::rules;

/// Fields without which an object is refused, by type: those of Argo's CRDs.
const REQUIRED: &[(&str, &[&str])] = &[
    ("AlbTrafficRouting", &["servicePort"]),
    ("AmbassadorTrafficRouting", &["mappings"]),
    ("AnalysisRunSpec", &["metrics"]),
    ("AnalysisRunStatus", &["phase"]),
    ("ApisixRoute", &["name"]),
    ("AppMeshVirtualNodeGroup", &["canaryVirtualNodeRef", "stableVirtualNodeRef"]),
    ("AppMeshVirtualNodeRef", &["name"]),
    ("AppMeshVirtualService", &["name"]),
    ("Argument", &["name"]),
    ("AwsResourceRef", &["arn", "name"]),
    ("BlueGreenStrategy", &["activeService"]),
    ("CloudWatchMetric", &["metricDataQueries"]),
    ("DryRun", &["metricName"]),
    ("CommitAuthor", &["email", "name"]),
    ("ExperimentAnalysis", &["name", "templateName"]),
    ("ExperimentCondition", CONDITION),
    ("ExperimentRunStatus", &["analysisRun", "name", "phase"]),
    ("ExperimentSpec", &["templates"]),
    ("ExperimentStep", &["templates"]),
    ("ExperimentStepAnalysis", &["name", "templateName"]),
    ("ExperimentStepTemplate", &["name", "specRef"]),
    ("ExperimentTemplate", &["name", "selector", "template"]),
    ("FieldRef", &["fieldPath"]),
    ("Header", &["key", "value"]),
    ("HeaderRoutingMatch", &["headerName", "headerValue"]),
    ("ImageEdit", &["file"]),
    ("IstioDestinationRule", &["canarySubsetName", "name", "stableSubsetName"]),
    ("IstioVirtualService", &["name"]),
    ("JobMetric", &["spec"]),
    (
        "KayentaMetric",
        &[
            "address",
            "application",
            "canaryConfigName",
            "configurationAccountName",
            "metricsAccountName",
            "scopes",
            "storageAccountName",
            "threshold",
        ],
    ),
    ("KayentaScope", &["controlScope", "experimentScope", "name"]),
    ("KayentaScopeDetail", &["region", "scope", "step"]),
    ("KayentaThreshold", &["marginal", "pass"]),
    ("KustomizeEdit", &["image"]),
    ("ManagedRoute", &["name"]),
    ("Measurement", &["phase"]),
    ("MeasurementRetention", &["limit", "metricName"]),
    ("Metric", &["name", "provider"]),
    ("MetricResult", &["name", "phase"]),
    ("NewRelicMetric", &["query"]),
    ("NoticeRecord", &["moment", "name", "since", "state"]),
    ("OpaGate", &["path", "url"]),
    ("PauseCondition", &["reason", "startTime"]),
    ("PingPong", &["pingService", "pongService"]),
    ("PluginStep", &["name"]),
    ("PreferredAntiAffinity", &["weight"]),
    ("ReplicaProgressThreshold", &["type", "value"]),
    ("Rollback", &["id", "rollout", "stage"]),
    ("RollbackCondition", &["lastTransitionTime", "message", "reason", "status", "type"]),
    ("RollbackDecision", &["allowed"]),
    ("RollbackGate", &["opa"]),
    ("RollbackGit", &["branch", "edits", "url"]),
    ("RollbackNotice", &["name"]),
    ("RollbackPolicySpec", &["git", "selector"]),
    ("RollbackSecret", &["name"]),
    ("RolloutArgument", &["name"]),
    ("RolloutCondition", CONDITION),
    ("RunRef", &["name", "status"]),
    ("SecretKeyRef", &["key", "name"]),
    ("SetMirrorRoute", &["name"]),
    ("StepPluginStatus", &["index", "name", "operation"]),
    ("StickinessConfig", &["durationSeconds", "enabled"]),
    ("TemplateStatus", &["availableReplicas", "name", "readyReplicas", "replicas", "updatedReplicas"]),
    ("TraefikTrafficRouting", &["weightedTraefikServiceName"]),
    ("TrafficWeights", &["canary", "stable"]),
    ("WebMetric", &["url"]),
    ("WebhookNotice", &["url"]),
    ("WeightDestination", &["weight"]),
    ("YamlEdit", &["path"]),
];

const CONDITION: &[&str] = &["lastTransitionTime", "lastUpdateTime", "message", "reason", "status", "type"];

/// Most elements of a list over which a rule runs: more than fit the 1.5 MB that etcd takes, so nothing is refused for it.
/// A step has at least 13 bytes, a metric 40, a template of an experiment 50.
const MOST_STEPS: u64 = 120_000;
const MOST_METRICS: u64 = 40_000;
const MOST_TEMPLATES: u64 = 32_000;

/// A duration as Go reads it, or nothing; `{{` begins an argument that is filled in later.
const DURATION: &str = r"^([-+]?(0|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)|.*\{\{.*)?$";
/// A duration that is not negative, or a number of seconds.
const PAUSE: &str = r"^\+?([0-9]+|(([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))+)$";

/// Bounds of single fields of Rollouts and Experiments, by type and field.
fn bounds() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("RolloutSpec", "replicas", json!({ "minimum": 0 })),
        ("RolloutSpec", "minReadySeconds", json!({ "minimum": 0 })),
        ("RolloutSpec", "revisionHistoryLimit", json!({ "minimum": 0 })),
        ("RolloutSpec", "progressDeadlineSeconds", json!({ "minimum": 1 })),
        ("CanaryStrategy", "steps", json!({ "maxItems": MOST_STEPS })),
        ("CanaryStep", "setWeight", json!({ "minimum": 0 })),
        ("Pause", "duration", json!({ "minimum": 0, "pattern": PAUSE })),
        ("ExperimentStep", "duration", json!({ "pattern": DURATION })),
        ("ExperimentSpec", "duration", json!({ "pattern": DURATION })),
        ("ExperimentSpec", "templates", json!({ "maxItems": MOST_TEMPLATES })),
        ("PreferredAntiAffinity", "weight", json!({ "minimum": 1, "maximum": 100 })),
        ("PingPong", "pingService", json!({ "minLength": 1 })),
        ("PingPong", "pongService", json!({ "minLength": 1 })),
    ]
}

/// The same for analyses.
fn bounds_of_analyses() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("AnalysisTemplateSpec", "metrics", json!({ "maxItems": MOST_METRICS })),
        ("AnalysisRunSpec", "metrics", json!({ "maxItems": MOST_METRICS })),
        ("Metric", "interval", json!({ "pattern": DURATION })),
        ("Metric", "initialDelay", json!({ "pattern": DURATION })),
        ("Metric", "failureLimit", json!({ "minimum": -1 })),
        ("Metric", "inconclusiveLimit", json!({ "minimum": 0 })),
        ("Metric", "consecutiveErrorLimit", json!({ "minimum": 0 })),
        ("Metric", "consecutiveSuccessLimit", json!({ "minimum": 0 })),
        ("MetricProvider", "plugin", json!({ "minProperties": 1, "maxProperties": 1 })),
        (
            "DatadogMetric",
            "aggregator",
            json!({ "enum": ["avg", "min", "max", "sum", "last", "percentile", "mean", "l2norm", "area"] }),
        ),
        ("DatadogMetric", "apiVersion", json!({ "enum": ["v1", "v2"], "default": "v1" })),
        ("DatadogMetric", "interval", json!({ "default": "5m" })),
        ("DatadogMetric", "requestTimeout", json!({ "pattern": DURATION })),
    ]
}

/// Most Rollouts that a policy names, places that it changes, and people that it tells.
const MOST_NAMED: u64 = 500;
const MOST_EDITS: u64 = 50;
const MOST_NOTICES: u64 = 20;

/// The same for the loop into Git.
fn bounds_of_rollbacks() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        ("RollbackPolicySpec", "on", json!({ "maxItems": 3 })),
        ("RollbackPolicySpec", "notices", json!({ "maxItems": MOST_NOTICES })),
        ("RollbackSelector", "names", json!({ "maxItems": MOST_NAMED })),
        ("RollbackSelector", "matchLabels", json!({ "maxProperties": 100 })),
        ("RollbackGit", "url", json!({ "minLength": 1, "maxLength": 2048 })),
        ("RollbackGit", "branch", json!({ "minLength": 1, "maxLength": 255 })),
        ("RollbackGit", "edits", json!({ "minItems": 1, "maxItems": MOST_EDITS })),
        ("RollbackGit", "message", json!({ "maxLength": 8192 })),
        ("RollbackGit", "mode", json!({ "enum": ["Push", "PullRequest"] })),
        ("RollbackNotice", "on", json!({ "maxItems": 5 })),
        ("RollbackNotice", "name", json!({ "minLength": 1, "maxLength": 63, "pattern": "^[A-Za-z0-9._-]+$" })),
        ("OpaGate", "undefined", json!({ "enum": ["Allow", "Deny", "Hold"] })),
        ("OpaGate", "unreachable", json!({ "enum": ["Allow", "Deny", "Hold"] })),
        ("RollbackPolicyStatus", "rollbacks", json!({ "maxItems": 1000 })),
    ]
}

/// Adds to the schema of a type what is said about it here.
pub(super) fn apply(name: &str, schema: &mut Value) {
    let Some(members) = schema.as_object_mut() else {
        return;
    };
    if let Some((_, required)) = REQUIRED.iter().find(|(of, _)| *of == name) {
        members.insert("required".to_owned(), json!(required));
    }
    let rules = rules::of(name);
    if !rules.is_empty() {
        members.insert("x-kubernetes-validations".to_owned(), rules.into());
    }
    for (of, field, bounds) in bounds().into_iter().chain(bounds_of_analyses()).chain(bounds_of_rollbacks()) {
        if of == name {
            add(members, field, &bounds);
        }
    }
}

fn add(members: &mut Map<String, Value>, field: &str, bounds: &Value) {
    let property = members.get_mut("properties").and_then(|properties| properties.get_mut(field));
    if let (Some(property), Some(bounds)) = (property.and_then(Value::as_object_mut), bounds.as_object()) {
        property.extend(bounds.clone());
    }
}
