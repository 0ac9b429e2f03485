mod fetch;
mod language;
mod rates;

use jiff::{SignedDuration, Timestamp};

use super::{Labels, Tsdb};

fn seconds(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).expect("instant")
}

/// A series from its text: `name{a="b",c="d"}` without any escapes.
fn labels(text: &str) -> Labels {
    let (name, rest) = text.split_once('{').unwrap_or((text, "}"));
    let pairs = rest.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty());
    Labels::of(name, pairs.map(|pair| pair.split_once('=').map(|(k, v)| (k, v.trim_matches('"'))).expect("pair")))
}

/// A world of series, each with its value at each of these seconds.
fn world<'a>(series: impl IntoIterator<Item = (&'a str, Vec<(i64, f64)>)>) -> Tsdb {
    let mut tsdb = Tsdb::default();
    for (text, samples) in series {
        let labels = labels(text);
        for (at, value) in samples {
            tsdb.append(&labels, seconds(at), value);
        }
    }
    tsdb
}

/// A sample every 15 seconds from `from` to `to`.
fn scraped(from: i64, to: i64, value: impl Fn(f64) -> f64) -> Vec<(i64, f64)> {
    #[allow(clippy::cast_precision_loss, reason = "a few hundred seconds")]
    (from..=to).step_by(15).map(|at| (at, value(at as f64))).collect()
}

/// The answer to a query at second 600 as lines `{labels} value`, or the error.
fn told(tsdb: &Tsdb, query: &str) -> String {
    let reply = tsdb.query(query, seconds(600));
    let json: serde_json::Value = serde_json::from_slice(&reply.body).expect("json");
    if json["status"] == "error" {
        assert!(reply.status.is_client_error());
        return format!("{}: {}", json["errorType"].as_str().expect("type"), json["error"].as_str().expect("error"));
    }
    let value = |sample: &serde_json::Value| sample[1].as_str().expect("value").to_owned();
    let result = &json["data"]["result"];
    match json["data"]["resultType"].as_str().expect("type") {
        "vector" => {
            let line = |e: &serde_json::Value| {
                let labels: Vec<String> = e["metric"]
                    .as_object()
                    .expect("metric")
                    .iter()
                    .map(|(k, v)| format!("{k}={}", v.as_str().expect("text")))
                    .collect();
                format!("{{{}}} {}", labels.join(","), value(&e["value"]))
            };
            result.as_array().expect("vector").iter().map(line).collect::<Vec<_>>().join("; ")
        }
        "matrix" => {
            let line = |s: &serde_json::Value| {
                s["values"].as_array().expect("values").iter().map(value).collect::<Vec<_>>().join(" ")
            };
            result.as_array().expect("matrix").iter().map(line).collect::<Vec<_>>().join("; ")
        }
        _ => value(result),
    }
}

fn check(tsdb: &Tsdb, query: &str, expect: &str) {
    assert_eq!(told(tsdb, query), expect, "{query}");
}

fn check_error(tsdb: &Tsdb, query: &str, expect: &str) {
    let told = told(tsdb, query);
    assert!(told.contains(expect), "{query}: {told}");
}

#[test]
fn answers_are_those_of_the_http_api() {
    let tsdb = world([("up{job=\"a\"}", vec![(590, 1.0)]), ("up{job=\"b\"}", vec![(590, 0.5)])]);
    let body = |query: &str| String::from_utf8(tsdb.query(query, seconds(600)).body.to_vec()).expect("text");
    assert_eq!(
        body("up"),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"value\":[600,\"1\"]},{\"metric\":{\"__name__\":\"up\",\"job\":\"b\"},\"value\":[600,\"0.5\"]}]}}"
    );
    assert_eq!(
        body("1 / 0"),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"scalar\",\"result\":[600,\"+Inf\"]}}"
    );
    assert_eq!(
        body("\"text\""),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"string\",\"result\":[600,\"text\"]}}"
    );
    assert_eq!(body("nothing"), "{\"status\":\"success\",\"data\":{\"resultType\":\"vector\",\"result\":[]}}");
    assert_eq!(
        body("up{job=\"a\"}[1m]"),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"up\",\"job\":\"a\"},\"values\":[[590,\"1\"]]}]}}"
    );
    let late = Timestamp::from_millisecond(600_250).expect("instant");
    assert!(String::from_utf8_lossy(&tsdb.query("1", late).body).contains("[600.250,\"1\"]"));
}

#[test]
fn ranges_are_evaluated_step_by_step() {
    let tsdb = world([("m{a=\"x\"}", scraped(0, 600, |t| t)), ("m{a=\"y\"}", scraped(570, 600, |_| 7.0))]);
    let body = |query: &str, start, end, step| {
        let reply = tsdb.query_range(query, seconds(start), seconds(end), SignedDuration::from_secs(step));
        String::from_utf8(reply.body.to_vec()).expect("text")
    };
    assert_eq!(
        body("m", 540, 600, 30),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{\"__name__\":\"m\",\"a\":\"x\"},\"values\":[[540,\"540\"],[570,\"570\"],[600,\"600\"]]},{\"metric\":{\"__name__\":\"m\",\"a\":\"y\"},\"values\":[[570,\"7\"],[600,\"7\"]]}]}}"
    );
    assert_eq!(
        body("time()", 0, 10, 4),
        "{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[{\"metric\":{},\"values\":[[0,\"0\"],[4,\"4\"],[8,\"8\"]]}]}}"
    );
    for (start, end, step) in [(0, 10, 0), (10, 0, 1), (0, 100_000, 1)] {
        assert!(body("m", start, end, step).contains("bad_data"));
    }
    assert!(body("m[1m]", 0, 10, 1).contains("must be Scalar or instant Vector"));
}

#[test]
fn an_hour_is_kept_of_each_series_and_no_more() {
    let mut tsdb = world([("m", scraped(0, 7200, |t| t)), ("gone", scraped(0, 600, |t| t))]);
    // Every 15 seconds of an hour, its start excluded.
    assert_eq!(tsdb.size(), (2, 240 + 41));
    tsdb.trim(seconds(7200));
    assert_eq!(tsdb.size(), (1, 240));
}

#[test]
fn samples_out_of_order_are_dropped() {
    let mut tsdb = world([("m", vec![(600, 1.0)])]);
    tsdb.append(&labels("m"), seconds(600), 2.0);
    tsdb.append(&labels("m"), seconds(599), 3.0);
    check(&tsdb, "m", "{__name__=m} 1");
}

#[test]
fn series_are_looked_back_for_until_they_are_too_old_or_ended() {
    let mut tsdb = world([("fresh", vec![(301, 1.0)]), ("old", vec![(300, 1.0)]), ("ended", vec![(590, 1.0)])]);
    check(&tsdb, "fresh", "{__name__=fresh} 1");
    check(&tsdb, "old", "");
    check(&tsdb, "ended", "{__name__=ended} 1");
    tsdb.end(&labels("ended"), seconds(595));
    check(&tsdb, "ended", "");
    check(&tsdb, "ended offset 7s", "{__name__=ended} 1");
    check(&tsdb, "count_over_time(ended[1m])", "{} 1");
    tsdb.end(&labels("never"), seconds(595));
    check(&tsdb, "never", "");
}
