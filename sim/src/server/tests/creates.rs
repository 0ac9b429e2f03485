//! Creates, and what they refuse.

use http::Method;
use serde_json::{Value, json};

use super::{ROLLOUTS, call, expect, made, rollout, server};
use crate::server::SimServer;

/// Creates `object` in `path` and checks the code and part of the message.
async fn check(server: &SimServer, path: &str, object: Value, refusal: (u16, &str)) {
    let said = call(server, Method::POST, path, object).await;
    let (code, message) = refusal;
    let reason = match code {
        400 => "BadRequest",
        404 => "NotFound",
        409 => "AlreadyExists",
        _ => "Invalid",
    };
    expect(&said, code, reason);
    let have = said.body["message"].as_str().unwrap();
    assert!(have.contains(message), "{have:?} lacks {message:?}");
}

fn with(path: &str, value: Value) -> Value {
    let mut object = rollout("new");
    *object.pointer_mut(path).unwrap() = value;
    object
}

#[tokio::test(start_paused = true)]
async fn objects_that_do_not_fit_their_path_are_refused() {
    let server = server();
    made(&server, ROLLOUTS, rollout("web")).await;
    for (object, refusal) in [
        (rollout("web"), (409, "rollouts.argoproj.io \"web\" already exists")),
        (with("/kind", "Other".into()), (422, "must be Rollout")),
        (with("/apiVersion", "v1".into()), (400, "does not match the expected API version")),
        (with("/metadata/namespace", "b".into()), (400, "does not match the namespace")),
        (with("/metadata/name", "Web".into()), (422, "RFC 1123 subdomain")),
        (with("/metadata", json!({})), (422, "name or generateName is required")),
        (with("/metadata", json!({"name": "x", "labels": {"a": 1}})), (400, "ObjectMeta.labels")),
        (with("/metadata", json!({"name": "x", "labels": {"a": "-"}})), (422, "a valid label must")),
        (json!({"spec": {}}), (400, "Object 'Kind' is missing")),
    ] {
        check(&server, ROLLOUTS, object, refusal).await;
    }
    let elsewhere = ROLLOUTS.replace("default", "nowhere");
    let object = with("/metadata/namespace", "nowhere".into());
    check(&server, &elsewhere, object, (404, "namespaces \"nowhere\" not found")).await;
}

#[tokio::test(start_paused = true)]
async fn specs_that_break_their_schema_are_refused() {
    let server = server();
    for (spec, message) in [
        (json!({"replicas": "3"}), "must be of type integer: \"string\""),
        (json!({"replicas": -1}), "should be greater than or equal to 0"),
        (json!({"mode": "x"}), "supported values: \"fast\", \"slow\""),
        (json!({"limit": 1.5}), "spec.limit in body must be of type integer,string"),
        (json!({"steps": [{"setWeight": 120}]}), "spec.steps[0].setWeight"),
        (json!({"steps": {}}), "must be of type array: \"object\""),
        (json!({"ports": [{"port": 1}]}), "spec.ports[0].name: Required value"),
        (json!({"ports": [{"name": "a"}, {"name": "a"}]}), "spec.ports[1]: Duplicate value"),
        (Value::Null, "spec: Required value"),
    ] {
        check(&server, ROLLOUTS, with("/spec", spec), (422, message)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_fields_are_dropped_warned_of_or_refused() {
    let server = server();
    let mut object = rollout("web");
    object["spec"]["nonsense"] = 1.into();
    object["spec"]["free"] = json!({"kept": {"deep": [1]}});
    let said = call(&server, Method::POST, &format!("{ROLLOUTS}?fieldValidation=Strict"), object.clone()).await;
    expect(&said, 400, "BadRequest");
    assert!(said.body["message"].as_str().unwrap().ends_with("strict decoding error: unknown field \"spec.nonsense\""));
    let said = call(&server, Method::POST, &format!("{ROLLOUTS}?fieldValidation=Warn"), object).await;
    assert_eq!(
        (said.code, said.headers["warning"].to_str().unwrap()),
        (201, "299 - \"unknown field \\\"spec.nonsense\\\"\"")
    );
    assert_eq!(said.body["spec"], json!({"replicas": 3, "free": {"kept": {"deep": [1]}}}));
    let pod =
        json!({"spec": {"containers": [{"name": "a", "image": "b", "colour": "red"}]}, "metadata": {"name": "p"}});
    let said = call(&server, Method::POST, "/api/v1/namespaces/default/pods?fieldValidation=Strict", pod.clone()).await;
    assert!(said.body["message"].as_str().unwrap().contains("unknown field \"spec.containers[0].colour\""));
    let made = made(&server, "/api/v1/namespaces/default/pods", pod).await;
    assert_eq!(made.pointer("/spec/containers/0/colour"), None);
}
