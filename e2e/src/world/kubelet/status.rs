//! The pod status that a kubelet reports.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::network;

/// What a kubelet knows of a pod's only container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    /// Its process runs; says whether the probe was answered.
    Running {
        /// The readiness probe answers.
        ready: bool,
    },
    /// Its process ended by itself and waits to be started again.
    Crashed,
}

/// What stays the same in a pod's status, or only grows.
#[derive(Debug, Clone)]
pub(super) struct Told {
    /// The pod's address.
    pub(super) address: String,
    /// The image.
    pub(super) image: String,
    /// The container's name.
    pub(super) container: String,
    /// When the pod started.
    pub(super) since: Timestamp,
    /// How often its process was started again.
    pub(super) restarts: u32,
}

/// The merge patch that reports the container.
pub(super) fn report(told: &Told, container: Container) -> Value {
    let ready = container == Container::Running { ready: true };
    let now = seconds(Timestamp::now());
    let condition = |kind: &str, holds: bool| {
        let status = if holds { "True" } else { "False" };
        let reason = (!holds).then_some("ContainersNotReady");
        json!({"type": kind, "status": status, "reason": reason, "lastTransitionTime": now})
    };
    let state = match container {
        Container::Running { .. } => json!({"running": {"startedAt": now}, "waiting": null}),
        Container::Crashed => json!({"waiting": {"reason": "CrashLoopBackOff"}, "running": null}),
    };
    json!({"status": {
        "phase": "Running",
        "podIP": told.address,
        "podIPs": [{"ip": told.address}],
        "hostIP": network::NODE,
        "startTime": seconds(told.since),
        "conditions": [
            condition("PodScheduled", true),
            condition("Initialized", true),
            condition("PodReadyToStartContainers", true),
            condition("ContainersReady", ready),
            condition("Ready", ready),
        ],
        "containerStatuses": [{
            "name": told.container,
            "image": told.image,
            "imageID": "",
            "ready": ready,
            "started": true,
            "restartCount": told.restarts,
            "state": state,
        }],
    }})
}

/// Kubernetes keeps times of whole seconds.
fn seconds(at: Timestamp) -> String {
    format!("{}Z", at.strftime("%Y-%m-%dT%H:%M:%S"))
}
