//! Tools that wait for what they have applied: Helm 4 waits for a Rollout, as it is, until its release is over or has failed.

use serde_json::Value;
use serin_e2e::{
    runner::Fault,
    world::{Behaviour, ControllerPlan, Options, Ready, User, World},
};

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/app";

pub async fn helm_waits_for_a_release() -> Result<(), Fault> {
    let mut world = World::start(Options { mesh: false, prometheus: false, ..Options::default() }).await?;
    let slow = Behaviour { ready: Ready::After(1500), ..Behaviour::default() };
    world.set_behaviour("app:v1", &slow)?;
    world.set_behaviour("app:v2", &slow)?;
    world.set_behaviour("app:broken", &Behaviour { ready: Ready::Never, ..Behaviour::default() })?;
    let plan = ControllerPlan::serin()?
        .arg("--bind-address=127.0.0.1")
        .arg("--leader-elect=false")
        .arg("--observed-generation=integer");
    let mut controller = world.controller(plan)?;

    helm(&world, "install", "app:v1", true).await?;
    stands(&world, "Healthy", Some("app:v1")).await?;
    helm(&world, "upgrade", "app:v2", true).await?;
    // It has waited for the last step: nothing is under way any more.
    stands(&world, "Healthy", Some("app:v2")).await?;
    let said = helm(&world, "upgrade", "app:broken", false).await?;
    stands(&world, "Degraded", None).await?;
    if said.contains("context deadline exceeded") {
        return Err(format!("helm has waited until its time was up: {said}").into());
    }
    controller.check()?;
    world.check()?;
    Ok(())
}

/// Runs Helm 4 with `--wait`; what it says.
async fn helm(world: &World, verb: &str, image: &str, succeeds: bool) -> Result<String, Fault> {
    let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/real_parts/waiting/app");
    let image = format!("image={image}");
    let arguments = [verb, "app", chart, "--wait", "--timeout", "60s", "--set", &image];
    let said = world.tool(User::Admin, "helm4", &arguments).await?;
    if said.succeeded() == succeeds { Ok(said.to_string()) } else { Err(format!("{verb} {image}: {said}").into()) }
}

/// Looks once: a tool that has waited need not be waited for.
async fn stands(world: &World, phase: &str, image: Option<&str>) -> Result<(), Fault> {
    let rollout = world.get(ROLLOUT).await?;
    let text = |pointer: &str| rollout.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let promoted = text("/status/stableRS") == text("/status/currentPodHash");
    let runs = text("/spec/template/spec/containers/0/image");
    if text("/status/phase") == phase && image.is_none_or(|image| promoted && runs == image) {
        return Ok(());
    }
    Err(format!("expected {phase} with {image:?}: {}", rollout.pointer("/status").unwrap_or(&Value::Null)).into())
}
