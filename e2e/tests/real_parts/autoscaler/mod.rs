//! The autoscaler of Kubernetes on a Rollout: it reads the Rollout's scale, and sets it, in the middle of a release and of an
//! abort.

use std::time::Duration;

use serde_json::{Value, json};
use serin_e2e::{
    runner::Fault,
    stage,
    world::{Behaviour, Controller, ControllerPlan, Felt, Load, LoadPlan, Options, Ready, User, World, eventually},
};

const ROLLOUT: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts/web";
const ROUTE: &str = "/apis/networking.istio.io/v1/namespaces/default/virtualservices/web";
const CANARY: &str = "/spec/http/0/route/1/weight";
const METRICS: &str = "/apis/external.metrics.k8s.io/v1beta1/namespaces/default/queuelength";
const LIMIT: Duration = Duration::from_secs(40);

/// How long an abort may take, although the autoscaler has just asked for more pods than there are.
const ABORT: Duration = Duration::from_secs(1);

struct Scaled {
    world: World,
    controller: Controller,
    load: Load,
}

pub async fn follows_a_rollout() -> Result<(), Fault> {
    let mut scaled = Scaled::start().await?;
    let told = scaled.story().await;
    told.map_err(|fault| {
        let log = scaled.controller.log();
        let lines: Vec<_> = log.lines().collect();
        let last = lines.get(lines.len().saturating_sub(20)..).unwrap_or_default().join("\n");
        Fault::from(format!("{fault}\nthe controller's last lines:\n{last}"))
    })
}

impl Scaled {
    async fn start() -> Result<Self, Fault> {
        let world = World::start(Options { prometheus: false, ..Options::default() }).await?;
        let slow_start = Behaviour { ready: Ready::After(2000), ..Behaviour::default() };
        for image in ["web:v1", "web:v2"] {
            world.set_behaviour(image, &slow_start)?;
        }
        world.create(User::Person, include_str!("world.yaml")).await?;
        let plan = ControllerPlan::serin()?.arg("--bind-address=127.0.0.1").arg("--leader-elect=false");
        let controller = world.controller(plan)?;
        let load = world.load(&LoadPlan::new("web.default", 0.0))?;
        Ok(Self { world, controller, load })
    }

    async fn story(&mut self) -> Result<(), Fault> {
        // The kind may be served a moment later than it is created.
        eventually("the metric", LIMIT, || self.measure(40)).await?;
        self.shows(ROLLOUT, "/status/phase", &json!("Healthy")).await?;
        let began = self.begin_to_ask().await?;

        let image = json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:v2"}]);
        self.world.patch(User::Person, ROLLOUT, &image).await?;
        self.shows(ROLLOUT, "/status/phase", &json!("Paused")).await?;
        self.shows(ROUTE, CANARY, &json!(25)).await?;

        // In the pause: both versions grow, and the weights stay.
        self.measure(120).await?;
        self.shows(ROLLOUT, "/spec/replicas", &json!(12)).await?;
        self.shows(ROLLOUT, "/status/availableReplicas", &json!(15)).await?;
        self.shows(ROUTE, CANARY, &json!(25)).await?;

        // And in the moment of an abort: it waits for none of the pods that are asked for.
        self.measure(160).await?;
        self.shows(ROLLOUT, "/spec/replicas", &json!(16)).await?;
        self.world.patch(User::Person, &format!("{ROLLOUT}/status"), &json!({"status": {"abort": true}})).await?;
        self.shows_within(ABORT, ROUTE, CANARY, &json!(0)).await?;
        self.shows(ROLLOUT, "/status/phase", &json!("Degraded")).await?;
        self.shows(ROLLOUT, "/status/availableReplicas", &json!(16)).await?;

        // Stable shrinks as it is asked to.
        self.measure(40).await?;
        self.shows(ROLLOUT, "/status/replicas", &json!(4)).await?;
        self.controller.check()?;
        self.world.check()?;
        let felt: Felt = self.load.felt().iter().skip(began).collect();
        let broken = stage::broken_promises(&self.world).await?;
        if felt.foreign_5xx.is_empty() && felt.sent > 500 && broken.is_empty() {
            return Ok(());
        }
        Err(format!("{felt:?}\n{broken:#?}").into())
    }

    /// Lets users ask, and waits until somebody answers: the proxies learn of pods a moment later than they are ready. Answers
    /// how many slots of the load lie before that.
    async fn begin_to_ask(&self) -> Result<usize, Fault> {
        self.load.rate(50.0);
        let answered = async || {
            let felt: Felt = self.load.felt().iter().collect();
            if felt.version("v1") > 0 { Ok(()) } else { Err(format!("{felt:?}")) }
        };
        eventually("an answer", LIMIT, answered).await?;
        Ok(self.load.felt().len())
    }

    /// Tells the autoscaler this number, of which every pod is to bear ten.
    async fn measure(&self, value: u32) -> Result<(), Fault> {
        let metric = json!({
            "apiVersion": "external.metrics.k8s.io/v1beta1", "kind": "ExternalMetricValue",
            "metadata": {"name": "queue", "namespace": "default"},
            "metricName": "queuelength", "metricLabels": {}, "timestamp": jiff::Timestamp::now(),
            "value": value.to_string(),
        });
        let request = http::Request::patch(format!("{METRICS}/queue?fieldManager=trial&force=true"))
            .header(http::header::CONTENT_TYPE, "application/apply-patch+yaml")
            .body(metric.to_string().into_bytes())?;
        self.world.client(User::Admin).request::<Value>(request).await?;
        Ok(())
    }

    async fn shows(&self, path: &str, pointer: &str, value: &Value) -> Result<(), Fault> {
        self.shows_within(LIMIT, path, pointer, value).await
    }

    /// Waits until an object shows this value.
    async fn shows_within(&self, limit: Duration, path: &str, pointer: &str, value: &Value) -> Result<(), Fault> {
        eventually(&format!("{value} at {pointer} of {path}"), limit, async || {
            let object = self.world.get(path).await.map_err(|error| error.to_string())?;
            let seen = object.pointer(pointer).cloned().unwrap_or_default();
            if seen == *value { Ok(()) } else { Err(seen.to_string()) }
        })
        .await
        .map_err(Fault::from)
    }
}
