//! Those who act in a cluster beside the controller under test: the controllers of Deployments and `ReplicaSets`, the kubelet,
//! the garbage collector.
//!
//! Each is a task on the runtime of its caller, woken by changes of the store, waiting on tokio's time alone. They use
//! the server without HTTP, so that faults meant for clients don't hit them.

mod behaviour;
mod deployments;
mod garbage;
mod kubelet;
mod pod;
mod replicasets;

#[cfg(test)]
mod tests;

use std::time::Duration;

use tokio::task::JoinHandle;

pub use self::{
    behaviour::{Behaviour, Behaviours},
    deployments::DeploymentActor,
    garbage::GarbageCollector,
    kubelet::Kubelet,
    replicasets::ReplicaSetActor,
};

use crate::server::SimServer;

/// How long an actor takes to notice something; what happens within it is dealt with at once.
pub const REACTION: Duration = Duration::from_millis(5);

/// A task that ends when this is dropped.
#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// All that a cluster does of its own accord; it stops when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    /// Runs pods.
    pub kubelet: Kubelet,
    /// How pods behave, by image.
    pub behaviours: Behaviours,
    _replica_sets: ReplicaSetActor,
    _deployments: DeploymentActor,
    _garbage: GarbageCollector,
}

impl Cluster {
    /// Starts every actor on `server`, within the current tokio runtime.
    pub fn start(server: &SimServer) -> Self {
        let behaviours = Behaviours::default();
        Self {
            kubelet: Kubelet::spawn(server, behaviours.clone(), REACTION),
            behaviours,
            _replica_sets: ReplicaSetActor::spawn(server, REACTION),
            _deployments: DeploymentActor::spawn(server, REACTION),
            _garbage: GarbageCollector::spawn(server, REACTION),
        }
    }
}
