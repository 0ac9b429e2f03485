//! Metrics that are read from the caches at each scrape: Rollouts, AnalysisRuns, templates.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serin_crds::names::{self, AnalysisPhase, ConditionReason};

use super::{Page, Registry};
use crate::runtime::cut::{AnalysisRunCut, ClusterTemplateCut, Cut as _, RolloutCut, TemplateCut};
use crate::runtime::store::Store;

/// Phases of `rollout_phase`.
const PHASES: [&str; 6] = [
    "Completed",
    "Progressing",
    "Paused",
    "Timeout",
    "Error",
    "Abort",
];

/// Routers of `rollout_info`, in the order in which Argo looks; the last that is set wins.
const ROUTERS: [(&str, &str); 6] = [
    ("istio", "Istio"),
    ("alb", "ALB"),
    ("ambassador", "Ambassador"),
    ("nginx", "Nginx"),
    ("smi", "SMI"),
    ("appMesh", "AppMesh"),
];

/// Shows what is cached, at each scrape.
pub fn show_objects(
    registry: &Registry,
    rollouts: Arc<Store<RolloutCut>>,
    runs: Arc<Store<AnalysisRunCut>>,
    templates: Arc<Store<TemplateCut>>,
    cluster_templates: Arc<Store<ClusterTemplateCut>>,
) {
    registry.collect(move |page| {
        show_rollouts(page, &rollouts.all());
        show_runs(page, &runs.all());
        let clustered = cluster_templates.all();
        let templates = templates.all();
        let all = templates
            .iter()
            .map(|template| &**template)
            .chain(clustered.iter().map(|template| &template.0));
        show_templates(page, all.collect());
    });
}

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
        let routing = self
            .spec
            .strategy
            .canary
            .as_ref()
            .and_then(|canary| canary.traffic_routing.as_ref());
        let is_set = |field: &str| {
            routing
                .and_then(|routing| routing.get(field))
                .is_some_and(|router| !router.is_null())
        };
        ROUTERS
            .iter()
            .rev()
            .find(|(field, _)| is_set(field))
            .map_or("", |(_, name)| name)
    }

    fn phase(&self) -> &'static str {
        let conditions = &self.status.conditions;
        if conditions
            .iter()
            .any(|condition| condition.r#type == "InvalidSpec")
        {
            return "InvalidSpec";
        }
        let progressing = conditions
            .iter()
            .find(|condition| condition.r#type == "Progressing");
        let reason = progressing
            .map(|condition| condition.reason.as_str())
            .unwrap_or_default();
        let phases = [
            (ConditionReason::NewReplicaSetAvailable, "Completed"),
            (ConditionReason::RolloutPaused, "Paused"),
            (ConditionReason::ReplicaSetCreateError, "Error"),
            (ConditionReason::ProgressDeadlineExceeded, "Timeout"),
            (ConditionReason::RolloutAborted, "Abort"),
        ];
        phases
            .iter()
            .find(|(known, _)| known.as_str() == reason)
            .map_or("Progressing", |(_, phase)| phase)
    }
}

struct Seen {
    rollout: Arc<RolloutCut>,
    view: RolloutView,
}

impl Seen {
    fn object(&self) -> [(&str, &str); 2] {
        let key = self.rollout.key();
        [("namespace", key.namespace()), ("name", key.name())]
    }
}

fn show_rollouts(page: &mut Page, rollouts: &[Arc<RolloutCut>]) {
    let seen: Vec<Seen> = sorted(rollouts, |rollout| rollout.key().clone())
        .into_iter()
        .map(|rollout| Seen {
            rollout: rollout.clone(),
            view: rollout.body.decode().unwrap_or_default(),
        })
        .collect();
    page.family(
        names::ROLLOUT_INFO,
        "Rollouts by strategy, traffic router and phase.",
        "gauge",
    );
    for one in &seen {
        let [namespace, name] = one.object();
        let (strategy, router, phase) = (one.view.strategy(), one.view.router(), one.view.phase());
        let labels = [
            namespace,
            name,
            ("strategy", strategy),
            ("traffic_router", router),
            ("phase", phase),
        ];
        page.sample(names::ROLLOUT_INFO, &labels, 1.0);
    }
    show_pods(page, &seen);
    show_phases(page, &seen);
}

