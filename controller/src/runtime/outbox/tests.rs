use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use kube::client::Body;
use serde_json::Value;

use super::*;

type Sent = Arc<Mutex<Vec<(String, Value)>>>;

struct World {
    outbox: Outbox,
    registry: Registry,
    stop: Shutdown,
    task: JoinHandle<()>,
    sent: Sent,
}

/// An outbox whose API server answers each write with these codes, then with 200.
fn world(mut codes: Vec<u16>) -> World {
    codes.reverse();
    let (sent, codes) = (Sent::default(), Arc::new(Mutex::new(codes)));
    let log = sent.clone();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let (log, codes) = (log.clone(), codes.clone());
        async move {
            let line = format!("{} {}", request.method(), request.uri().path());
            let body = request.into_body().collect().await?.to_bytes();
            log.lock().unwrap().push((line, serde_json::from_slice(&body)?));
            let code = codes.lock().unwrap().pop().unwrap_or(200);
            let answer = if code == 200 {
                json!({"metadata": {}, "involvedObject": {}})
            } else {
                json!({"kind": "Status", "code": code, "message": "no", "reason": "x"})
            };
            let body = Full::<bytes::Bytes>::from(answer.to_string());
            Ok::<_, tower::BoxError>(http::Response::builder().status(code).body(body)?)
        }
    });
    let clock = Clock::anchored("2026-01-01T00:00:00Z".parse().unwrap());
    let (registry, stop) = (Registry::new(clock.clone()), Shutdown::new());
    let client = Client::new(service, "default");
    let (outbox, task) = Outbox::start(client, clock, &registry, "serin-1".to_owned(), stop.clone());
    World { outbox, registry, stop, task, sent }
}

fn note(reason: EventReason, message: &str) -> EventNote {
    let about = About { resource_version: "7".into(), ..About::ours("Rollout", Key::new("shop", "web"), "u-1") };
    EventNote { about, reason, message: message.to_owned() }
}

