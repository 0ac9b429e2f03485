//! Creates, replacements, patches and what they count.

use http::Method;
use serde_json::{Value, json};

use super::{APPLY, JSON, MERGE, ROLLOUTS, STRATEGIC, call, expect, get, made, patch, rollout, server, typed};

#[tokio::test(start_paused = true)]
async fn status_and_the_rest_are_written_apart() {
    let server = server();
    let mut object = rollout("web");
    object["status"] = json!({"phase": "Healthy"});
    let object = made(&server, ROLLOUTS, object).await;
    assert_eq!(object.get("status"), None, "a create drops the status");
    let web = format!("{ROLLOUTS}/web");
    let both = json!({"spec": {"replicas": 7}, "status": {"phase": "Paused"}, "metadata": {"labels": {"a": "b"}}});
    let said = patch(&server, &format!("{web}/status"), MERGE, both.clone()).await.body;
    assert_eq!((&said["spec"]["replicas"], &said["status"]["phase"]), (&json!(3), &json!("Paused")));
    assert_eq!(said.pointer("/metadata/labels"), None, "the status path of a registered kind writes no metadata");
    let said = patch(&server, &web, MERGE, json!({"spec": {"replicas": 7}, "status": {"phase": "Gone"}})).await.body;
    assert_eq!((&said["spec"]["replicas"], &said["status"]["phase"]), (&json!(7), &json!("Paused")));
    let said = patch(&server, &format!("{web}/status"), MERGE, json!({"status": {"phase": 3}})).await;
    expect(&said, 422, "Invalid");
    assert!(
        said.body["message"]
            .as_str()
            .unwrap()
            .contains("status.phase: Invalid value: \"integer\": phase in body must be"),
        "{}",
        said.body
    );
    let runs = ROLLOUTS.replace("rollouts", "analysisruns");
    let run = json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun", "metadata": {"name": "r"}, "status": {"phase": "Running"}});
    assert_eq!(made(&server, &runs, run).await["status"]["phase"], "Running", "without a status path it is one object");
    assert_eq!(patch(&server, &format!("{runs}/r/status"), MERGE, json!({})).await.code, 404);
}

#[tokio::test(start_paused = true)]
async fn generations_count_changes_of_what_is_wished() {
    let server = server();
    let runs = ROLLOUTS.replace("rollouts", "analysisruns");
    made(&server, ROLLOUTS, rollout("web")).await;
    made(
        &server,
        &runs,
        json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisRun", "metadata": {"name": "r"}}),
    )
    .await;
    let check = async |path: &str, changes: Value, generation: u64| {
        let said = patch(&server, path, MERGE, changes).await;
        assert_eq!(said.body["metadata"]["generation"], generation, "{path}: {}", said.body);
    };
    let web = format!("{ROLLOUTS}/web");
    check(&web, json!({"metadata": {"labels": {"a": "b"}}}), 1).await;
    check(&format!("{web}/status"), json!({"status": {"phase": "Healthy"}}), 1).await;
    check(&web, json!({"spec": {"replicas": 3}}), 1).await;
    check(&web, json!({"spec": {"paused": true}}), 2).await;
    check(&web, json!({"metadata": {"generation": 9}}), 2).await;
    let run = format!("{runs}/r");
    check(&run, json!({"metadata": {"annotations": {"a": "b"}}}), 1).await;
    check(&run, json!({"status": {"phase": "Running"}}), 2).await;
}

#[tokio::test(start_paused = true)]
async fn writes_that_change_nothing_make_no_version() {
    let server = server();
    let first = made(&server, ROLLOUTS, rollout("web")).await;
    let web = format!("{ROLLOUTS}/web");
    for (of, body) in [
        (MERGE, json!({"spec": {"replicas": 3}})),
        (MERGE, json!({"metadata": {"resourceVersion": first["metadata"]["resourceVersion"]}})),
        (JSON, json!([{"op": "replace", "path": "/spec/replicas", "value": 3}])),
    ] {
        assert_eq!(patch(&server, &web, of, body).await.body, first);
    }
    assert_eq!(call(&server, Method::PUT, &web, first.clone()).await.body, first);
    let before = server.revision();
    let last = server.writes();
    assert!(!last.last().unwrap().changed() && last.len() >= 5, "they are in the journal all the same");
    let said = call(&server, Method::PATCH, &format!("{web}?dryRun=All"), Value::Null).await;
    assert_eq!(said.code, 415);
    let said =
        typed(&server, Method::PATCH, &format!("{web}?dryRun=All"), MERGE, json!({"spec": {"replicas": 9}})).await;
    assert_eq!((&said.body["spec"]["replicas"], server.revision()), (&json!(9), before), "a dry run stores nothing");
}

