//! The stage: scenarios on real parts, in real time.
//!
//! The player, the promises and the transcript are those of the simulator; only the world is another. Writes are read from
//! the audit log of the API server, and what users felt from the answers that came back through Envoy.

mod audit_writes;
mod load_stream;
mod promises;
mod score;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serin_sim::{
    felt::Interval,
    invariants::WriteRecord,
    play,
    scenario::{self, KillPods, Played, PrometheusMode, Scenario, WorldError},
};

pub use self::promises::broken_promises;
use self::{audit_writes::AuditWrites, load_stream::LoadStream};
use crate::{
    runner::Fault,
    world::{
        Behaviour, Controller, ControllerPlan, Mode, Options, Ready, User, World, WorldError as Broken, answers,
        eventually,
    },
};

/// How often the player looks.
const TICK: Duration = Duration::from_millis(100);
/// Where the controller says that it has seen everything it works with.
const READY: &str = "http://127.0.0.1:8080/readyz";
/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the API server may take to log a call that it has answered.
const LOGGED: Duration = Duration::from_millis(50);
/// The part of that time in which a call may still be answered and count as past: the log's clock ticks after the answer.
const SLACK: SignedDuration = SignedDuration::from_millis(20);

/// The time of a request: who writes can't know what has changed so shortly before.
const RACE: SignedDuration = SignedDuration::from_millis(250);

/// Real parts, as a scenario's world.
pub struct Stage {
    world: World,
    ledger: AuditWrites,
    controller: Option<Controller>,
    crowd: Option<LoadStream>,
    /// Everything up to here has been told by [`scenario::World::writes`].
    told: Timestamp,
}

impl Stage {
    /// Starts every part.
    ///
    /// # Errors
    /// When one of them doesn't become ready.
    pub async fn open() -> Result<Self, Broken> {
        let world = World::start(Options::default()).await?;
        let ledger = AuditWrites::new(world.audit());
        Ok(Self { world, ledger, controller: None, crowd: None, told: Timestamp::now() })
    }

    /// What the controller has printed; empty when none was started.
    pub fn controller_log(&self) -> String {
        self.controller.as_ref().map(Controller::log).unwrap_or_default()
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
/// have to pass, and to tell the same.
///
/// # Errors
/// When a world fails, the scenario doesn't end as it says, a promise is broken, or the transcripts differ.
pub async fn perform(name: String) -> Result<(), Fault> {
    let scenario = scenario::shipped(&name)?;
    let written = scenario.clone();
    let simulated = tokio::task::spawn_blocking(move || play::play(&written)).await??;
    if !simulated.passed() {
        return Err(format!("it fails on the simulator already:\n{}", simulated.report()).into());
    }
    let here = tokio::runtime::Handle::current();
    let (real, log) =
        tokio::task::spawn_blocking(move || here.block_on(real(&score::in_real_time(&scenario)))).await??;
    println!("{}", real.transcript);
    println!("{:?}", real.felt);
    if !real.passed() {
        let report = real.report();
        return Err(format!("{report}\nthe controller's last lines:\n{}", tail(&log)).into());
    }
    score::same(&simulated.transcript.without_times(), &real.transcript.without_times()).map_err(Fault::from)
}

/// Plays a scenario on real parts; answers the controller's log too.
async fn real(scenario: &Scenario) -> Result<(Played, String), Fault> {
    let mut stage = Stage::open().await?;
    let played = scenario::play(scenario, &mut stage, &mut |_| {}).await;
    let log = stage.controller_log();
    Ok((played?, log))
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
        let controller = self.controller.as_mut().map_or(Ok(()), Controller::check);
        controller.map_err(broken("the controller has ended"))
    }

    fn tick(&self) -> Duration {
        TICK
    }

    fn client(&self, user: &str) -> Result<kube::Client, WorldError> {
        let known = User::named(user).ok_or_else(|| WorldError::new(format!("nobody is called {user}")))?;
        Ok(self.world.client(known))
    }

    async fn prepare(&mut self, scenario: &Scenario) -> Result<(), WorldError> {
        for image in score::images(scenario) {
            self.behave(&image, &scenario.behaviour(&image)).await?;
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
            let plan = ControllerPlan::serin()
                .map_err(failed())?
                .arg("--bind-address=127.0.0.1")
                .arg("--leader-elect=false")
                .arg("--metric-allow=http://prometheus:9090");
            self.controller = Some(self.world.controller(plan).map_err(failed())?);
        }
        let ready = async || answers(READY).await;
        eventually("the controller's readiness", PATIENCE, ready).await.map_err(failed())
    }

    async fn kill_controller(&mut self) -> Result<(), WorldError> {
        if let Some(controller) = &mut self.controller {
            controller.kill();
        }
        Ok(())
    }

    async fn behave(&mut self, image: &str, behaviour: &scenario::Behaviour) -> Result<(), WorldError> {
        let after = u64::try_from(behaviour.ready_after.duration().as_millis()).unwrap_or(u64::MAX);
        let behaviour = Behaviour {
            error_rate: behaviour.error_rate,
            latency_ms: behaviour.latency_ms.into(),
            ready: if behaviour.never_ready { Ready::Never } else { Ready::After(after) },
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
        let (told, writes) = self.ledger.read(told).map_err(broken("the audit log can't be read"))?;
        self.told = told;
        Ok(writes)
    }

    async fn felt(&mut self) -> Result<Vec<Interval>, WorldError> {
        let told = self.told;
        Ok(self.users()?.felt(told))
    }
}
