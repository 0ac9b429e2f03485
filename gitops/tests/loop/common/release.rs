//! What an aborted release leaves in the cluster, without anybody who plays it.

use jiff::Timestamp;
use serde_json::json;
use serin_controller::runtime::clock::Clock;
use serin_sim::server::{Key, SimServer};

/// A release that was aborted.
pub struct Release<'a> {
    pub name: &'a str,
    pub from: &'a str,
    pub to: &'a str,
}

/// When a stage with it begins.
pub fn now() -> Timestamp {
    "2026-11-28T09:10:05Z".parse().unwrap()
}

/// A server with these releases, all of them in the namespace default.
pub fn aborted(releases: &[Release<'_>]) -> SimServer {
    let epoch = now();
    let ticking = Clock::anchored(epoch);
    let server = SimServer::new(move || ticking.now());
    for file in ["rollouts", "analysisruns"] {
        let path = format!("{}/../crds/generated/{file}.yaml", env!("CARGO_MANIFEST_DIR"));
        let crd = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        server.register_crd(crd).unwrap();
    }
    for release in releases {
        leave(&server, release);
    }
    server
}

fn leave(server: &SimServer, Release { name, from, to }: &Release<'_>) {
    let direct = server.as_user("rollouts-controller");
    let template = |image: &str| {
        json!({
            "metadata": {"labels": {"run": name}}, "spec": {"containers": [{"name": "web", "image": image}]},
        })
    };
    let made = direct.create(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {
            "name": name, "namespace": "default", "labels": {"app": "web"},
            "annotations": {"rollout.argoproj.io/revision": "2"},
        },
        "spec": {
            "selector": {"matchLabels": {"run": name}}, "template": template(from), "strategy": {"canary": {}},
        },
    }));
    let uid = made.unwrap()["metadata"]["uid"].clone();
    let owner = json!([{
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": name, "uid": uid, "controller": true,
    }]);
    for (hash, image) in [("new", from), ("old", to)] {
        let labels = json!({"run": name, "rollouts-pod-template-hash": hash});
        let set = format!("{name}-{hash}");
        let metadata = json!({"name": set, "namespace": "default", "labels": labels, "ownerReferences": owner});
        let spec = json!({"replicas": 0, "selector": {"matchLabels": {"run": name}}, "template": template(image)});
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec});
        direct.create(set).unwrap();
    }
    let at = "2026-11-28T09:10:00Z";
    let status = json!({"status": {
        "abort": true, "abortedAt": at, "currentPodHash": "new", "stableRS": "old", "phase": "Degraded",
        "conditions": [{
            "type": "Progressing", "status": "False", "reason": "RolloutAborted",
            "message": "Rollout aborted update to revision 2: bad", "lastUpdateTime": at, "lastTransitionTime": at,
        }],
    }});
    direct.merge("rollouts/status", &Key::new("default", name), status).unwrap();
}
