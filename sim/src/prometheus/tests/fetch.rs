use std::sync::Arc;
use std::time::Duration;

use serin_analysis::expr::ResultValue;
use serin_analysis::provider::Prometheus;
use serin_analysis::provider::prometheus::{EmptyAnswer, PrometheusOptions};
use serin_analysis::sample::Sample;
use serin_crds::analysis::{PrometheusMetric, RangeQuery};

use super::*;
use crate::prometheus::{Behaviour, SimPrometheus};

const SEED: &str = "rate(http_requests_total{status=~\"5..\"}[5m]) /\nrate(http_requests_total[5m])\n";

/// A Prometheus with four good requests a second, and this many bad ones.
fn serving(errors: f64) -> SimPrometheus {
    let prometheus = SimPrometheus::default();
    let mut series = vec![("http_requests_total{status=\"200\"}", scraped(0, 600, |t| 4.0 * t))];
    if errors > 0.0 {
        series.push(("http_requests_total{status=\"500\"}", scraped(0, 600, move |t| errors * t)));
    }
    prometheus.with_tsdb(|tsdb| *tsdb = world(series));
    prometheus
}

async fn sample(prometheus: &SimPrometheus, query: &str) -> Sample {
    let provider = Prometheus::new(Arc::new(prometheus.clone()), PrometheusOptions::default());
    let metric = PrometheusMetric {
        address: Some("http://prometheus:9090".into()),
        query: Some(query.into()),
        timeout: Some(5),
        ..PrometheusMetric::default()
    };
    provider.sample(&metric, seconds(600), EmptyAnswer::AskDenominator).await
}

async fn check_sample(prometheus: &SimPrometheus, expect: &str) {
    let sample = sample(prometheus, SEED).await;
    let told = match &sample.result {
        Ok(_) => sample.display.clone(),
        Err(error) => error.to_string(),
    };
    assert_eq!(told, expect);
}

#[tokio::test(start_paused = true)]
async fn the_seed_query_works_from_end_to_end() {
    check_sample(&serving(0.5), "[1]").await;
    let good = sample(&serving(0.0), SEED).await;
    assert_eq!(good.result, Ok(ResultValue::Vector(vec![0.0])));
    assert_eq!(good.notes[0].text, "no 5xx series; 1,200 requests in the denominator");
    assert!(good.notes[1].warning && good.notes[1].text.contains("write sum("), "{:?}", good.notes);
    let idle = sample(&SimPrometheus::default(), SEED).await;
    assert_eq!(idle.result, Ok(ResultValue::Vector(vec![])));
    assert_eq!(idle.notes[0].text, "no data: no 5xx series, and none in the denominator");
}

#[tokio::test(start_paused = true)]
async fn it_behaves_as_a_scenario_says() {
    let prometheus = serving(0.5);
    prometheus.behave(Behaviour::Down);
    check_sample(&prometheus, "could not connect to http://prometheus:9090: connection refused").await;
    prometheus.behave(Behaviour::Slow(Duration::from_secs(3)));
    check_sample(&prometheus, "[1]").await;
    prometheus.behave(Behaviour::Slow(Duration::from_secs(5)));
    check_sample(&prometheus, "http://prometheus:9090 gave no complete answer within 5 s").await;
    prometheus.behave(Behaviour::Empty);
    check_sample(&prometheus, "[]").await;
    prometheus.behave(Behaviour::NaN);
    check_sample(&prometheus, "[NaN]").await;
    prometheus.behave(Behaviour::Raw { status: 200, content_type: "text/html".into(), body: "<html>".into() });
    check_sample(
        &prometheus,
        "prometheus at http://prometheus:9090/ answered 200 OK with text/html instead of JSON: <html>",
    )
    .await;
    prometheus.behave(Behaviour::Answering);
    check_sample(&prometheus, "[1]").await;
    assert_eq!(prometheus.asked(), 8);
}

#[tokio::test(start_paused = true)]
async fn nan_takes_the_place_of_any_result() {
    let prometheus = serving(0.5);
    prometheus.behave(Behaviour::NaN);
    for (query, expect) in
        [("scalar(vector(1))", "NaN"), ("nothing", "[NaN]"), ("http_requests_total[30s]", "[NaN,NaN,NaN,NaN]")]
    {
        assert_eq!(sample(&prometheus, query).await.display, expect, "{query}");
    }
}

#[tokio::test(start_paused = true)]
async fn ranges_are_answered_too() {
    let provider = Prometheus::new(Arc::new(serving(1.0)), PrometheusOptions::default());
    let metric = PrometheusMetric {
        address: Some("http://prometheus:9090".into()),
        query: Some("sum(rate(http_requests_total[1m]))".into()),
        range_query: Some(RangeQuery {
            start: Some("now() - duration(\"2m\")".into()),
            end: Some("now()".into()),
            step: Some("1m".into()),
        }),
        ..PrometheusMetric::default()
    };
    let sample = provider.sample(&metric, seconds(600), EmptyAnswer::Keep).await;
    assert_eq!(sample.display, "[4.999999999999999,4.999999999999999,4.999999999999999]");
}
