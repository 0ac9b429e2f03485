use serin_crds::analysis::{Header, RangeQuery};

use super::*;

#[tokio::test]
async fn settings_that_cannot_work_are_told_before_anything_is_sent() {
    let not_a_url = "prometheus address is not is url format";
    check_setup(&metric("", "up"), None, "prometheus address is not configured").await;
    check_setup(&metric("", "up"), Some(""), "prometheus address is not configured").await;
    check_setup(&metric("", "up"), Some("prometheus"), not_a_url).await;
    for address in [
        "prometheus",
        "prometheus:9090",
        "http://",
        "http:/x",
        "://x",
        "/path",
        "http://a b",
        " http://a",
        "http://[::",
    ] {
        check_setup(&metric(address, "up"), None, not_a_url).await;
    }
    check_setup(&metric("ftp://x", "up"), None, &format!("{not_a_url}: it starts with ftp, not http or https")).await;
    let base = metric("http://127.0.0.1:1", "up");
    check_setup(
        &PrometheusMetric { timeout: Some(-1), ..base.clone() },
        None,
        "prometheus timeout should not be negative",
    )
    .await;
    check_setup(&metric("http://127.0.0.1:1", ""), None, "provider.prometheus.query is empty; give it a PromQL query")
        .await;
    let header = |key: &str, value: &str| PrometheusMetric {
        headers: vec![Header { key: key.into(), value: value.into() }],
        ..base.clone()
    };
    check_setup(
        &header("a b", "x"),
        None,
        "provider.prometheus.headers[0].key is \"a b\"; it must be the name of an HTTP header",
    )
    .await;
    check_setup(
        &header("x", "secret\r\nhost: evil"),
        None,
        "provider.prometheus.headers[0].value (of x) must not hold line breaks or other control characters",
    )
    .await;
    let mut sample = provider().sample(&metric("http://169.254.169.254", "up"), at(), EmptyAnswer::Keep).await;
    assert!(
        matches!(&sample.result, Err(SampleError::Setup(why)) if why.contains("link-local")),
        "{:?}",
        sample.result
    );
    sample = provider().sample(&metric("http://localhost:1", "up"), at(), EmptyAnswer::Keep).await;
    assert!(matches!(&sample.result, Err(SampleError::Setup(why)) if why.contains("loopback")), "{:?}", sample.result);
}

#[tokio::test]
async fn the_default_address_serves_metrics_without_one() {
    let server = Server::start(|_| Reply::json(vector(&["1"]))).await;
    let options = PrometheusOptions { default_address: Some(server.url()), ..PrometheusOptions::default() };
    assert_eq!(told(&with(options).sample(&metric("", "up"), at(), EmptyAnswer::Keep).await), "[1]");
}

#[tokio::test]
async fn a_timeout_of_zero_is_over_at_once() {
    let server = Server::start(|_| Reply::json(vector(&["1"]))).await;
    let asked = PrometheusMetric { timeout: Some(0), ..metric(server.url(), "up") };
    let sample = provider().sample(&asked, at(), EmptyAnswer::Keep).await;
    assert_eq!(told(&sample), format!("! {} gave no complete answer within 0 s", server.url()));
    assert!(server.seen().is_empty());
}

fn range(start: &str, end: &str, step: &str) -> RangeQuery {
    RangeQuery { start: Some(start.into()), end: Some(end.into()), step: Some(step.into()) }
}

#[tokio::test]
async fn a_range_is_asked_with_its_start_end_and_step() {
    let server =
        Server::start(|_| Reply::json(success("matrix", &json!([{"metric": {}, "values": [[1, "1"]]}])))).await;
    let range_query = Some(range("now() - duration(\"1h\")", "now()", "1m30s"));
    let asked = PrometheusMetric { range_query, ..metric(server.url(), "up") };
    assert_eq!(told(&provider().sample(&asked, at(), EmptyAnswer::Keep).await), "[1]");
    let seen = server.seen();
    assert_eq!(seen[0].target, "/api/v1/query_range");
    let fields = ["query", "start", "end", "step", "time"].map(|name| seen[0].field(name));
    let expect = [Some("up"), Some("1767319445.5"), Some("1767323045.5"), Some("90"), None];
    assert_eq!(fields, expect.map(|text| text.map(str::to_owned)));
}

#[tokio::test]
async fn ranges_that_are_none_are_told() {
    let cases = [
        (range("5", "now()", "1m"), "failed to parse rangeQuery.start as time: "),
        (range("", "now()", "1m"), "failed to parse rangeQuery.start as time: it is empty"),
        (range("now()", "soon", "1m"), "failed to parse rangeQuery.end as time: "),
        (range("now()", "now()", "minute"), "failed to parse rangeQuery.step as duration: "),
        (range("now()", "now()", "0s"), "failed to parse rangeQuery.step as duration: it must be longer than nothing"),
        (range("now()", "now() - duration(\"1h\")", "1m"), "rangeQuery.end is before rangeQuery.start"),
    ];
    for (range_query, expect) in cases {
        let asked = PrometheusMetric { range_query: Some(range_query), ..metric("http://127.0.0.1:1", "up") };
        let sample = provider().sample(&asked, at(), EmptyAnswer::Keep).await;
        let text = told(&sample);
        assert!(text.starts_with(&format!("! {expect}")), "{text}");
    }
}
