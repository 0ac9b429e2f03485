//! The stage: scenarios on real parts, in real time.
//!
//! The player, the promises and the transcript are those of the simulator; only the world is another. Writes are read from
//! the audit log of the API server, and what users felt from the answers that came back through Envoy.

mod audit_writes;
mod faults;
mod hurried;
mod load_stream;
mod pace;
mod played;
mod promises;
mod route_writes;
mod score;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serin_sim::{
    felt::Interval,
    invariants::{CallRecord, WriteRecord},
    play,
    scenario::{self, Fault as Wrong, KillPods, Played, PrometheusMode, Scenario, WorldError},
    transcript::{self, Line},
};

use self::{audit_writes::AuditWrites, load_stream::LoadStream, route_writes::RouteWrites};
pub use self::{played::played, promises::broken_promises};
use crate::{
    runner::Fault,
    world::{
        ApiGate, Behaviour, Controller, ControllerPlan, Flaps, Mode, Options, Ready, User, World, WorldError as Broken,
        answers, eventually,
    },
};

/// What delays are drawn from before a scenario is played on real parts.
const SEED: u64 = 1;
/// How often the player looks.
const TICK: Duration = Duration::from_millis(100);
/// Where the controller says that it has seen everything it works with.
const READY: &str = "http://127.0.0.1:8080/readyz";
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long it takes until a controller that has crashed is started again.
const RESTART: SignedDuration = SignedDuration::from_secs(1);
/// How long the API server may take to log a call that it has answered.
const LOGGED: Duration = Duration::from_millis(50);
/// The part of that time in which a call may still be answered and count as past: the log's clock ticks after the answer.
const SLACK: SignedDuration = SignedDuration::from_millis(20);

/// The time of a request: who writes can't know what has changed so shortly before.
const RACE: SignedDuration = SignedDuration::from_millis(250);

/// Real parts, as a scenario's world.
pub struct Stage {
    world: World,
    /// How long proxies may take to learn.
    propagation: SignedDuration,
    audit_writes: AuditWrites,
    controller: Option<Controller>,
    crowd: Option<LoadStream>,
    /// In front of the API server, where calls of the controller go wrong.
    gate: Option<ApiGate>,
    /// When a controller that has crashed is started again.
    again: Option<Timestamp>,
    routes: RouteWrites,
    /// Everything up to here has been told by [`scenario::World::writes`].
    told: Timestamp,
}

impl Stage {
    /// Starts every part.
    ///
    /// # Errors
    /// When one of them doesn't become ready.
    pub async fn open(options: Options) -> Result<Self, Broken> {
        let world = World::start(options).await?;
        let audit_writes = AuditWrites::new(world.audit());
        let propagation =
            SignedDuration::from_secs(1) + SignedDuration::try_from(options.proxies_learn_after).unwrap_or_default();
        Ok(Self {
            world,
            propagation,
            audit_writes,
            controller: None,
            crowd: None,
            gate: None,
            again: None,
            routes: RouteWrites::default(),
            told: Timestamp::now(),
        })
    }

    /// What the controller has printed; empty when none was started.
    pub fn controller_log(&self) -> String {
        self.controller.as_ref().map(Controller::log).unwrap_or_default()
    }

    /// Tells the gate whose calls are to go wrong from now on.
    fn attach(&self) {
        if let Some(gate) = &self.gate {
            gate.attach(self.controller.as_ref().and_then(Controller::pid));
        }
    }

    fn users(&mut self) -> Result<&mut LoadStream, WorldError> {
        self.crowd.as_mut().ok_or_else(|| WorldError::new("no user asks yet; prepare the world first"))
    }
}

/// Says which part failed.
fn broken(what: &str) -> impl FnOnce(Broken) -> WorldError {
    let what = what.to_owned();
    move |error| WorldError::because(what, error)
}

/// Plays a scenario that comes with the program, on the simulator as it is written and on real parts in shortened time; both
/// have to pass, to tell the same, and to take the time that it takes.
///
/// # Errors
/// When a world fails, the scenario doesn't end as it says, a promise is broken, routes are written again and again, or the
/// transcripts differ in their words or in their pace.
pub async fn perform(name: String) -> Result<(), Fault> {
    perform_in(scenario::shipped(&name)?, Options::default()).await
}

/// Plays a scenario as [`perform`] does, on real parts of this kind.
///
/// # Errors
/// As [`perform`].
pub async fn perform_in(scenario: Scenario, options: Options) -> Result<(), Fault> {
    let factor = scenario.scale.factor;
    let simulated = simulated(&scenario).await?;
    if !played::is_compared(&scenario.name) {
        return on_real_parts(&scenario, options).await.map(drop);
    }
    let (written, told) = (scenario.clone(), simulated.transcript.lines());
    let hurried = move || in_a_hurry(&written, &told, SEED);
    tokio::task::spawn_blocking(hurried).await??;
    let real = on_real_parts(&scenario, options).await?;
    told_alike(&simulated.transcript.lines(), &real.transcript.lines(), factor).map_err(Fault::from)
}

