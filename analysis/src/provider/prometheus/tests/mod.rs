mod answers;
mod empty;
mod login;
mod settings;

use serde_json::{Value, json};
use serin_crds::analysis::PrometheusMetric;

use super::*;
use crate::provider::testserver::{Reply, Server};
use crate::provider::{Egress, HttpFetch, HttpOptions};

fn at() -> Timestamp {
    "2026-01-02T03:04:05.5Z".parse().expect("time")
}

fn provider() -> Prometheus {
    with(PrometheusOptions::default())
}

fn with(options: PrometheusOptions) -> Prometheus {
    let egress = Egress { listed: vec!["127.0.0.1".parse().expect("rule")], ..Egress::default() };
    Prometheus::new(Arc::new(HttpFetch::new(HttpOptions { egress, ..HttpOptions::default() })), options)
}

fn metric(address: impl Into<String>, query: &str) -> PrometheusMetric {
    PrometheusMetric { address: Some(address.into()), query: Some(query.into()), ..PrometheusMetric::default() }
}

fn success(result_type: &str, result: &Value) -> String {
    json!({"status": "success", "data": {"resultType": result_type, "result": result}}).to_string()
}

fn vector(values: &[&str]) -> String {
    let series: Vec<Value> =
        values.iter().enumerate().map(|(i, v)| json!({"metric": {"i": i.to_string()}, "value": [1, v]})).collect();
    success("vector", &Value::Array(series))
}

async fn sample_of(reply: Reply) -> Sample {
    let server = Server::start(move |_| reply.clone()).await;
    provider().sample(&metric(server.url(), "up"), at(), EmptyAnswer::AskDenominator).await
}

/// The result as text: the value, or the error behind `!`.
fn told(sample: &Sample) -> String {
    match &sample.result {
        Ok(_) => sample.display.clone(),
        Err(error) => format!("! {error}"),
    }
}

async fn check_value(body: &str, expect: &str) {
    let sample = sample_of(Reply::json(body.to_owned())).await;
    assert_eq!(told(&sample), expect, "{body}");
}

async fn check_error(reply: Reply, expect: &str) {
    let sample = sample_of(reply).await;
    let text = told(&sample);
    assert!(text.starts_with("! ") && text.contains(expect), "{text} instead of {expect}");
    assert!(text.len() < 700, "{} bytes of error", text.len());
    assert_eq!((sample.display.as_str(), sample.notes.len()), ("", 0));
}

async fn check_setup(metric: &PrometheusMetric, default: Option<&str>, expect: &str) {
    let options = PrometheusOptions { default_address: default.map(str::to_owned), ..PrometheusOptions::default() };
    let sample = with(options).sample(metric, at(), EmptyAnswer::Keep).await;
    assert_eq!(sample.result, Err(SampleError::Setup(expect.to_owned())), "{metric:?}");
}
