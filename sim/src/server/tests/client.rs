//! The real client on the simulated server.

use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::{
    Api, ResourceExt,
    api::{
        ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams,
    },
    core::PartialObjectMeta,
};
use serde_json::json;

use super::{
    super::{Key, faults::Fault},
    rollout, server,
};

fn resource() -> ApiResource {
    ApiResource {
        group: "argoproj.io".into(),
        version: "v1alpha1".into(),
        api_version: "argoproj.io/v1alpha1".into(),
        kind: "Rollout".into(),
        plural: "rollouts".into(),
    }
}

fn api(client: kube::Client) -> Api<DynamicObject> {
    Api::namespaced_with(client, "default", &resource())
}

#[tokio::test(start_paused = true)]
async fn objects_are_created_read_patched_replaced_and_deleted() {
    let server = server();
    let api = api(server.client("alice"));
    let object: DynamicObject = serde_json::from_value(rollout("web")).unwrap();
    let made = api.create(&PostParams::default(), &object).await.unwrap();
    assert_eq!(
        (made.metadata.generation, made.creation_timestamp().unwrap().0.to_string()),
        (Some(1), "2026-01-01T00:00:00Z".into())
    );
    let patched =
        api.patch("web", &PatchParams::apply("serin"), &Patch::Merge(json!({"spec": {"replicas": 5}}))).await.unwrap();
    assert_eq!((patched.data["spec"]["replicas"].as_i64(), patched.metadata.generation), (Some(5), Some(2)));
    let status = json!({"status": {"phase": "Healthy"}});
    let status = api.patch_status("web", &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
    assert_eq!((status.data["status"]["phase"].as_str(), status.metadata.generation), (Some("Healthy"), Some(2)));
    let mut next = api.get("web").await.unwrap();
    next.data["spec"]["replicas"] = 6.into();
    let next = api.replace("web", &PostParams::default(), &next).await.unwrap();
    assert_eq!(next.metadata.generation, Some(3));
    let mut stale = next.clone();
    stale.metadata.resource_version = patched.resource_version();
    let refused = api.replace("web", &PostParams::default(), &stale).await.unwrap_err();
    assert!(matches!(&refused, kube::Error::Api(status) if status.code == 409 && status.reason == "Conflict"));
    assert_eq!(api.list(&ListParams::default()).await.unwrap().items.len(), 1);
    assert!(api.delete("web", &DeleteParams::default()).await.unwrap().is_right());
    assert!(api.get_opt("web").await.unwrap().is_none());
}

/// Reads a watch until it ends or falls silent: what it said, and the code of its error.
async fn read(api: &Api<DynamicObject>, params: &WatchParams, version: &str) -> (Vec<String>, u16) {
    let mut lines = std::pin::pin!(api.watch(params, version).await.unwrap());
    let mut said = Vec::new();
    while let Ok(Some(line)) = tokio::time::timeout(Duration::from_secs(1), lines.next()).await {
        match line.unwrap() {
            WatchEvent::Added(object) => said.push(format!("+{}", object.name_any())),
            WatchEvent::Modified(object) => said.push(format!("~{}", object.name_any())),
            WatchEvent::Deleted(object) => said.push(format!("-{}", object.name_any())),
            WatchEvent::Bookmark(mark) => {
                said.push(format!("{} marks", mark.metadata.annotations.len()));
            }
            WatchEvent::Error(status) => return (said, status.code),
        }
    }
    (said, 0)
}

#[tokio::test(start_paused = true)]
async fn a_watch_is_resumed_until_its_version_is_forgotten() {
    let server = server();
    let api = api(server.client("alice"));
    let direct = server.as_user("bob");
    direct.create(rollout("a")).unwrap();
    let version = api.list(&ListParams::default()).await.unwrap().metadata.resource_version.unwrap();
    direct.create(rollout("b")).unwrap();
    direct.delete("rollouts", &Key::new("default", "a")).unwrap();
    let params = WatchParams::default();
    assert_eq!(read(&api, &params, &version).await, (vec!["+b".into(), "-a".into()], 0));
    assert_eq!(read(&api, &params, &version).await, (vec!["+b".into(), "-a".into()], 0), "it can be read again");
    server.forget("rollouts");
    assert_eq!(read(&api, &params, &version).await, (vec![], 410));
}

#[tokio::test(start_paused = true)]
async fn initial_events_can_be_streamed() {
    let server = server();
    server.as_user("bob").create(rollout("a")).unwrap();
    let said = read(&api(server.client("alice")), &WatchParams::default().initial_events(), "0").await;
    assert_eq!(said, (vec!["+a".into(), "1 marks".into()], 0));
}

#[tokio::test(start_paused = true)]
async fn metadata_alone_can_be_listed_and_watched() {
    let server = server();
    server.as_user("bob").create(rollout("a")).unwrap();
    let client = server.client("alice");
    let api: Api<PartialObjectMeta<Pod>> = Api::all(client.clone());
    assert_eq!(api.list_metadata(&ListParams::default()).await.unwrap().items.len(), 0);
    let api: Api<PartialObjectMeta<DynamicObject>> = Api::all_with(client, &resource());
    assert_eq!(api.get_metadata("a").await.err().map(|_| ()), Some(()), "a namespaced object has no path of its own");
    let mut lines = std::pin::pin!(api.watch_metadata(&WatchParams::default(), "0").await.unwrap());
    match lines.try_next().await.unwrap().unwrap() {
        WatchEvent::Added(object) => assert_eq!(object.name_any(), "a"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn typed_objects_keep_to_their_types() {
    let server = server();
    let api: Api<ConfigMap> = Api::default_namespaced(server.client("alice"));
    let map: ConfigMap =
        serde_json::from_value(json!({"metadata": {"generateName": "settings-"}, "data": {"a": "1"}})).unwrap();
    let made = api.create(&PostParams::default(), &map).await.unwrap();
    assert!(made.name_any().starts_with("settings-") && made.name_any().len() == 14);
    assert_eq!(made.metadata.generation, None, "config maps don't count generations");
}

#[tokio::test(start_paused = true)]
async fn faults_hit_the_calls_they_are_meant_for() {
    let server = server();
    let api = api(server.client("alice"));
    let object: DynamicObject = serde_json::from_value(rollout("web")).unwrap();
    let code = |result: Result<DynamicObject, kube::Error>| match result {
        Ok(_) => 200,
        Err(kube::Error::Api(status)) => status.code,
        Err(_) => 0,
    };
    server.faults().set(|_| Fault::Before(503));
    assert_eq!(code(api.create(&PostParams::default(), &object).await), 503);
    server.faults().set(|_| Fault::After(504));
    assert_eq!(code(api.create(&PostParams::default(), &object).await), 504);
    server.faults().set(|call| if call.verb.writes() { Fault::Drop } else { Fault::None });
    assert_eq!(code(api.get("web").await), 200, "the create was carried out");
    assert_eq!(
        code(api.patch("web", &PatchParams::default(), &Patch::Merge(json!({"spec": {"replicas": 9}}))).await),
        0
    );
    server.faults().set(|_| Fault::Truncate);
    assert_eq!(code(api.get("web").await), 0);
    server.faults().set(|_| Fault::Hang);
    assert!(tokio::time::timeout(Duration::from_secs(3600), api.get("web")).await.is_err());
    server.faults().set(|_| Fault::Delay(Duration::from_secs(9)));
    let before = super::super::store::now();
    assert_eq!(api.get("web").await.unwrap().data["spec"]["replicas"], 3);
    assert_eq!(before.elapsed(), Duration::from_secs(9));
}
