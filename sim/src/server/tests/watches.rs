//! Watches: what they show, where they resume, how they end.

use std::time::Duration;

use futures::{Stream, StreamExt};
use http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{MERGE, ROLLOUTS, made, patch, rollout, server};
use crate::server::{Key, SimServer};

/// Opens a watch and returns its lines, as type, name and version.
pub(super) async fn watch(
    server: &SimServer,
    query: &str,
) -> impl Stream<Item = (String, String, u64)> + Unpin + use<> {
    let request = Request::get(format!("{ROLLOUTS}?watch=true&{query}")).body(bytes::Bytes::new()).unwrap();
    let response = server.door("watcher").answer(request).await.unwrap();
    assert_eq!(response.status(), 200);
    Box::pin(response.into_body().into_data_stream().map(|line| {
        let line: Value = serde_json::from_slice(&line.unwrap()).unwrap();
        let metadata = &line["object"]["metadata"];
        let version = metadata["resourceVersion"].as_str().and_then(|version| version.parse().ok()).unwrap_or_default();
        let name = metadata["name"].as_str().or(line["object"]["reason"].as_str()).unwrap_or_default();
        (line["type"].as_str().unwrap().to_owned(), name.to_owned(), version)
    }))
}

pub(super) async fn next(lines: &mut (impl Stream<Item = (String, String, u64)> + Unpin)) -> (String, String) {
    let line = tokio::time::timeout(Duration::from_secs(1), lines.next()).await;
    line.map_or(("silence".into(), String::new()), |line| {
        line.map_or(("end".into(), String::new()), |(of, name, _)| (of, name))
    })
}

pub(super) fn said(of: &str, name: &str) -> (String, String) {
    (of.to_owned(), name.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_watch_resumes_after_the_version_it_names() {
    let server = server();
    let first = made(&server, ROLLOUTS, rollout("a")).await;
    made(&server, ROLLOUTS, rollout("b")).await;
    let version = first["metadata"]["resourceVersion"].as_str().unwrap();
    let mut lines = watch(&server, &format!("resourceVersion={version}")).await;
    assert_eq!(next(&mut lines).await, said("ADDED", "b"));
    patch(&server, &format!("{ROLLOUTS}/a"), MERGE, json!({"spec": {"replicas": 1}})).await;
    server.as_user("x").delete("rollouts", &Key::new("default", "b")).unwrap();
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"));
    let (of, name, version) = lines.next().await.unwrap();
    assert_eq!(
        ((of, name), version),
        (said("DELETED", "b"), server.revision()),
        "the end of an object has a version of its own"
    );
    assert_eq!(next(&mut lines).await, said("silence", ""));
}

#[tokio::test(start_paused = true)]
async fn a_selector_sees_objects_come_and_go() {
    let server = server();
    made(&server, ROLLOUTS, rollout("a")).await;
    let mut lines = watch(&server, &format!("labelSelector=on&resourceVersion={}", server.revision())).await;
    for (label, expect) in [(json!("1"), "ADDED"), (json!("2"), "MODIFIED"), (Value::Null, "DELETED")] {
        patch(&server, &format!("{ROLLOUTS}/a"), MERGE, json!({"metadata": {"labels": {"on": label}}})).await;
        assert_eq!(next(&mut lines).await, said(expect, "a"));
    }
    let mut elsewhere = watch(&server, "fieldSelector=metadata.name%3Dz&resourceVersion=0").await;
    assert_eq!(next(&mut elsewhere).await, said("silence", ""));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_was_forgotten_is_refused_within_the_stream() {
    let server = server();
    let first = made(&server, ROLLOUTS, rollout("a")).await;
    let version = first["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    server.remember(10, 2);
    for name in ["b", "c", "d"] {
        made(&server, ROLLOUTS, rollout(name)).await;
    }
    let mut lines = watch(&server, &format!("resourceVersion={version}")).await;
    assert_eq!((next(&mut lines).await, next(&mut lines).await), (said("ERROR", "Expired"), said("end", "")));
    let mut open = watch(&server, &format!("resourceVersion={}", server.revision())).await;
    server.forget("rollouts");
    assert_eq!(next(&mut open).await, said("silence", ""), "one who is up to date is not disturbed");
    assert_eq!(server.writes().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn bookmarks_tell_how_far_the_watch_has_come() {
    let server = server();
    let from = server.revision();
    let mut lines = watch(&server, &format!("resourceVersion={from}&allowWatchBookmarks=true&timeoutSeconds=90")).await;
    server.create_namespace("unrelated").unwrap();
    let start = crate::server::tokio_now();
    let (of, _, version) = lines.next().await.unwrap();
    assert_eq!((of.as_str(), version, start.elapsed()), ("BOOKMARK", server.revision(), Duration::from_secs(60)));
    assert_eq!(lines.next().await.unwrap().0, "BOOKMARK", "and once more at its end");
    assert_eq!((lines.next().await, start.elapsed()), (None, Duration::from_secs(90)));
}

#[tokio::test(start_paused = true)]
async fn a_lagging_watch_shows_everything_late_and_in_order() {
    let server = server();
    server.faults().set_lag("rollouts", Duration::from_secs(5));
    let mut lines = watch(&server, &format!("resourceVersion={}", server.revision())).await;
    let start = crate::server::tokio_now();
    made(&server, ROLLOUTS, rollout("a")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    made(&server, ROLLOUTS, rollout("b")).await;
    assert_eq!(lines.next().await.unwrap().1, "a");
    assert_eq!(start.elapsed(), Duration::from_secs(5));
    assert_eq!(lines.next().await.unwrap().1, "b");
    assert_eq!(start.elapsed(), Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_cut_ends_without_a_word() {
    let server = server();
    let mut lines = watch(&server, &format!("resourceVersion={}", server.revision())).await;
    assert_eq!(next(&mut lines).await, said("silence", ""));
    server.faults().cut_watches();
    assert_eq!(next(&mut lines).await, said("end", ""));
}

#[tokio::test(start_paused = true)]
async fn all_namespaces_can_be_watched_at_once() {
    let server = server();
    server.create_namespace("other").unwrap();
    let path = format!("/apis/argoproj.io/v1alpha1/rollouts?watch=true&resourceVersion={}", server.revision());
    let request = Request::get(path).body(bytes::Bytes::new()).unwrap();
    let mut lines = server.door("w").answer(request).await.unwrap().into_body().into_data_stream();
    let mut mine = watch(&server, &format!("resourceVersion={}", server.revision())).await;
    let mut object = rollout("a");
    object["metadata"]["namespace"] = "other".into();
    server.as_user("x").create(object).unwrap();
    let line: Value = serde_json::from_slice(&lines.next().await.unwrap().unwrap()).unwrap();
    assert_eq!(line["object"]["metadata"]["namespace"], "other");
    assert_eq!(next(&mut mine).await, said("silence", ""));
}

#[tokio::test(start_paused = true)]
async fn one_who_follows_from_inside_misses_nothing() {
    let server = server();
    let (mut follower, there) = server.as_user("x").follow("rollouts").unwrap();
    assert_eq!((there.len(), follower.drain().len()), (0, 0));
    for name in ["a", "b", "c"] {
        server.as_user("x").create(rollout(name)).unwrap();
    }
    follower.changed().await;
    assert_eq!(follower.drain().len(), 3);
    server.remember(10, 2);
    for name in ["d", "e", "f"] {
        server.as_user("x").create(rollout(name)).unwrap();
    }
    assert_eq!(follower.drain().len(), 6, "more than is remembered: everything comes again");
}
