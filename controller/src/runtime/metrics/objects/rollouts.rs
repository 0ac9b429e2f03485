//! Rollouts: `rollout_info` and its companions.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serin_crds::names::{self, ConditionReason};

use super::sorted;
use crate::runtime::metrics::Page;
use crate::runtime::projection::{Projection as _, RolloutRow};

/// Phases of `rollout_phase`.
const PHASES: [&str; 6] = ["Completed", "Progressing", "Paused", "Timeout", "Error", "Abort"];

/// Routers of `rollout_info`, in the order in which Argo looks; the last that is set wins.
const ROUTERS: [(&str, &str); 6] = [
    ("istio", "Istio"),
    ("alb", "ALB"),
    ("ambassador", "Ambassador"),
    ("nginx", "Nginx"),
    ("smi", "SMI"),
    ("appMesh", "AppMesh"),
];

/// What the metrics of a Rollout need of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RolloutView {
    spec: SpecView,
    status: StatusView,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SpecView {
    replicas: Option<i64>,
    strategy: StrategyView,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StrategyView {
    canary: Option<CanaryView>,
    blue_green: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CanaryView {
    traffic_routing: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StatusView {
    replicas: i64,
    available_replicas: i64,
    updated_replicas: i64,
    conditions: Vec<ConditionView>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ConditionView {
    r#type: String,
    reason: String,
}

impl RolloutView {
    fn strategy(&self) -> &'static str {
        match (&self.spec.strategy.canary, &self.spec.strategy.blue_green) {
            (_, Some(_)) => "blueGreen",
            (Some(_), None) => "canary",
            (None, None) => "none",
        }
    }

    fn router(&self) -> &'static str {
        let routing = self.spec.strategy.canary.as_ref().and_then(|canary| canary.traffic_routing.as_ref());
        let is_set =
            |field: &str| routing.and_then(|routing| routing.get(field)).is_some_and(|router| !router.is_null());
        ROUTERS.iter().rev().find(|(field, _)| is_set(field)).map_or("", |(_, name)| name)
    }

    fn phase(&self) -> &'static str {
        let conditions = &self.status.conditions;
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
}

struct Observation {
    rollout: Arc<RolloutRow>,
    view: RolloutView,
}

impl Observation {
    fn object(&self) -> [(&str, &str); 2] {
        let key = self.rollout.key();
        [("namespace", key.namespace()), ("name", key.name())]
    }
}

pub(super) fn show_rollouts(page: &mut Page, rollouts: &[Arc<RolloutRow>]) {
    let seen: Vec<Observation> = sorted(rollouts, |rollout| rollout.key().clone())
        .into_iter()
        .map(|rollout| Observation { rollout: rollout.clone(), view: rollout.body.decode().unwrap_or_default() })
        .collect();
    page.family(names::ROLLOUT_INFO, "Rollouts by strategy, traffic router and phase.", "gauge");
    for one in &seen {
        let [namespace, name] = one.object();
        let (strategy, router, phase) = (one.view.strategy(), one.view.router(), one.view.phase());
        let labels = [namespace, name, ("strategy", strategy), ("traffic_router", router), ("phase", phase)];
        page.sample(names::ROLLOUT_INFO, &labels, 1.0);
    }
    show_pods(page, &seen);
    show_phases(page, &seen);
}

fn show_pods(page: &mut Page, seen: &[Observation]) {
    type Measure = fn(&RolloutView) -> i64;
    let measures: [(&str, &str, Measure); 4] = [
        (names::ROLLOUT_REPLICAS_AVAILABLE, "Available pods.", |view| view.status.available_replicas),
        (names::ROLLOUT_REPLICAS_UNAVAILABLE, "Pods that are not available.", |view| {
            view.status.replicas - view.status.available_replicas
        }),
        (names::ROLLOUT_REPLICAS_DESIRED, "Desired pods.", |view| view.spec.replicas.unwrap_or(1)),
        (names::ROLLOUT_REPLICAS_UPDATED, "Pods of the new version.", |view| view.status.updated_replicas),
    ];
    for (name, help, measure) in measures {
        page.family(name, help, "gauge");
        for one in seen {
            #[allow(clippy::cast_precision_loss, reason = "samples are floating-point numbers")]
            page.sample(name, &one.object(), measure(&one.view) as f64);
        }
    }
}

fn show_phases(page: &mut Page, seen: &[Observation]) {
    page.family(names::ROLLOUT_PHASE, "Rollouts by phase (use rollout_info).", "gauge");
    for one in seen {
        let [namespace, name] = one.object();
        for phase in PHASES {
            let labels = [namespace, name, ("strategy", one.view.strategy()), ("phase", phase)];
            page.sample(names::ROLLOUT_PHASE, &labels, f64::from(u8::from(one.view.phase() == phase)));
        }
    }
}
