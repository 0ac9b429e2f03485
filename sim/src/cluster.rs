//! The simulated world: an API server, its pods, users' requests, Prometheus and the real controller, in virtual time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serin_controller::runtime::clock::Clock;
use serin_controller::runtime::metrics::Registry;
use tokio::task::JoinHandle;

use crate::actors::{self, Cluster};
use crate::felt::Interval;
use crate::invariants::{CallRecord, Key, WriteRecord};
use crate::play::{FaultPlan, Incarnations, Pace, Surroundings};
use crate::prometheus::{self, SimPrometheus};
use crate::scenario::{Behaviour, Fault, KillPods, Load, PrometheusMode, Scenario, World, WorldError, plural};
use crate::server::{SimServer, faults::Call, journal::Write};
use crate::traffic::Traffic;

/// The CRDs as users apply them.
const CRDS: [&str; 5] = [
    include_str!("../../crds/generated/rollouts.yaml"),
    include_str!("../../crds/generated/analysisruns.yaml"),
    include_str!("../../crds/generated/analysistemplates.yaml"),
    include_str!("../../crds/generated/clusteranalysistemplates.yaml"),
    include_str!("../../crds/generated/experiments.yaml"),
];

/// The user under which the API server sees the controller.
pub const CONTROLLER: &str = "system:serviceaccount:argo-rollouts:argo-rollouts";

/// How often requests are dealt out.
const TICK: Duration = Duration::from_millis(250);

/// How many ticks lie between two scrapes: one second, as on real parts.
const SCRAPE_EVERY: u32 = 4;

/// The simulated world. It lives on one current-thread runtime whose time is paused.
pub struct SimWorld {
    /// The API server.
    pub server: SimServer,
    clock: Clock,
    cluster: Cluster,
    users: Arc<Mutex<Users>>,
    prometheus: SimPrometheus,
    /// The controller, and the clock of the machine that it runs on.
    controller: Incarnations,
    its_clock: Clock,
    faults: FaultPlan,
    crowd: JoinHandle<()>,
    /// How fast time passes; `None` is as fast as it goes.
    pace: Option<Pace>,
    /// What the controllers of this world count.
    registry: Registry,
}

