//! Field managers and server-side apply.

use http::Method;
use serde_json::{Value, json};

use super::{APPLY, MERGE, ROLLOUTS, expect, patch, rollout, server, typed};
use crate::server::{SimServer, json::text};

fn fields(object: &Value, manager: &str) -> Value {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries.iter().find(|entry| text(entry, &["manager"]) == manager);
    entry.map_or(Value::Null, |entry| entry["fieldsV1"].clone())
}

async fn apply(server: &SimServer, manager: &str, spec: Value, force: bool) -> super::Said {
    let mut object = rollout("web");
    object["spec"] = spec;
    let path = format!("{ROLLOUTS}/web?fieldManager={manager}&force={force}");
    typed(server, Method::PATCH, &path, APPLY, object).await
}

#[tokio::test(start_paused = true)]
async fn writers_own_what_they_last_wrote() {
    let server = server();
    let path = |manager: &str| format!("{ROLLOUTS}/web?fieldManager={manager}");
    super::made(&server, &format!("{ROLLOUTS}?fieldManager=alice"), rollout("web")).await;
    let changes = json!({"spec": {"replicas": 4, "steps": [{"setWeight": 5}]}, "metadata": {"labels": {"a": "b"}}});
    let object = patch(&server, &path("bob"), MERGE, changes).await.body;
    assert_eq!(fields(&object, "alice"), json!({"f:spec": {}}), "bob took over all but that there is a spec");
    let bobs = json!({"f:metadata": {"f:labels": {".": {}, "f:a": {}}}, "f:spec": {"f:replicas": {}, "f:steps": {}}});
    assert_eq!(fields(&object, "bob"), bobs);
    let object =
        patch(&server, &format!("{ROLLOUTS}/web/status?fieldManager=carol"), MERGE, json!({"status": {"phase": "x"}}))
            .await
            .body;
    let carol = object["metadata"]["managedFields"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&carol["subresource"], &carol["operation"]), (&json!("status"), &json!("Update")));
    assert_eq!(carol["fieldsV1"], json!({"f:status": {".": {}, "f:phase": {}}}));
    let object = patch(&server, &path("dave"), MERGE, json!({"spec": {"replicas": null}})).await.body;
    assert_eq!(fields(&object, "bob")["f:spec"], json!({"f:steps": {}}));
    assert_eq!(fields(&object, "dave"), Value::Null, "who only takes away owns nothing");
}

#[tokio::test(start_paused = true)]
async fn an_apply_conflicts_with_others_unless_it_is_forced() {
    let server = server();
    let made = apply(&server, "gitops", json!({"replicas": 3, "steps": [{"setWeight": 5}]}), false).await;
    assert_eq!(made.code, 201, "{}", made.body);
    patch(
        &server,
        &format!("{ROLLOUTS}/web?fieldManager=alice"),
        MERGE,
        json!({"spec": {"steps": [{"setWeight": 9}]}}),
    )
    .await;
    let refused = apply(&server, "gitops", json!({"replicas": 3, "steps": [{"setWeight": 5}]}), false).await;
    expect(&refused, 409, "Conflict");
    let cause = json!({"reason": "FieldManagerConflict", "message": "conflict with \"alice\" using argoproj.io/v1alpha1", "field": ".spec.steps"});
    assert_eq!(refused.body["details"]["causes"], json!([cause]));
    let said = apply(&server, "gitops", json!({"replicas": 3, "steps": [{"setWeight": 5}]}), true).await;
    assert_eq!(said.body["spec"]["steps"], json!([{"setWeight": 5}]));
    assert_eq!(fields(&said.body, "alice"), Value::Null);
    let agreed = apply(&server, "other", json!({"replicas": 3}), false).await;
    assert_eq!(agreed.code, 200, "the same value is no conflict");
    let disagreed = apply(&server, "other", json!({"replicas": 5}), false).await;
    expect(&disagreed, 409, "Conflict");
}

#[tokio::test(start_paused = true)]
async fn what_an_apply_no_longer_names_goes_unless_others_own_it() {
    let server = server();
    apply(
        &server,
        "gitops",
        json!({"replicas": 3, "paused": true, "ports": [{"name": "a", "port": 1}, {"name": "b"}]}),
        false,
    )
    .await;
    apply(&server, "other", json!({"paused": true, "ports": [{"name": "c"}]}), false).await;
    let said = apply(&server, "gitops", json!({"ports": [{"name": "a"}]}), false).await.body;
    assert_eq!(said["spec"], json!({"paused": true, "ports": [{"name": "a"}, {"name": "c"}]}));
    assert_eq!(
        fields(&said, "gitops"),
        json!({"f:spec": {"f:ports": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}}}}})
    );
}

#[tokio::test(start_paused = true)]
async fn applying_the_same_again_makes_no_version() {
    let server = server();
    let first = apply(&server, "gitops", json!({"replicas": 3}), false).await.body;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert_eq!(apply(&server, "gitops", json!({"replicas": 3}), false).await.body, first);
    let second = apply(&server, "other", json!({"replicas": 3}), false).await.body;
    assert_ne!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"], "a second owner is news");
    let mut dated = rollout("web");
    dated["metadata"]["managedFields"] = json!([{}]);
    expect(
        &typed(&server, Method::PATCH, &format!("{ROLLOUTS}/web?fieldManager=x"), APPLY, dated).await,
        400,
        "BadRequest",
    );
}

#[tokio::test(start_paused = true)]
async fn lists_of_routes_are_one_piece() {
    let server = server();
    let path = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/web";
    let object = |weight: i64| {
        json!({"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": "web"},
            "spec": {"hosts": ["web"], "http": [{"route": [{"weight": weight}]}]}})
    };
    typed(&server, Method::PATCH, &format!("{path}?fieldManager=argocd"), APPLY, object(100)).await;
    let operations = json!([{"op": "replace", "path": "/spec/http/0/route/0/weight", "value": 80}]);
    let said = patch(&server, &format!("{path}?fieldManager=serin"), super::JSON, operations).await.body;
    assert_eq!(fields(&said, "serin"), json!({"f:spec": {"f:http": {}}}));
    assert_eq!(fields(&said, "argocd")["f:spec"].get("f:http"), None);
    let refused = typed(&server, Method::PATCH, &format!("{path}?fieldManager=argocd"), APPLY, object(100)).await;
    expect(&refused, 409, "Conflict");
    assert!(refused.body["message"].as_str().unwrap().contains("conflict with \"serin\""));
}
