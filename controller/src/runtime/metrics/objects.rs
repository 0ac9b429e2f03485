//! Metrics that are read from the caches at each scrape: Rollouts, `AnalysisRuns`, templates.
//!
//! What they tell was found when each object changed; a scrape only writes it down, a slice at a time.

mod rollouts;

use std::sync::Arc;

use serin_crds::names::{self, AnalysisPhase};

use self::rollouts::show_rollouts;
use super::{Named, Page, Registry, slices};
use crate::runtime::key::Key;
use crate::runtime::projection::{
    AnalysisRunRow, ClusterTemplateRow, MetricFigures, Projection as _, RolloutRow, TemplateRow,
};
use crate::runtime::store::Store;

/// Shows what is cached, at each scrape.
pub fn show_objects(
    registry: &Registry,
    rollouts: Arc<Store<RolloutRow>>,
    runs: Arc<Store<AnalysisRunRow>>,
    templates: Arc<Store<TemplateRow>>,
    cluster_templates: Arc<Store<ClusterTemplateRow>>,
) {
    registry.collect(move || Box::new(show_rollouts(rollouts.all().into())));
    registry.collect(move || Box::new(show_runs(runs.all().into())));
    registry.collect(move || Box::new(show_templates(cluster_templates.all(), templates.all())));
}

type Write<T> = fn(&T, &mut Page);

fn show_runs(runs: Arc<[Arc<AnalysisRunRow>]>) -> impl Iterator<Item = Page> {
    let families: [(Named, Write<AnalysisRunRow>); 4] = [
        (Named::new(names::ANALYSIS_RUN_INFO, "AnalysisRuns by phase."), |run, page| {
            let [namespace, name] = object(run.key());
            page.sample(names::ANALYSIS_RUN_INFO, &[namespace, name, ("phase", run.phase.as_str())], 1.0);
        }),
        (Named::new(names::ANALYSIS_RUN_PHASE, "AnalysisRuns by phase (use analysis_run_info)."), |run, page| {
            let [namespace, name] = object(run.key());
            for phase in AnalysisPhase::ALL {
                let labels = [namespace, name, ("phase", phase.as_str())];
                page.sample(names::ANALYSIS_RUN_PHASE, &labels, truth(run.phase == *phase));
            }
        }),
        (
            Named::new(names::ANALYSIS_RUN_METRIC_TYPE, "Metrics of AnalysisRuns under way, by provider."),
            |run, page| {
                show_providers(names::ANALYSIS_RUN_METRIC_TYPE, (run.key(), &run.metrics), page);
            },
        ),
        (Named::new(names::ANALYSIS_RUN_METRIC_PHASE, "Metrics of AnalysisRuns under way, by phase."), |run, page| {
            for metric in &run.metrics {
                show_metric_phase(page, object(run.key()), metric);
            }
        }),
    ];
    families.into_iter().flat_map(move |(named, write)| slices(runs.clone(), named, write))
}

fn show_metric_phase(page: &mut Page, [namespace, name]: [(&str, &str); 2], metric: &MetricFigures) {
    let dry_run = if metric.dry_run { "true" } else { "false" };
    for phase in AnalysisPhase::ALL {
        let (by_name, by_type) = (("metric", &*metric.name), ("type", &*metric.provider));
        let labels = [namespace, name, by_name, by_type, ("dry_run", dry_run), ("phase", phase.as_str())];
        page.sample(names::ANALYSIS_RUN_METRIC_PHASE, &labels, truth(metric.phase == *phase));
    }
}

fn show_providers(family: &str, (key, metrics): (&Key, &[MetricFigures]), page: &mut Page) {
    let [namespace, name] = object(key);
    for metric in metrics {
        page.sample(family, &[namespace, name, ("metric", &*metric.name), ("type", &*metric.provider)], 1.0);
    }
}

/// A template of the cluster or of a namespace; that of the cluster has no namespace, and so comes first.
enum Template {
    OfCluster(Arc<ClusterTemplateRow>),
    OfNamespace(Arc<TemplateRow>),
}

impl Template {
    fn row(&self) -> &TemplateRow {
        match self {
            Self::OfCluster(row) => &row.0,
            Self::OfNamespace(row) => row,
        }
    }
}

fn show_templates(
    of_cluster: Vec<Arc<ClusterTemplateRow>>,
    others: Vec<Arc<TemplateRow>>,
) -> impl Iterator<Item = Page> {
    let of_cluster = of_cluster.into_iter().map(Template::OfCluster);
    let all: Arc<[Arc<Template>]> =
        of_cluster.chain(others.into_iter().map(Template::OfNamespace)).map(Arc::new).collect();
    let families: [(Named, Write<Template>); 2] = [
        (
            Named::new(names::ANALYSIS_TEMPLATE_INFO, "Templates; the namespace is empty for those of the cluster."),
            |template, page| page.sample(names::ANALYSIS_TEMPLATE_INFO, &object(template.row().key()), 1.0),
        ),
        (Named::new(names::ANALYSIS_TEMPLATE_METRIC_INFO, "Metrics of templates, by provider."), |template, page| {
            let row = template.row();
            show_providers(names::ANALYSIS_TEMPLATE_METRIC_INFO, (row.key(), &row.metrics), page);
        }),
    ];
    families.into_iter().flat_map(move |(named, write)| slices(all.clone(), named, write))
}

fn object(key: &Key) -> [(&str, &str); 2] {
    [("namespace", key.namespace()), ("name", key.name())]
}

fn truth(holds: bool) -> f64 {
    f64::from(u8::from(holds))
}
