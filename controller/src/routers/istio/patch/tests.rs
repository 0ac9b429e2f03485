use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Cause, aborted_revision, weight_patch};
use crate::core::weight::Weight;
use crate::routers::istio::route::{Target, observe};

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

fn applied(object: &Value, patch: &[Value]) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(json!(patch)).expect("a JSON Patch");
    let mut changed = object.clone();
    json_patch::patch(&mut changed, &patch).expect("the tests hold");
    changed
}

#[test]
fn a_split_that_is_right_needs_no_patch() {
    let object = object(80, 20);
    let seen = observe(&object, &target()).expect("steerable");
    assert_eq!(weight_patch(&object, &seen, Weight::clamped(20), &Cause::Raise), None);
}

#[test]
fn a_raise_rests_on_the_version_and_a_lowering_only_on_the_destinations() {
    let object = object(80, 20);
    let seen = observe(&object, &target()).expect("steerable");
    let raise = weight_patch(&object, &seen, Weight::clamped(50), &Cause::Raise).expect("a patch");
    assert!(raise.contains(&json!({"op": "test", "path": "/metadata/resourceVersion", "value": "7"})));
    let lower = weight_patch(&object, &seen, Weight::ZERO, &Cause::Lower).expect("a patch");
    assert!(lower.iter().all(|op| op["path"] != "/metadata/resourceVersion"));
}

#[test]
fn an_abort_leaves_a_mark_that_the_next_raise_removes() {
    let object = object(80, 20);
    let seen = observe(&object, &target()).expect("steerable");
    let cause = Cause::Abort { hash: "abc".into(), reason: "error rate: 7 %".into() };
    let aborted = applied(&object, &weight_patch(&object, &seen, Weight::ZERO, &cause).expect("a patch"));
    assert_eq!(aborted_revision(&aborted), Some(("abc", "error rate: 7 %")));
    let seen = observe(&aborted, &target()).expect("steerable");
    assert_eq!(weight_patch(&aborted, &seen, Weight::ZERO, &cause), None, "an abort that is done writes nothing");
    let retried = applied(&aborted, &weight_patch(&aborted, &seen, Weight::ZERO, &Cause::Raise).expect("a patch"));
    assert_eq!(aborted_revision(&retried), None);
}

proptest! {
    #[test]
    fn nothing_but_our_weights_changes_and_they_sum_to_one_hundred(
        stable in -50i64..200, canary in -50i64..200, wanted in 0i64..=100,
    ) {
        let before = object(stable, canary);
        let seen = observe(&before, &target()).expect("steerable");
        let wanted = Weight::clamped(wanted);
        let after = match weight_patch(&before, &seen, wanted, &Cause::Raise) {
            Some(patch) => applied(&before, &patch),
            None => before.clone(),
        };
        let route = &after["spec"]["http"][0]["route"];
        prop_assert_eq!(route[1]["weight"].as_i64(), Some(wanted.percent()));
        prop_assert_eq!(route[0]["weight"].as_i64(), Some(100 - wanted.percent()));
        let mut masked = after.clone();
        masked["spec"]["http"][0]["route"] = before["spec"]["http"][0]["route"].clone();
        prop_assert_eq!(masked, before);
    }
}
