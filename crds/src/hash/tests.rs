#![allow(clippy::needless_pass_by_value, reason = "tables read better without references")]

use serde_json::json;

use super::*;

fn check(template: &str, collision_count: Option<i32>, expect: &str) {
    let template: Value = serde_json::from_str(template).expect(expect);
    assert_eq!(pod_template(&template, collision_count), expect, "{template}");
}

fn check_steps(steps: Value, expect: &str) {
    let steps: Vec<CanaryStep> = serde_json::from_value(steps).expect(expect);
    assert_eq!(super::steps(&steps), expect);
}

const CANARY_SCALE_DOWN_DELAY: &str = r#"{"metadata":{"labels":{"app":"canary-scaledowndelay"}},"spec":{"containers":[
  {"name":"canary-scaledowndelay","image":"nginx:1.19-alpine","ports":[{"name":"http","containerPort":80,"protocol":"TCP"}],
   "resources":{"requests":{"cpu":"5m","memory":"16Mi"}}}]}}"#;

const DYNAMIC_STABLE_SCALE: &str = r#"{"metadata":{"labels":{"app":"dynamic-stable-scale"}},"spec":{"containers":[
  {"name":"dynamic-stable-scale","image":"nginx:1.19-alpine","ports":[{"name":"http","containerPort":80,"protocol":"TCP"}],
   "resources":{"requests":{"cpu":"5m","memory":"16Mi"}}}],"readinessGates":[{"conditionType":"argoproj.io/e2e-readiness"}]}}"#;

#[test]
fn pod_templates_have_the_hashes_that_argo_rollouts_gives_them() {
    check("{}", None, "658c46c486");
    check("null", None, "658c46c486");
    check(r#"{"metadata":{"creationTimestamp":null},"spec":{"containers":null}}"#, None, "658c46c486");
    check("{}", Some(1), "6746d5bbc");
    check(CANARY_SCALE_DOWN_DELAY, None, "674d8cf959");
    check(DYNAMIC_STABLE_SCALE, None, "6b56c8cdb4");
}

#[test]
fn fields_that_kubernetes_does_not_know_do_not_change_the_hash() {
    let with_typo = CANARY_SCALE_DOWN_DELAY.replace(r#""image":"#, r#""imagge":"x","image":"#);
    check(&with_typo, None, "674d8cf959");
}

#[test]
fn steps_have_the_hashes_that_argo_rollouts_gives_them() {
    check_steps(json!([]), "5ffbfbbd64");
    check_steps(json!([{"setWeight": 20}, {"pause": {}}]), "54649b9f5c");
    check_steps(json!([{"setWeight": 50}, {"pause": {"duration": "3s"}}]), "77fbc56786");
    check_steps(json!([{"setWeight": 10}, {"pause": {"duration": 60}}, {"setWeight": 100}]), "f9b86fc5c");
}

/// What Go would write for steps, which is hashed.
fn check_steps_json(steps: Value, expect: &str) {
    let typed: Vec<CanaryStep> = serde_json::from_value(steps).expect(expect);
    let kind = Kind::List(Box::new(struct_kind("CanaryStep")));
    let value = serde_json::to_value(typed).expect(expect);
    assert_eq!(shape(table(), &kind, &value, Purpose::Hash).to_json(), expect);
}

#[test]
fn steps_are_written_as_go_writes_them() {
    check_steps_json(
        json!([{"analysis": {"templates": [{"clusterScope": false, "templateName": "a"}, {"templateName": "b"}],
            "args": [{"value": "<", "name": "x"}]}}]),
        r#"[{"analysis":{"templates":[{"templateName":"a","clusterScope":false},{"templateName":"b"}],"args":[{"name":"x","value":"\u003c"}]}}]"#,
    );
    check_steps_json(
        json!([{"experiment": {"duration": "5m", "templates": [{"specRef": "canary", "name": "c"}]}}]),
        r#"[{"experiment":{"templates":[{"name":"c","specRef":"canary","metadata":{}}],"duration":"5m","analysisRunMetadata":{}}}]"#,
    );
    check_steps_json(
        json!([
            {"setMirrorRoute": {"percentage": 0, "name": "m", "match": [{"path": {"prefix": "/"}}]}},
            {"setCanaryScale": {"matchTrafficWeight": false, "replicas": 0}},
        ]),
        r#"[{"setMirrorRoute":{"name":"m","match":[{"path":{"prefix":"/"}}],"percentage":0}},{"setCanaryScale":{"replicas":0}}]"#,
    );
    check_steps_json(
        json!([{"plugin": {"config": {"b": [1, null], "a": {"z": 1, "y": "x"}}, "name": "p"}}]),
        r#"[{"plugin":{"name":"p","config":{"a":{"y":"x","z":1},"b":[1,null]}}}]"#,
    );
}

/// What Go would write, by the JSON that is hashed.
fn check_json(template: Value, expect: &str) {
    let tree = shape(table(), &struct_kind("PodTemplateSpec"), &template, Purpose::Hash);
    assert_eq!(tree.to_json(), expect);
}

#[test]
fn templates_are_written_as_go_writes_them() {
    check_json(
        json!({"spec": {"containers": [{"image": "a", "name": "b", "args": ["<&>\u{2028}\u{7}\"\\é"], "env": [], "tty": false,
            "resources": {"limits": {"memory": "1024Mi", "cpu": 0.1}}}]}}),
        "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"a\",\
         \"args\":[\"\\u003c\\u0026\\u003e\\u2028\\u0007\\\"\\\\é\"],\
         \"resources\":{\"limits\":{\"cpu\":\"100m\",\"memory\":\"1Gi\"}}}]}}",
    );
    check_json(
        json!({"spec": {"terminationGracePeriodSeconds": 0, "hostNetwork": false, "containers": [],
            "volumes": [{"name": "v", "emptyDir": {}}, {"name": "w", "downwardAPI": {"items": [{"path": "p",
            "resourceFieldRef": {"resource": "limits.cpu"}}]}}]}}),
        "{\"metadata\":{},\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}},{\"name\":\"w\",\"downwardAPI\":{\"items\":\
         [{\"path\":\"p\",\"resourceFieldRef\":{\"resource\":\"limits.cpu\",\"divisor\":\"0\"}}]}}],\"containers\":[],\
         \"terminationGracePeriodSeconds\":0}}",
    );
}

#[test]
fn what_does_not_fit_is_hashed_as_it_stands() {
    assert_ne!(pod_template(&json!({"spec": 3}), None), pod_template(&json!({"spec": "three"}), None));
}
