use std::collections::VecDeque;
use std::sync::Mutex;

use futures::FutureExt as _;
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use serde_json::{Value, json};

use super::super::key::Key;
use super::super::projection::{ReplicaSetRow, VirtualServiceRow};
use super::super::reading::Reading;
use super::super::store::{Followed as _, Sync};
use super::*;

type Script = Arc<Mutex<VecDeque<(u16, String)>>>;
type Told = Arc<Mutex<Vec<String>>>;

struct World {
    asked: Arc<Mutex<Vec<String>>>,
    told: Told,
    store: Arc<Store<ReplicaSetRow>>,
}

/// Follows `ReplicaSets` of an API server that gives these answers, one after the other, and then none.
fn follow_script(answers: Vec<(u16, String)>) -> World {
    let script: Script = Arc::new(Mutex::new(answers.into()));
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = asked.clone();
    let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
        log.lock().unwrap().push(request.uri().to_string());
        let next = script.lock().unwrap().pop_front();
        async move {
            let Some((status, body)) = next else {
                return std::future::pending().await;
            };
            let body: BoxBody<bytes::Bytes, std::convert::Infallible> = Full::from(body).boxed();
            Ok::<_, tower::BoxError>(http::Response::builder().status(status).body(body)?)
        }
    });
    let clock = Clock::system();
    let store = Store::new(clock.clone());
    let told = Told::default();
    let log = told.clone();
    let scope = Scope::of::<ReplicaSetRow>(Some("shop")).with_labels("rollouts-pod-template-hash");
    let listener = Listener::new(move |change: &Change<ReplicaSetRow>| {
        let sign = if change.new.is_some() { '+' } else { '-' };
        log.lock().unwrap().push(format!("{sign}{}", change.key().name()));
    });
    follow(Client::new(service, "default"), clock, scope, store.clone(), listener);
    World { asked, told, store }
}

fn object(name: &str, version: u32) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name, "resourceVersion": version.to_string()}})
}

fn list(items: &[Value], version: u32, next: &str) -> (u16, String) {
    let meta = json!({"resourceVersion": version.to_string(), "continue": next});
    (200, json!({"kind": "ReplicaSetList", "items": items, "metadata": meta}).to_string())
}

/// A watch whose lines name the object before the type, which is legal JSON.
fn events(events: &[(&str, Value)]) -> (u16, String) {
    let lines = events.iter().map(|(kind, object)| format!("{{\"object\":{object},\"type\":\"{kind}\"}}\n"));
    (200, lines.collect())
}

fn failure(code: u16) -> (u16, String) {
    let reason = if code == 404 { "NotFound" } else { "Other" };
    (code, json!({"kind": "Status", "status": "Failure", "code": code, "message": "no", "reason": reason}).to_string())
}

