//! The scenarios that come with the program, on real parts.

use std::time::Duration;

use serin_e2e::{
    runner::{Fault, Trial},
    stage::Stage,
    world::{ControllerPlan, Options, World},
};
use serin_sim::scenario::{play, shipped, shipped_names};

/// One trial per scenario.
pub fn all() -> impl Iterator<Item = Trial> {
    shipped_names().map(|name| {
        Trial::new(format!("scenario {name}"), move || on_real_parts(name))
            .within(Duration::from_secs(300))
    })
}

async fn on_real_parts(name: &'static str) -> Result<(), Fault> {
    let scenario = shipped(name)?.shortened();
    let world = World::start(Options::default()).await?;
    let mut stage = Stage::new(world, ControllerPlan::serin()?);
    let played = play(&scenario, &mut stage, &mut |_| {}).await?;
    if played.passed() {
        return Ok(());
    }
    let log = stage.controller().map(|controller| controller.log());
    let log = log.unwrap_or_default();
    let lines: Vec<_> = log.lines().collect();
    let end = lines
        .get(lines.len().saturating_sub(20)..)
        .unwrap_or_default();
    Err(format!(
        "{}\n{}\nthe end of the controller's log:\n{}",
        played.transcript.without_times(),
        played.report(),
        end.join("\n")
    )
    .into())
}
