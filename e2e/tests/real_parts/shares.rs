//! Weights are checked where they count: in the data plane, by the requests that users send.

use std::time::Duration;

use serde_json::json;
use serin_e2e::{
    runner::Fault,
    world::{Behaviour, Felt, LoadPlan, Options, Ready, Slot, User, World, WorldError, eventually},
};
use statrs::distribution::{ChiSquared, ContinuousCDF};

const HOST: &str = "web.default.svc.cluster.local";
const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/web";
const LIMIT: Duration = Duration::from_secs(20);

/// A share further off than this happens by chance once in ten thousand runs.
const CHANCE: f64 = 1e-4;

pub async fn weights_are_shares() -> Result<(), Fault> {
    let mut world = World::start(Options::default()).await?;
    let slow_start = Behaviour { ready: Ready::After(300), ..Behaviour::default() };
    world.set_behaviour("web:v1", &slow_start)?;
    let failing = Behaviour { error_rate: 0.2, ..slow_start };
    world.set_behaviour("web:v2", &failing)?;
    world.create(User::Person, include_str!("web.yaml")).await?;
    arrived(&world, 70, 30).await?;
    for side in ["stable", "canary"] {
        let cluster = format!("outbound|80||web-{side}.{HOST_TAIL}");
        eventually("two endpoints in Envoy", LIMIT, async || {
            let known = world.envoy().endpoints(&cluster).await.map_err(|error| error.to_string())?;
            (known == 2).then_some(()).ok_or(format!("{known} for {cluster}"))
        })
        .await?;
    }

    let load = world.load(&LoadPlan::new("web.default", 150.0))?;
    let first = after(&load, 0, 600).await?;
    world.patch(User::Serin, ROUTE, &weights(20, 80)).await?;
    arrived(&world, 20, 80).await?;
    let second = after(&load, load.felt().len() + 1, 600).await?;
    let all = load.stop().await;

    fair("70 : 30", &first, 0.3)?;
    fair("20 : 80", &second, 0.8)?;
    let felt: Felt = all.iter().collect();
    expect(felt.foreign_5xx.is_empty(), || format!("foreign 5xx: {felt:?}"))?;
    expect(felt.application_5xx > 0, || "v2 never failed".to_owned())?;
    counted(&world, &felt).await?;
    audited(&world)?;
    world.check()?;
    Ok(())
}

const HOST_TAIL: &str = "default.svc.cluster.local";

fn weights(stable: u32, canary: u32) -> serde_json::Value {
    json!([
        {"op": "replace", "path": "/spec/http/0/route/0/weight", "value": stable},
        {"op": "replace", "path": "/spec/http/0/route/1/weight", "value": canary},
    ])
}

/// Waits until Envoy has these weights.
async fn arrived(world: &World, stable: u64, canary: u64) -> Result<(), WorldError> {
    let want = vec![
        (format!("outbound|80||web-stable.{HOST_TAIL}"), stable),
        (format!("outbound|80||web-canary.{HOST_TAIL}"), canary),
    ];
    eventually("the weights in Envoy", LIMIT, async || {
        let have = world.envoy().weights(HOST).await.map_err(|error| error.to_string())?;
        (have == want).then_some(()).ok_or(format!("{have:?}"))
    })
    .await
}

/// The slots from this one on, once they hold so many requests.
async fn after(load: &serin_e2e::world::Load, from: usize, requests: u64) -> Result<Vec<Slot>, WorldError> {
    eventually("requests", LIMIT, async || {
        let slots: Vec<_> = load.felt().into_iter().skip(from).collect();
        let sent: u64 = slots.iter().map(|slot| slot.sent).sum();
        (sent >= requests).then_some(slots).ok_or(format!("{sent} requests"))
    })
    .await
}

#[expect(clippy::cast_precision_loss, reason = "some hundred requests")]
fn fair(what: &str, slots: &[Slot], canary: f64) -> Result<(), Fault> {
    let felt: Felt = slots.iter().collect();
    let (v1, v2) = (felt.version("v1") as f64, felt.version("v2") as f64);
    let all = v1 + v2;
    let off = |seen: f64, share: f64| (seen - all * share).powi(2) / (all * share);
    let statistic = off(v1, 1.0 - canary) + off(v2, canary);
    let chance = ChiSquared::new(1.0)?.sf(statistic);
    expect(chance > CHANCE, || format!("{what}: {v1} and {v2}, chance {chance}"))
}

/// Prometheus has counted what users felt, from the pods and from Envoy.
async fn counted(world: &World, felt: &Felt) -> Result<(), Fault> {
    let failed = felt.application_5xx;
    let queries = [
        ("sum(http_requests_total{namespace=\"default\", app=\"web\"})", felt.sent),
        ("sum(http_requests_total{status=~\"5..\", version=\"v2\"})", failed),
        ("sum(http_requests_total{rollouts_pod_template_hash=\"bbbb\"})", felt.version("v2")),
        ("sum(http_request_duration_seconds_count)", felt.sent),
        ("sum(istio_requests_total{destination_service_name=\"web-stable\"})", felt.version("v1")),
        (
            "sum(istio_requests_total{destination_service=\"web-canary.default.svc.cluster.local\", response_code=~\"5.*\"})",
            failed,
        ),
    ];
    for (query, count) in queries {
        let what = format!("{count} as the answer to {query}");
        eventually(&what, LIMIT, async || {
            let have = world.prometheus().number(query).await.map_err(|error| error.to_string())?;
            #[expect(clippy::cast_precision_loss, reason = "some hundred requests")]
            let same = have == Some(count as f64);
            same.then_some(()).ok_or(format!("{have:?}"))
        })
        .await?;
    }
    Ok(())
}

/// The audit log says who changed the weights, and to what.
fn audited(world: &World) -> Result<(), Fault> {
    let records = world.audit().read()?;
    let ours: Vec<_> = records.iter().filter(|record| record.user == "serin" && record.is_write()).collect();
    let [record] = ours.as_slice() else {
        return Err(format!("{} writes of serin in the audit log", ours.len()).into());
    };
    let weight = record.bodies.response.pointer("/spec/http/0/route/1/weight");
    expect(record.is_about("virtualservices") && record.code == 200 && weight == Some(&json!(80)), || {
        format!("{record:?}")
    })
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Fault> {
    if holds { Ok(()) } else { Err(otherwise().into()) }
}
