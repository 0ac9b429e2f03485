//! NGINX Ingresses on the real API server: two of them follow a release and an abort, each by a canary Ingress of its own.

use std::time::Duration;

use serde_json::{Value, json};
use serin_e2e::{
    runner::Fault,
    world::{ControllerPlan, Options, User, World, eventually},
};

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/shop";
const INGRESSES: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses";
const LIMIT: Duration = Duration::from_secs(30);

pub async fn follow_a_release() -> Result<(), Fault> {
    let mut world = World::start(Options { mesh: false, prometheus: false, ..Options::default() }).await?;
    world.create(User::Person, include_str!("world.yaml")).await?;
    let stable = [world.get(&path("public")).await?, world.get(&path("partners")).await?];
    let plan = ControllerPlan::serin()?.arg("--bind-address=127.0.0.1").arg("--leader-elect=false");
    let mut controller = world.controller(plan)?;
    shows(&world, "Healthy").await?;

    release(&world, "shop:v2").await?;
    shows(&world, "Paused").await?;
    weights(&world, "25").await?;
    canaries_mirror_their_stable_ingresses(&world).await?;

    world.patch(User::Person, &format!("{ROLLOUT}/status"), &json!({"status": {"abort": true}})).await?;
    shows(&world, "Degraded").await?;
    weights(&world, "0").await?;

    release(&world, "shop:v3").await?;
    shows(&world, "Paused").await?;
    weights(&world, "25").await?;
    // Somebody else's weight is put right.
    let edit = json!({"metadata": {"annotations": {"nginx.ingress.kubernetes.io/canary-weight": "90"}}});
    world.patch(User::Person, &path("shop-public-canary"), &edit).await?;
    weights(&world, "25").await?;
    world.patch(User::Person, &format!("{ROLLOUT}/status"), &json!({"status": {"pauseConditions": null}})).await?;
    shows(&world, "Healthy").await?;
    weights(&world, "0").await?;

    for before in stable {
        let name = before.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
        let after = world.get(&path(name)).await?;
        if after.pointer("/metadata/resourceVersion") != before.pointer("/metadata/resourceVersion") {
            return Err(format!("the Ingress {name} of the application was written: {after}").into());
        }
    }
    controller.check()?;
    world.check()?;
    Ok(())
}

fn path(name: &str) -> String {
    format!("{INGRESSES}/{name}")
}

async fn release(world: &World, image: &str) -> Result<(), Fault> {
    let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": image}]);
    world.patch(User::Person, ROLLOUT, &image).await?;
    Ok(())
}

/// Waits until the status speaks of the present spec and says this phase.
async fn shows(world: &World, phase: &str) -> Result<(), Fault> {
    eventually(phase, LIMIT, async || {
        let rollout = world.get(ROLLOUT).await.map_err(|error| error.to_string())?;
        let seen = rollout.pointer("/status/observedGeneration").and_then(Value::as_str).unwrap_or_default();
        let now = rollout.pointer("/metadata/generation").and_then(Value::as_i64).unwrap_or_default();
        let said = rollout.pointer("/status/phase").and_then(Value::as_str).unwrap_or("nothing");
        if seen == now.to_string() && said == phase { Ok(()) } else { Err(format!("{said} of {seen}/{now}")) }
    })
    .await
    .map_err(Fault::from)
}

/// Waits until both canary Ingresses ask for this weight.
async fn weights(world: &World, expect: &str) -> Result<(), Fault> {
    for name in ["shop-public-canary", "shop-partners-canary"] {
        eventually(&format!("weight {expect} of {name}"), LIMIT, async || {
            let ingress = world.get(&path(name)).await.map_err(|error| error.to_string())?;
            let annotations = ingress.pointer("/metadata/annotations").cloned().unwrap_or_default();
            let weight = annotations.get("nginx.ingress.kubernetes.io/canary-weight").and_then(Value::as_str);
            if weight == Some(expect) { Ok(()) } else { Err(annotations.to_string()) }
        })
        .await
        .map_err(Fault::from)?;
    }
    Ok(())
}

async fn canaries_mirror_their_stable_ingresses(world: &World) -> Result<(), Fault> {
    let public = json!([{"host": "shop.example.com", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop-canary", "port": {"number": 80}}}},
        {"path": "/docs", "pathType": "Prefix", "backend": {"service": {"name": "docs", "port": {"number": 80}}}},
    ]}}]);
    let partners = json!([{"host": "partners.example.com", "http": {"paths": [
        {"path": "/shop", "pathType": "Exact", "backend": {"service": {"name": "shop-canary", "port": {"name": "http"}}}},
    ]}}]);
    for (name, class, rules) in [("public", "nginx", public), ("partners", "nginx-partners", partners)] {
        let ingress = world.get(&path(&format!("shop-{name}-canary"))).await?;
        let seen = |pointer: &str| ingress.pointer(pointer).cloned().unwrap_or_default();
        let annotation = |key: &str| seen(&format!("/metadata/annotations/nginx.ingress.kubernetes.io~1{key}"));
        let facts = [
            (seen("/spec/ingressClassName"), json!(class)),
            (seen("/spec/rules"), rules),
            (annotation("canary"), json!("true")),
            (annotation("canary-by-header"), json!("X-Canary")),
            (seen("/metadata/ownerReferences/0/kind"), json!("Rollout")),
        ];
        if let Some((seen, expect)) = facts.iter().find(|(seen, expect)| seen != expect) {
            return Err(format!("the canary of {name} has {seen}, expected {expect}").into());
        }
    }
    Ok(())
}
