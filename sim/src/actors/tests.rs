//! `ReplicaSets` and pods in stopped time.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::{Behaviour, Cluster};
use crate::server::{
    Deletion, Key, SimServer,
    json::{integer, text},
};

struct World {
    server: SimServer,
    cluster: Cluster,
}

fn world() -> World {
    let epoch: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let start = crate::server::tokio_now();
    let server = SimServer::new(move || epoch + jiff::SignedDuration::try_from(start.elapsed()).unwrap());
    let cluster = Cluster::start(&server);
    World { server, cluster }
}

fn set(name: &str, replicas: i64) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "minReadySeconds": 0, "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "a", "image": name}]}}},
    })
}

#[tokio::test(start_paused = true)]
async fn a_deployment_keeps_its_pods_and_a_new_template_replaces_them() {
    let world = world();
    let person = world.server.as_user("test");
    let mut deployment = set("web", 3);
    deployment["kind"] = json!("Deployment");
    deployment["spec"].as_object_mut().unwrap().remove("minReadySeconds");
    person.create(deployment).unwrap();
    world.after(10_000).await;
    let status = || person.get("deployments", &World::key("web")).unwrap()["status"].clone();
    assert_eq!((world.pods().len(), status()["availableReplicas"].clone()), (3, json!(3)));
    let image = json!({"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "web:2"}]}}}});
    person.merge("deployments", &World::key("web"), image).unwrap();
    world.after(60_000).await;
    assert_eq!((world.pods().len(), status()["updatedReplicas"].clone()), (3, json!(3)));
    person.merge("deployments", &World::key("web"), json!({"spec": {"replicas": 0}})).unwrap();
    world.after(60_000).await;
    assert_eq!(world.pods(), Vec::<String>::new());
}

impl World {
    fn key(name: &str) -> Key {
        Key::new("default", name)
    }

    async fn after(&self, millis: u64) -> &Self {
        sleep(Duration::from_millis(millis)).await;
        self
    }

    fn pods(&self) -> Vec<String> {
        let pods = self.server.as_user("test").list("pods", "default");
        pods.iter().map(|pod| text(pod, &["metadata", "name"]).to_owned()).collect()
    }

    /// Wished, seen, ready, available.
    fn counts(&self, name: &str) -> (i64, i64, i64, i64) {
        let set = self.server.as_user("test").get("replicasets", &Self::key(name)).unwrap();
        let of = |path: &[&str]| integer(&set, path).unwrap_or_default();
        let status = |field: &str| of(&["status", field]);
        (of(&["spec", "replicas"]), status("replicas"), status("readyReplicas"), status("availableReplicas"))
    }

    fn scale(&self, name: &str, replicas: i64) {
        let change = json!({"spec": {"replicas": replicas}});
        self.server.as_user("test").merge("replicasets", &Self::key(name), change).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn pods_are_made_and_become_ready_in_their_time() {
    let world = world();
    world.server.as_user("test").create(set("web", 3)).unwrap();
    assert_eq!(world.after(100).await.counts("web"), (3, 3, 0, 0));
    assert_eq!(world.after(1800).await.counts("web"), (3, 3, 0, 0));
    assert_eq!(world.after(200).await.counts("web"), (3, 3, 3, 3));
    let set = world.server.as_user("test").get("replicasets", &World::key("web")).unwrap();
    assert_eq!(set["status"]["observedGeneration"], set["metadata"]["generation"]);
}

#[tokio::test(start_paused = true)]
async fn a_pod_is_available_only_after_min_ready_seconds() {
    let world = world();
    let mut web = set("web", 2);
    web["spec"]["minReadySeconds"] = 10.into();
    world.server.as_user("test").create(web).unwrap();
    assert_eq!(world.after(3000).await.counts("web"), (2, 2, 2, 0));
    assert_eq!(world.after(8000).await.counts("web"), (2, 2, 2, 0));
    assert_eq!(world.after(2000).await.counts("web"), (2, 2, 2, 2));
}

#[tokio::test(start_paused = true)]
async fn scaling_down_ends_pods_that_are_not_ready_first_and_then_the_youngest() {
    let world = world();
    world.server.as_user("test").create(set("web", 2)).unwrap();
    let old = world.after(3000).await.pods();
    world.scale("web", 4);
    world.after(500).await;
    world.scale("web", 3);
    world.after(100).await;
    let dying = |pod: &Value| pod["metadata"]["deletionTimestamp"].is_string();
    let ended: Vec<_> =
        world.server.as_user("test").list("pods", "default").into_iter().filter(|pod| dying(pod)).collect();
    assert_eq!(ended.len(), 1);
    assert!(!old.contains(&text(&ended[0], &["metadata", "name"]).to_owned()));
    world.after(3000).await;
    world.scale("web", 2);
    assert_eq!(world.after(3000).await.pods(), old);
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_was_told_to_end_stays_while_it_drains() {
    let world = world();
    let drain = Behaviour { drain: Duration::from_secs(5), ..Behaviour::default() };
    world.cluster.behaviours.set("web", drain);
    world.server.as_user("test").create(set("web", 1)).unwrap();
    world.after(3000).await;
    world.scale("web", 0);
    assert_eq!((world.after(4000).await.pods().len(), world.counts("web")), (1, (0, 0, 0, 0)));
    assert_eq!(world.after(2000).await.pods().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn pods_behave_as_their_image_says() {
    let world = world();
    world.cluster.behaviours.set("stuck", Behaviour { never_ready: true, ..Behaviour::default() });
    let crash = Behaviour { crash_after: Some(Duration::from_secs(5)), ..Behaviour::default() };
    world.cluster.behaviours.set("crash", crash);
    world.server.as_user("test").create(set("stuck", 1)).unwrap();
    world.server.as_user("test").create(set("crash", 1)).unwrap();
    assert_eq!(world.after(3000).await.counts("crash"), (1, 1, 1, 1));
    assert_eq!(world.after(5000).await.counts("crash"), (1, 1, 0, 0));
    assert_eq!(world.after(13_000).await.counts("crash"), (1, 1, 1, 1), "ten seconds of back-off, two to become ready");
    assert_eq!(world.after(3_600_000).await.counts("stuck"), (1, 1, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn running_pods_go_over_to_a_new_behaviour() {
    let world = world();
    world.server.as_user("test").create(set("web", 1)).unwrap();
    assert_eq!(world.after(3000).await.counts("web"), (1, 1, 1, 1));
    world.cluster.behaviours.set("web", Behaviour { never_ready: true, ..Behaviour::default() });
    world.cluster.kubelet.reconsider("web");
    assert_eq!(world.after(100).await.counts("web"), (1, 1, 0, 0));
    world.cluster.behaviours.set("web", Behaviour::default());
    world.cluster.kubelet.reconsider("web");
    assert_eq!(world.after(2100).await.counts("web"), (1, 1, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn killed_pods_come_back_and_evicted_ones_are_replaced() {
    let world = world();
    world.server.as_user("test").create(set("web", 1)).unwrap();
    let first = world.after(3000).await.pods();
    world.cluster.kubelet.kill_pod(&World::key(&first[0]), None);
    assert_eq!(world.after(1000).await.counts("web"), (1, 1, 0, 0));
    assert_eq!((world.after(15_000).await.counts("web"), world.pods()), ((1, 1, 1, 1), first.clone()));
    world.cluster.kubelet.kill_pod(&World::key(&first[0]), Some(Duration::from_secs(120)));
    world.server.as_user("test").create(set("other", 1)).unwrap();
    assert_eq!(world.after(60_000).await.counts("web"), (1, 1, 0, 0));
    assert_eq!(world.counts("other"), (1, 1, 1, 1), "another pod of the image is not slower for it");
    assert_eq!(world.after(120_000).await.counts("web"), (1, 1, 1, 1));
    world.cluster.kubelet.evict_pod(&World::key(&first[0]));
    assert_eq!(world.after(3000).await.counts("web"), (1, 1, 1, 1));
    assert_eq!(world.pods().len(), 3, "the evicted one is kept to be looked at");
}

#[tokio::test(start_paused = true)]
async fn what_belongs_to_something_gone_goes_too() {
    let world = world();
    let direct = world.server.as_user("test");
    direct.create(set("web", 2)).unwrap();
    direct.create(set("kept", 1)).unwrap();
    world.after(3000).await;
    direct.delete("replicasets", &World::key("web")).unwrap();
    assert_eq!(world.after(3000).await.pods().len(), 1);
    let orphan = Deletion { propagation: "Orphan".into(), ..Deletion::default() };
    direct.delete_with("replicasets", &World::key("kept"), &orphan).unwrap();
    assert_eq!(world.after(3000).await.pods().len(), 1);
    assert!(direct.get("replicasets", &World::key("kept")).is_none());
    let stray = json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web", "uid": "gone"}]);
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stray", "ownerReferences": stray}});
    direct.create(map).unwrap();
    world.after(100).await;
    assert!(direct.get("configmaps", &World::key("stray")).is_none(), "its owner never was");
}

#[tokio::test(start_paused = true)]
async fn a_foreground_delete_ends_the_dependents_first() {
    let world = world();
    let direct = world.server.as_user("test");
    direct.create(set("web", 2)).unwrap();
    world.after(3000).await;
    let first = Deletion { propagation: "Foreground".into(), ..Deletion::default() };
    direct.delete_with("replicasets", &World::key("web"), &first).unwrap();
    world.after(500).await;
    assert!(direct.get("replicasets", &World::key("web")).is_some());
    assert_eq!(world.after(3000).await.pods().len(), 0);
    assert!(direct.get("replicasets", &World::key("web")).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_when_it_is_empty() {
    let world = world();
    let direct = world.server.as_user("test");
    world.server.create_namespace("shop").unwrap();
    let mut web = set("web", 2);
    web["metadata"]["namespace"] = "shop".into();
    direct.create(web.clone()).unwrap();
    world.after(3000).await;
    direct.delete("namespaces", &Key::new("", "shop")).unwrap();
    web["metadata"]["name"] = "other".into();
    assert_eq!(direct.create(web).unwrap_err().code, 403);
    world.after(5000).await;
    assert!(direct.get("namespaces", &Key::new("", "shop")).is_none());
    assert!(direct.list("pods", "shop").is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_runs_write_the_same() {
    async fn run() -> Vec<String> {
        let world = world();
        world.server.as_user("test").create(set("web", 3)).unwrap();
        world.after(3000).await;
        world.scale("web", 1);
        world.after(5000).await;
        let line = |write: &crate::server::journal::Write| {
            format!("{} {:?} {} {}", write.at, write.verb, write.resource, write.name)
        };
        world.server.writes().iter().map(|write| line(write)).collect()
    }
    assert_eq!(run().await, run().await);
}
