//! What an ordinary kubectl sends, and what it gets.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{MERGE, ROLLOUTS, Said, call, get, made, patch, rollout, send, server};
use crate::server::SimServer;

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";

async fn accepting(server: &SimServer, path: &str, accept: &str) -> Said {
    send(server, Request::get(path).header("accept", accept).body(Vec::new()).unwrap()).await
}

fn rows(table: &Value) -> Vec<Value> {
    table["rows"].as_array().unwrap().iter().map(|row| row["cells"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn tables_have_the_columns_of_the_kind() {
    let server = server();
    made(&server, ROLLOUTS, rollout("web")).await;
    patch(&server, &format!("{ROLLOUTS}/web/status"), MERGE, json!({"status": {"replicas": 2}})).await;
    tokio::time::sleep(std::time::Duration::from_secs(125)).await;
    let table = accepting(&server, ROLLOUTS, TABLE).await.body;
    let heads: Vec<&str> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|column| column["name"].as_str().unwrap()).collect();
    assert_eq!((table["kind"].as_str(), heads), (Some("Table"), vec!["Name", "Desired", "Current", "Age"]));
    assert_eq!(rows(&table), [json!(["web", 3, 2, "2m5s"])]);
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let one = accepting(&server, &format!("{ROLLOUTS}/web?includeObject=Object"), TABLE).await.body;
    assert_eq!(one["rows"][0]["object"]["spec"], json!({"replicas": 3}));
    let runs = accepting(&server, &ROLLOUTS.replace("rollouts", "analysisruns"), TABLE).await.body;
    assert_eq!((runs["columnDefinitions"].as_array().unwrap().len(), rows(&runs).len()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn tables_of_the_servers_own_kinds_read_as_people_know_them() {
    let server = server();
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "a", "image": "b"}]}});
    made(&server, "/api/v1/namespaces/default/pods", pod).await;
    let service =
        json!({"metadata": {"name": "s"}, "spec": {"clusterIP": "10.0.0.9", "ports": [{"port": 80}, {"port": 443}]}});
    made(&server, "/api/v1/namespaces/default/services", service).await;
    let event = json!({"metadata": {"name": "e"}, "involvedObject": {"kind": "Rollout", "name": "web", "namespace": "default"},
        "type": "Normal", "reason": "Paused", "message": "waits", "lastTimestamp": "2026-01-01T00:00:00Z"});
    made(&server, "/api/v1/namespaces/default/events", event).await;
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    let check = async |plural: &str, expect: Value| {
        let table = accepting(&server, &format!("/api/v1/namespaces/default/{plural}"), TABLE).await.body;
        let width = expect.as_array().unwrap().len();
        let cells: Vec<Value> = table["rows"][0]["cells"].as_array().unwrap().iter().take(width).cloned().collect();
        assert_eq!(Value::from(cells), expect);
        assert_eq!(
            table["rows"][0]["cells"].as_array().unwrap().len(),
            table["columnDefinitions"].as_array().unwrap().len()
        );
    };
    check("pods", json!(["p", "0/1", "Pending", "0", "9s", "<none>"])).await;
    check("services", json!(["s", "ClusterIP", "10.0.0.9", "<none>", "80/TCP,443/TCP", "9s"])).await;
    check("events", json!(["9s", "Normal", "Paused", "rollout/web"])).await;
}

