#![allow(clippy::needless_pass_by_value, reason = "tables read better without references")]

use serde_json::json;

use super::*;
use crate::rollout::Rollout;

fn check(object: Value, expect: &str) {
    let fault = decode::<Rollout>(object).expect_err(expect);
    assert_eq!(fault.to_string(), expect);
}

#[test]
fn a_field_that_does_not_fit_is_named_with_its_path_and_value() {
    check(json!({"spec": {"replicas": "ten"}}), "spec.replicas is \"ten\"; invalid type: string \"ten\", expected i32");
    check(
        json!({"spec": {"strategy": {"canary": {"steps": [{"setWeight": 5}, {"setWeight": [1]}]}}}}),
        "spec.strategy.canary.steps[1].setWeight is [1]; invalid type: sequence, expected i32",
    );
}

#[test]
fn what_does_not_fit_is_dropped_and_the_rest_is_kept() {
    let object = json!({"metadata": {"name": "a"}, "spec": {"replicas": "ten", "paused": 3, "minReadySeconds": 5}});
    let (rollout, faults) = decode_tolerantly::<Rollout>(object).expect("decodes");
    assert_eq!(rollout.spec.replicas, None);
    assert_eq!(rollout.spec.min_ready_seconds, Some(5));
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["spec.paused", "spec.replicas"]);
}
