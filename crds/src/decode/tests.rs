#![allow(clippy::needless_pass_by_value, reason = "tables read better without references")]

use serde_json::{Value, json};

use super::*;
use crate::rollout::{Rollout, RolloutSpec};

fn check(object: Value, expect: &str) {
    let fault = decode::<Rollout>(object).expect_err(expect);
    assert_eq!(fault.to_string(), expect);
}

#[test]
fn a_field_that_does_not_fit_is_named_with_its_path_and_value() {
    check(
        json!({"spec": {"replicas": "ten"}}),
        "spec.replicas is \"ten\"; it must be a whole number from -2147483648 to 2147483647",
    );
    check(
        json!({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 5}, {"setWeight": [1]}]}}}}),
        "spec.strategy.canary.steps[1].setWeight is [1]; it must be a whole number from -2147483648 to 2147483647",
    );
    check(json!({"spec": {"paused": "yes"}}), "spec.paused is \"yes\"; it must be true or false");
    check(
        json!({"spec": {"strategy": {"canary": {"steps": {"setWeight": 5}}}}}),
        "spec.strategy.canary.steps is {\"setWeight\":5}; it must be a list",
    );
    check(json!({"spec": {"strategy": 1}}), "spec.strategy is 1; it must be an object");
    check(
        json!({"spec": {"strategy": {"canary": {"maxSurge": true, "canaryService": false}}}}),
        "spec.strategy.canary.canaryService is false; it must be a string",
    );
    check(
        json!({"spec": {"strategy": {"canary": {"maxSurge": true}}}}),
        "spec.strategy.canary.maxSurge is true; it must be a whole number or a string",
    );
    check(
        json!({"spec": {"restartAt": "tomorrow"}}),
        "spec.restartAt is \"tomorrow\"; \"tomorrow\" is not an RFC 3339 time",
    );
    check(json!("nonsense"), "the object is \"nonsense\"; it must be an object");
}

#[test]
fn a_background_analysis_is_read_field_by_field() {
    check(
        json!({"spec": {"strategy": {"canary": {"analysis": {"templates": [{"templateName": "t"}], "args": [{"name": 5}]}}}}}),
        "spec.strategy.canary.analysis.args[0].name is 5; it must be a string",
    );
}

/// What is left of a Rollout, and the paths of what was left out.
fn salvaged(object: Value) -> (RolloutSpec, Vec<String>) {
    let (rollout, faults) = salvage::<Rollout>(object);
    (rollout.spec, faults.into_iter().map(|fault| fault.path).collect())
}

#[test]
fn what_does_not_fit_is_dropped_and_the_rest_is_kept() {
    let object = json!({"metadata": {"name": "a"}, "spec": {"replicas": "ten", "paused": 3, "minReadySeconds": 5}});
    let (spec, paths) = salvaged(object);
    assert_eq!((spec.replicas, spec.min_ready_seconds), (None, Some(5)));
    assert_eq!(paths, ["spec.paused", "spec.replicas"]);
}

fn canary(steps: Value) -> Value {
    json!({"spec": {"strategy": {"canary": {
        "canaryService": "c", "stableService": "s", "steps": steps,
        "trafficRouting": {"istio": {"virtualService": {"name": "v"}}},
    }}}, "status": {"stableRS": "abc", "abort": true}})
}

fn keeps_routing(spec: &RolloutSpec) {
    let canary = spec.strategy.canary.as_ref().expect("a canary");
    assert_eq!((canary.canary_service.as_deref(), canary.stable_service.as_deref()), (Some("c"), Some("s")));
    let istio = canary.traffic_routing.as_ref().and_then(|routing| routing.istio.as_ref()).expect("istio");
    assert_eq!(istio.virtual_service.as_ref().map(|service| service.name.as_str()), Some("v"));
}

#[test]
fn a_wrong_step_keeps_the_route_and_the_services() {
    let (spec, paths) = salvaged(canary(json!([{"setWeight": 5}, {"pause": {}}, {"setWeight": "lots"}])));
    keeps_routing(&spec);
    assert_eq!(paths, ["spec.strategy.canary.steps[2].setWeight"]);
    assert_eq!(spec.strategy.canary.map(|canary| canary.steps.len()), Some(3));
}

#[test]
fn paths_behind_an_item_that_was_left_out_are_those_of_the_manifest() {
    let (spec, paths) = salvaged(canary(json!([5, {"setWeight": "a"}, {"setWeight": 20}, "x", 7, {"pause": 1}])));
    keeps_routing(&spec);
    let at = |place: &str| format!("spec.strategy.canary.steps{place}");
    assert_eq!(paths, [at("[0]"), at("[1].setWeight"), at("[3]"), at("[4]"), at("[5].pause")]);
    let weights: Vec<_> = spec.strategy.canary.unwrap_or_default().steps.iter().map(|step| step.set_weight).collect();
    assert_eq!(weights, [None, Some(20), None]);
}

#[test]
fn a_thousand_faults_end_and_keep_what_stands_beside_them() {
    for step in [json!({"setWeight": "x"}), json!("x"), json!({"setMirrorRoute": {"match": [{"method": 5}]}})] {
        let (spec, paths) = salvaged(canary(vec![step; 1_000].into()));
        keeps_routing(&spec);
        assert_eq!((paths.len(), paths.last().map(String::as_str)), (66, Some("spec.strategy.canary.steps")));
        assert_eq!(spec.strategy.canary.map(|canary| canary.steps.len()), Some(0));
    }
    let labels: serde_json::Map<_, _> = (0..1_000).map(|number| (format!("l{number}"), json!(number))).collect();
    let mut object = canary(json!([]));
    object["metadata"] = json!({"name": "a", "labels": labels});
    let (rollout, faults) = salvage::<Rollout>(object);
    assert_eq!((rollout.metadata.name.as_deref(), faults.len()), (Some("a"), 66));
    assert!(rollout.status.abort);
}

#[test]
fn faults_in_every_corner_end_as_well() {
    let wrong = json!({"experiment": {"templates": vec![json!({"name": 5}); 100], "analyses": vec![json!(7); 100]}});
    let (rollout, faults) = salvage::<Rollout>(canary(vec![wrong; 100].into()));
    assert!(faults.len() < 400, "{}", faults.len());
    assert!(rollout.status.abort);
    assert_eq!(rollout.status.stable_rs.as_deref(), Some("abc"));
}

#[test]
fn nothing_at_all_is_the_default() {
    for object in [json!(null), json!([1]), json!("x")] {
        let (rollout, faults) = salvage::<Rollout>(object);
        assert_eq!((rollout, faults.len()), (Rollout::default(), 1));
    }
}
