//! Pods as cheap as they get: every `ReplicaSet` is as big as it was asked to be, at once.

use futures::{StreamExt as _, pin_mut};
use k8s_openapi::api::apps::v1::ReplicaSet;
use kube::{
    Api, Client, ResourceExt as _,
    api::{Patch, PatchParams},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::json;
use tokio::task::JoinHandle;

/// Follows `ReplicaSets` and says of each what it should be.
pub fn at_once(client: Client) -> JoinHandle<()> {
    tokio::spawn(async move {
        let sets = watcher(Api::<ReplicaSet>::all(client.clone()), watcher::Config::default());
        let sets = sets.default_backoff().applied_objects();
        pin_mut!(sets);
        while let Some(set) = sets.next().await {
            if let Some(set) = set.ok().filter(|set| !settled(set)) {
                tokio::spawn(settle(client.clone(), set));
            }
        }
    })
}

fn wanted(set: &ReplicaSet) -> i32 {
    set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1)
}

fn settled(set: &ReplicaSet) -> bool {
    let wanted = wanted(set);
    set.status.as_ref().is_some_and(|status| {
        let observed = status.observed_generation == set.metadata.generation;
        observed && status.replicas == wanted && status.available_replicas.unwrap_or_default() == wanted
    })
}

async fn settle(client: Client, set: ReplicaSet) {
    let wanted = wanted(&set);
    let status = json!({"status": {
        "replicas": wanted, "fullyLabeledReplicas": wanted, "readyReplicas": wanted, "availableReplicas": wanted,
        "observedGeneration": set.metadata.generation,
    }});
    let api: Api<ReplicaSet> = Api::namespaced(client, &set.namespace().unwrap_or_default());
    // One that is gone needs no pods.
    let _ = api.patch_status(&set.name_any(), &PatchParams::default(), &Patch::Merge(status)).await;
}
