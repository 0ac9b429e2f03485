//! What a scenario is played on: the simulator, or real parts.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};

use super::{Behaviour, Fault, KillPods, Load, PrometheusMode, Scenario};
use crate::{
    felt::Interval,
    invariants::{CallRecord, WriteRecord},
};

/// A world: an API server with everything around it. People and tools act through ordinary clients; what no client can do
/// (time, faults, users' requests) is asked of the world itself.
pub trait World {
    /// The user name under which the API server sees the controller.
    fn controller_user(&self) -> &str;

    /// The world's time.
    fn now(&self) -> Timestamp;

    /// The time of a request: who writes can't know what has changed so shortly before. None passes in virtual time.
    fn race(&self) -> SignedDuration {
        SignedDuration::ZERO
    }

    /// Lets time pass until this instant.
    fn wait_until(&mut self, instant: Timestamp) -> impl Future<Output = Result<(), WorldError>>;

    /// How often the player looks while it waits for something.
    fn tick(&self) -> std::time::Duration;

    /// How long proxies may go on sending to where they were told before.
    fn propagation(&self) -> SignedDuration {
        SignedDuration::from_secs(1)
    }

    /// A client with the credentials of this user.
    fn client(&self, user: &str) -> Result<kube::Client, WorldError>;

    /// Makes the world ready for a scenario: how its images behave, whom users will ask.
    fn prepare(&mut self, scenario: &Scenario) -> impl Future<Output = Result<(), WorldError>>;

    /// Starts a controller; there is at most one.
    fn start_controller(&mut self) -> impl Future<Output = Result<(), WorldError>>;

    /// Ends the controller at once, without any chance to clean up.
    fn kill_controller(&mut self) -> impl Future<Output = Result<(), WorldError>>;

    /// Changes how an image behaves, in pods that run already too.
    fn behave(&mut self, image: &str, behaviour: &Behaviour) -> impl Future<Output = Result<(), WorldError>>;

    /// Changes how Prometheus answers.
    fn prometheus(&mut self, mode: PrometheusMode) -> impl Future<Output = Result<(), WorldError>>;

    /// Makes pods with this hash die by themselves; answers how many.
    fn kill_pods(&mut self, hash: &str, kill: &KillPods) -> impl Future<Output = Result<u32, WorldError>>;

    /// Changes the requests that users send.
    fn load(&mut self, load: &Load) -> impl Future<Output = Result<(), WorldError>>;

    /// Lets something go wrong for the controller.
    fn fault(&mut self, fault: &Fault) -> impl Future<Output = Result<(), WorldError>> {
        let what = format!("this world can't do that: {}", fault.tell());
        async { Err(WorldError::new(what)) }
    }

    /// The writes that the API server took since the last call, in its order.
    fn writes(&mut self) -> impl Future<Output = Result<Vec<WriteRecord>, WorldError>>;

    /// The calls of the controller that were answered since the last call; none where the world can't see them.
    fn calls(&mut self) -> impl Future<Output = Result<Vec<CallRecord>, WorldError>> {
        async { Ok(Vec::new()) }
    }

    /// What users felt since the last call. Counting begins with the first request that was answered.
    fn felt(&mut self) -> impl Future<Output = Result<Vec<Interval>, WorldError>>;
}

/// A world that does not do what was asked of it.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct WorldError {
    what: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl WorldError {
    /// Says what failed.
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), source: None }
    }

    /// Says whether somebody else wrote first.
    pub(super) fn conflict(&self) -> bool {
        let source = self.source.as_deref().and_then(|source| source.downcast_ref::<kube::Error>());
        matches!(source, Some(kube::Error::Api(status)) if status.code == 409)
    }

    /// Says what failed, and why.
    pub fn because(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what: what.into(), source: Some(source.into()) }
    }
}
