use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use super::*;

/// An API server that holds one lease.
#[derive(Clone, Default)]
struct Server {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    lease: Option<Value>,
    version: u64,
    hangs: bool,
    fails: bool,
    writes: Vec<String>,
}

impl Server {
    fn client(&self) -> Client {
        let server = self.clone();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let server = server.clone();
            async move {
                let method = request.method().as_str().to_owned();
                let body = request.into_body().collect().await?.to_bytes();
                if server.state.lock().unwrap().hangs {
                    std::future::pending::<()>().await;
                }
                let (code, answer) = server.answer(&method, serde_json::from_slice(&body).unwrap_or_default());
                let body = Full::<bytes::Bytes>::from(answer.to_string());
                Ok::<_, tower::BoxError>(http::Response::builder().status(code).body(body)?)
            }
        });
        Client::new(service, "default")
    }

    fn answer(&self, method: &str, mut object: Value) -> (u16, Value) {
        let mut state = self.state.lock().unwrap();
        let status = |code: u16| (code, json!({"kind": "Status", "code": code, "message": "no", "reason": "x"}));
        if state.fails {
            return status(500);
        }
        match (method, &state.lease) {
            ("GET" | "PUT", None) => return status(404),
            ("GET", Some(lease)) => return (200, lease.clone()),
            ("POST", Some(_)) => return status(409),
            ("PUT", Some(lease)) if lease["metadata"]["resourceVersion"] != object["metadata"]["resourceVersion"] => {
                return status(409);
            }
            _ => {}
        }
        state.version += 1;
        object["metadata"]["resourceVersion"] = json!(state.version.to_string());
        state.writes.push(object["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned());
        state.lease = Some(object.clone());
        (200, object)
    }

    fn edit(&self, edit: impl FnOnce(&mut Value)) {
        let mut state = self.state.lock().unwrap();
        state.version += 1;
        let version = state.version.to_string();
        if let Some(lease) = &mut state.lease {
            edit(lease);
            lease["metadata"]["resourceVersion"] = json!(version);
        }
    }

    fn spec(&self) -> Value {
        self.state.lock().unwrap().lease.as_ref().map(|lease| lease["spec"].clone()).unwrap_or_default()
    }
}

struct One {
    hear: watch::Receiver<Leadership>,
    gate: WriteGate,
    stop: Shutdown,
    task: JoinHandle<()>,
}

fn candidate(server: &Server, name: &str) -> One {
    let clock = Clock::anchored("2026-01-01T00:00:00Z".parse().unwrap());
    let gate = WriteGate::closed(clock.clone());
    let stop = Shutdown::new();
    let election = Election::new("argo-rollouts", "", name.to_owned());
    let (hear, task) = elect(server.client(), clock, gate.clone(), election, stop.clone());
    One { hear, gate, stop, task }
}

impl One {
    fn leads(&self) -> bool {
        self.hear.borrow().is_leading()
    }

    fn writes(&self) -> bool {
        self.gate.check().is_ok()
    }
}

async fn secs(n: u64) {
    sleep(Duration::from_secs(n)).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_candidate_leads_and_renews_and_the_second_waits() {
    let server = Server::default();
    let first = candidate(&server, "one");
    secs(1).await;
    let second = candidate(&server, "two");
    secs(60).await;
    assert!(first.leads() && first.writes());
    assert!(!second.leads() && !second.writes());
    assert_eq!(*second.hear.borrow(), Leadership::Standby(Some("one".to_owned())));
    let spec = server.spec();
    assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(15), &json!(0)));
    assert_eq!(server.state.lock().unwrap().writes.len(), 31, "one write each two seconds");
}

