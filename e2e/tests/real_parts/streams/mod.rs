//! Routes of TLS and TCP beside one of HTTP: the weights of all three follow a release and an abort, down to the proxies.

use std::time::Duration;

use serde_json::{Value, json};
use serin_e2e::{
    runner::Fault,
    world::{ControllerPlan, Options, User, World, eventually},
};

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/shop";
const HOST: &str = "shop.default.svc.cluster.local";
const LIMIT: Duration = Duration::from_secs(30);

pub async fn follow_a_release() -> Result<(), Fault> {
    let mut world = World::start(Options { prometheus: false, ..Options::default() }).await?;
    world.create(User::Person, include_str!("world.yaml")).await?;
    let plan = ControllerPlan::serin()?.arg("--bind-address=127.0.0.1").arg("--leader-elect=false");
    let mut controller = world.controller(plan)?;
    shows(&world, "Healthy").await?;
    arrived(&world, 100, 0).await?;

    let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "shop:v2"}]);
    world.patch(User::Person, ROLLOUT, &image).await?;
    shows(&world, "Paused").await?;
    arrived(&world, 75, 25).await?;

    world.patch(User::Person, &format!("{ROLLOUT}/status"), &json!({"status": {"abort": true}})).await?;
    shows(&world, "Degraded").await?;
    arrived(&world, 100, 0).await?;
    controller.check()?;
    world.check()?;
    Ok(())
}

async fn shows(world: &World, phase: &str) -> Result<(), Fault> {
    eventually(phase, LIMIT, async || {
        let rollout = world.get(ROLLOUT).await.map_err(|error| error.to_string())?;
        let seen = rollout.pointer("/status/phase").and_then(Value::as_str).unwrap_or("nothing").to_owned();
        if seen == phase { Ok(()) } else { Err(seen) }
    })
    .await
    .map_err(Fault::from)
}

/// Waits until Envoy has these weights for all three.
async fn arrived(world: &World, stable: u64, canary: u64) -> Result<(), Fault> {
    let want = |port: u16| -> Vec<(String, u64)> {
        let sides = [("stable", stable), ("canary", canary)];
        let sides = sides.into_iter().filter(|(_, weight)| *weight > 0);
        sides
            .map(|(side, weight)| (format!("outbound|{port}||shop-{side}.default.svc.cluster.local"), weight))
            .collect()
    };
    let service = world.get("/api/v1/namespaces/default/services/shop").await?;
    let address = service.pointer("/spec/clusterIP").and_then(Value::as_str).ok_or("the Service has no address")?;
    eventually("the weights in Envoy", LIMIT, async || {
        let mut http = world.envoy().weights(HOST).await.map_err(|error| error.to_string())?;
        http.retain(|(_, weight)| *weight > 0);
        let mut seen = vec![(80, http)];
        for port in [443, 9000] {
            seen.push((port, world.envoy().stream_weights(address, port).await.map_err(|error| error.to_string())?));
        }
        let all = seen.iter().all(|(port, weights)| *weights == want(*port));
        if all { Ok(()) } else { Err(format!("{seen:?}")) }
    })
    .await
    .map_err(Fault::from)
}
