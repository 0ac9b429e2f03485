//! Metrics that are read from the caches at each scrape: Rollouts, `AnalysisRuns`, templates.

mod rollouts;

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;
use serin_crds::names::{self, AnalysisPhase};

use self::rollouts::show_rollouts;
use super::{Page, Registry};
use crate::runtime::projection::{AnalysisRunRow, ClusterTemplateRow, Projection as _, RolloutRow, TemplateRow};
use crate::runtime::store::Store;

/// Shows what is cached, at each scrape.
pub fn show_objects(
    registry: &Registry,
    rollouts: Arc<Store<RolloutRow>>,
    runs: Arc<Store<AnalysisRunRow>>,
    templates: Arc<Store<TemplateRow>>,
    cluster_templates: Arc<Store<ClusterTemplateRow>>,
) {
    registry.collect(move |page| {
        show_rollouts(page, &rollouts.all());
        show_runs(page, &runs.all());
        let clustered = cluster_templates.all();
        let templates = templates.all();
        let all = templates.iter().map(|template| &**template).chain(clustered.iter().map(|template| &template.0));
        show_templates(page, all.collect());
    });
}

/// A metric with its provider, and how it stands in a run.
struct MetricView {
    name: String,
    provider: String,
    dry_run: bool,
    phase: AnalysisPhase,
}

fn metrics_of(object: &Value) -> Vec<MetricView> {
    let metrics = object.pointer("/spec/metrics").and_then(Value::as_array).into_iter().flatten();
    let results = object.pointer("/status/metricResults").and_then(Value::as_array);
    let view = |metric: &Value| {
        let name = metric.get("name").and_then(Value::as_str)?;
        let result = results
            .and_then(|results| results.iter().find(|result| result.get("name").and_then(Value::as_str) == Some(name)));
        let phase = result.and_then(|result| AnalysisPhase::deserialize(result.get("phase")?).ok());
        let dry_run = result.and_then(|result| result.get("dryRun")).and_then(Value::as_bool);
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

fn show_runs(page: &mut Page, runs: &[Arc<AnalysisRunRow>]) {
    let runs = sorted(runs, |run| run.key().clone());
    page.family(names::ANALYSIS_RUN_INFO, "AnalysisRuns by phase.", "gauge");
    for run in &runs {
        let [namespace, name] = object(run.key());
        page.sample(names::ANALYSIS_RUN_INFO, &[namespace, name, ("phase", run.phase.as_str())], 1.0);
    }
    page.family(names::ANALYSIS_RUN_PHASE, "AnalysisRuns by phase (use analysis_run_info).", "gauge");
    for run in &runs {
        let [namespace, name] = object(run.key());
        for phase in AnalysisPhase::ALL {
            let labels = [namespace, name, ("phase", phase.as_str())];
            page.sample(names::ANALYSIS_RUN_PHASE, &labels, f64::from(u8::from(run.phase == *phase)));
        }
    }
    let under_way: Vec<_> =
        runs.iter().filter_map(|run| Some((run.key(), metrics_of(&run.body.as_ref()?.value().ok()?)))).collect();
    page.family(names::ANALYSIS_RUN_METRIC_TYPE, "Metrics of AnalysisRuns under way, by provider.", "gauge");
    for (key, metrics) in &under_way {
        let [namespace, name] = object(key);
        for metric in metrics {
            let labels = [namespace, name, ("metric", &*metric.name), ("type", &*metric.provider)];
            page.sample(names::ANALYSIS_RUN_METRIC_TYPE, &labels, 1.0);
        }
    }
    page.family(names::ANALYSIS_RUN_METRIC_PHASE, "Metrics of AnalysisRuns under way, by phase.", "gauge");
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
        let labels = [namespace, name, by_name, by_type, ("dry_run", dry_run), ("phase", phase.as_str())];
        let value = f64::from(u8::from(metric.phase == *phase));
        page.sample(names::ANALYSIS_RUN_METRIC_PHASE, &labels, value);
    }
}

fn show_templates(page: &mut Page, mut templates: Vec<&TemplateRow>) {
    templates.sort_by(|a, b| a.key().cmp(b.key()));
    page.family(names::ANALYSIS_TEMPLATE_INFO, "Templates; the namespace is empty for those of the cluster.", "gauge");
    for template in &templates {
        page.sample(names::ANALYSIS_TEMPLATE_INFO, &object(template.key()), 1.0);
    }
    page.family(names::ANALYSIS_TEMPLATE_METRIC_INFO, "Metrics of templates, by provider.", "gauge");
    for template in &templates {
        let [namespace, name] = object(template.key());
        let metrics = template.body.value().map(|value| metrics_of(&value)).unwrap_or_default();
        for metric in &metrics {
            let labels = [namespace, name, ("metric", &*metric.name), ("type", &*metric.provider)];
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
