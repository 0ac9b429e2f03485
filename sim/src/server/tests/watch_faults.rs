//! Watches that misbehave, and writes that meet somebody else's.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    MERGE, ROLLOUTS, expect, made, patch, rollout, server,
    watches::{next, said, watch},
};
use crate::server::{
    Key, SimServer,
    faults::{Fault, WatchFaults},
};

/// A watch of a server with the Rollout `a`, whose watches misbehave.
async fn misbehaving(
    faults: impl FnOnce(&mut WatchFaults),
) -> (SimServer, impl futures::Stream<Item = (String, String, u64)> + Unpin) {
    let server = server();
    made(&server, ROLLOUTS, rollout("a")).await;
    let lines = watch(&server, &format!("resourceVersion={}&allowWatchBookmarks=true", server.revision())).await;
    server.faults().watches("rollouts", faults);
    (server, lines)
}

async fn scale(server: &SimServer, replicas: i64) {
    patch(server, &format!("{ROLLOUTS}/a"), MERGE, json!({"spec": {"replicas": replicas}})).await;
}

#[tokio::test(start_paused = true)]
async fn changes_that_are_told_together_show_only_how_each_object_ends() {
    let (server, mut lines) = misbehaving(|faults| faults.coalesce = Duration::from_secs(5)).await;
    scale(&server, 1).await;
    made(&server, ROLLOUTS, rollout("b")).await;
    scale(&server, 2).await;
    server.as_user("x").delete("rollouts", &Key::new("default", "b")).unwrap();
    assert_eq!(next(&mut lines).await, said("silence", ""), "the span is not over");
    tokio::time::advance(Duration::from_secs(4)).await;
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"));
    assert_eq!(next(&mut lines).await, said("silence", ""), "who came and went was never seen");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_repeats_itself_tells_everything_twice() {
    let (server, mut lines) = misbehaving(|faults| faults.repeat = true).await;
    scale(&server, 1).await;
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"));
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"));
    assert_eq!(next(&mut lines).await, said("silence", ""));
}

#[tokio::test(start_paused = true)]
async fn a_silent_watch_gives_not_even_bookmarks_and_goes_on_where_it_was() {
    let until = crate::server::tokio_now() + Duration::from_secs(290);
    let (server, mut lines) = misbehaving(|faults| faults.silent = Some(until)).await;
    scale(&server, 1).await;
    tokio::time::advance(Duration::from_secs(288)).await;
    assert_eq!(next(&mut lines).await, said("silence", ""));
    tokio::time::advance(Duration::from_secs(2)).await;
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_shown_once_enough_newer_ones_were_made() {
    let lag = |faults: &mut WatchFaults| (faults.lag, faults.events) = (Duration::from_secs(60), Some(2));
    let (server, mut lines) = misbehaving(lag).await;
    for replicas in 1..=3 {
        scale(&server, replicas).await;
    }
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"), "two newer ones were made");
    assert_eq!(next(&mut lines).await, said("silence", ""), "the others wait");
    server.faults().watches("rollouts", |faults| *faults = WatchFaults::default());
    assert_eq!(next(&mut lines).await, said("MODIFIED", "a"), "an open watch notices that it is in time again");
}

#[tokio::test(start_paused = true)]
async fn a_rival_writes_first_and_a_write_that_rests_on_the_version_before_is_refused() {
    let server = server();
    let first = made(&server, ROLLOUTS, rollout("a")).await;
    server.faults().set(|call| if call.verb.writes() { Fault::Rival } else { Fault::None });
    let version = &first["metadata"]["resourceVersion"];
    let on_version = json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": 7}});
    expect(&patch(&server, &format!("{ROLLOUTS}/a"), MERGE, on_version).await, 409, "Conflict");
    let stored = server.as_user("x").get("rollouts", &Key::new("default", "a")).unwrap();
    assert!(stored.pointer("/metadata/annotations/example.com~1note").is_some_and(Value::is_string), "{stored}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_changes_what_is_stored_and_answered_and_a_patch_that_does_not_apply_changes_nothing() {
    let server = server();
    server.webhook("rollouts", json!([{"op": "replace", "path": "/spec/replicas", "value": 3}]));
    server.webhook("rollouts", json!([{"op": "replace", "path": "/spec/nowhere", "value": 3}]));
    assert_eq!(made(&server, ROLLOUTS, rollout("a")).await["spec"]["replicas"], 3);
    scale(&server, 9).await;
    let stored = server.as_user("x").get("rollouts", &Key::new("default", "a")).unwrap();
    assert_eq!(stored["spec"]["replicas"], 3);
}