impl World {
    async fn record(&self, message: &str) {
        self.outbox.record(note(EventReason::RolloutAborted, message));
        sleep(Duration::from_millis(1)).await;
    }

    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().iter().map(|(line, _)| line.clone()).collect()
    }

    fn metric(&self, name: &str) -> Vec<String> {
        self.registry.render().lines().filter(|line| line.starts_with(name)).map(str::to_owned).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_note_becomes_an_event_that_describe_finds() {
    let world = world(vec![]);
    world.record("error-rate 0.2 is above 0.05").await;
    let (line, event) = world.sent.lock().unwrap()[0].clone();
    assert_eq!(line, "POST /api/v1/namespaces/shop/events");
    let name = event["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("web.") && name.len() == 20, "{name}");
    assert_eq!(
        event["involvedObject"],
        json!({
            "kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1", "name": "web", "namespace": "shop",
            "uid": "u-1", "resourceVersion": "7"
        })
    );
    assert_eq!((&event["reason"], &event["type"]), (&json!("RolloutAborted"), &json!("Warning")));
    assert_eq!(event["source"], json!({"component": "rollouts-controller"}));
    assert_eq!((&event["count"], &event["reportingInstance"]), (&json!(1), &json!("serin-1")));
    assert_eq!(event["firstTimestamp"], json!("2026-01-01T00:00:00Z"));
    let counted = r#"rollout_events_total{namespace="shop",name="web",type="Warning",reason="RolloutAborted"} 1"#;
    assert_eq!(world.metric("rollout_events_total"), [counted]);
}

#[tokio::test(start_paused = true)]
async fn repeats_are_one_event_whose_count_is_written_once_in_a_while() {
    let world = world(vec![]);
    for _ in 0..30 {
        world.record("drift").await;
        sleep(Duration::from_secs(1)).await;
    }
    world.record("other").await;
    sleep(Duration::from_secs(60)).await;
    let sent = world.sent();
    assert_eq!(sent.iter().filter(|line| line.starts_with("POST")).count(), 2);
    let patches: Vec<Value> = world
        .sent
        .lock()
        .unwrap()
        .iter()
        .filter(|(line, _)| line.starts_with("PATCH"))
        .map(|(_, body)| body.clone())
        .collect();
    assert_eq!(patches.len(), 3, "{sent:?}");
    assert_eq!(patches[2]["count"], json!(30));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_tried_once_more_and_a_refused_one_is_not() {
    let check = async |codes: Vec<u16>, writes: usize, dropped: &str| {
        let world = world(codes);
        world.record("x").await;
        sleep(Duration::from_secs(5)).await;
        assert_eq!(world.sent().len(), writes);
        let counted = world.metric("serin_events_dropped_total");
        assert!(if dropped.is_empty() { counted.is_empty() } else { counted[0].contains(dropped) }, "{counted:?}");
    };
    check(vec![500], 2, "").await;
    check(vec![500, 503], 2, "failed").await;
    check(vec![403], 1, "refused").await;
    check(vec![500, 409], 2, "").await;
}

#[tokio::test(start_paused = true)]
async fn a_full_box_drops_and_counts_and_never_waits() {
    let world = world(vec![]);
    for n in 0..BOX + 10 {
        world.outbox.record(note(EventReason::RolloutUpdated, &n.to_string()));
    }
    assert_eq!(world.metric("serin_events_dropped_total"), [r#"serin_events_dropped_total{why="full"} 10"#]);
}

#[tokio::test(start_paused = true)]
async fn at_the_end_what_is_in_the_box_is_written() {
    let world = world(vec![]);
    world.record("a").await;
    world.record("a").await;
    world.outbox.record(note(EventReason::RolloutCompleted, "b"));
    world.stop.give();
    world.task.await.unwrap();
    let sent: Vec<String> = world.sent.lock().unwrap().iter().map(|(line, _)| line[..4].to_owned()).collect();
    assert_eq!(sent, ["POST", "POST", "PATC"]);
    world.outbox.record(note(EventReason::RolloutCompleted, "late"));
}

#[tokio::test(start_paused = true)]
async fn an_object_of_the_cluster_has_its_events_in_default_and_long_messages_are_cut() {
    let world = world(vec![]);
    let about = About::ours("ClusterAnalysisTemplate", Key::new("", &"n".repeat(250)), "u");
    world.outbox.record(EventNote { about, reason: EventReason::InvalidSpec, message: "\u{e9}".repeat(2_000) });
    sleep(Duration::from_millis(1)).await;
    let (line, event) = world.sent.lock().unwrap()[0].clone();
    assert_eq!(line, "POST /api/v1/namespaces/default/events");
    assert!(event["message"].as_str().unwrap().len() <= LONGEST_MESSAGE);
    assert!(event["message"].as_str().unwrap().ends_with("..."));
    assert!(event["metadata"]["name"].as_str().unwrap().len() <= 253);
}

#[tokio::test(start_paused = true)]
async fn what_is_remembered_of_notes_is_bounded() {
    let mut repeats = Repeats::default();
    let now = Instant::now();
    let at = "2026-01-01T00:00:00Z".parse().unwrap();
    for n in 0..20_000_u64 {
        let later = now + Duration::from_millis(n);
        repeats.step(&note(EventReason::RolloutUpdated, &n.to_string()), at, later);
    }
    assert!(repeats.len() <= 4_096, "{}", repeats.len());
}

#[tokio::test(start_paused = true)]
async fn what_is_said_within_a_second_is_one_event_and_a_warning_does_not_wait() {
    let world = world(vec![]);
    let say = |reason, message: &str| world.outbox.record(note(reason, message));
    say(EventReason::SwitchService, "switched");
    say(EventReason::TrafficWeightUpdated, "0 to 20");
    say(EventReason::SwitchService, "switched");
    sleep(Duration::from_millis(999)).await;
    assert_eq!(world.sent().len(), 0);
    say(EventReason::RolloutStepCompleted, "step 1");
    sleep(Duration::from_millis(2)).await;
    say(EventReason::ScalingReplicaSet, "scaled");
    say(EventReason::RolloutAborted, "aborted");
    sleep(Duration::from_millis(1)).await;
    let told: Vec<_> =
        world.sent.lock().unwrap().iter().map(|(_, e)| (e["reason"].clone(), e["message"].clone())).collect();
    let expect = [
        ("RolloutStepCompleted", "switched; 0 to 20; step 1"),
        ("ScalingReplicaSet", "scaled"),
        ("RolloutAborted", "aborted"),
    ];
    assert_eq!(told, expect.map(|(reason, message)| (json!(reason), json!(message))));
}
