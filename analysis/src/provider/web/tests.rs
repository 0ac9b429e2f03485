use serde_json::json;
use serin_crds::analysis::{Authentication, Header, OAuth2};

use super::*;
use crate::provider::testserver::{Reply, Server};
use crate::provider::{Egress, HttpFetch, HttpOptions};

fn web(egress: Egress) -> Web {
    Web::new(Arc::new(HttpFetch::new(HttpOptions { egress, ..HttpOptions::default() })), AwsEnvironment::default())
}

fn open() -> Web {
    web(Egress { listed: vec!["127.0.0.1".parse().unwrap()], ..Egress::default() })
}

fn at() -> Timestamp {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// The result as text: the recorded value, or the error behind `!`.
fn told(sample: &Sample) -> String {
    match &sample.result {
        Ok(_) => sample.display.clone(),
        Err(error) => format!("! {error}"),
    }
}

async fn check(reply: Reply, path: &str, expect: &str) {
    let server = Server::start(move |_| reply.clone()).await;
    let metric = WebMetric { url: server.url(), json_path: Some(path.into()), ..WebMetric::default() };
    assert_eq!(told(&open().sample(&metric, at()).await), expect, "{path}");
}

#[tokio::test]
async fn the_part_that_counts_is_what_conditions_see() {
    let body = "{\"data\": {\"ok\": true, \"rate\": 0.25, \"list\": [1, 2]}}";
    check(Reply::json(body), "", "{\"data\":{\"list\":[1,2],\"ok\":true,\"rate\":0.25}}").await;
    check(Reply::json(body), "{$.data.rate}", "0.25").await;
    check(Reply::json(body), "{.data.ok}", "true").await;
    check(Reply::json(body), "{.data.list}", "[1,2]").await;
    check(Reply::json("7"), "", "7").await;
    check(Reply::status(200, "all is well"), "{$.data}", "all is well").await;
    check(Reply::status(204, ""), "", "").await;
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    let missing = "! Could not find JSONPath in body: it leads to nothing in the answer";
    check(Reply::json("{}"), "{$.data}", missing).await;
    check(
        Reply::json("{}"),
        "$.data",
        "! provider.web.jsonPath cannot be used: it has no braces around it; write {$.data}",
    )
    .await;
    for (status, advice) in [(500, ""), (401, "; check the metric's authentication"), (404, "")] {
        let server = Server::start(move |_| Reply::status(status, "{}")).await;
        let metric = WebMetric { url: format!("{}/x?token=hunter2", server.url()), ..WebMetric::default() };
        let sample = open().sample(&metric, at()).await;
        let expect = format!("! received non 2xx response code: {status} (from {}/x{advice})", server.url());
        assert_eq!(told(&sample), expect);
    }
    let moved = Reply::Whole(302, vec![("location", "http://169.254.169.254/".into())], Bytes::new());
    let server = Server::start(move |_| moved.clone()).await;
    let sample = open().sample(&WebMetric { url: server.url(), ..WebMetric::default() }, at()).await;
    assert!(told(&sample).contains("redirects are not followed"), "{}", told(&sample));
}

#[tokio::test]
async fn method_headers_and_body_are_sent_as_given() {
    let server = Server::start(|_| Reply::json("1")).await;
    let header = |key: &str, value: &str| Header { key: key.into(), value: value.into() };
    let mut metric = WebMetric {
        url: format!("{}/check?a=b", server.url()),
        method: Some("PUT".into()),
        headers: vec![header("X-Team", "a"), header("Content-Type", "text/x-lines")],
        body: Some("one\ntwo".into()),
        ..WebMetric::default()
    };
    open().sample(&metric, at()).await;
    (metric.body, metric.json_body) = (None, Some(json!({"k": [1]})));
    metric.method = Some("POST".into());
    open().sample(&metric, at()).await;
    let seen = server.seen();
    let told: Vec<_> = seen
        .iter()
        .map(|seen| {
            format!(
                "{} {} {:?} {:?} {}",
                seen.method,
                seen.target,
                seen.header("x-team"),
                seen.header("content-type"),
                seen.body
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "PUT /check?a=b Some(\"a\") Some(\"text/x-lines\") one\ntwo",
            "POST /check?a=b Some(\"a\") Some(\"application/json\") {\"k\":[1]}",
        ]
    );
}

#[tokio::test]
async fn settings_that_cannot_be_sent_are_refused_before_anything_is() {
    let check = async |metric: WebMetric, expect: &str| {
        let sample = open().sample(&metric, at()).await;
        assert_eq!(sample.result, Err(SampleError::Setup(expect.to_owned())));
    };
    let url = || "http://127.0.0.1:1".to_owned();
    let only_with = "Body/JSONBody can only be used with POST or PUT WebMetric Method types";
    check(WebMetric { url: url(), body: Some("x".into()), ..WebMetric::default() }, only_with).await;
    check(WebMetric { url: url(), json_body: Some(json!({})), ..WebMetric::default() }, only_with).await;
    check(
        WebMetric { url: url(), body: Some("x".into()), json_body: Some(json!({})), ..WebMetric::default() },
        "use either Body or JSONBody; both cannot exists for WebMetric payload",
    )
    .await;
    check(
        WebMetric { url: url(), method: Some("DELETE".into()), ..WebMetric::default() },
        "provider.web.method is \"DELETE\"; it must be GET, POST or PUT",
    )
    .await;
    check(WebMetric::default(), "provider.web.url is no URL: relative URL without a base").await;
}

#[tokio::test]
async fn addresses_that_no_metric_needs_are_refused_with_the_flag_that_opens_them() {
    let server = Server::start(|_| Reply::json("1")).await;
    let loopback = WebMetric { url: server.url(), ..WebMetric::default() };
    let sample = web(Egress::default()).sample(&loopback, at()).await;
    assert!(
        matches!(&sample.result, Err(SampleError::Setup(why)) if why.contains("--metric-allow")),
        "{}",
        told(&sample)
    );
    let only_listed = Egress { only_listed: true, ..Egress::default() };
    let elsewhere = WebMetric { url: "https://api.example.org/health".into(), ..WebMetric::default() };
    let sample = web(only_listed).sample(&elsewhere, at()).await;
    assert!(told(&sample).contains("api.example.org") && told(&sample).contains("--metric-allow"), "{}", told(&sample));
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_slow_or_endless_answer_is_cut_off() {
    let server = Server::start(|_| Reply::Hang).await;
    let metric = WebMetric { url: server.url(), timeout_seconds: Some(1), ..WebMetric::default() };
    let sample = open().sample(&metric, at()).await;
    assert_eq!(told(&sample), format!("! {} gave no complete answer within 1 s", server.url()));
    let server = Server::start(|_| Reply::Repeated(vec![], Bytes::from(vec![b'1'; 64 * 1024]), 64)).await;
    let sample = open().sample(&WebMetric { url: server.url(), ..WebMetric::default() }, at()).await;
    assert!(told(&sample).contains("larger than 1048576 bytes"), "{}", told(&sample));
}

#[tokio::test]
async fn a_token_is_got_and_sent() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/token" => Reply::json("{\"access_token\":\"abc\",\"expires_in\":60}"),
        _ => Reply::json("1"),
    })
    .await;
    let oauth2 = OAuth2 {
        token_url: Some(format!("{}/token", server.url())),
        client_id: Some("id".into()),
        client_secret: Some("s".into()),
        scopes: Vec::new(),
    };
    let authentication = Some(Authentication { oauth2: Some(oauth2), ..Authentication::default() });
    let metric = WebMetric { url: format!("{}/x", server.url()), authentication, ..WebMetric::default() };
    assert_eq!(told(&open().sample(&metric, at()).await), "1");
    assert_eq!(server.seen()[1].header("authorization"), Some("Bearer abc"));
}
