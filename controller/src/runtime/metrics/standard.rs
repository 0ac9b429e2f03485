//! The metrics that the controller counts itself.

use std::sync::Arc;
use std::time::Duration;

use serin_crds::names;

use super::{Counter, Gauge, Histogram, Named, Page, Registry};
use crate::runtime::key::Key;
use crate::runtime::queue::{Ended, Queue, Report, Work};
use crate::runtime::store::{Followed, Sync};

const OBJECT: super::Labels = &["namespace", "name"];

/// Turns of one kind of object: how long they take and how many fail.
#[derive(Clone, Debug)]
pub struct Turns {
    seconds: Histogram,
    failures: Counter,
}

impl Turns {
    fn new(registry: &Registry, seconds: Named, failures: Named) -> Self {
        Self {
            seconds: registry.histogram(seconds, OBJECT, &names::RECONCILE_BUCKETS),
            failures: registry.counter(failures, OBJECT),
        }
    }

    /// Takes in how a turn ended.
    pub fn observe(&self, key: &Key, took: Duration, ended: &Ended) {
        let labels = [key.namespace(), key.name()];
        self.seconds.observe(&labels, took.as_secs_f64());
        if *ended != Ended::Well {
            self.failed(key);
        }
    }

    /// Takes in that something of a turn failed.
    pub fn failed(&self, key: &Key) {
        self.failures.inc(&[key.namespace(), key.name()]);
    }
}

/// What a rollout's way took, by how it ended.
#[derive(Clone, Debug)]
pub struct Durations {
    /// From a change to its end.
    pub whole: Histogram,
    /// The same without the time that people held it.
    pub progression: Histogram,
    /// The time that people held it.
    pub manual_pause: Histogram,
}

impl Durations {
    fn new(registry: &Registry) -> Self {
        let histogram = |name, help, bounds| registry.histogram(Named::new(name, help), &["status"], bounds);
        Durations {
            whole: histogram(
                names::ROLLOUT_DURATION_SECONDS,
                "Seconds from a change to its end.",
                &names::DURATION_BUCKETS,
            ),
            progression: histogram(
                names::ROLLOUT_PROGRESSION_DURATION_SECONDS,
                "Seconds from a change to its end, without those that people held it.",
                &names::PROGRESSION_BUCKETS,
            ),
            manual_pause: histogram(
                names::ROLLOUT_MANUAL_PAUSE_DURATION_SECONDS,
                "Seconds that people held a rollout.",
                &names::MANUAL_PAUSE_BUCKETS,
            ),
        }
    }
}

/// The metrics that the controller counts itself.
#[derive(Clone, Debug)]
pub struct Standard {
    /// Turns of Rollouts.
    pub rollouts: Turns,
    /// Turns of `AnalysisRuns`.
    pub runs: Turns,
    /// Weights that somebody else changed and that were put right: namespace, name, manager.
    pub drift: Counter,
    /// Weight of the canary: namespace, name.
    pub canary_weight: Gauge,
    /// Writes that the API server refused: namespace, name.
    pub refused: Counter,
    /// Aborts, by what decided them: namespace, name, cause.
    pub aborts: Counter,
    /// Seconds from the decision to abort to weight 0.
    pub abort_seconds: Histogram,
    /// Durations of rollouts.
    pub durations: Durations,
}

const ABORT_BOUNDS: [f64; 10] = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

