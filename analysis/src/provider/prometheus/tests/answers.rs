use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::expr::ResultValue;

const QUERY: &str = "rate(http_requests_total{status=~\"5..\"}[5m]) / on () x";

#[tokio::test]
async fn a_query_is_posted_as_a_form_with_its_instant() {
    let server = Server::start(|_| Reply::json(vector(&["0.25"]))).await;
    let address = format!("{}/prefix/", server.url());
    let sample = provider().sample(&metric(address, QUERY), at(), EmptyAnswer::Keep).await;
    assert_eq!(sample.result, Ok(ResultValue::Vector(vec![0.25])));
    let [seen] = &server.seen()[..] else { panic!("one request") };
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("POST", "/prefix/api/v1/query"));
    assert_eq!(seen.header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(seen.field("query").as_deref(), Some(QUERY));
    assert_eq!(seen.field("time").as_deref(), Some("1767323045.5"));
}

#[tokio::test]
async fn a_server_that_takes_no_posts_is_asked_with_get() {
    for status in [405, 501] {
        let server = Server::start(move |seen| match seen.method.as_str() {
            "GET" => Reply::json(vector(&["1"])),
            _ => Reply::status(status, ""),
        })
        .await;
        let address = format!("{}/?tenant=a", server.url());
        let sample = provider().sample(&metric(address, "up{a=\"b c\"}"), at(), EmptyAnswer::Keep).await;
        assert_eq!(told(&sample), "[1]");
        let seen = server.seen();
        assert_eq!(seen.len(), 2);
        assert!(seen[1].target.starts_with("/api/v1/query?tenant=a&query=up%7Ba"), "{}", seen[1].target);
        assert_eq!(seen[1].field("query").as_deref(), Some("up{a=\"b c\"}"));
    }
}

#[tokio::test]
async fn results_are_typed_as_argo_types_them() {
    check_value(&success("scalar", &json!([1, "0.5"])), "0.5").await;
    check_value(&success("scalar", &json!([1, "NaN"])), "NaN").await;
    check_value(&vector(&["0.1", "NaN", "+Inf", "-Inf", "1e21"]), "[0.1,NaN,+Inf,-Inf,1000000000000000000000]").await;
    check_value(&vector(&[]), "[]").await;
    check_value(
        &success(
            "matrix",
            &json!([{"metric": {"a": "1"}, "values": [[1, "1"], [2, "2"]]}, {"metric": {}, "values": [[1, "3"]]}]),
        ),
        "[1,2,3]",
    )
    .await;
    check_value(&success("matrix", &json!([])), "[]").await;
    check_value(
        "{\"status\":\"success\",\"data\":{\"result\":[1.5,\"7\"],\"resultType\":\"scalar\"},\"infos\":[\"x\"]}",
        "7",
    )
    .await;
}

#[tokio::test]
async fn warnings_are_kept_as_metadata() {
    let body = json!({"status": "success", "warnings": ["one", "two"], "data": {"resultType": "vector", "result": []}});
    let sample = sample_of(Reply::json(body.to_string())).await;
    assert_eq!(sample.metadata.get("warnings").map(String::as_str), Some("\"one\", \"two\""));
    assert!(sample_of(Reply::json(vector(&["1"]))).await.metadata.is_empty());
}

#[tokio::test]
async fn refusals_of_prometheus_are_told_with_its_words() {
    let error =
        json!({"status": "error", "errorType": "bad_data", "error": "invalid parameter \"query\": 1:5: parse error"});
    check_error(
        Reply::status(400, error.to_string()),
        "400 Bad Request with an error: bad_data: invalid parameter \"query\"",
    )
    .await;
    check_error(Reply::json(error.to_string()), "200 OK with an error: bad_data").await;
    check_error(
        Reply::status(503, "upstream connect error"),
        "503 Service Unavailable instead of a result: upstream connect error",
    )
    .await;
    check_error(Reply::status(401, "who?"), "401 Unauthorized (check the metric's authentication): who?").await;
    check_error(Reply::status(404, "404 page not found"), "(check the path of the address)").await;
    let redirect = Reply::Whole(302, vec![("location", "http://169.254.169.254/".into())], Bytes::new());
    check_error(redirect, "answered 302 Found, a redirect").await;
}