fn show_pods(page: &mut Page, seen: &[Seen]) {
    type Measure = fn(&RolloutView) -> i64;
    let measures: [(&str, &str, Measure); 4] = [
        (
            names::ROLLOUT_REPLICAS_AVAILABLE,
            "Available pods.",
            |view| view.status.available_replicas,
        ),
        (
            names::ROLLOUT_REPLICAS_UNAVAILABLE,
            "Pods that are not available.",
            |view| view.status.replicas - view.status.available_replicas,
        ),
        (names::ROLLOUT_REPLICAS_DESIRED, "Desired pods.", |view| {
            view.spec.replicas.unwrap_or(1)
        }),
        (
            names::ROLLOUT_REPLICAS_UPDATED,
            "Pods of the new version.",
            |view| view.status.updated_replicas,
        ),
    ];
    for (name, help, measure) in measures {
        page.family(name, help, "gauge");
        for one in seen {
            #[allow(
                clippy::cast_precision_loss,
                reason = "samples are floating-point numbers"
            )]
            page.sample(name, &one.object(), measure(&one.view) as f64);
        }
    }
}

fn show_phases(page: &mut Page, seen: &[Seen]) {
    page.family(
        names::ROLLOUT_PHASE,
        "Rollouts by phase (use rollout_info).",
        "gauge",
    );
    for one in seen {
        let [namespace, name] = one.object();
        for phase in PHASES {
            let labels = [
                namespace,
                name,
                ("strategy", one.view.strategy()),
                ("phase", phase),
            ];
            page.sample(
                names::ROLLOUT_PHASE,
                &labels,
                f64::from(u8::from(one.view.phase() == phase)),
            );
        }
    }
}

/// A metric with its provider, and how it stands in a run.
struct MetricView {
    name: String,
    provider: String,
    dry_run: bool,
    phase: AnalysisPhase,
}

fn metrics_of(object: &Value) -> Vec<MetricView> {
    let metrics = object
        .pointer("/spec/metrics")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let results = object
        .pointer("/status/metricResults")
        .and_then(Value::as_array);
    let view = |metric: &Value| {
        let name = metric.get("name").and_then(Value::as_str)?;
        let result = results.and_then(|results| {
            results
                .iter()
                .find(|result| result.get("name").and_then(Value::as_str) == Some(name))
        });
        let phase = result.and_then(|result| AnalysisPhase::deserialize(result.get("phase")?).ok());
        let dry_run = result
            .and_then(|result| result.get("dryRun"))
            .and_then(Value::as_bool);
        Some(MetricView {
            name: name.to_owned(),
            provider: provider(metric.get("provider")?),
            dry_run: dry_run.unwrap_or_default(),
            phase: phase.unwrap_or_default(),
        })
    };
    metrics.filter_map(view).collect()
}

/// Names a provider as Argo does: the field with a capital letter.
fn provider(provider: &Value) -> String {
    let set = provider
        .as_object()
        .into_iter()
        .flatten()
        .find(|(_, value)| !value.is_null());
    let field = set.map(|(field, _)| field.as_str()).unwrap_or_default();
    match field {
        "skywalking" => "SkyWalking".to_owned(),
        "newRelic" => "NewRelic".to_owned(),
        "cloudWatch" => "CloudWatch".to_owned(),
        "plugin" => "Plugin".to_owned(),
        other => {
            let mut letters = other.chars();
            letters
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .chain(letters)
                .collect()
        }
    }
}

