//! Plays scenarios in this process: the real controller on a simulated cluster, in virtual time.

mod fault_plan;
mod incarnation;
mod pace;
mod severed;

use std::future::Future;

use jiff::Timestamp;

pub use self::{
    fault_plan::{Asked, FaultPlan},
    incarnation::{Incarnations, RESTART, Surroundings},
    pace::Pace,
    severed::Severed,
};
use crate::{
    cluster::SimWorld,
    scenario::{self, Played, Scenario, WorldError},
};

/// When every story begins.
const EPOCH: &str = "2026-01-01T00:00:00Z";

/// Plays a scenario to its end, as fast as the machine can.
///
/// Must not be called on a runtime: it makes one of its own, with one thread and paused time.
///
/// # Errors
/// When the world itself fails; what the controller does wrong stands in [`Played`].
pub fn play(scenario: &Scenario) -> Result<Played, WorldError> {
    in_virtual_time(async {
        let mut world = world()?;
        scenario::play(scenario, &mut world, &mut |_| {}).await
    })
}

/// A fresh simulated world; to be made on a runtime whose time is paused.
///
/// # Errors
/// When our own definitions can't be served.
pub fn world() -> Result<SimWorld, WorldError> {
    let epoch: Timestamp = EPOCH.parse().map_err(|error| WorldError::because("time has no beginning", error))?;
    SimWorld::new(epoch)
}

/// Runs work on a runtime of its own, with one thread and paused time.
///
/// # Errors
/// When the runtime can't be made, or the work fails.
pub fn in_virtual_time<T>(work: impl Future<Output = Result<T, WorldError>>) -> Result<T, WorldError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let runtime = runtime.map_err(|error| WorldError::because("no runtime can be made", error))?;
    runtime.block_on(work)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_left_of_a_world_that_is_over() {
        let scenario = scenario::shipped("basic").unwrap();
        let trace = in_virtual_time(async {
            let mut world = world()?;
            scenario::play(&scenario, &mut world, &mut |_| {}).await?;
            Ok(world.server.trace())
        });
        assert!(trace.unwrap().upgrade().is_none());
    }
}
