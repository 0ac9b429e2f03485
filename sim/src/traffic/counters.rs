//! What a pod of the demo service counts and shows to Prometheus.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::mesh::Endpoint;
use crate::{
    felt::float,
    invariants::view,
    scenario::{Behaviour, NAMESPACE},
};

/// Upper bounds of the latency histogram, in seconds; one more bucket holds the rest.
pub const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Takes samples: a time series database.
pub trait Sink {
    /// Adds one sample to the series with these labels; `__name__` is the metric.
    fn append(&mut self, labels: &BTreeMap<String, String>, at: Timestamp, value: f64);

    /// Ends the series with these labels: its target is gone.
    fn end(&mut self, labels: &BTreeMap<String, String>, at: Timestamp);
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
    pub(super) fn scrape(&self, count: u64, at: Timestamp, sink: &mut dyn Sink) {
        let labels = [
            ("__name__", "istio_requests_total"),
            ("reporter", "source"),
            (
                "destination_service",
                &format!("{}.{NAMESPACE}.svc.cluster.local", self.service),
            ),
            ("destination_service_name", &self.service),
            ("destination_service_namespace", NAMESPACE),
            ("destination_version", &self.subset),
            ("response_code", &self.status.to_string()),
        ];
        let given = labels.into_iter().filter(|(_, value)| !value.is_empty());
        let labels = given
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        sink.append(&labels, at, float(count));
    }
}

/// The golden ratio's fractional part: its multiples fill the unit interval evenly.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// What one pod counts.
#[derive(Debug)]
pub(super) struct Counters {
    labels: BTreeMap<String, String>,
    statuses: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
    errors_owed: f64,
}

impl Counters {
    pub(super) fn new(endpoint: &Endpoint) -> Self {
        let version = endpoint
            .image
            .rsplit_once(':')
            .map_or("latest", |(_, tag)| tag);
        let labels = [
            ("namespace", endpoint.pod.namespace.as_str()),
            ("pod", &endpoint.pod.name),
            ("app", &endpoint.app),
            ("version", version),
            ("rollouts_pod_template_hash", &endpoint.hash),
        ];
        Self {
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            statuses: BTreeMap::new(),
            buckets: [0; BUCKETS.len()],
            count: 0,
            seconds: 0.0,
            errors_owed: 0.0,
        }
    }

    /// Answers one request; says with which status.
    pub(super) fn answer(&mut self, behaviour: &Behaviour) -> u16 {
        self.errors_owed += behaviour.error_rate;
        let status = if self.errors_owed >= 1.0 - 1e-9 {
            500
        } else {
            200
        };
        self.errors_owed -= f64::from(u8::from(status == 500));
        self.count += 1;
        // From half of what is said to half as much again, evenly.
        let spread = 0.5 + (float(self.count) * GOLDEN).fract();
        let seconds = f64::from(behaviour.latency_ms) / 1000.0 * spread;
        self.seconds += seconds;
        for (bucket, bound) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
        *self.statuses.entry(status).or_default() += 1;
        status
    }

    pub(super) fn scrape(&self, at: Timestamp, sink: &mut dyn Sink) {
        self.series(&mut |labels, value| sink.append(labels, at, value));
    }

    /// Says that the pod is gone.
    pub(super) fn end(&self, at: Timestamp, sink: &mut dyn Sink) {
        self.series(&mut |labels, _| sink.end(labels, at));
    }

    fn series(&self, each: &mut dyn FnMut(&BTreeMap<String, String>, f64)) {
        let mut give = |name: &str, extra: Option<(&str, String)>, value: f64| {
            let mut labels = self.labels.clone();
            labels.insert("__name__".to_owned(), name.to_owned());
            labels.extend(extra.map(|(name, value)| (name.to_owned(), value)));
            each(&labels, value);
        };
        for (status, count) in &self.statuses {
            give(
                "http_requests_total",
                Some(("status", status.to_string())),
                float(*count),
            );
        }
        let histogram = "http_request_duration_seconds";
        for (bucket, bound) in self.buckets.iter().zip(BUCKETS) {
            give(
                &format!("{histogram}_bucket"),
                Some(("le", bound.to_string())),
                float(*bucket),
            );
        }
        give(
            &format!("{histogram}_bucket"),
            Some(("le", "+Inf".to_owned())),
            float(self.count),
        );
        give(&format!("{histogram}_sum"), None, self.seconds);
        give(&format!("{histogram}_count"), None, float(self.count));
    }
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
