//! The executor in a world of its own: an API server, a Prometheus, a watch, people who listen.

use std::sync::{Arc, Mutex};

use http::Request;
use jiff::Timestamp;
use kube::client::Body;
use serin_analysis::provider::prometheus::PrometheusOptions;
use serin_analysis::provider::{MetricSource, Providers};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::api::{Api, Sent};
use super::prometheus::{FakePrometheus, Reply};
use super::*;
use crate::runs::{Endpoints, Executor, LiveVerdicts, ObservedRun, RunContext, Told, Verdict};
use crate::runtime::clock::Clock;
use crate::runtime::key::Key;
use crate::runtime::metrics::Registry;
use crate::runtime::metrics::standard::Standard;

pub(super) const EPOCH: &str = "2026-01-01T00:00:00Z";

pub(super) struct World {
    pub api: Api,
    pub prometheus: FakePrometheus,
    pub executor: Arc<Executor>,
    pub board: LiveVerdicts,
    pub called: Arc<Mutex<Vec<(u64, Key)>>>,
    pub told: Arc<Mutex<Vec<Told>>>,
    pub gate: Arc<Mutex<bool>>,
    pub context: RunContext,
    pub registry: Registry,
    start: Instant,
}

impl World {
    pub fn new(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(script, Endpoints::default())
    }

    pub fn with(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static, endpoints: Endpoints) -> Self {
        let prometheus = FakePrometheus::new(script, Instant::now());
        let providers = Providers::new(Arc::new(prometheus.clone()), PrometheusOptions::default());
        Self::build(prometheus, Arc::new(providers), endpoints)
    }

    /// A world whose metrics are measured by `source`.
    pub fn measured_by(source: Arc<dyn MetricSource>) -> Self {
        let unused = FakePrometheus::new(|_, _| Reply::Fail, Instant::now());
        Self::build(unused, source, Endpoints::default())
    }

    fn build(prometheus: FakePrometheus, providers: Arc<dyn MetricSource>, endpoints: Endpoints) -> Self {
        let start = Instant::now();
        let api = Api::new(start);
        let service = {
            let api = api.clone();
            tower::service_fn(move |request: Request<Body>| {
                let api = api.clone();
                async move { Ok::<_, std::convert::Infallible>(api.answer(request).await) }
            })
        };
        let called: Arc<Mutex<Vec<(u64, Key)>>> = Arc::default();
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let gate = Arc::new(Mutex::new(true));
        let calls = called.clone();
        let board = LiveVerdicts::new(move |rollout| {
            calls.lock().unwrap().push((u64::try_from(start.elapsed().as_millis()).unwrap(), rollout.clone()));
        });
        let (events, is_open) = (told.clone(), gate.clone());
        let registry = Registry::new(Clock::system());
        let context = RunContext {
            client: kube::Client::new(service, "default"),
            clock: Clock::anchored(EPOCH.parse().unwrap()),
            providers,
            endpoints,
            verdicts: board.clone(),
            gate: Arc::new(move || *is_open.lock().unwrap()),
            tell: Arc::new(move |told| events.lock().unwrap().push(told)),
            limiter: crate::runtime::limiter::WriteLimiter::default(),
            turns: Standard::new(&registry).runs,
        };
        let executor = Arc::new(Executor::new(context.clone()));
        let world = Self { api, prometheus, executor, board, called, told, gate, context, registry, start };
        world.watch(Duration::ZERO);
        world
    }

    /// Passes on what the API server does to the executor, late by `lag`.
    pub fn watch(&self, lag: Duration) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        self.api.with(|api| api.watchers = Some(sender));
        let executor = self.executor.clone();
        tokio::spawn(async move {
            while let Some(sent) = receiver.recv().await {
                tokio::time::sleep(lag).await;
                match sent {
                    Sent::Saw(object) => executor.saw(ObservedRun::of(object).unwrap()),
                    Sent::Gone(uid) => executor.gone(&uid),
                }
            }
        });
    }

    pub fn create(&self, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        self.api.with(|api| {
            api.objects.insert(name.clone(), object);
        });
        self.api.edit(&name, |_| {});
    }

    /// Lets time pass up to this many milliseconds after the start.
    pub async fn at(&self, milliseconds: u64) {
        tokio::time::sleep_until(self.start + Duration::from_millis(milliseconds) + SETTLE).await;
    }

    pub fn status(&self, name: &str) -> Value {
        self.api.with(|api| api.objects[name]["status"].clone())
    }

    pub fn phase(&self, name: &str) -> String {
        self.status(name)["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// When writes arrived, in milliseconds since the start.
    pub fn writes(&self) -> Vec<u64> {
        self.api.with(|api| api.writes.iter().map(|write| write.at).collect())
    }

    /// When questions were asked, in milliseconds since the start.
    pub fn asked(&self) -> Vec<u64> {
        self.prometheus.asked.lock().unwrap().log.iter().map(|(at, _)| *at).collect()
    }

    pub fn verdict(&self, name: &str) -> Verdict {
        self.board.get(&format!("uid-{name}")).unwrap()
    }
}

/// A metric that is fine up to 1 and fails above.
pub(super) fn metric(name: &str, settings: &Value) -> Value {
    let mut metric = json!({
        "name": name,
        "successCondition": "result <= 1",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": name}},
    });
    metric.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    metric
}

/// A run of the Rollout `web` that was made with a status.
pub(super) fn run(name: &str, metrics: &[Value]) -> Value {
    let started: Timestamp = EPOCH.parse().unwrap();
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "labels": {},
            "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": "u", "controller": true}],
        },
        "spec": {"metrics": metrics},
        "status": serin_analysis::run::initial_status(started),
    })
}