#[tokio::test(start_paused = true)]
async fn a_released_lease_is_taken_at_the_next_look() {
    let server = Server::default();
    let first = candidate(&server, "one");
    secs(1).await;
    let second = candidate(&server, "two");
    secs(5).await;
    first.stop.give();
    first.task.await.unwrap();
    assert!(first.gate.check().is_err());
    secs(3).await;
    assert!(second.leads() && second.writes());
    assert_eq!(server.spec()["leaseTransitions"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_given_back_when_the_writes_under_way_have_ended_and_left_when_they_have_not() {
    let check = async |ends: bool| {
        let server = Server::default();
        let one = candidate(&server, "one");
        secs(1).await;
        let write = one.gate.enter().unwrap();
        one.stop.give();
        secs(1).await;
        assert_eq!(server.spec()["holderIdentity"], json!("one"), "a write is under way");
        assert!(!one.writes());
        let _endless = if ends {
            drop(write);
            None
        } else {
            Some(write)
        };
        one.task.await.unwrap();
        assert_eq!(server.spec()["holderIdentity"], json!(if ends { "" } else { "one" }));
    };
    check(true).await;
    check(false).await;
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_dies_is_followed_after_the_duration_of_its_lease() {
    let server = Server::default();
    let first = candidate(&server, "one");
    secs(1).await;
    let second = candidate(&server, "two");
    secs(9).await;
    first.task.abort();
    secs(12).await;
    assert!(!second.leads());
    secs(7).await;
    assert!(second.leads());
}

#[tokio::test(start_paused = true)]
async fn the_times_that_a_lease_carries_are_not_believed() {
    let server = Server::default();
    let first = candidate(&server, "one");
    secs(1).await;
    let second = candidate(&server, "two");
    for _ in 0..30 {
        server.edit(|lease| lease["spec"]["renewTime"] = json!("2001-01-01T00:00:00.000000Z"));
        secs(1).await;
    }
    assert!(first.leads() && !second.leads());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_cannot_renew_stops_writing_before_another_may_lead() {
    for hangs in [true, false] {
        let server = Server::default();
        let first = candidate(&server, "one");
        secs(3).await;
        assert!(first.writes());
        {
            let mut state = server.state.lock().unwrap();
            state.hangs = hangs;
            state.fails = !hangs;
        }
        secs(8).await;
        assert!(first.writes(), "a short outage is survived");
        secs(4).await;
        assert!(!first.writes());
        secs(4).await;
        assert!(!first.leads());
        {
            let mut state = server.state.lock().unwrap();
            state.hangs = false;
            state.fails = false;
        }
        secs(5).await;
        assert!(first.leads() && first.writes(), "the lease is still ours");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_taken_away_ends_the_leadership_at_once() {
    let server = Server::default();
    let first = candidate(&server, "one");
    secs(1).await;
    server.edit(|lease| lease["spec"]["holderIdentity"] = json!("argo"));
    secs(2).await;
    assert!(!first.leads() && !first.writes());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_edited_is_renewed_and_a_deleted_one_made_again() {
    let server = Server::default();
    let first = candidate(&server, "one");
    secs(1).await;
    server.edit(|lease| lease["metadata"]["labels"] = json!({"a": "b"}));
    secs(2).await;
    assert!(first.leads());
    assert_eq!(server.state.lock().unwrap().lease.as_ref().unwrap()["metadata"]["labels"], json!({"a": "b"}));
    server.state.lock().unwrap().lease = None;
    secs(2).await;
    assert!(first.leads() && first.writes());
    assert_eq!(server.spec()["holderIdentity"], json!("one"));
}

#[tokio::test(start_paused = true)]
async fn two_candidates_never_write_at_the_same_time_whatever_fails() {
    let server = Server::default();
    let candidates = [candidate(&server, "one"), candidate(&server, "two"), candidate(&server, "three")];
    for second in 0_u64..400 {
        {
            let mut state = server.state.lock().unwrap();
            state.fails = second % 53 > 35;
            state.hangs = second % 71 > 50;
            if second % 97 == 0 {
                state.lease = state.lease.take().filter(|_| second % 2 == 0);
            }
        }
        secs(1).await;
        let leaders = candidates.iter().filter(|one| one.leads()).count();
        let writers = candidates.iter().filter(|one| one.writes()).count();
        assert!(writers <= 1, "{writers} writers, {leaders} leaders at {second} s");
    }
}

#[test]
fn an_identity_tells_processes_apart() {
    let at = |text: &str| text.parse().unwrap();
    let one = identity("pod-1", 1, at("2026-01-01T00:00:00Z"));
    assert!(one.starts_with("pod-1_"));
    assert_eq!(one, identity("pod-1", 1, at("2026-01-01T00:00:00Z")));
    assert_ne!(one, identity("pod-1", 1, at("2026-01-01T00:00:01Z")));
    assert_ne!(one, identity("pod-1", 2, at("2026-01-01T00:00:00Z")));
}

#[test]
fn the_lease_carries_the_instance_id() {
    assert_eq!(Election::new("ns", "", String::new()).name, "argo-rollouts-controller-lock");
    assert_eq!(Election::new("ns", "blue", String::new()).name, "argo-rollouts-controller-lock-blue");
}