#[tokio::test]
async fn hostile_answers_end_in_a_sentence() {
    let html = Reply::Whole(
        200,
        vec![("content-type", "text/html".into())],
        "<html>\n\n<h1>Please\u{7} log in".repeat(500).into(),
    );
    check_error(html, "200 OK with text/html instead of JSON: <html> <h1>Please log in").await;
    check_error(Reply::Whole(200, vec![], Bytes::new()), "with no content type instead of JSON").await;
    let whole = vector(&["1", "2"]);
    check_error(Reply::json(whole[..whole.len() / 2].to_owned()), "with broken JSON: EOF while parsing").await;
    check_error(Reply::json("[".repeat(900_000)), "with broken JSON: it is nested deeper than 32").await;
    check_error(Reply::json(format!("{{\"status\":{}1{}}}", "[".repeat(40), "]".repeat(40))), "nested deeper than 32")
        .await;
    check_error(Reply::json("{\"status\":\"success\"}"), "without data").await;
    check_error(
        Reply::json("{\"status\":\"fine\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}"),
        "with the status \"fine\"",
    )
    .await;
    check_error(Reply::json("{\"status\":\"success\",\"status\":\"error\"}"), "duplicate field").await;
    check_error(Reply::json("[\"success\",{\"resultType\":\"vector\",\"result\":[]}]"), "expected an object").await;
    check_error(Reply::json("null"), "expected an object").await;
    check_error(Reply::json(vec![0xff_u8; 100]), "with broken JSON").await;
    check_error(Reply::json(vec![b' '; 2 * 1024 * 1024]), "is larger than 1048576 bytes").await;
}

#[tokio::test]
async fn wrong_types_are_no_values() {
    let cases = [
        (success("string", &json!([1, "x"])), "Prometheus metric type not supported"),
        (success("tensor", &json!([])), "Prometheus metric type not supported: tensor"),
        (success("scalar", &json!([1, 0.5])), "expected a string"),
        (success("scalar", &json!(["1", "0.5"])), "expected f64"),
        (success("scalar", &json!([1])), "invalid length 1"),
        (success("scalar", &json!([1, "1e999"])), "\"1e999\" is not a number that fits a double"),
        (success("scalar", &json!([1, "five"])), "\"five\" is not a number"),
        (success("scalar", &json!([1, "1", "2"])), "trailing characters"),
        (success("vector", &json!({})), "expected a sequence"),
        (success("vector", &json!([{"metric": {}, "value": [1, null]}])), "expected a string"),
        (success("vector", &json!([{"metric": {}}])), "a series without a value"),
        (success("vector", &json!([{"metric": {"a": 1}, "value": [1, "1"]}])), "expected a string"),
        (success("vector", &json!([{"metric": {}, "histogram": [1, {}]}])), "a native histogram is no number"),
        (success("vector", &json!([{"metric": {"a": "b"}, "value": [1, "1"]}, {"metric": {"a": "b"}, "value": [1, "2"]}])), "{a=\"b\"} is there twice"),
        (success("matrix", &json!([{"metric": {}, "value": [1, "1"]}])), "a series without a value"),
        (
            "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"a\":\"1\",\"a\":\"2\"},\"value\":[1,\"1\"]}]}}".into(),
            "the label \"a\" is there twice",
        ),
        ("{\"status\":\"success\",\"data\":[\"vector\",[]]}".into(), "expected an object"),
        (success("vector", &json!([[{}, [1, "1"], null]])), "expected an object"),
    ];
    for (body, expect) in cases {
        check_error(Reply::json(body), expect).await;
    }
}

#[tokio::test]
async fn more_samples_than_anybody_judges_are_refused() {
    let values: Vec<Value> = (0..10_001).map(|i| json!([i, "1"])).collect();
    check_error(Reply::json(success("matrix", &json!([{"metric": {}, "values": values}]))), "more than 10000 samples")
        .await;
    let values: Vec<Value> = (0..10_000).map(|i| json!([i, "1"])).collect();
    let sample = sample_of(Reply::json(success("matrix", &json!([{"metric": {}, "values": values}])))).await;
    assert!(matches!(sample.result, Ok(ResultValue::Vector(values)) if values.len() == 10_000));
}

#[tokio::test]
async fn a_server_that_hangs_costs_no_more_than_the_timeout() {
    let server = Server::start(|_| Reply::Hang).await;
    let asked = PrometheusMetric { timeout: Some(1), ..metric(server.url(), "up") };
    let sample = provider().sample(&asked, at(), EmptyAnswer::Keep).await;
    assert_eq!(told(&sample), format!("! {} gave no complete answer within 1 s", server.url()));
}

#[tokio::test]
async fn all_requests_of_a_sample_share_the_timeout() {
    // Each answer takes 0.7 s: two of them don't fit into one second, and each of them alone would.
    let empty = Bytes::from(success("vector", &json!([])));
    let pause = Duration::from_millis(700) / u32::try_from(empty.len()).unwrap();
    let server = Server::start(move |_| Reply::Drip(empty.clone(), pause)).await;
    let asked = PrometheusMetric { timeout: Some(1), ..metric(server.url(), r#"sum(r{status=~"5.."}) / sum(r)"#) };
    let sample = provider().sample(&asked, at(), EmptyAnswer::AskDenominator).await;
    // The denominator could not be asked in time; on a busy machine not even the query itself could.
    let text = format!("{} {:?}", told(&sample), sample.notes);
    assert!(text.contains("within 1 s"), "{text}");
}
