use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Mark, moved};
use crate::core::plan::{Move, Way};
use crate::core::stage::Attempt;
use crate::core::weight::Weight;
use crate::routers::istio::managed::Edits;
use crate::routers::istio::route::{Target, pick};
use crate::routers::marked;
use crate::runtime::key::Key;

fn target() -> Target {
    Target { canary_service: "c".into(), stable_service: "s".into(), ..Target::default() }
}

fn object(stable: i64, canary: i64) -> Value {
    json!({
        "metadata": {"name": "web", "resourceVersion": "7"},
        "spec": {"hosts": ["web"], "unknown": {"kept": [1, 2]}, "http": [{
            "retries": {"attempts": 3}, "headers": {"request": {"add": {"x": "y"}}},
            "route": [{"destination": {"host": "s"}, "weight": stable}, {"destination": {"host": "c"}, "weight": canary}],
        }]},
    })
}

fn key() -> Key {
    Key::new("shop", "web")
}

fn abort() -> Way {
    Way::Abort { attempt: Attempt { revision: 2, hash: "abc".into() }, reason: "error rate: 7 %".into() }
}

/// The patch that moves traffic on an object.
fn patch(object: &Value, to: i64, way: Way) -> Option<Vec<Value>> {
    let routes = pick(object, &target()).expect("steerable");
    let key = key();
    let to = Weight::clamped(to);
    let change = Move { from: to, to, managed: Vec::new(), way };
    moved(object, &routes, &change, (Edits::default(), Mark { rollout: &key, on: &key }))
}

fn applied(object: &Value, patch: &[Value]) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(json!(patch)).expect("a JSON Patch");
    let mut changed = object.clone();
    json_patch::patch(&mut changed, &patch).expect("the tests hold");
    changed
}

#[test]
fn a_split_that_is_right_needs_no_patch() {
    assert_eq!(patch(&object(80, 20), 20, Way::Up), None);
}

#[test]
fn a_raise_rests_on_the_version_and_a_lowering_only_on_the_destinations() {
    let version = json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"});
    assert!(patch(&object(80, 20), 50, Way::Up).expect("a patch").contains(&version));
    assert!(!patch(&object(80, 20), 0, Way::Down).expect("a patch").contains(&version));
}

#[test]
fn a_lowering_lifts_no_lower_route_and_takes_no_mark_away() {
    let mut uneven = object(60, 40);
    let second = object(100, 0)["spec"]["http"][0].clone();
    uneven["spec"]["http"][0]["name"] = json!("a");
    uneven["spec"]["http"].as_array_mut().unwrap().push(second);
    uneven["spec"]["http"][1]["name"] = json!("b");
    let mut both = target();
    both.http = vec!["a".into(), "b".into()];
    let routes = pick(&uneven, &both).expect("steerable");
    let key = key();
    let to = Weight::clamped(20);
    let change = Move { from: Weight::clamped(40), to, managed: Vec::new(), way: abort() };
    let after = applied(
        &uneven,
        &moved(&uneven, &routes, &change, (Edits::default(), Mark { rollout: &key, on: &key })).unwrap(),
    );
    assert_eq!(after["spec"]["http"][0]["route"][1]["weight"], json!(20));
    assert_eq!(after["spec"]["http"][1], uneven["spec"]["http"][1], "the lower route stays as it is");
    assert!(marked(&after, &key).is_some());
    assert_eq!(patch(&applied(&object(80, 20), &patch(&object(80, 20), 0, abort()).unwrap()), 0, Way::Down), None);
}

#[test]
fn an_abort_leaves_a_mark_that_the_next_raise_removes() {
    let mut object = object(80, 20);
    object["metadata"]["annotations"] = json!({"owner": "kept"});
    let ops = patch(&object, 0, abort()).expect("a patch");
    assert!(ops.iter().all(|op| op["path"] != "/metadata/resourceVersion"), "nobody's unrelated write delays it");
    let aborted = applied(&object, &ops);
    let attempt = Attempt { revision: 2, hash: "abc".into() };
    assert_eq!(marked(&aborted, &key()), Some((attempt, "error rate: 7 %".to_owned())));
    assert_eq!(patch(&aborted, 0, abort()), None, "an abort that is done writes nothing");
    let retried = applied(&aborted, &patch(&aborted, 0, Way::Up).expect("a patch"));
    assert_eq!(marked(&retried, &key()), None);
    assert_eq!(retried["metadata"]["annotations"]["owner"], json!("kept"));
}

#[test]
fn where_there_is_no_annotation_the_mark_wipes_none_that_came_in_between() {
    let ops = patch(&object(80, 20), 0, abort()).expect("a patch");
    assert_eq!(ops[0], json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"}));
}

#[test]
fn a_mark_without_a_namespace_is_of_the_namespace_that_it_stands_in() {
    let check = |namespace: &str, text: &str, ours: bool| {
        let object = json!({"metadata": {
            "namespace": namespace, "annotations": {"rollouts.serin.dev/aborted-revision": text},
        }});
        assert_eq!(marked(&object, &key()).is_some(), ours, "{namespace} {text:?}");
    };
    check("shop", "web 2 abc: why", true);
    check("mesh", "web 2 abc: why", false);
    check("mesh", "shop/web 2 abc: why", true);
    check("mesh", "other/web 2 abc: why", false);
}

#[test]
fn the_mark_of_another_rollout_or_attempt_is_not_ours() {
    let mut object = object(80, 20);
    for text in ["other 2 abc: why", "web abc: why", "abc: why", "web", ""] {
        object["metadata"]["annotations"] = json!({"rollouts.serin.dev/aborted-revision": text});
        assert_eq!(marked(&object, &key()), None, "{text:?}");
    }
}

proptest! {
    #[test]
    fn nothing_but_our_weights_changes_and_they_sum_to_one_hundred(
        stable in -50i64..200, canary in -50i64..200, wanted in 0i64..=100,
    ) {
        let before = object(stable, canary);
        let after = match patch(&before, wanted, Way::Up) {
            Some(ops) => applied(&before, &ops),
            None => before.clone(),
        };
        let route = &after["spec"]["http"][0]["route"];
        prop_assert_eq!(route[1]["weight"].as_i64(), Some(wanted));
        prop_assert_eq!(route[0]["weight"].as_i64(), Some(100 - wanted));
        let mut masked = after.clone();
        masked["spec"]["http"][0]["route"] = before["spec"]["http"][0]["route"].clone();
        prop_assert_eq!(masked, before);
    }
}
