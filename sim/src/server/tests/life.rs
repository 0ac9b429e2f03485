//! Deletes, finalizers, definitions that come and go, and the journal.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::Method;
use serde_json::{Value, json};

use super::{MERGE, ROLLOUTS, call, expect, get, made, patch, rollout, server};
use crate::server::journal::Verb;

#[tokio::test(start_paused = true)]
async fn a_delete_answers_with_a_status_and_waits_for_finalizers() {
    let server = server();
    let web = format!("{ROLLOUTS}/web");
    let object = made(&server, ROLLOUTS, rollout("web")).await;
    let said = call(&server, Method::DELETE, &web, Value::Null).await;
    let uid = &object["metadata"]["uid"];
    assert_eq!(said.body["details"], json!({"name": "web", "group": "argoproj.io", "kind": "rollouts", "uid": uid}));
    expect(&call(&server, Method::DELETE, &web, Value::Null).await, 404, "NotFound");
    let mut guarded = rollout("web");
    guarded["metadata"]["finalizers"] = json!(["a/b"]);
    made(&server, ROLLOUTS, guarded).await;
    let said = call(&server, Method::DELETE, &web, Value::Null).await.body;
    assert_eq!(said["metadata"]["deletionTimestamp"], "2026-01-01T00:00:00Z");
    assert_eq!(
        (&said["metadata"]["deletionGracePeriodSeconds"], &said["metadata"]["generation"]),
        (&json!(0), &json!(2))
    );
    let more = patch(&server, &web, MERGE, json!({"metadata": {"finalizers": ["a/b", "c/d"]}})).await;
    expect(&more, 422, "Invalid");
    assert_eq!(
        patch(&server, &web, MERGE, json!({"spec": {"replicas": 1}})).await.code,
        200,
        "it can still be changed"
    );
    assert_eq!(patch(&server, &web, MERGE, json!({"metadata": {"finalizers": null}})).await.code, 200);
    expect(&get(&server, &web).await, 404, "NotFound");
}

#[tokio::test(start_paused = true)]
async fn deletes_can_be_conditional_and_dry() {
    let server = server();
    let web = format!("{ROLLOUTS}/web");
    made(&server, ROLLOUTS, rollout("web")).await;
    for conditions in [json!({"uid": "other"}), json!({"resourceVersion": "1"})] {
        let said = call(&server, Method::DELETE, &web, json!({"preconditions": conditions})).await;
        expect(&said, 409, "Conflict");
    }
    assert_eq!(call(&server, Method::DELETE, &format!("{web}?dryRun=All"), Value::Null).await.code, 200);
    assert_eq!(call(&server, Method::DELETE, &web, json!({"dryRun": ["All"]})).await.code, 200);
    assert_eq!(get(&server, &web).await.code, 200);
}

#[tokio::test(start_paused = true)]
async fn many_can_be_deleted_at_once() {
    let server = server();
    for (name, tier) in [("a", "x"), ("b", "y"), ("c", "x")] {
        let mut object = rollout(name);
        object["metadata"]["labels"] = json!({"tier": tier});
        made(&server, ROLLOUTS, object).await;
    }
    let said = call(&server, Method::DELETE, &format!("{ROLLOUTS}?labelSelector=tier%3Dx"), Value::Null).await;
    assert_eq!(said.body["items"].as_array().unwrap().len(), 2);
    assert_eq!(get(&server, ROLLOUTS).await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_pod_on_a_node_is_given_time_to_end() {
    let server = server();
    let pods = "/api/v1/namespaces/default/pods";
    let pod = |name: &str, node: Value| json!({"metadata": {"name": name}, "spec": {"nodeName": node, "containers": [{"name": "a", "image": "b"}]}});
    made(&server, pods, pod("loose", Value::Null)).await;
    made(&server, pods, pod("placed", "n".into())).await;
    call(&server, Method::DELETE, &format!("{pods}/loose"), Value::Null).await;
    expect(&get(&server, &format!("{pods}/loose")).await, 404, "NotFound");
    let said = call(&server, Method::DELETE, &format!("{pods}/placed"), Value::Null).await.body;
    assert_eq!(
        (&said["kind"], &said["metadata"]["deletionTimestamp"]),
        (&json!("Pod"), &json!("2026-01-01T00:00:30Z"))
    );
    call(&server, Method::DELETE, &format!("{pods}/placed"), json!({"gracePeriodSeconds": 0})).await;
    expect(&get(&server, &format!("{pods}/placed")).await, 404, "NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_kind_comes_and_goes_with_its_definition() {
    let server = server();
    made(&server, ROLLOUTS, rollout("web")).await;
    let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    let definition = get(&server, &format!("{path}/rollouts.argoproj.io")).await.body;
    assert_eq!(definition["status"]["conditions"][1]["type"], "Established");
    call(&server, Method::DELETE, &format!("{path}/rollouts.argoproj.io"), Value::Null).await;
    assert_eq!(get(&server, ROLLOUTS).await.code, 404);
    let fresh = json!({"apiVersion": definition["apiVersion"], "kind": definition["kind"], "spec": definition["spec"],
        "metadata": {"name": "rollouts.argoproj.io"}});
    made(&server, path, fresh).await;
    assert_eq!(get(&server, ROLLOUTS).await.body["items"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn every_write_is_told_at_once_and_every_call_is_counted() {
    let server = server();
    let heard = Arc::new(AtomicUsize::new(0));
    let (ears, reader) = (Arc::clone(&heard), server.as_user("reader"));
    server.on_write(Box::new(move |write| {
        assert_eq!(reader.list("rollouts", "default").len(), 1, "the listener may read");
        assert_eq!(
            (write.user.as_str(), write.manager.as_str(), write.code),
            ("tester", "unknown", [201, 200][ears.load(Ordering::SeqCst)])
        );
        ears.fetch_add(1, Ordering::SeqCst);
    }));
    made(&server, ROLLOUTS, rollout("web")).await;
    patch(&server, &format!("{ROLLOUTS}/web/status"), MERGE, json!({"status": {"phase": "x"}})).await;
    assert_eq!(heard.load(Ordering::SeqCst), 2);
    get(&server, ROLLOUTS).await;
    get(&server, &format!("{ROLLOUTS}/none")).await;
    let counts = server.counts();
    let of = |verb: Verb, resource: &str, code: u16| {
        let found =
            counts.iter().find(|(call, _)| (call.verb, call.resource.as_str(), call.code) == (verb, resource, code));
        found.map_or(0, |(_, count)| *count)
    };
    assert_eq!((of(Verb::Create, "rollouts", 201), of(Verb::Patch, "rollouts/status", 200)), (1, 1));
    assert_eq!((of(Verb::List, "rollouts", 200), of(Verb::Get, "rollouts", 404)), (1, 1));
    let last = server.writes().last().cloned().unwrap();
    assert_eq!((last.subresource.as_deref(), last.name.as_str()), (Some("status"), "web"));
    assert_eq!(last.before.as_ref().unwrap().get("status"), None);
}