/// Users, with what they write and feel.
#[derive(Default)]
struct Users {
    traffic: Traffic,
    writes: Vec<WriteRecord>,
    /// What the controller asked of the API server.
    calls: Vec<CallRecord>,
    /// The host that they ask.
    host: String,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded here is plain data that every writer leaves whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimWorld {
    /// A world at `epoch`; our CRDs, Istio's kinds and the namespace of scenarios are there already.
    ///
    /// # Errors
    /// When a CRD can't be served.
    pub fn new(epoch: Timestamp) -> Result<Self, WorldError> {
        let clock = Clock::anchored(epoch);
        let ticking = clock.clone();
        let server = SimServer::new(move || ticking.now());
        for text in CRDS {
            let crd = serde_saphyr::from_str(text).map_err(|e| WorldError::because("a CRD can't be read", e))?;
            server.register_crd(crd).map_err(|e| WorldError::because("a CRD is not usable", e))?;
        }
        server.register_istio();
        // It may be there from the start.
        let _ = server.create_namespace(crate::scenario::NAMESPACE);
        let users: Arc<Mutex<Users>> = Arc::default();
        let watching = users.clone();
        server.on_write(Box::new(move |write: &Write| {
            let record = write_record(write);
            let mut users = locked(&watching);
            users.traffic.see(&record);
            users.writes.push(record);
        }));
        let listening = users.clone();
        server.on_call(move |call, code| {
            if call.user == CONTROLLER {
                locked(&listening).calls.push(call_record(call, code));
            }
        });
        let cluster = Cluster::start(&server);
        let prometheus = SimPrometheus::default();
        let crowd = tokio::spawn(crowd(users.clone(), prometheus.clone(), clock.clone()));
        let its_clock = Clock::anchored(epoch);
        let registry = Registry::new(its_clock.clone());
        let (faults, crashes) = FaultPlan::new(CONTROLLER);
        let plan = faults.clone();
        server.faults().set(move |call| plan.decide(call));
        let surroundings = Surroundings {
            server: server.clone(),
            clock: its_clock.clone(),
            prometheus: prometheus.clone(),
            registry: registry.clone(),
            faults: faults.clone(),
        };
        let controller = Incarnations::new(surroundings, crashes);
        Ok(Self {
            server,
            clock,
            cluster,
            users,
            prometheus,
            controller,
            its_clock,
            faults,
            crowd,
            pace: None,
            registry,
        })
    }

    /// The Prometheus that all metric addresses lead to.
    pub fn metric_source(&self) -> &SimPrometheus {
        &self.prometheus
    }

    /// The calls of the controller so far, in the order in which faults count them.
    pub fn asked(&self) -> Vec<crate::play::Asked> {
        self.faults.asked()
    }

    /// What a scrape of the controller shows now.
    pub fn metrics(&self) -> String {
        self.registry.render()
    }

    /// Lets time pass, at the world's pace, until `end` is ready.
    pub async fn until<T>(&mut self, end: impl Future<Output = T>) -> T {
        let mut end = std::pin::pin!(end);
        loop {
            let stride = async {
                let next = self.clock.now() + jiff::SignedDuration::from_millis(250);
                // Waiting for an instant fails in no way.
                let _ = self.wait_until(next).await;
            };
            if let futures::future::Either::Left((done, _)) =
                futures::future::select(end.as_mut(), std::pin::pin!(stride)).await
            {
                return done;
            }
        }
    }

    /// Lets time pass at this pace, for those who watch.
    #[must_use]
    pub fn paced(mut self, pace: Pace) -> Self {
        self.pace = Some(pace);
        self
    }
}

/// Users ask, and Prometheus scrapes, until the world ends.
async fn crowd(users: Arc<Mutex<Users>>, prometheus: SimPrometheus, clock: Clock) {
    let mut last = clock.now();
    for tick in 1_u32.. {
        tokio::time::sleep(TICK).await;
        let now = clock.now();
        let mut users = locked(&users);
        users.traffic.tick(last, now);
        if tick % SCRAPE_EVERY == 0 {
            prometheus.with_tsdb(|series| {
                users.traffic.scrape(now, series);
                series.trim(now);
            });
        }
        last = now;
    }
}

impl Drop for SimWorld {
    fn drop(&mut self) {
        self.crowd.abort();
        self.server.deafen();
    }
}

/// A write as the invariants see it.
pub fn write_record(write: &Write) -> WriteRecord {
    WriteRecord {
        at: write.at,
        user: write.user.clone(),
        verb: write.verb.word().to_owned(),
        key: Key::new(&write.resource, &write.namespace, &write.name),
        subresource: write.subresource.clone(),
        before: write.before.clone(),
        after: write.after.clone(),
        code: write.code,
    }
}

/// A call as the invariants see it, with the status of its answer.
pub fn call_record(call: &Call, code: u16) -> CallRecord {
    let key = Key::new(&call.resource, &call.namespace, &call.name);
    CallRecord { at: call.at, verb: call.verb.word().to_owned(), key, version: call.version, code }
}

impl World for SimWorld {
    fn controller_user(&self) -> &str {
        CONTROLLER
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn wait_until(&mut self, instant: Timestamp) -> Result<(), WorldError> {
        match &mut self.pace {
            None => self.clock.sleep_until(instant).await,
            Some(pace) => pace.until(&self.clock, instant).await,
        }
        Ok(())
    }

    fn tick(&self) -> Duration {
        TICK
    }

    fn client(&self, user: &str) -> Result<kube::Client, WorldError> {
        Ok(self.server.client(user))
    }

    async fn prepare(&mut self, scenario: &Scenario) -> Result<(), WorldError> {
        for (image, behaviour) in &scenario.images {
            self.behave(image, behaviour).await?;
        }
        let mut users = locked(&self.users);
        scenario.host().clone_into(&mut users.host);
        users.traffic.through(&scenario.load.proxies);
        users.traffic.ask(scenario.host(), scenario.load.requests_per_second);
        Ok(())
    }

    async fn start_controller(&mut self) -> Result<(), WorldError> {
        self.controller.start();
        Ok(())
    }

    async fn kill_controller(&mut self) -> Result<(), WorldError> {
        self.controller.kill().await;
        Ok(())
    }

    async fn fault(&mut self, fault: &Fault) -> Result<(), WorldError> {
        let faults = self.server.faults();
        match fault {
            Fault::Calls(calls) => self.faults.arm(self.clock.now(), calls.clone()),
            Fault::Lag(lag) => faults.watches(&plural(&lag.kind), |watches| {
                (watches.lag, watches.events) = (lag.by.duration(), lag.events);
            }),
            Fault::Silence(silence) => {
                let until = crate::server::tokio_now() + silence.span.duration();
                faults.watches(&plural(&silence.kind), |watches| watches.silent = Some(until));
            }
            Fault::Coalesce(coalesce) => {
                faults.watches(&plural(&coalesce.kind), |watches| watches.coalesce = coalesce.over.duration());
            }
            Fault::Repeat(of) => faults.watches(&plural(&of.kind), |watches| watches.repeat = true),
            Fault::Forget(of) => {
                self.server.forget(&plural(&of.kind));
                faults.cut_watches();
            }
            Fault::CutWatches => faults.cut_watches(),
            Fault::Webhook(webhook) => self.server.webhook(&plural(&webhook.kind), webhook.patch.clone()),
            Fault::Clock(step) => self.its_clock.step(step.forward.signed()),
        }
        Ok(())
    }

    async fn behave(&mut self, image: &str, behaviour: &Behaviour) -> Result<(), WorldError> {
        self.cluster.behaviours.set(
            image,
            actors::Behaviour {
                ready_after: behaviour.ready_after.duration(),
                never_ready: behaviour.never_ready,
                never_ready_pods: behaviour.never_ready_pods,
                flaps: behaviour.flaps.map(|flaps| (flaps.up.duration(), flaps.down.duration())),
                drain: behaviour.drain.duration(),
                ..actors::Behaviour::default()
            },
        );
        self.cluster.kubelet.reconsider(image);
        locked(&self.users).traffic.behave(image, behaviour.clone());
        Ok(())
    }

    async fn prometheus(&mut self, mode: PrometheusMode) -> Result<(), WorldError> {
        self.prometheus.behave(match mode {
            PrometheusMode::Ok => prometheus::Behaviour::Answering,
            PrometheusMode::Down => prometheus::Behaviour::Down,
            PrometheusMode::Slow(span) => prometheus::Behaviour::Slow(span.duration()),
            PrometheusMode::Empty => prometheus::Behaviour::Empty,
            PrometheusMode::Nan => prometheus::Behaviour::NaN,
        });
        Ok(())
    }

    async fn kill_pods(&mut self, hash: &str, kill: &KillPods) -> Result<u32, WorldError> {
        let reader = self.server.as_user("sim");
        let selector = serde_json::json!({"matchLabels": {serin_crds::names::HASH_LABEL: hash}});
        let pods = reader.select("pods", crate::scenario::NAMESPACE, &selector);
        let mut killed = 0;
        for pod in pods.iter().take(usize::try_from(kill.count).unwrap_or(usize::MAX)) {
            let text = |path: &str| pod.pointer(path).and_then(serde_json::Value::as_str).unwrap_or_default();
            let key = crate::server::Key::new(text("/metadata/namespace"), text("/metadata/name"));
            self.cluster.kubelet.kill_pod(&key, kill.back_after.map(crate::scenario::Span::duration));
            killed += 1;
        }
        Ok(killed)
    }

    async fn load(&mut self, load: &Load) -> Result<(), WorldError> {
        let mut users = locked(&self.users);
        if let Some(host) = &load.host {
            users.host.clone_from(host);
        }
        let Users { traffic, host, .. } = &mut *users;
        traffic.ask(host, load.requests_per_second);
        Ok(())
    }

    async fn writes(&mut self) -> Result<Vec<WriteRecord>, WorldError> {
        Ok(std::mem::take(&mut locked(&self.users).writes))
    }

    async fn calls(&mut self) -> Result<Vec<CallRecord>, WorldError> {
        Ok(std::mem::take(&mut locked(&self.users).calls))
    }

    async fn felt(&mut self) -> Result<Vec<Interval>, WorldError> {
        Ok(locked(&self.users).traffic.felt())
    }
}
