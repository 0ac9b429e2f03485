//! What `/metrics` tells of an object, found once when it changes, so that a scrape decodes nothing.

use serde::Deserialize;
use serde_json::Value;
use serin_crds::names::{AnalysisPhase, ConditionReason};

use super::raw::RawObject;

/// Routers of `rollout_info`, in the order in which Argo looks; the last that is set wins.
const ROUTERS: [(&str, &str); 6] = [
    ("istio", "Istio"),
    ("alb", "ALB"),
    ("ambassador", "Ambassador"),
    ("nginx", "Nginx"),
    ("smi", "SMI"),
    ("appMesh", "AppMesh"),
];

/// How a Rollout stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RolloutFigures {
    /// `canary`, `blueGreen` or `none`.
    pub strategy: &'static str,
    /// The traffic router, as Argo names it; empty without one.
    pub router: &'static str,
    /// The phase, as Argo names it.
    pub phase: &'static str,
    /// Pods that are asked for.
    pub desired: i64,
    /// Pods.
    pub replicas: i64,
    /// Available pods.
    pub available: i64,
    /// Pods of the new revision.
    pub updated: i64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusView {
    replicas: i64,
    available_replicas: i64,
    updated_replicas: i64,
    conditions: Vec<ConditionView>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ConditionView {
    r#type: String,
    reason: String,
}

impl RolloutFigures {
    pub(super) fn of(raw: &RawObject<'_>, strategy: &Value, desired: Option<i64>) -> Self {
        let status: StatusView = raw.status_or_default();
        Self {
            strategy: strategy_of(strategy),
            router: router_of(strategy),
            phase: phase_of(&status.conditions),
            desired: desired.unwrap_or(1),
            replicas: status.replicas,
            available: status.available_replicas,
            updated: status.updated_replicas,
        }
    }
}

fn is_set(value: Option<&Value>) -> bool {
    value.is_some_and(|value| !value.is_null())
}

fn strategy_of(strategy: &Value) -> &'static str {
    match (is_set(strategy.get("canary")), is_set(strategy.get("blueGreen"))) {
        (_, true) => "blueGreen",
        (true, false) => "canary",
        (false, false) => "none",
    }
}

fn router_of(strategy: &Value) -> &'static str {
    let routing = strategy.pointer("/canary/trafficRouting");
    let set = |field: &str| is_set(routing.and_then(|routing| routing.get(field)));
    ROUTERS.iter().rev().find(|(field, _)| set(field)).map_or("", |(_, name)| name)
}

fn phase_of(conditions: &[ConditionView]) -> &'static str {
    if conditions.iter().any(|condition| condition.r#type == "InvalidSpec") {
        return "InvalidSpec";
    }
    let progressing = conditions.iter().find(|condition| condition.r#type == "Progressing");
    let reason = progressing.map(|condition| condition.reason.as_str()).unwrap_or_default();
    let phases = [
        (ConditionReason::NewReplicaSetAvailable, "Completed"),
        (ConditionReason::RolloutPaused, "Paused"),
        (ConditionReason::ReplicaSetCreateError, "Error"),
        (ConditionReason::ProgressDeadlineExceeded, "Timeout"),
        (ConditionReason::RolloutAborted, "Abort"),
    ];
    phases.iter().find(|(known, _)| known.as_str() == reason).map_or("Progressing", |(_, phase)| phase)
}

/// A metric of an analysis: its provider, and how it stands in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricFigures {
    /// Name.
    pub name: Box<str>,
    /// Provider, as Argo names it.
    pub provider: Box<str>,
    /// Whether it decides nothing.
    pub dry_run: bool,
    /// How it stands.
    pub phase: AnalysisPhase,
}

impl MetricFigures {
    /// Lists the metrics of a spec with what the results of a status say of them.
    pub(super) fn list(metrics: &Value, results: Option<&Value>) -> Box<[Self]> {
        let results = results.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let found = metrics.as_array().into_iter().flatten().filter_map(|metric| Self::of(metric, results));
        found.collect()
    }

    fn of(metric: &Value, results: &[Value]) -> Option<Self> {
        let name = metric.get("name").and_then(Value::as_str)?;
        let result = results.iter().find(|result| result.get("name").and_then(Value::as_str) == Some(name));
        let phase = result.and_then(|result| AnalysisPhase::deserialize(result.get("phase")?).ok());
        let dry_run = result.and_then(|result| result.get("dryRun")).and_then(Value::as_bool);
        Some(Self {
            name: name.into(),
            provider: provider(metric.get("provider")?).into(),
            dry_run: dry_run.unwrap_or_default(),
            phase: phase.unwrap_or_default(),
        })
    }
}

/// Names a provider as Argo does: the field with a capital letter.
fn provider(provider: &Value) -> String {
    let set = provider.as_object().into_iter().flatten().find(|(_, value)| !value.is_null());
    let field = set.map(|(field, _)| field.as_str()).unwrap_or_default();
    match field {
        "skywalking" => "SkyWalking".to_owned(),
        "newRelic" => "NewRelic".to_owned(),
        "cloudWatch" => "CloudWatch".to_owned(),
        "plugin" => "Plugin".to_owned(),
        other => {
            let mut letters = other.chars();
            letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
        }
    }
}