#[tokio::test(start_paused = true)]
async fn writes_are_conditional_on_the_version_they_name() {
    let server = server();
    let first = made(&server, ROLLOUTS, rollout("web")).await;
    let web = format!("{ROLLOUTS}/web");
    patch(&server, &web, MERGE, json!({"spec": {"replicas": 4}})).await;
    let version = &first["metadata"]["resourceVersion"];
    let stale =
        patch(&server, &web, MERGE, json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": 5}})).await;
    expect(&stale, 409, "Conflict");
    assert_eq!(stale.body["details"], json!({"name": "web", "group": "argoproj.io", "kind": "rollouts"}));
    expect(&call(&server, Method::PUT, &web, first.clone()).await, 409, "Conflict");
    let mut blind = first.clone();
    blind["metadata"].as_object_mut().unwrap().remove("resourceVersion");
    expect(&call(&server, Method::PUT, &web, blind).await, 422, "Invalid");
    let operations = json!([{"op": "test", "path": "/metadata/resourceVersion", "value": version}, {"op": "remove", "path": "/spec"}]);
    expect(&patch(&server, &web, JSON, operations).await, 422, "Invalid");
    assert_eq!(get(&server, &web).await.body["spec"]["replicas"], 4);
    let stale = patch(
        &server,
        &format!("{web}/status"),
        MERGE,
        json!({"metadata": {"resourceVersion": version}, "status": {"abort": true}}),
    )
    .await;
    expect(&stale, 409, "Conflict");
    let other = patch(&server, &web, MERGE, json!({"metadata": {"uid": "other"}})).await;
    expect(&other, 422, "Invalid");
    expect(&patch(&server, &format!("{ROLLOUTS}/none"), MERGE, json!({})).await, 404, "NotFound");
    expect(&patch(&server, &web, MERGE, json!({"metadata": {"name": "other"}})).await, 400, "BadRequest");
}

#[tokio::test(start_paused = true)]
async fn each_kind_takes_the_patches_it_knows() {
    let server = server();
    made(&server, ROLLOUTS, rollout("web")).await;
    let web = format!("{ROLLOUTS}/web");
    expect(&patch(&server, &web, STRATEGIC, json!({})).await, 415, "UnsupportedMediaType");
    expect(&patch(&server, &web, JSON, json!({"spec": 1})).await, 400, "BadRequest");
    expect(&patch(&server, &web, MERGE, json!([1])).await, 400, "BadRequest");
    expect(&patch(&server, &web, APPLY, rollout("web")).await, 422, "Invalid");
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}});
    made(&server, "/api/v1/namespaces/default/services", service).await;
    let changes = json!({"spec": {"selector": {"hash": "1"}, "ports": [{"port": 80, "name": "http"}]}});
    let said = patch(&server, "/api/v1/namespaces/default/services/web", STRATEGIC, changes).await;
    assert_eq!(said.body["spec"]["selector"], json!({"app": "a", "hash": "1"}));
    assert_eq!(said.body["spec"]["ports"], json!([{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 80}]));
}

#[tokio::test(start_paused = true)]
async fn the_scale_of_anything_is_read_and_written_alike() {
    let server = server();
    made(&server, ROLLOUTS, rollout("web")).await;
    let web = format!("{ROLLOUTS}/web");
    patch(&server, &format!("{web}/status"), MERGE, json!({"status": {"HPAReplicas": 2, "selector": "app=web"}})).await;
    let scale = get(&server, &format!("{web}/scale")).await.body;
    assert_eq!(
        (&scale["spec"], &scale["status"]),
        (&json!({"replicas": 3}), &json!({"replicas": 2, "selector": "app=web"}))
    );
    let said = patch(&server, &format!("{web}/scale"), MERGE, json!({"spec": {"replicas": 8}})).await;
    assert_eq!((&said.body["kind"], &said.body["spec"]["replicas"]), (&json!("Scale"), &json!(8)));
    let object = get(&server, &web).await.body;
    assert_eq!((&object["spec"]["replicas"], &object["metadata"]["generation"]), (&json!(8), &json!(2)));
    assert_eq!(call(&server, Method::PUT, &format!("{web}/scale"), scale).await.code, 409);
    expect(&patch(&server, &format!("{web}/scale"), MERGE, json!({"spec": {"replicas": -1}})).await, 422, "Invalid");
}

#[tokio::test(start_paused = true)]
async fn istio_objects_are_one_object_in_three_versions() {
    let server = server();
    let path = |version: &str| format!("/apis/networking.istio.io/{version}/namespaces/default/virtualservices");
    let object = json!({"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService", "metadata": {"name": "web"}, "spec": {"x": 1}});
    assert_eq!(made(&server, &path("v1beta1"), object).await["apiVersion"], "networking.istio.io/v1beta1");
    for version in ["v1", "v1alpha3", "v1beta1"] {
        let said = get(&server, &format!("{}/web", path(version))).await.body;
        assert_eq!(said["apiVersion"], format!("networking.istio.io/{version}"));
    }
    let said = patch(
        &server,
        &format!("{}/web", path("v1alpha3")),
        JSON,
        json!([{"op": "replace", "path": "/spec/x", "value": 2}]),
    )
    .await;
    assert_eq!((&said.body["spec"]["x"], &said.body["metadata"]["generation"]), (&json!(2), &json!(2)));
    assert_eq!(get(&server, &format!("{}/web", path("v1"))).await.body["spec"]["x"], 2);
}
