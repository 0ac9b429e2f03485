//! A Prometheus that answers with anything but an answer: each such measurement is an error that says what came, the release
//! that asked is rolled back, and a release that asks another one goes on.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod common;

use std::time::Duration;

use common::{Judge, ROLLOUTS, TEMPLATES, seconds, send};
use serde_json::{Value, json};
use serin_sim::cluster::SimWorld;
use serin_sim::play;
use serin_sim::prometheus::Behaviour;
use serin_sim::scenario::{World, WorldError};

const RUNS: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/analysisruns";

/// How long a measurement may take, in seconds.
const TIMEOUT: u64 = 5;

/// One hostile answer, and what has to be said about it.
struct Case {
    host: &'static str,
    behaviour: Behaviour,
    expect: &'static str,
}

fn raw(host: &'static str, content_type: &str, body: impl Into<Vec<u8>>, expect: &'static str) -> Case {
    let behaviour = Behaviour::Raw { status: 200, content_type: content_type.to_owned(), body: body.into().into() };
    Case { host, behaviour, expect }
}

fn json_of(host: &'static str, body: &Value, expect: &'static str) -> Case {
    raw(host, "application/json", body.to_string(), expect)
}

fn vector(result: &Value) -> Value {
    json!({"status": "success", "data": {"resultType": "vector", "result": result}})
}

fn cases() -> Vec<Case> {
    let samples: Vec<Value> = (0..10_001).map(|n| json!({"metric": {"n": n.to_string()}, "value": [1, "0"]})).collect();
    let twice = json!({"metric": {"a": "b"}, "value": [1, "0"]});
    vec![
        raw("html", "text/html", "<html><body>Sign in</body></html>", "with text/html instead of JSON: <html>"),
        raw("huge", "application/json", vec![b' '; 100 << 20], "is larger than 1048576 bytes"),
        raw("nothing", "application/json", "", "with broken JSON"),
        raw("noise", "application/octet-stream", (0..=255).cycle().take(9999).collect::<Vec<u8>>(), "instead of JSON"),
        raw(
            "cut-off",
            "application/json",
            &br#"{"status":"success","data":{"resultType":"vec"#[..],
            "with broken JSON",
        ),
        raw("deep", "application/json", "[".repeat(900_000), "nested deeper than 32"),
        json_of("no-data", &json!({"status": "success"}), "without data"),
        json_of("odd-status", &json!({"status": 5}), "with broken JSON: invalid type"),
        json_of("text", &vector(&json!("0")), "with something else than a result: invalid type: string"),
        json_of("numbers", &vector(&json!([{"metric": {}, "value": [1, 0]}])), "invalid type: integer `0`"),
        json_of(
            "infinite",
            &vector(&json!([{"metric": {}, "value": [1, "1e999"]}])),
            "not a number that fits a double",
        ),
        json_of("twins", &vector(&json!([twice, twice])), "is there twice"),
        json_of("crowd", &vector(&json!(samples)), "more than 10000 samples"),
        json_of(
            "string",
            &json!({"status": "success", "data": {"resultType": "string", "result": [1, "0"]}}),
            "not supported: string",
        ),
        json_of(
            "broken",
            &json!({"status": "error", "errorType": "internal", "error": "boom"}),
            "with an error: internal: boom",
        ),
        Case {
            host: "silent",
            behaviour: Behaviour::Slow(Duration::from_secs(3600)),
            expect: "gave no complete answer within 5 s",
        },
        Case {
            host: "absent",
            behaviour: Behaviour::Down,
            expect: "could not connect to http://absent:9090: connection refused",
        },
    ]
}

/// A Rollout and its template, which asks the Prometheus at a host.
fn manifests(name: &str) -> [(&'static str, Value); 2] {
    let template = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate", "metadata": {"name": name},
        "spec": {"metrics": [{
            "name": "errors", "interval": "5s", "count": 12, "successCondition": "result[0] < 0.05",
            "provider": {"prometheus": {
                "address": format!("http://{name}:9090"), "query": "vector(0)", "timeout": TIMEOUT,
            }},
        }]},
    });
    let rollout = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "app:v1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 50}, {"analysis": {"templates": [{"templateName": name}]}}]}},
        },
    });
    [(TEMPLATES, template), (ROLLOUTS, rollout)]
}