/// Plays a scenario on the simulator as it is written, and in shortened time with delays drawn from the seed; both have to
/// tell the same, or real parts would tell it now and then only.
///
/// # Errors
/// When the simulator fails, or the scenario does not keep its order and its pace.
pub fn stands_hurry(scenario: &Scenario, seed: u64) -> Result<(), String> {
    let simulated = play::play(scenario).map_err(|error| error.to_string())?;
    in_a_hurry(scenario, &simulated.transcript.lines(), seed)
}

fn in_a_hurry(scenario: &Scenario, simulated: &[Line], seed: u64) -> Result<(), String> {
    let hurried = hurried::play(scenario, seed).map_err(|error| error.to_string())?;
    let compared = played::is_compared(&scenario.name);
    let told = || told_alike(simulated, &hurried.lines(), scenario.scale.factor).err();
    let wrong = hurried.fault().or_else(|| if compared { told() } else { None });
    wrong.map_or(Ok(()), |wrong| {
        Err(format!("its order hangs on chance where time is shortened (seed {seed}): {wrong}"))
    })
}

/// Says that what was told in shortened time is what the simulator told, and kept its time.
fn told_alike(simulated: &[Line], real: &[Line], factor: u32) -> Result<(), String> {
    let real = score::aligned(simulated, real);
    score::compare(&transcript::without_times(simulated), &transcript::without_times(&real))?;
    pace::kept(simulated, &real, factor)
}

/// Plays a scenario with faults on both worlds; both have to pass. How often something is tried again is told by neither.
///
/// # Errors
/// As [`perform`], but for the transcripts.
pub async fn perform_disturbed(scenario: Scenario) -> Result<(), Fault> {
    simulated(&scenario).await?;
    on_real_parts(&scenario, Options::default()).await.map(drop)
}

/// What comes of a scenario on the simulator, where it has to pass.
async fn simulated(scenario: &Scenario) -> Result<Played, Fault> {
    let written = scenario.clone();
    let simulated = tokio::task::spawn_blocking(move || play::play(&written)).await??;
    if simulated.passed() {
        return Ok(simulated);
    }
    let (report, told) = (simulated.report(), &simulated.transcript);
    Err(format!("it fails on the simulator already:\n{report}\n{told}").into())
}

/// What comes of a scenario on real parts, in shortened time; it has to pass.
async fn on_real_parts(scenario: &Scenario, options: Options) -> Result<Played, Fault> {
    let here = tokio::runtime::Handle::current();
    let shorter = score::in_real_time(scenario);
    tokio::task::spawn_blocking(move || here.block_on(real(&shorter, options))).await?
}

/// Plays a scenario on real parts, where it has to pass.
async fn real(scenario: &Scenario, options: Options) -> Result<Played, Fault> {
    let mut stage = Stage::open(options).await?;
    let played = scenario::play(scenario, &mut stage, &mut |_| {}).await;
    let (log, routes) = (stage.controller_log(), stage.routes);
    drop(stage);
    let played = played?;
    println!("{}", played.transcript);
    println!("{:?}\n{routes:?}", played.felt);
    let fault = if played.passed() { routes.fault() } else { Some(played.report()) };
    match fault {
        Some(fault) => Err(format!("{fault}\nthe controller's last lines:\n{}", tail(&log)).into()),
        None => Ok(played),
    }
}

/// The end of a log.
fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n")
}

