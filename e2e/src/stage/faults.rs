//! The faults of a scenario that real parts can play: calls that go wrong, and watches that break.

use serin_sim::scenario::{Action, Fault, Scenario, WorldError};

use crate::world::ApiGate;

/// Every fault of a scenario.
fn all(scenario: &Scenario) -> impl Iterator<Item = &Fault> {
    let later = scenario.timeline.iter().flat_map(|entry| &entry.actions).filter_map(|action| match action {
        Action::Fault(fault) => Some(fault),
        _ => None,
    });
    scenario.faults.iter().chain(later)
}

/// Says whether anything goes wrong for the controller in a scenario.
pub(super) fn any(scenario: &Scenario) -> bool {
    all(scenario).next().is_some()
}

/// Says whether real parts can play every fault of a scenario.
pub(super) fn playable(scenario: &Scenario) -> bool {
    all(scenario).all(|fault| matches!(fault, Fault::Calls(_) | Fault::CutWatches))
}

/// Lets something go wrong from now on.
pub(super) fn set(gate: &ApiGate, fault: &Fault) -> Result<(), WorldError> {
    match fault {
        Fault::Calls(calls) => gate.arm(calls.clone()),
        Fault::CutWatches => gate.cut_watches(),
        other => return Err(WorldError::new(format!("real parts can't play {other:?}"))),
    }
    Ok(())
}
