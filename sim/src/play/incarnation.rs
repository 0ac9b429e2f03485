//! The controller under test as a process: started, killed, and started again after a crash.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serin_analysis::provider::{Providers, prometheus::PrometheusOptions};
use serin_controller::{
    app::{App, Parts},
    runtime::{client, clock::Clock, gate::WriteGate, metrics::Registry, outbox::Outbox, shutdown::Shutdown},
};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{FaultPlan, Severed};
use crate::{cluster::CONTROLLER, prometheus::SimPrometheus, server::SimServer};

/// How long it takes until a controller that has crashed is started again.
pub const RESTART: Duration = Duration::from_secs(1);

/// What a controller is started with.
#[derive(Clone)]
pub struct Surroundings {
    /// The API server.
    pub server: SimServer,
    /// The clock of the controller's machine.
    pub clock: Clock,
    /// Who answers its queries.
    pub prometheus: SimPrometheus,
    /// What it counts; kept when it is started again, so that a test sees all of it.
    pub registry: Registry,
    /// What goes wrong for it.
    pub faults: FaultPlan,
}

/// Runs at most one controller.
pub struct Incarnations {
    surroundings: Surroundings,
    running: Arc<Mutex<Option<Incarnation>>>,
    restarting: JoinHandle<()>,
}

/// One controller, from its start to its end.
#[derive(Debug)]
struct Incarnation {
    task: JoinHandle<()>,
    /// Cuts its line to the API server: what a killed process had under way is never answered.
    cut: Arc<AtomicBool>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded here is plain data that every writer leaves whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Incarnations {
    /// Makes ready to run a controller, and to start it again when it crashes; to be called on a runtime.
    pub fn new(surroundings: Surroundings, mut crashes: mpsc::UnboundedReceiver<()>) -> Self {
        let running: Arc<Mutex<Option<Incarnation>>> = Arc::default();
        let (again, from) = (Arc::clone(&running), surroundings.clone());
        let restarting = tokio::spawn(async move {
            while crashes.recv().await.is_some() {
                let crashed = locked(&again).take();
                if let Some(crashed) = crashed {
                    crashed.end().await;
                    tokio::time::sleep(RESTART).await;
                    locked(&again).get_or_insert_with(|| Incarnation::start(&from));
                }
            }
        });
        Self { surroundings, running, restarting }
    }

    /// Starts a controller.
    pub fn start(&self) {
        locked(&self.running).get_or_insert_with(|| Incarnation::start(&self.surroundings));
    }

    /// Ends the controller at once, if there is one.
    pub async fn kill(&self) {
        let running = locked(&self.running).take();
        if let Some(running) = running {
            running.end().await;
        }
    }
}

impl Drop for Incarnations {
    fn drop(&mut self) {
        self.restarting.abort();
        if let Some(running) = locked(&self.running).take() {
            running.cut.store(true, Ordering::SeqCst);
            running.task.abort();
        }
    }
}

impl Incarnation {
    fn start(surroundings: &Surroundings) -> Self {
        let cut = Arc::new(AtomicBool::new(false));
        surroundings.faults.attach(Arc::clone(&cut));
        let parts = parts(surroundings, Arc::clone(&cut));
        let task = tokio::spawn(async move {
            let app = App::start(parts);
            app.work().await;
        });
        Self { task, cut }
    }

    async fn end(self) {
        self.cut.store(true, Ordering::SeqCst);
        self.task.abort();
        // It is gone when its task says so; what it had sent is sent.
        let _ = self.task.await;
    }
}

fn parts(surroundings: &Surroundings, cut: Arc<AtomicBool>) -> Parts {
    let Surroundings { server, clock, prometheus, registry, .. } = surroundings.clone();
    // A process that begins believes the wall clock, whatever the one before it had made of it.
    let clock = clock.anew();
    let line = Severed::new(server.door(CONTROLLER), cut);
    let gate = WriteGate::always_open(clock.clone());
    // Counted, gated and given up as on a cluster.
    let clients = client::wrap(&kube::Client::new(line, crate::scenario::NAMESPACE), &registry, &gate);
    let providers = Providers::new(Arc::new(prometheus), PrometheusOptions::default());
    let (outbox, _) =
        Outbox::start(clients.calls.clone(), clock.clone(), &registry, CONTROLLER.to_owned(), Shutdown::new());
    let parts = Parts::new(clients.calls, clock, Arc::new(providers), gate);
    Parts { registry, watches: clients.watches, ..parts }.telling(outbox)
}