impl scenario::World for Stage {
    fn controller_user(&self) -> &str {
        User::Serin.name()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn race(&self) -> SignedDuration {
        RACE
    }

    async fn wait_until(&mut self, instant: Timestamp) -> Result<(), WorldError> {
        let left = Duration::try_from(instant.duration_since(self.now())).unwrap_or_default();
        tokio::time::sleep(left).await;
        self.world.check().map_err(broken("a part of the world has ended"))?;
        if self.gate.as_mut().is_some_and(ApiGate::crashed) {
            self.kill_controller().await?;
            self.again = Some(self.now() + RESTART);
        }
        if self.again.is_some_and(|again| again <= self.now()) {
            self.start_controller().await?;
        }
        let controller = self.controller.as_mut().map_or(Ok(()), Controller::check);
        controller.map_err(broken("the controller has ended"))
    }

    fn tick(&self) -> Duration {
        TICK
    }

    fn propagation(&self) -> SignedDuration {
        self.propagation
    }

    fn client(&self, user: &str) -> Result<kube::Client, WorldError> {
        let known = User::named(user).ok_or_else(|| WorldError::new(format!("nobody is called {user}")))?;
        Ok(self.world.client(known))
    }

    async fn prepare(&mut self, scenario: &Scenario) -> Result<(), WorldError> {
        for image in score::images(scenario) {
            self.behave(&image, &scenario.behaviour(&image)).await?;
        }
        if faults::any(scenario) {
            let gate = self.world.api_gate().await;
            self.gate = Some(gate.map_err(broken("there is no gate in front of the API server"))?);
        }
        let crowd = LoadStream::gather(&self.world, scenario.host(), scenario.load.requests_per_second);
        self.crowd = Some(crowd.map_err(broken("users can't ask"))?);
        Ok(())
    }

    async fn start_controller(&mut self) -> Result<(), WorldError> {
        let failed = || broken("the controller can't be started");
        if let Some(controller) = &mut self.controller {
            controller.restart().map_err(failed())?;
        } else {
            // Pods take their ports at addresses of their own, so the controller must not take them everywhere. A lease would
            // make a killed controller's successor wait, in a time that no scenario shortens.
            let mut plan = ControllerPlan::serin()
                .map_err(failed())?
                .arg("--bind-address=127.0.0.1")
                .arg("--leader-elect=false")
                .arg("--metric-allow=http://prometheus:9090");
            if let Some(gate) = &self.gate {
                plan.environment.push(("KUBECONFIG".to_owned(), gate.kubeconfig().into()));
            }
            self.controller = Some(self.world.controller(plan).map_err(failed())?);
        }
        self.again = None;
        self.attach();
        let ready = async || answers(READY).await;
        eventually("the controller's readiness", PATIENCE, ready).await.map_err(failed())
    }

    async fn kill_controller(&mut self) -> Result<(), WorldError> {
        if let Some(controller) = &mut self.controller {
            controller.kill();
        }
        self.again = None;
        self.attach();
        Ok(())
    }

    async fn fault(&mut self, fault: &Wrong) -> Result<(), WorldError> {
        let gate = self.gate.as_ref().ok_or_else(|| WorldError::new("no call can go wrong here"))?;
        faults::set(gate, fault)
    }

    async fn behave(&mut self, image: &str, behaviour: &scenario::Behaviour) -> Result<(), WorldError> {
        let milliseconds = |span: scenario::Span| u64::try_from(span.duration().as_millis()).unwrap_or(u64::MAX);
        let usual = Behaviour::default();
        let drains = behaviour.drain != scenario::Behaviour::default().drain;
        let behaviour = Behaviour {
            error_rate: behaviour.error_rate,
            latency_ms: behaviour.latency_ms.into(),
            ready: if behaviour.never_ready { Ready::Never } else { Ready::After(milliseconds(behaviour.ready_after)) },
            never_ready_pods: usize::try_from(behaviour.never_ready_pods).unwrap_or(usize::MAX),
            flaps: behaviour
                .flaps
                .map(|flaps| Flaps { up_ms: milliseconds(flaps.up), down_ms: milliseconds(flaps.down) }),
            // Real proxies learn later than simulated ones that a pod leaves.
            drain_ms: if drains { milliseconds(behaviour.drain) } else { usual.drain_ms },
            crash_after_ms: None,
        };
        self.world.set_behaviour(image, &behaviour).map_err(broken("there are no pods"))
    }

    async fn prometheus(&mut self, mode: PrometheusMode) -> Result<(), WorldError> {
        let gate = self.world.gate().map_err(broken("there is no gate in front of Prometheus"))?;
        gate.set(match mode {
            PrometheusMode::Ok => Mode::Through,
            PrometheusMode::Down => Mode::Down,
            PrometheusMode::Slow(span) => Mode::Slow(span.duration()),
            PrometheusMode::Empty => Mode::Empty,
            PrometheusMode::Nan => Mode::Value(f64::NAN),
        });
        Ok(())
    }

    async fn kill_pods(&mut self, hash: &str, kill: &KillPods) -> Result<u32, WorldError> {
        let kubelet = self.world.kubelet().map_err(broken("there are no pods"))?;
        let back = kill.back_after.map_or(Duration::ZERO, scenario::Span::duration);
        let mut killed = 0;
        for pod in kubelet.pods().iter().filter(|pod| pod.hash == hash) {
            if killed < kill.count && kubelet.kill(&pod.namespace, &pod.name, Some(back)) {
                killed += 1;
            }
        }
        Ok(killed)
    }

    async fn load(&mut self, load: &scenario::Load) -> Result<(), WorldError> {
        let rate = load.requests_per_second;
        let Some(host) = &load.host else {
            self.users()?.rate(rate);
            return Ok(());
        };
        let crowd = LoadStream::gather(&self.world, host, rate).map_err(broken("users can't ask"))?;
        self.users()?.follow(crowd).await;
        Ok(())
    }

    async fn writes(&mut self) -> Result<Vec<WriteRecord>, WorldError> {
        // What was answered before this call is in the log when it is read; what was answered after it waits for the next
        // call, because calls that were answered before may still be written behind it.
        let told = self.now() + SLACK;
        tokio::time::sleep(LOGGED).await;
        let (told, writes) = self.audit_writes.read(told).map_err(broken("the audit log can't be read"))?;
        self.told = told;
        for write in &writes {
            self.routes.see(write);
        }
        Ok(writes)
    }

    async fn calls(&mut self) -> Result<Vec<CallRecord>, WorldError> {
        Ok(self.audit_writes.calls())
    }

    async fn felt(&mut self) -> Result<Vec<Interval>, WorldError> {
        let told = self.told;
        Ok(self.users()?.felt(told))
    }
}
