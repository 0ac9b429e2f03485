//! The kubelet's stand-in: one node, on which each pod is a real process at an address of its own.
//!
//! It binds pods to its node (there is no scheduler), starts their process, asks their readiness probe, tells the API
//! server, restarts what ends, and lets a deleted pod drain before it is gone.

mod pod;
mod status;
mod targets;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU16, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, pin_mut};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, ResourceExt,
    api::{Patch, PatchParams, PostParams},
    runtime::watcher,
};
use serde_json::json;
use tokio::{sync::mpsc, task::JoinHandle};

pub use self::pod::image_tag;
use self::{
    pod::{Order, PodSlot},
    targets::Targets,
};
use super::{WorldError, network};
use crate::pod::Behaviour;

/// The node's name.
pub const NODE: &str = "node-1";

/// The names under which a template's hash may stand in a pod's labels.
pub const HASH_LABELS: [&str; 2] = ["rollouts-pod-template-hash", "pod-template-hash"];

/// A pod that runs in the world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningPod {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The image.
    pub image: String,
    /// The template's hash; empty when no label tells.
    pub hash: String,
    /// The address of its port.
    pub address: std::net::SocketAddr,
    /// How many pods of its image were there when it was made.
    pub older: usize,
}

/// What the pods' tasks share.
struct Shared {
    client: Client,
    root: PathBuf,
    program: PathBuf,
    behaviours: Mutex<BTreeMap<String, Behaviour>>,
    pods: Mutex<BTreeMap<String, (RunningPod, mpsc::UnboundedSender<Order>)>>,
    next: AtomicU16,
    targets: Targets,
    /// The world ends: nothing that goes wrong from now on means anything.
    over: AtomicBool,
}

/// The kubelet's stand-in. Its pods end when this value is dropped.
pub struct Kubelet {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Kubelet {
    /// Registers the node and begins to run pods.
    pub(super) async fn start(client: Client, root: &Path) -> Result<Self, WorldError> {
        register(&client).await?;
        let shared = Arc::new(Shared {
            client,
            root: root.join("pods"),
            program: super::parts::built("serin-e2e-pod")?,
            behaviours: Mutex::default(),
            pods: Mutex::default(),
            next: AtomicU16::new(2),
            targets: Targets::new(root),
            over: AtomicBool::new(false),
        });
        let task = tokio::spawn(watch(Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Sets how the pods of an image behave: those that run already at once, later ones from their start.
    pub fn behave(&self, image: &str, behaviour: &Behaviour) {
        lock(&self.shared.behaviours).insert(image.to_owned(), behaviour.clone());
        for (pod, orders) in lock(&self.shared.pods).values() {
            if pod.image == image {
                let _ = orders.send(Order::Behave(behaviour.clone().of_pod(pod.older)));
            }
        }
    }

    /// The pods that have a process, or are about to have one.
    pub fn pods(&self) -> Vec<RunningPod> {
        lock(&self.shared.pods).values().map(|(pod, _)| pod.clone()).collect()
    }

    /// Ends the process of a pod between two answers: what it would take along with it is chance, and nobody's doing who is
    /// under test. It starts again after `back_after`; never when that is `None`.
    /// Says whether there is such a pod.
    pub fn kill(&self, namespace: &str, name: &str, back_after: Option<Duration>) -> bool {
        let pods = lock(&self.shared.pods);
        let found = pods.values().find(|(pod, _)| pod.namespace == namespace && pod.name == name);
        found.is_some_and(|(_, orders)| orders.send(Order::Kill(back_after)).is_ok())
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        self.task.abort();
        // Each pod's task ends with its orders; its process is killed with it.
        lock(&self.shared.pods).clear();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Creates the node, ready and without the taint that admission puts on a new one.
async fn register(client: &Client) -> Result<(), WorldError> {
    let api: Api<Node> = Api::all(client.clone());
    let what = || WorldError::kube("registering the node");
    let node = serde_json::from_value(json!({
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}},
    }))
    .map_err(WorldError::malformed("the node"))?;
    api.create(&PostParams::default(), &node).await.map_err(what())?;
    let parameters = PatchParams::default();
    let untainted = json!({"spec": {"taints": null}});
    api.patch(NODE, &parameters, &Patch::Merge(untainted)).await.map_err(what())?;
    let capacity = json!({"cpu": "1000", "memory": "1000Gi", "pods": "10000"});
    let ready = json!({"status": {
        "capacity": capacity,
        "allocatable": capacity,
        "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
        "addresses": [{"type": "InternalIP", "address": network::NODE}],
    }});
    api.patch_status(NODE, &parameters, &Patch::Merge(ready)).await.map_err(what())?;
    Ok(())
}

async fn watch(shared: Arc<Shared>) {
    let api: Api<Pod> = Api::all(shared.client.clone());
    let events = watcher(api, watcher::Config::default());
    pin_mut!(events);
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Apply(pod) | watcher::Event::InitApply(pod)) => shared.seen(&pod),
            Ok(watcher::Event::Delete(pod)) => shared.order(&pod, || Order::Gone),
            Ok(watcher::Event::Init | watcher::Event::InitDone) => {}
            Err(error) => {
                eprintln!("the kubelet's stand-in can't watch pods: {error}");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

impl Shared {
    fn seen(self: &Arc<Self>, pod: &Pod) {
        if pod.metadata.deletion_timestamp.is_some() {
            let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(0);
            let grace = Duration::from_secs(u64::try_from(grace).unwrap_or(0));
            if lock(&self.pods).contains_key(&pod.uid().unwrap_or_default()) {
                self.order(pod, || Order::Leave(grace));
            }
            return;
        }
        let uid = pod.uid().unwrap_or_default();
        let mut pods = lock(&self.pods);
        if pods.contains_key(&uid) {
            return;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let mut seat = PodSlot::read(pod, network::pod(number));
        seat.pod.older = pods.values().filter(|(known, _)| known.image == seat.pod.image).count();
        let (sender, orders) = mpsc::unbounded_channel();
        pods.insert(uid.clone(), (seat.pod.clone(), sender));
        drop(pods);
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            seat.live(&shared, orders).await;
            lock(&shared.pods).remove(&uid);
        });
    }

    fn order(&self, pod: &Pod, order: impl Fn() -> Order) {
        let uid = pod.uid().unwrap_or_default();
        if let Some((_, orders)) = lock(&self.pods).get(&uid) {
            let _ = orders.send(order());
        }
    }

    fn behaviour(&self, pod: &RunningPod) -> Behaviour {
        lock(&self.behaviours).get(&pod.image).cloned().unwrap_or_default().of_pod(pod.older)
    }
}