impl Standard {
    /// Makes all of them.
    pub fn new(registry: &Registry) -> Self {
        let turns = |seconds, failures| {
            let seconds = Named::new(seconds, "Seconds of each turn.");
            Turns::new(registry, seconds, Named::new(failures, "Turns that failed."))
        };
        Self {
            rollouts: turns(names::ROLLOUT_RECONCILE, names::ROLLOUT_RECONCILE_ERROR),
            runs: turns(names::ANALYSIS_RUN_RECONCILE, names::ANALYSIS_RUN_RECONCILE_ERROR),
            drift: registry.counter(
                Named::new(
                    names::ROLLOUT_TRAFFIC_DRIFT_TOTAL,
                    "Weights that somebody else changed and that were put right.",
                ),
                &["namespace", "name", "manager"],
            ),
            canary_weight: registry.gauge(Named::new(names::ROLLOUT_CANARY_WEIGHT, "Weight of the canary."), OBJECT),
            refused: registry
                .counter(Named::new("rollout_refused_writes_total", "Writes that the API server refused."), OBJECT),
            aborts: registry.counter(
                Named::new("rollout_abort_total", "Aborts, by what decided them."),
                &["namespace", "name", "cause"],
            ),
            abort_seconds: registry.histogram(
                Named::new("rollout_abort_seconds", "Seconds from the decision to abort to weight 0."),
                &[],
                &ABORT_BOUNDS,
            ),
            durations: Durations::new(registry),
        }
    }
}

/// Shows version, process, stores and queues at each scrape.
pub fn show_runtime(registry: &Registry, version: &'static str, stores: Vec<Arc<dyn Followed>>) {
    registry.collect_few(move |page| {
        for name in [names::CONTROLLER_INFO, names::BUILD_INFO] {
            page.family(name, "Version of the controller.", "gauge");
            page.sample(name, &[("version", version)], 1.0);
        }
        if let Some(process) = super::process::Process::read() {
            process.write(page);
        }
        show_stores(page, &stores);
    });
}

fn show_stores(page: &mut Page, stores: &[Arc<dyn Followed>]) {
    type Measure = fn(&dyn Followed) -> f64;
    let measures: [(&str, &str, Measure); 3] = [
        ("serin_watch_silence_seconds", "Seconds since the last sign of life of a watch.", |store| {
            store.silence().as_secs_f64()
        }),
        ("serin_watch_following", "1 when a kind is listed and watched, 0 when it cannot be.", |store| {
            f64::from(u8::from(store.sync() == Sync::Following))
        }),
        ("serin_cache_objects", "Objects in a cache.", |store| count(store.len())),
    ];
    for (name, help, measure) in measures {
        page.family(name, help, "gauge");
        for store in stores {
            page.sample(name, &[("resource", &store.resource())], measure(store.as_ref()));
        }
    }
}

/// Shows queues at each scrape, under the names that Kubernetes controllers use.
pub fn show_queues<K: Work>(registry: &Registry, queues: Vec<(&'static str, Queue<K>)>) {
    type Measure = fn(&Report) -> f64;
    #[allow(clippy::cast_precision_loss, reason = "samples are floating-point numbers")]
    let measures: [(&str, &str, &str, Measure); 7] = [
        ("workqueue_depth", "Keys that wait.", "gauge", |report| count(report.depth)),
        ("workqueue_adds_total", "Keys added.", "counter", |report| report.added as f64),
        ("workqueue_retries_total", "Turns that failed.", "counter", |report| report.failures as f64),
        ("workqueue_longest_running_processor_seconds", "Age of the oldest turn.", "gauge", |report| {
            report.oldest.as_secs_f64()
        }),
        ("serin_queue_running", "Turns that run.", "gauge", |report| count(report.running)),
        ("serin_queue_quarantined", "Keys that panicked too often.", "gauge", |report| count(report.quarantined)),
        ("serin_queue_panics_total", "Turns that panicked.", "counter", |report| report.panics as f64),
    ];
    registry.collect_few(move |page| {
        let reports: Vec<_> = queues.iter().map(|(name, queue)| (*name, queue.report())).collect();
        for (name, help, kind, measure) in measures {
            page.family(name, help, kind);
            for (queue, report) in &reports {
                page.sample(name, &[("name", queue)], measure(report));
            }
        }
    });
}

#[allow(clippy::cast_precision_loss, reason = "samples are floating-point numbers")]
fn count(n: usize) -> f64 {
    n as f64
}
