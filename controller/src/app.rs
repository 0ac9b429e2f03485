//! App: the controller put together: watches fill caches, changes become keys, keys become turns.

mod parts;
mod wakes;
mod watches;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use tokio::task::JoinSet;

pub use self::parts::{Parts, Settings};
use crate::api::Api;
use crate::memory::Memories;
use crate::meters::Meters;
use crate::observe::ObserveError;
use crate::reconcile::ReconcileError;
use crate::runs::{Endpoints, Executor, LiveVerdicts, ObservedRun, RunContext};
use crate::runtime::key::Key;
use crate::runtime::limiter::WriteLimiter;
use crate::runtime::metrics::Registry;
use crate::runtime::metrics::objects::show_objects;
use crate::runtime::metrics::standard::{show_queues, show_runtime};
use crate::runtime::projection::AnalysisRunRow;
use crate::runtime::queue::{After, Limits, Queue, run};
use crate::runtime::server::Needed;
use crate::runtime::store::all_settled;
use crate::runtime::waiters::Waiters;
use crate::runtime::watch::Ready;
use crate::world::{Listeners, Stores, World};

/// A controller whose caches are filled; it works when told to.
pub struct App {
    /// What the four steps share.
    pub world: World,
    /// Keys of Rollouts to look at.
    pub queue: Queue<Key>,
    /// The analyses.
    pub runs: Arc<Executor>,
    settings: Settings,
    /// Whether analyses are carried out here: only by the one that leads.
    working: Arc<AtomicBool>,
    watches: kube::Client,
    rollouts_listed: Ready,
    tasks: JoinSet<()>,
}

impl App {
    /// Starts to watch.
    pub fn start(parts: Parts) -> Self {
        let Parts { watches, calls, clock, providers, notices, tell, gate, settings, registry } = parts;
        let (stores, limiter) = (Stores::new(&clock), WriteLimiter::default());
        let meters = Meters::new(&registry);
        let turns = meters.standard.rollouts.clone();
        let queue: Queue<Key> = Queue::observed(clock.clone(), move |key, took, ended| turns.observe(key, took, ended));
        let (fast, waking) = (queue.clone(), queue.clone());
        let verdicts = LiveVerdicts::new(move |rollout: &Key| fast.add_fast(rollout.clone()));
        let world = World {
            api: Api { client: calls.clone() },
            stores: stores.clone(),
            clock: clock.clone(),
            verdicts: verdicts.clone(),
            memories: Memories::default(),
            istio_version: settings.istio_version.as_str().into(),
            generation_format: settings.generation_format,
            listeners: Listeners { notices, wake: Arc::new(move |key| waking.add(key)) },
            waiters: Waiters::default(),
            limiter: limiter.clone(),
            meters: meters.clone(),
        };
        let runs = Arc::new(Executor::new(RunContext {
            client: calls,
            clock: clock.clone(),
            providers,
            endpoints: Endpoints::new(settings.queries),
            verdicts,
            gate: Arc::new(move || gate.check().is_ok()),
            tell,
            limiter,
            turns: meters.standard.runs,
        }));
        let (working, tasks) = (Arc::default(), JoinSet::new());
        let rollouts = stores.rollouts;
        let rollouts_listed = async move { all_settled(&[rollouts]).await }.boxed().shared();
        let mut app = Self { world, queue, runs, settings, working, watches, rollouts_listed, tasks };
        app.watch();
        app
    }

    /// The caches, each with whether the controller is of no use without it.
    pub fn needed(&self) -> Vec<Needed> {
        let (s, rollouts) = (&self.world.stores, !self.settings.only_analyses);
        vec![
            (s.rollouts.clone(), rollouts),
            (s.replica_sets.clone(), rollouts),
            (s.services.clone(), rollouts),
            (s.runs.clone(), true),
            (s.templates.clone(), false),
            (s.cluster_templates.clone(), false),
            (s.virtual_services.clone(), false),
            (s.destination_rules.clone(), false),
            (s.ingresses.clone(), false),
            (s.workloads.deployments.clone(), false),
            (s.workloads.pod_templates.clone(), false),
        ]
    }

    /// Shows caches, queue and process at each scrape.
    pub fn show(&self, registry: &Registry) {
        let s = &self.world.stores;
        let (rollouts, runs) = (s.rollouts.clone(), s.runs.clone());
        show_objects(registry, rollouts, runs, s.templates.clone(), s.cluster_templates.clone());
        let stores = self.needed().into_iter().map(|(store, _)| store).collect();
        show_runtime(registry, env!("CARGO_PKG_VERSION"), stores);
        show_queues(registry, vec![("rollouts", self.queue.clone())]);
    }

    /// Whether every kind has been listed once, or is known not to be there.
    pub fn is_settled(&self) -> bool {
        self.world.stores.is_settled()
    }

    /// Waits until every kind has been listed once.
    pub async fn settled(&self) {
        let stores: Vec<_> = self.needed().into_iter().map(|(store, _)| store).collect();
        all_settled(&stores).await;
    }

    /// Works until it is dropped or the queue is closed; waits for the caches first.
    pub async fn work(&self) {
        self.settled().await;
        self.working.store(true, Ordering::SeqCst);
        for row in self.world.stores.runs.all() {
            see(&self.runs, &row);
        }
        let Settings { threads, only_analyses, .. } = self.settings;
        let (normal, reserved) = if only_analyses { (0, 0) } else { (threads, ABORTS) };
        let limits = Limits { normal, reserved, ..Limits::default() };
        let world = self.world.clone();
        run(self.queue.clone(), limits, move |key: Key, _lane| {
            let world = world.clone();
            async move { outcome(&world, &key).await }
        })
        .await;
    }
}

/// How many aborts may be under way besides other work; their writes take turns.
const ABORTS: usize = 200;

fn see(runs: &Executor, row: &AnalysisRunRow) {
    match ObservedRun::of_row(row) {
        Some(run) => runs.saw(run),
        // No more is cached of a run that says it has ended.
        None => runs.saw_end(&row.meta.uid, &row.meta.version),
    }
}

async fn outcome(world: &World, key: &Key) -> After {
    match world.reconcile(key).await {
        Ok(None) => After::Rest,
        Ok(Some(at)) if at <= world.clock.now() => After::Again,
        Ok(Some(at)) => After::WakeAt(at),
        Err(ReconcileError::Observe(ObserveError::Unreadable { what, why })) => {
            tracing::debug!(rollout = %key, what, why, "waits for a cache");
            After::Retry(format!("cannot read {what}: {why}"))
        }
        Err(error) => {
            let text = crate::runtime::watch::chain(&error);
            tracing::warn!(rollout = %key, error = text, "reconcile failed");
            After::Retry(text)
        }
    }
}

#[cfg(test)]
mod tests;
