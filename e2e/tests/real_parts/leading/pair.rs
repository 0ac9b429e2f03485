//! Two controllers on one cluster, one of which leads.

use std::time::Duration;

use serde_json::{Value, json};
use serin_crds::names;
use serin_e2e::{
    runner::Fault,
    stage,
    world::{Controller, ControllerPlan, Mode, Options, User, World, WorldError, answers, eventually},
};

use super::log::Log;

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/web";
const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/web";
const RUNS: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/analysisruns";
/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(40);

/// How long others wait for a leader that is silent.
pub const LEASE: Duration = Duration::from_secs(5);
/// How long a leader goes on that can't renew.
const DEADLINE: Duration = Duration::from_secs(3);
/// How often a lease is renewed, or looked at.
const RETRY: Duration = Duration::from_secs(1);

/// The cluster and both controllers. The first one leads, until a trial changes that.
pub struct Pair {
    pub world: World,
    pub first: Controller,
    pub second: Controller,
}

impl Pair {
    /// Starts a world in which the first controller leads, a first version is healthy, and the second controller is ready.
    pub async fn start() -> Result<Self, Fault> {
        let world = World::start(Options { mesh: false, ..Options::default() }).await?;
        world.namespace(names::DEFAULT_NAMESPACE).await?;
        world.create(User::Person, include_str!("world.yaml")).await?;
        let first = world.controller(plan(8080)?)?;
        let leads = async || {
            let leaders = Log::read(&world).map_err(|error| error.to_string())?.leaders();
            if leaders == [Some(User::Serin)] { Ok(()) } else { Err(format!("{leaders:?}")) }
        };
        eventually("the first leader", LIMIT, leads).await?;
        let second = world.controller(plan(8081)?.beside("controller-beside", User::SerinBeside))?;
        for port in [8080, 8081] {
            let page = format!("http://127.0.0.1:{port}/readyz");
            eventually(&page, LIMIT, async || answers(&page).await).await?;
        }
        let pair = Self { world, first, second };
        pair.shows(ROLLOUT, "/status/phase", &json!("Healthy")).await?;
        Ok(pair)
    }

    /// Releases the second version, with this share of errors, and waits until one measurement of it is written down.
    pub async fn release(&self, errors: f64) -> Result<(), Fault> {
        self.world.gate()?.set(Mode::Value(errors));
        let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:v2"}]);
        self.world.patch(User::Person, ROLLOUT, &image).await?;
        self.shows(RUNS, "/items/0/status/metricResults/0/count", &json!(1)).await?;
        Ok(self.canary(25).await?)
    }

    /// Waits until the release is rolled back: no traffic, no pods.
    pub async fn taken_back(&self) -> Result<(), WorldError> {
        self.shows(ROLLOUT, "/status/phase", &json!("Degraded")).await?;
        self.shows(ROLLOUT, "/status/abort", &json!(true)).await?;
        self.canary(0).await?;
        self.shows(ROLLOUT, "/status/replicas", &json!(4)).await
    }

    /// Waits until the release is the new stable version.
    pub async fn promoted(&self) -> Result<(), WorldError> {
        self.shows(ROLLOUT, "/status/phase", &json!("Healthy")).await?;
        let stable = self.world.get(ROLLOUT).await?.pointer("/status/currentPodHash").cloned().unwrap_or_default();
        self.shows(ROLLOUT, "/status/stableRS", &stable).await?;
        self.canary(0).await?;
        self.shows(ROLLOUT, "/status/replicas", &json!(4)).await
    }

    async fn canary(&self, weight: u32) -> Result<(), WorldError> {
        self.shows(ROUTE, "/spec/http/0/route/1/weight", &json!(weight)).await
    }

    /// Waits until an object shows this value.
    async fn shows(&self, path: &str, pointer: &str, value: &Value) -> Result<(), WorldError> {
        eventually(&format!("{value} at {pointer} of {path}"), LIMIT, async || {
            let object = self.world.get(path).await.map_err(|error| error.to_string())?;
            let seen = object.pointer(pointer).cloned().unwrap_or_default();
            if seen == *value { Ok(()) } else { Err(seen.to_string()) }
        })
        .await
    }

    /// What holds in every world with two controllers, at its end.
    pub async fn keeps_its_promises(&mut self) -> Result<(), Fault> {
        self.second.check()?;
        self.world.check()?;
        let broken = stage::broken_promises(&self.world).await?;
        let broken = broken.iter().map(ToString::to_string);
        let faults: Vec<_> = Log::read(&self.world)?.usurped().into_iter().chain(broken).collect();
        if faults.is_empty() { Ok(()) } else { Err(faults.join("\n").into()) }
    }

    /// The fault, and what both controllers said last.
    pub fn explained(&self, fault: &Fault) -> Fault {
        let tail = |controller: &Controller| {
            let log = controller.log();
            let lines: Vec<_> = log.lines().collect();
            lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n")
        };
        let (first, second) = (tail(&self.first), tail(&self.second));
        format!("{fault}\nthe first controller's last lines:\n{first}\nthe second one's:\n{second}").into()
    }
}

/// A controller that stands for election, with its page of readiness at this port.
fn plan(port: u16) -> Result<ControllerPlan, WorldError> {
    let times = [("lease-duration", LEASE), ("renew-deadline", DEADLINE), ("retry-period", RETRY)];
    let plan = ControllerPlan::serin()?
        .arg("--leader-elect")
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--healthzPort={port}"))
        .arg(format!("--metricsPort={}", port + 10))
        .arg("--metric-allow=http://prometheus:9090");
    Ok(times.iter().fold(plan, |plan, (name, time)| plan.arg(format!("--leader-election-{name}={}s", time.as_secs()))))
}