#[tokio::test(start_paused = true)]
async fn discovery_names_everything_in_both_forms() {
    let server = server();
    let v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
    let all = accepting(&server, "/apis", v2).await;
    assert!(all.headers["content-type"].to_str().unwrap().contains("as=APIGroupDiscoveryList"));
    let groups = all.body["items"].as_array().unwrap();
    let argo = groups.iter().find(|group| group["metadata"]["name"] == "argoproj.io").unwrap();
    let rollouts = &argo["versions"][0]["resources"][0];
    assert_eq!((&rollouts["shortNames"], rollouts["subresources"].as_array().unwrap().len()), (&json!(["ro"]), 2));
    let legacy = get(&server, "/apis/argoproj.io/v1alpha1").await.body;
    let names: Vec<&str> =
        legacy["resources"].as_array().unwrap().iter().map(|resource| resource["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["rollouts", "rollouts/status", "rollouts/scale", "analysisruns"]);
    assert_eq!(get(&server, "/api").await.body["versions"], json!(["v1"]));
    assert!(get(&server, "/apis").await.body["groups"].as_array().unwrap().len() > 4);
    assert_eq!(get(&server, "/version").await.body["minor"], "36");
    assert_eq!(get(&server, "/apis/none/v1").await.code, 404);
    let istio = get(&server, "/apis/networking.istio.io").await.body;
    assert_eq!(istio["preferredVersion"]["version"], "v1");
}

#[tokio::test(start_paused = true)]
async fn schemas_say_that_the_server_checks_fields() {
    let server = server();
    let index = get(&server, "/openapi/v3").await.body;
    assert!(index["paths"]["apis/argoproj.io/v1alpha1"]["serverRelativeURL"].is_string());
    let document = get(&server, "/openapi/v3/apis/argoproj.io/v1alpha1").await.body;
    let path = "/apis/argoproj.io/v1alpha1/namespaces/{namespace}/rollouts/{name}";
    let parameters = document["paths"][path]["patch"]["parameters"].as_array().unwrap();
    assert!(parameters.iter().any(|parameter| parameter["name"] == "fieldValidation"));
}

#[tokio::test(start_paused = true)]
async fn events_of_both_groups_are_the_same_events() {
    let server = server();
    let event = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "regarding": {"name": "web"},
        "note": "hello", "type": "Normal", "reason": "Paused", "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "serin", "reportingInstance": "a", "action": "Pause"});
    made(&server, "/apis/events.k8s.io/v1/namespaces/default/events", event).await;
    let core = get(&server, "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dweb").await.body;
    assert_eq!(core["items"][0]["message"], "hello");
    assert_eq!(core["items"][0]["reportingComponent"], "serin");
    let back = get(&server, "/apis/events.k8s.io/v1/namespaces/default/events/e").await.body;
    assert_eq!(
        (&back["note"], &back["regarding"]["name"], back.get("message")),
        (&json!("hello"), &json!("web"), None)
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_not_accepted_is_said() {
    let server = server();
    let said = accepting(&server, ROLLOUTS, "application/vnd.kubernetes.protobuf").await;
    assert_eq!(said.code, 406);
    let both = accepting(&server, ROLLOUTS, "application/vnd.kubernetes.protobuf,application/json").await;
    assert_eq!(both.body["kind"], "RolloutList");
    assert_eq!(call(&server, Method::POST, &format!("{ROLLOUTS}/web"), json!({})).await.code, 405);
    let metadata =
        accepting(&server, ROLLOUTS, "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1").await;
    assert_eq!(metadata.body["kind"], "PartialObjectMetadataList");
}

#[tokio::test]
async fn the_same_is_served_on_tcp() {
    let server = server();
    let listener = server.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let mut config: kube::config::Kubeconfig = serde_saphyr::from_str(&listener.kubeconfig()).unwrap();
    config.auth_infos[0].auth_info.as_mut().unwrap().token = Some("alice".to_owned().into());
    let config =
        kube::Config::from_custom_kubeconfig(config, &kube::config::KubeConfigOptions::default()).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    assert_eq!(client.apiserver_version().await.unwrap().minor, "36");
    let api: kube::Api<k8s_openapi::api::core::v1::ConfigMap> = kube::Api::default_namespaced(client);
    let map = serde_json::from_value(json!({"metadata": {"name": "a"}})).unwrap();
    api.create(&kube::api::PostParams::default(), &map).await.unwrap();
    assert_eq!(server.writes().last().unwrap().user, "alice");
}