impl World {
    async fn after(&self, seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    fn held(&self) -> Vec<String> {
        let mut names: Vec<String> =
            self.store.all().iter().map(|object| format!("{}@{}", object.key().name(), object.version())).collect();
        names.sort();
        names
    }

    fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_in_pages_and_the_events_after_it_fill_the_store() {
    let world = follow_script(vec![
        list(&[object("a", 1)], 5, "token"),
        list(&[object("b", 2)], 5, ""),
        events(&[("ADDED", object("c", 6)), ("MODIFIED", object("a", 7)), ("DELETED", object("b", 8))]),
        events(&[("BOOKMARK", object("", 99))]),
    ]);
    world.after(10).await;
    assert_eq!(world.held(), ["a@7", "c@6"]);
    assert_eq!(world.told(), ["+a", "+b", "+c", "+a", "-b"]);
    let asked = world.asked.lock().unwrap().clone();
    assert!(asked[0].starts_with("/apis/apps/v1/namespaces/shop/replicasets?"), "{asked:?}");
    assert!(asked[0].contains("limit=100") && asked[0].contains("labelSelector=rollouts-pod-template-hash"));
    assert!(asked[1].contains("continue=token"));
    assert!(asked[2].contains("watch=true") && asked[2].contains("resourceVersion=5"));
    assert!(asked[2].contains("timeoutSeconds=50") && asked[2].contains("allowWatchBookmarks=true"));
    assert!(asked[3].contains("resourceVersion=8"));
    assert!(asked[4].contains("resourceVersion=99"), "a bookmark moves the watch on: {asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_version_that_is_gone_is_listed_again_and_what_vanished_is_told() {
    let gone = json!({"code": 410, "message": "too old"});
    for refusal in [events(&[("ERROR", gone.clone())]), failure(410)] {
        let world = follow_script(vec![
            list(&[object("a", 1), object("b", 2)], 5, ""),
            refusal,
            list(&[object("a", 1), object("c", 8)], 9, ""),
        ]);
        world.after(10).await;
        assert_eq!(world.held(), ["a@1", "c@8"]);
        assert_eq!(world.told(), ["+a", "+b", "+a", "+c", "-b"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_is_not_served_says_so_settles_and_is_found_when_it_comes() {
    let mut answers = vec![failure(404); 4];
    answers.push(list(&[object("a", 1)], 5, ""));
    let world = follow_script(answers);
    world.after(1).await;
    let why = world.store.get(&Key::new("shop", "a")).why_unreadable().map(str::to_owned);
    assert_eq!(why.as_deref(), Some("the API server does not serve replicasets.apps in version v1"));
    assert!(world.store.is_settled());
    world.after(10).await;
    assert!(world.store.get(&Key::new("shop", "a")).is_seen());
}

#[tokio::test(start_paused = true)]
async fn a_right_that_is_missing_is_named() {
    let world = follow_script(vec![failure(403)]);
    world.after(1).await;
    let expect = "not allowed to list and watch replicasets.apps: no".to_owned();
    assert_eq!(world.store.sync(), Sync::Unavailable(expect));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_lasts_a_moment_changes_nothing_for_a_kind_that_was_followed() {
    for code in [403, 404] {
        let world = follow_script(vec![list(&[object("a", 1)], 5, ""), failure(code), failure(code)]);
        for _ in 0..20 {
            sleep(Duration::from_millis(50)).await;
            assert!(world.store.get(&Key::new("shop", "a")).is_seen(), "{code}");
            assert!(world.store.get(&Key::new("shop", "b")).is_absent(), "{code}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_persists_is_named_and_the_cache_is_no_longer_believed() {
    let mut answers = vec![list(&[object("a", 1)], 5, "")];
    answers.extend(vec![failure(403); 20]);
    let world = follow_script(answers);
    world.after(70).await;
    assert!(world.store.get(&Key::new("shop", "a")).is_seen());
    world.after(6).await;
    let reading = world.store.get(&Key::new("shop", "a"));
    let why = reading.why_unreadable().unwrap_or_default();
    assert!(why.ends_with("not allowed to list and watch replicasets.apps: no"), "{why}");
    world.after(60).await;
    assert!(matches!(world.store.sync(), Sync::Unavailable(_)));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_comes_back_after_too_long_lists_again_before_it_is_believed() {
    let mut answers = vec![list(&[object("a", 1)], 5, "")];
    answers.extend(vec![failure(500); 9]);
    answers.push(list(&[object("a", 8)], 9, ""));
    let world = follow_script(answers);
    world.after(80).await;
    assert!(!world.store.get(&Key::new("shop", "a")).is_seen());
    world.after(60).await;
    let asked = world.asked.lock().unwrap().clone();
    assert!(asked[9].contains("watch=true") && !asked[10].contains("watch=true"), "{asked:?}");
    assert_eq!(world.held(), ["a@8"]);
    assert!(world.store.get(&Key::new("shop", "a")).is_seen());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_only_fails_does_not_hold_up_the_others_for_ever() {
    let world = follow_script(vec![failure(500); 20]);
    world.after(20).await;
    assert!(!world.store.is_settled());
    world.after(60).await;
    assert!(matches!(world.store.sync(), Sync::Unavailable(why) if why.contains("500 no")));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_at_once_is_not_opened_in_a_hot_loop() {
    let mut answers = vec![list(&[], 5, "")];
    answers.extend(vec![events(&[]); 50]);
    let world = follow_script(answers);
    world.after(60).await;
    let asked = world.asked.lock().unwrap().len();
    assert!((5..15).contains(&asked), "{asked} requests");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_is_opened_again() {
    let world = follow_script(vec![list(&[], 5, "")]);
    world.after(40).await;
    assert_eq!(world.asked.lock().unwrap().len(), 3, "no answer to the watch in 30 s");
}

#[tokio::test(start_paused = true)]
async fn one_object_that_cannot_be_decoded_spoils_nothing_else() {
    let bad =
        json!({"metadata": {"namespace": "shop", "name": "bad", "resourceVersion": "3"}, "spec": {"replicas": "x"}});
    let world = follow_script(vec![list(&[object("a", 1), bad, object("b", 2)], 5, "")]);
    world.after(1).await;
    assert_eq!(world.held(), ["a@1", "b@2"]);
    let reading = world.store.get(&Key::new("shop", "bad"));
    assert!(reading.why_unreadable().is_some_and(|why| why.starts_with("ReplicaSet shop/bad cannot be decoded")));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_decoded_is_told_gone_when_it_goes() {
    let bad = |version: u32| json!({"metadata": {"namespace": "shop", "name": "bad", "resourceVersion": version.to_string()}, "spec": 1});
    let events = events(&[("MODIFIED", bad(6)), ("DELETED", bad(7)), ("ADDED", bad(8)), ("DELETED", bad(9))]);
    let world = follow_script(vec![list(&[object("bad", 1)], 5, ""), events]);
    world.after(1).await;
    assert_eq!(world.told(), ["+bad", "-bad", "-bad"]);
    assert!(world.store.get(&Key::new("shop", "bad")).is_absent());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_cannot_be_decoded_and_is_missing_from_the_next_list_is_told_gone() {
    let bad = json!({"metadata": {"namespace": "shop", "name": "bad", "resourceVersion": "3"}, "spec": 1});
    let world = follow_script(vec![list(&[bad], 5, ""), failure(410), list(&[], 9, "")]);
    world.after(10).await;
    assert_eq!(world.told(), ["-bad"]);
    assert!(world.store.get(&Key::new("shop", "bad")).is_absent());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_goes_back_in_time_is_refused_until_it_persists() {
    let mut answers = vec![list(&[object("a", 90)], 100, ""), failure(410)];
    answers.extend(vec![list(&[object("a", 10)], 20, ""); 4]);
    let world = follow_script(answers);
    world.after(1).await;
    assert_eq!(world.held(), ["a@90"]);
    world.after(10).await;
    assert_eq!(world.held(), ["a@10"]);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_receiver_of_changes_does_not_end_the_watch() {
    let clock = Clock::system();
    let store = Store::<ReplicaSetRow>::new(clock.clone());
    let body = list(&[object("a", 1), object("b", 2)], 5, "").1;
    let service = tower::service_fn(move |_| {
        let body = body.clone();
        async move { Ok::<_, tower::BoxError>(http::Response::new(Full::<bytes::Bytes>::from(body))) }
    });
    let scope = Scope::of::<ReplicaSetRow>(None);
    follow(Client::new(service, "default"), clock, scope, store.clone(), Listener::new(|_| panic!("no")));
    sleep(Duration::from_millis(10)).await;
    assert_eq!(store.len(), 2);
    assert!(matches!(store.get(&Key::new("shop", "b")), Reading::Seen(_)));
}

#[test]
fn the_instance_label_selects_ours_or_nobodys() {
    let labels = |id| Scope::of::<ReplicaSetRow>(None).of_instance(id).labels.unwrap();
    assert_eq!(labels(""), "!argo-rollouts.argoproj.io/controller-instance-id");
    assert_eq!(labels("blue"), "argo-rollouts.argoproj.io/controller-instance-id=blue");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_always_gone_does_not_list_in_a_hot_loop() {
    let mut answers = Vec::new();
    for _ in 0..50 {
        answers.extend([list(&[], 5, ""), failure(410)]);
    }
    let world = follow_script(answers);
    world.after(30).await;
    let asked = world.asked.lock().unwrap().len();
    assert!((10..50).contains(&asked), "{asked} requests");
}

#[tokio::test(start_paused = true)]
async fn whoever_wants_some_bodies_only_is_asked_once_it_can_tell_and_the_rest_is_never_kept() {
    let clock = Clock::system();
    let store = Store::<VirtualServiceRow>::new(clock.clone());
    let body = list(&[object("a", 1), object("b", 2)], 5, "").1;
    let service = tower::service_fn(move |_| {
        let body = body.clone();
        async move { Ok::<_, tower::BoxError>(http::Response::new(Full::<bytes::Bytes>::from(body))) }
    });
    let ready = sleep(Duration::from_secs(1)).boxed().shared();
    let listener = Listener::new(|_| {}).wanting(|route: &VirtualServiceRow| route.key().name() == "a", ready);
    let scope = Scope::of::<VirtualServiceRow>(None);
    follow(Client::new(service, "default"), clock, scope, store.clone(), listener);
    sleep(Duration::from_millis(999)).await;
    assert_eq!(store.len(), 0);
    sleep(Duration::from_millis(2)).await;
    assert!(store.get(&Key::new("shop", "a")).is_seen());
    assert!(store.has_to_be_read(&Key::new("shop", "b")));
}
