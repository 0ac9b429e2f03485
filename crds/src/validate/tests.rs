use proptest::prelude::*;
use serde_json::{Value, json};

use super::rollout;
use crate::rollout::Rollout;

fn valid() -> Value {
    json!({
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:v1"}]}},
            "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {"duration": "10m"}}]}},
        },
    })
}

/// Changes the valid Rollout by a merge patch and checks what is said of it, all faults in order.
fn check(patch: &Value, says: &[&str]) {
    let mut object = valid();
    merge(&mut object, patch);
    let parsed: Rollout = serde_json::from_value(object).unwrap();
    let messages: Vec<String> = rollout(&parsed).into_iter().map(|fault| fault.message).collect();
    assert_eq!(messages.len(), says.len(), "{patch}: {messages:#?}");
    for (message, part) in messages.iter().zip(says) {
        assert!(message.contains(part), "{message:?} should say {part:?}");
    }
}

fn merge(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (key, value) in patch {
                if value.is_null() {
                    object.remove(key);
                } else {
                    merge(object.entry(key.clone()).or_insert(Value::Null), value);
                }
            }
        }
        (object, patch) => *object = patch.clone(),
    }
}

fn canary(patch: Value) -> Value {
    json!({"spec": {"strategy": {"canary": patch}}})
}

#[test]
fn a_valid_rollout_has_no_faults() {
    check(&json!({}), &[]);
    check(&canary(json!({"maxSurge": "25%", "maxUnavailable": 0})), &[]);
    check(&canary(json!({"steps": [{"setWeight": 0}, {"setWeight": 100}, {"pause": {}}, {"pause": {"duration": 30}}]})), &[]);
}

#[test]
fn every_fault_names_its_path_and_what_to_change() {
    check(&canary(json!({"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 120}]})), &["spec.strategy.canary.steps[2].setWeight is 120; it must be 0 to 100"]);
    check(&canary(json!({"steps": [{"pause": {"duration": "1d"}}]})), &["steps[0].pause.duration is 1d"]);
    check(&canary(json!({"steps": [{"pause": {"duration": "-5m"}}]})), &["steps[0].pause.duration is -5m"]);
    check(&canary(json!({"steps": [{}]})), &["steps[0] is empty"]);
    check(&canary(json!({"steps": [{"setWeight": 5, "pause": {}}]})), &["more than one of"]);
    check(&json!({"spec": {"strategy": {"blueGreen": {"activeService": "a"}}}}), &["keep exactly one"]);
    check(&json!({"spec": {"strategy": {"canary": null}}}), &["must have canary or blueGreen"]);
    check(&json!({"spec": {"selector": null}}), &["spec.selector is missing"]);
    check(&json!({"spec": {"template": null}}), &["spec.template is missing"]);
    check(&json!({"spec": {"selector": {"matchLabels": {"app": "other"}}}}), &["lacks the label app=other"]);
    check(&json!({"spec": {"template": {"spec": {"containers": []}}}}), &["at least one container"]);
    check(&json!({"spec": {"template": {"spec": {"restartPolicy": "Never"}}}}), &["must be Always"]);
    check(&json!({"spec": {"progressDeadlineSeconds": 5, "minReadySeconds": 10}}), &["greater than minReadySeconds (10)"]);
    check(&json!({"spec": {"replicas": -1}}), &["spec.replicas is -1"]);
    check(&canary(json!({"maxSurge": 0, "maxUnavailable": "0%"})), &["both 0"]);
    check(&canary(json!({"maxSurge": "many"})), &["maxSurge is many"]);
    check(&canary(json!({"scaleDownDelaySeconds": 5})), &["only with trafficRouting"]);
    check(&canary(json!({"canaryService": "a", "stableService": "a"})), &["they must differ"]);
    check(&canary(json!({"steps": [{"analysis": {"templates": []}}]})), &["name at least one template"]);
    check(&canary(json!({"analysis": {"startingStep": 9, "templates": [{"templateName": "t"}]}})), &["there are 2 steps"]);
    check(&canary(json!({"antiAffinity": {}})), &["exactly one of"]);
}

#[test]
fn traffic_routing_needs_its_services_and_one_form_of_virtual_service() {
    let routed = |istio: Value| canary(json!({"trafficRouting": {"istio": istio}}));
    check(&routed(json!({"virtualService": {"name": "v"}})), &["canaryService is missing", "stableService is missing"]);
    let rule = json!({"name": "d", "canarySubsetName": "c", "stableSubsetName": "s"});
    check(&routed(json!({"virtualService": {"name": "v"}, "destinationRule": rule})), &[]);
    check(&routed(json!({"destinationRule": rule})), &["either VirtualService or VirtualServices must be configured"]);
    let both = json!({"destinationRule": rule, "virtualService": {"name": "v"}, "virtualServices": [{"name": "w"}]});
    check(&routed(both), &["keep one of them"]);
}

#[test]
fn all_faults_are_said_at_once() {
    let patch = json!({"spec": {"replicas": -1, "selector": null, "strategy": {"canary": {"steps": [{"setWeight": -1}, {"setWeight": 101}]}}}});
    check(&patch, &["spec.replicas", "spec.selector", "steps[0].setWeight is -1", "steps[1].setWeight is 101"]);
}

#[test]
fn lists_without_measure_are_refused_in_one_sentence() {
    let steps: Vec<Value> = (0..10_000).map(|_| json!({"setWeight": 200})).collect();
    check(&canary(json!({"steps": steps})), &["has 10000 steps; at most 1000"]);
    let args = json!([{"name": "a", "value": "x".repeat(1_000_000)}]);
    check(&canary(json!({"analysis": {"templates": [{"templateName": "t"}], "args": args}})), &["bytes of arguments"]);
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(weight in any::<i32>(), text in ".*", seconds in any::<i64>()) {
        let mut object = valid();
        merge(&mut object, &canary(json!({
            "maxSurge": text, "steps": [{"setWeight": weight}, {"pause": {"duration": text}}, {"pause": {"duration": seconds}}],
        })));
        if let Ok(parsed) = serde_json::from_value::<Rollout>(object) {
            rollout(&parsed);
        }
    }
}
