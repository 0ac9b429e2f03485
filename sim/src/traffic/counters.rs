//! What a pod of the demo service counts and shows to Prometheus.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::mesh::Endpoint;
use crate::{
    felt::float,
    invariants::view,
    prometheus::{Labels, Tsdb},
    scenario::{Behaviour, NAMESPACE},
};

/// Upper bounds of the latency histogram, in seconds; one more bucket holds the rest.
pub const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Takes samples: a time series database.
pub trait Sink {
    /// Adds one sample to the series with these labels.
    fn append(&mut self, labels: &Labels, at: Timestamp, value: f64);

    /// Ends the series with these labels: its target is gone.
    fn end(&mut self, labels: &Labels, at: Timestamp);
}

impl Sink for Tsdb {
    fn append(&mut self, labels: &Labels, at: Timestamp, value: f64) {
        self.append(labels, at, value);
    }

    fn end(&mut self, labels: &Labels, at: Timestamp) {
        self.end(labels, at);
    }
}

/// What a client's proxy counts of one cluster, under Istio's names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Answered {
    pub(super) service: String,
    pub(super) subset: String,
    pub(super) status: u16,
}

impl Answered {
    /// Labels as a client's sidecar puts them on `istio_requests_total`.
    pub(super) fn labels(&self) -> Labels {
        let service = format!("{}.{NAMESPACE}.svc.cluster.local", self.service);
        let status = self.status.to_string();
        let labels = [
            ("reporter", "source"),
            ("destination_service", &service),
            ("destination_service_name", &self.service),
            ("destination_service_namespace", NAMESPACE),
            ("destination_version", &self.subset),
            ("response_code", &status),
        ];
        Labels::of("istio_requests_total", labels)
    }
}

/// The golden ratio's fractional part: its multiples fill the unit interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// What one pod counts.
#[derive(Debug)]
pub(super) struct Counters {
    pairs: Vec<(&'static str, String)>,
    statuses: BTreeMap<u16, (Labels, u64)>,
    buckets: Vec<(f64, Labels, u64)>,
    count: (Labels, u64),
    seconds: (Labels, f64),
    errors_owed: f64,
}

const HISTOGRAM: &str = "http_request_duration_seconds";

impl Counters {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let version = endpoint.image.rsplit_once(':').map_or("latest", |(_, tag)| tag);
        let pairs = vec![
            ("namespace", endpoint.pod.namespace.clone()),
            ("pod", endpoint.pod.name.clone()),
            ("app", endpoint.app.clone()),
            ("version", version.to_owned()),
            ("rollouts_pod_template_hash", endpoint.hash.clone()),
        ];
        let bucket = |bound: f64| {
            let text = if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() };
            (bound, labels(&format!("{HISTOGRAM}_bucket"), &pairs, Some(("le", &text))), 0)
        };
        Self {
            statuses: BTreeMap::new(),
            buckets: BUCKETS.into_iter().chain([f64::INFINITY]).map(bucket).collect(),
            count: (labels(&format!("{HISTOGRAM}_count"), &pairs, None), 0),
            seconds: (labels(&format!("{HISTOGRAM}_sum"), &pairs, None), 0.0),
            errors_owed: 0.0,
            pairs,
        }
    }

    /// Answers one request; says with which status.
    pub(super) fn answer(&mut self, behaviour: &Behaviour) -> u16 {
        self.errors_owed += behaviour.error_rate;
        let status = if self.errors_owed >= 1.0 - 1e-9 { 500 } else { 200 };
        self.errors_owed -= f64::from(u8::from(status == 500));
        self.count.1 += 1;
        // From half of what is said to half as much again, evenly.
        let spread = 0.5 + (float(self.count.1) * GOLDEN).fract();
        let seconds = f64::from(behaviour.latency_ms) / 1000.0 * spread;
        self.seconds.1 += seconds;
        for (bound, _, count) in &mut self.buckets {
            *count += u64::from(seconds <= *bound);
        }
        let pairs = &self.pairs;
        let fresh = || (labels("http_requests_total", pairs, Some(("status", &status.to_string()))), 0);
        self.statuses.entry(status).or_insert_with(fresh).1 += 1;
        status
    }

    pub(super) fn scrape(&self, at: Timestamp, sink: &mut dyn Sink) {
        self.series(&mut |labels, value| sink.append(labels, at, value));
    }

    /// Says that the pod is gone.
    pub(super) fn end(&self, at: Timestamp, sink: &mut dyn Sink) {
        self.series(&mut |labels, _| sink.end(labels, at));
    }

    fn series(&self, each: &mut dyn FnMut(&Labels, f64)) {
        self.statuses.values().for_each(|(labels, count)| each(labels, float(*count)));
        self.buckets.iter().for_each(|(_, labels, count)| each(labels, float(*count)));
        each(&self.count.0, float(self.count.1));
        each(&self.seconds.0, self.seconds.1);
    }
}

fn labels(name: &str, pairs: &[(&'static str, String)], extra: Option<(&str, &str)>) -> Labels {
    Labels::of(name, pairs.iter().map(|(name, value)| (*name, value.as_str())).chain(extra))
}

impl Endpoint {
    /// Reads a pod as an endpoint.
    pub(super) fn of(pod: &crate::invariants::Key, object: &serde_json::Value) -> Self {
        Self {
            pod: pod.clone(),
            hash: view::label(object, view::HASH_LABEL).to_owned(),
            app: view::label(object, "app").to_owned(),
            image: super::image(object).to_owned(),
        }
    }
}
