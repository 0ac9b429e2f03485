//! What the service counts, in Prometheus' text format.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

const BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

#[derive(Debug, Default)]
struct Counts {
    requests: BTreeMap<u16, u64>,
    buckets: [u64; BUCKETS.len()],
    seconds: f64,
}

/// The counters of one pod.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<Counts>);

impl Metrics {
    /// Counts an answer.
    pub fn count(&self, status: u16, took: Duration) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.requests.entry(status).or_default() += 1;
        let seconds = took.as_secs_f64();
        counts.seconds += seconds;
        for (count, limit) in counts.buckets.iter_mut().zip(BUCKETS) {
            *count += u64::from(seconds <= limit);
        }
    }

    /// Everything counted so far. Names of pod, namespace and hash are put on by the scraper.
    pub fn text(&self, version: &str) -> String {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::from("# TYPE http_requests_total counter\n");
        for (status, count) in &counts.requests {
            let _ = writeln!(text, "http_requests_total{{status=\"{status}\",version=\"{version}\"}} {count}");
        }
        text.push_str("# TYPE http_request_duration_seconds histogram\n");
        let all: u64 = counts.requests.values().sum();
        let limits = BUCKETS.iter().map(ToString::to_string);
        let ends = limits.zip(counts.buckets).chain([("+Inf".to_owned(), all)]);
        for (limit, count) in ends {
            let _ =
                writeln!(text, "http_request_duration_seconds_bucket{{version=\"{version}\",le=\"{limit}\"}} {count}");
        }
        let seconds = counts.seconds;
        let _ = writeln!(
            text,
            "http_request_duration_seconds_sum{{version=\"{version}\"}} {seconds}\n\
             http_request_duration_seconds_count{{version=\"{version}\"}} {all}"
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_everything_that_was_at_most_as_slow() {
        let metrics = Metrics::default();
        metrics.count(200, Duration::from_millis(7));
        metrics.count(500, Duration::from_millis(70));
        let text = metrics.text("v1");
        for line in [
            "http_requests_total{status=\"200\",version=\"v1\"} 1",
            "http_requests_total{status=\"500\",version=\"v1\"} 1",
            "http_request_duration_seconds_bucket{version=\"v1\",le=\"0.005\"} 0",
            "http_request_duration_seconds_bucket{version=\"v1\",le=\"0.01\"} 1",
            "http_request_duration_seconds_bucket{version=\"v1\",le=\"0.1\"} 2",
            "http_request_duration_seconds_bucket{version=\"v1\",le=\"+Inf\"} 2",
            "http_request_duration_seconds_count{version=\"v1\"} 2",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
    }
}