fn show_runs(page: &mut Page, runs: &[Arc<AnalysisRunCut>]) {
    let runs = sorted(runs, |run| run.key().clone());
    page.family(names::ANALYSIS_RUN_INFO, "AnalysisRuns by phase.", "gauge");
    for run in &runs {
        let [namespace, name] = object(run.key());
        page.sample(
            names::ANALYSIS_RUN_INFO,
            &[namespace, name, ("phase", run.phase.as_str())],
            1.0,
        );
    }
    page.family(
        names::ANALYSIS_RUN_PHASE,
        "AnalysisRuns by phase (use analysis_run_info).",
        "gauge",
    );
    for run in &runs {
        let [namespace, name] = object(run.key());
        for phase in AnalysisPhase::ALL {
            let labels = [namespace, name, ("phase", phase.as_str())];
            page.sample(
                names::ANALYSIS_RUN_PHASE,
                &labels,
                f64::from(u8::from(run.phase == *phase)),
            );
        }
    }
    let under_way: Vec<_> = runs
        .iter()
        .filter_map(|run| Some((run.key(), metrics_of(&run.body.as_ref()?.value().ok()?))))
        .collect();
    page.family(
        names::ANALYSIS_RUN_METRIC_TYPE,
        "Metrics of AnalysisRuns under way, by provider.",
        "gauge",
    );
    for (key, metrics) in &under_way {
        let [namespace, name] = object(key);
        for metric in metrics {
            let labels = [
                namespace,
                name,
                ("metric", &*metric.name),
                ("type", &*metric.provider),
            ];
            page.sample(names::ANALYSIS_RUN_METRIC_TYPE, &labels, 1.0);
        }
    }
    page.family(
        names::ANALYSIS_RUN_METRIC_PHASE,
        "Metrics of AnalysisRuns under way, by phase.",
        "gauge",
    );
    for (key, metrics) in &under_way {
        for metric in metrics {
            show_metric_phase(page, object(key), metric);
        }
    }
}

fn show_metric_phase(page: &mut Page, [namespace, name]: [(&str, &str); 2], metric: &MetricView) {
    let dry_run = if metric.dry_run { "true" } else { "false" };
    for phase in AnalysisPhase::ALL {
        let of_metric = [("metric", &*metric.name), ("type", &*metric.provider)];
        let [by_name, by_type] = of_metric;
        let labels = [
            namespace,
            name,
            by_name,
            by_type,
            ("dry_run", dry_run),
            ("phase", phase.as_str()),
        ];
        let value = f64::from(u8::from(metric.phase == *phase));
        page.sample(names::ANALYSIS_RUN_METRIC_PHASE, &labels, value);
    }
}

fn show_templates(page: &mut Page, mut templates: Vec<&TemplateCut>) {
    templates.sort_by(|a, b| a.key().cmp(b.key()));
    page.family(
        names::ANALYSIS_TEMPLATE_INFO,
        "Templates; the namespace is empty for those of the cluster.",
        "gauge",
    );
    for template in &templates {
        page.sample(names::ANALYSIS_TEMPLATE_INFO, &object(template.key()), 1.0);
    }
    page.family(
        names::ANALYSIS_TEMPLATE_METRIC_INFO,
        "Metrics of templates, by provider.",
        "gauge",
    );
    for template in &templates {
        let [namespace, name] = object(template.key());
        let metrics = template
            .body
            .value()
            .map(|value| metrics_of(&value))
            .unwrap_or_default();
        for metric in &metrics {
            let labels = [
                namespace,
                name,
                ("metric", &*metric.name),
                ("type", &*metric.provider),
            ];
            page.sample(names::ANALYSIS_TEMPLATE_METRIC_INFO, &labels, 1.0);
        }
    }
}

fn object(key: &crate::runtime::key::Key) -> [(&str, &str); 2] {
    [("namespace", key.namespace()), ("name", key.name())]
}

fn sorted<T, B: Ord>(objects: &[Arc<T>], by: impl Fn(&T) -> B) -> Vec<&Arc<T>> {
    let mut sorted: Vec<_> = objects.iter().collect();
    sorted.sort_by_key(|object| by(object));
    sorted
}