/// Lets time pass until every Rollout is in its phase; says how long that took.
async fn until(world: &mut SimWorld, wanted: impl Fn(&str) -> &'static str, limit: i64) {
    let mut wrong = Vec::new();
    for _ in 0..limit {
        seconds(world, 1).await;
        let all = send(world, "GET", ROLLOUTS, &Value::Null).await;
        let differs =
            |rollout: &&Value| rollout["status"]["phase"] != *wanted(rollout["metadata"]["name"].as_str().unwrap());
        let found = all["items"].as_array().unwrap().iter().filter(differs);
        wrong =
            found.map(|rollout| format!("{} {}", rollout["metadata"]["name"], rollout["status"]["phase"])).collect();
        if wrong.is_empty() {
            return;
        }
    }
    panic!("not within {limit} s: {wrong:?}");
}

/// The only run of a Rollout: its status.
fn run_of<'a>(runs: &'a Value, rollout: &str) -> &'a Value {
    let owned = |run: &&Value| run["metadata"]["ownerReferences"][0]["name"] == *rollout;
    let mut found = runs["items"].as_array().unwrap().iter().filter(owned);
    let run = found.next().unwrap_or_else(|| panic!("{rollout} has no run"));
    assert_eq!(found.next(), None, "{rollout}");
    &run["status"]
}

async fn released(world: &mut SimWorld, cases: &[Case]) -> Result<(), WorldError> {
    let names: Vec<&str> = cases.iter().map(|case| case.host).chain(["good"]).collect();
    for case in cases {
        world.metric_source().behave_at(case.host, case.behaviour.clone());
    }
    world.start_controller().await?;
    for (path, object) in names.iter().flat_map(|name| manifests(name)) {
        send(world, "POST", path, &object).await;
    }
    until(world, |_| "Healthy", 30).await;
    for name in &names {
        let containers = json!([{"name": "app", "image": "app:v2"}]);
        let change = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        send(world, "PATCH", &format!("{ROLLOUTS}/{name}"), &change).await;
    }
    until(world, |_| "Progressing", 5).await;
    until(world, |name| if name == "good" { "Healthy" } else { "Degraded" }, 150).await;
    Ok(())
}

#[test]
fn a_hostile_answer_is_an_error_that_says_what_came_and_harms_nobody_else() {
    let cases = cases();
    let checked = play::in_virtual_time(async {
        let mut world = play::world()?;
        let judge = Judge::of(&world);
        released(&mut world, &cases).await?;
        let runs = send(&world, "GET", RUNS, &Value::Null).await;
        for Case { host, expect, .. } in &cases {
            let status = run_of(&runs, host);
            let (message, result) = (status["message"].as_str().unwrap(), &status["metricResults"][0]);
            let limit = "Metric \"errors\" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): \"Error Message: ";
            assert!(message.starts_with(limit) && message.contains(expect), "{host}: {message}");
            assert!(message.len() < 800, "{host}: {} bytes", message.len());
            assert_eq!((&status["phase"], &result["error"]), (&json!("Error"), &json!(5)), "{host}");
            let measurements = result["measurements"].as_array().unwrap();
            let said = |m: &Value| m["phase"] == "Error" && m["message"].as_str().unwrap().contains(expect);
            assert!(measurements.len() == 5 && measurements.iter().all(said), "{host}: {measurements:?}");
        }
        let good = run_of(&runs, "good");
        assert_eq!((&good["phase"], &good["metricResults"][0]["count"]), (&json!("Successful"), &json!(12)));
        let rollouts = send(&world, "GET", ROLLOUTS, &Value::Null).await;
        for rollout in rollouts["items"].as_array().unwrap() {
            let (status, name) = (&rollout["status"], &rollout["metadata"]["name"]);
            assert_eq!(status["stableRS"] == status["currentPodHash"], name == "good", "{name}");
        }
        let asked = world.metric_source().asked();
        judge.nothing_was_broken(&mut world).await;
        Ok(asked)
    });
    // No hot loop: five questions each, twelve of the good one.
    assert_eq!(checked.unwrap(), cases.len() * 5 + 12);
}
