//! App: the controller put together: watches fill caches, changes become keys, keys become turns.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};

use crate::core::plan::Note;
use crate::core::snapshot::Identity;
use crate::meters::Meters;
use crate::observe::ObserveError;
use crate::reconcile::ReconcileError;
use crate::runs::{Endpoints, Executor, LiveVerdicts, ObservedRun, RunContext, Told};
use crate::runtime::clock::Clock;
use crate::runtime::gate::WriteGate;
use crate::runtime::key::Key;
use crate::runtime::limiter::WriteLimiter;
use crate::runtime::metrics::Registry;
use crate::runtime::metrics::objects::show_objects;
use crate::runtime::metrics::standard::{show_queues, show_runtime};
use crate::runtime::outbox::{About, EventNote, Outbox};
use crate::runtime::projection::{DestinationRuleRow, IndexKey, MetaRow, Projection, RolloutRow};
use crate::runtime::queue::{After, Limits, Queue, run};
use crate::runtime::server::Needed;
use crate::runtime::store::Change;
use crate::runtime::watch::{Scope, follow};
use crate::world::{Notices, Pending, Revisions, Stores, World};
use serin_analysis::provider::MetricSource;

/// What a controller is made of.
#[derive(Clone)]
pub struct Parts {
    /// The client for watches.
    pub watches: kube::Client,
    /// The client for calls.
    pub calls: kube::Client,
    /// The clock.
    pub clock: Clock,
    /// Who measures.
    pub providers: Arc<dyn MetricSource>,
    /// Where events about Rollouts go.
    pub notices: Notices,
    /// Where events about analyses go.
    pub tell: Arc<dyn Fn(Told) + Send + Sync>,
    /// The gate before every write.
    pub gate: WriteGate,
    /// What the flags say.
    pub settings: Settings,
    /// Where metrics are scraped from.
    pub registry: Registry,
}

impl Parts {
    /// A controller with one client for everything, that tells nobody what it does.
    pub fn new(client: kube::Client, clock: Clock, providers: Arc<dyn MetricSource>, gate: WriteGate) -> Self {
        let registry = Registry::new(clock.clone());
        Self {
            watches: client.clone(),
            calls: client,
            clock,
            providers,
            notices: Arc::new(|_, _| {}),
            tell: Arc::new(|_| {}),
            gate,
            settings: Settings::default(),
            registry,
        }
    }

    /// The same, that tells what it does as events.
    #[must_use]
    pub fn telling(mut self, outbox: Outbox) -> Self {
        let runs = outbox.clone();
        self.notices = Arc::new(move |id: &Identity, note: &Note| {
            let key = Key::new(&id.namespace, &id.name);
            let about = About::ours("Rollout", key, id.uid.as_str());
            outbox.record(EventNote { about, reason: note.reason, message: note.message.clone() });
        });
        self.tell = Arc::new(move |told: Told| {
            let about = About::ours("AnalysisRun", told.run, &*told.uid);
            runs.record(EventNote { about, reason: told.notice.reason, message: told.notice.message });
        });
        self
    }
}

/// What the flags say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The only namespace that is watched; `None` is all of them.
    pub namespace: Option<String>,
    /// The instance whose objects are ours; empty for those that carry no instance.
    pub instance: String,
    /// Version of Istio's API.
    pub istio_version: String,
    /// How many Rollouts are worked on at once; aborts have places of their own.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { namespace: None, instance: String::new(), istio_version: "v1alpha3".into(), threads: 32 }
    }
}

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
        let fast = queue.clone();
        let verdicts = LiveVerdicts::new(move |rollout: &Key| fast.add_fast(rollout.clone()));
        let world = World {
            client: calls.clone(),
            stores: stores.clone(),
            clock: clock.clone(),
            verdicts: verdicts.clone(),
            pending: Pending::default(),
            revisions: Revisions::default(),
            istio_version: settings.istio_version.as_str().into(),
            notices,
            limiter: limiter.clone(),
            meters: meters.clone(),
        };
        let runs = Arc::new(Executor::new(RunContext {
            client: calls,
            clock: clock.clone(),
            providers,
            endpoints: Endpoints::new(QUERIES),
            verdicts,
            gate: Arc::new(move || gate.check().is_ok()),
            tell,
            limiter,
            turns: meters.standard.runs,
        }));
        let mut app = Self { world, queue, runs, settings, working: Arc::default(), tasks: JoinSet::new() };
        app.watch(&watches, &clock);
        app
    }

    /// The caches, each with whether the controller is of no use without it.
    pub fn needed(&self) -> Vec<Needed> {
        let s = &self.world.stores;
        vec![
            (s.rollouts.clone(), true),
            (s.replica_sets.clone(), true),
            (s.services.clone(), true),
            (s.runs.clone(), true),
            (s.templates.clone(), false),
            (s.cluster_templates.clone(), false),
            (s.virtual_services.clone(), false),
            (s.destination_rules.clone(), false),
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
        while !self.is_settled() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Works until it is dropped or the queue is closed; waits for the caches first.
    pub async fn work(&self) {
        self.settled().await;
        self.working.store(true, Ordering::SeqCst);
        for row in self.world.stores.runs.all() {
            see(&self.runs, &row);
        }
        let limits = Limits { normal: self.settings.threads, reserved: ABORTS, ..Limits::default() };
        let world = self.world.clone();
        run(self.queue.clone(), limits, move |key: Key, _lane| {
            let world = world.clone();
            async move { outcome(&world, &key).await }
        })
        .await;
    }

    fn watch(&mut self, client: &kube::Client, clock: &Clock) {
        let stores = self.world.stores.clone();
        let queue = self.queue.clone();
        let (revisions, meters) = (self.world.revisions.clone(), self.world.meters.clone());
        let scope = self.scope::<RolloutRow>().of_instance(&self.settings.instance);
        let task = follow(client.clone(), clock.clone(), scope, stores.rollouts.clone(), move |change| {
            rollout_changed(&queue, &revisions, &meters, change);
        });
        self.keep(task);
        let queue = self.queue.clone();
        let scope =
            self.scope::<crate::runtime::projection::ReplicaSetRow>().with_labels(serin_crds::names::HASH_LABEL);
        let task = follow(client.clone(), clock.clone(), scope, stores.replica_sets.clone(), move |change| {
            if !change.echo {
                owners(change, |key| queue.add(key));
            }
        });
        self.keep(task);
        let queue = self.queue.clone();
        let runs = self.runs.clone();
        let (working, meters) = (self.working.clone(), self.world.meters.clone());
        let scope = self.scope::<crate::runtime::projection::AnalysisRunRow>().of_instance(&self.settings.instance);
        let task = follow(client.clone(), clock.clone(), scope, stores.runs.clone(), move |change| {
            match (&change.new, &change.old) {
                // A standby keeps its caches warm and asks nobody anything.
                (Some(run), _) if working.load(Ordering::SeqCst) => see(&runs, run),
                (None, Some(gone)) => {
                    runs.gone(&gone.meta.uid);
                    meters.gone(&gone.meta.key, &gone.meta.uid);
                }
                (Some(_), _) | (None, None) => {}
            }
            if !change.echo {
                owners(change, |key| queue.add(key));
            }
        });
        self.keep(task);
        self.watch_named(client, clock);
    }

    /// Follows the kinds that Rollouts name.
    fn watch_named(&mut self, client: &kube::Client, clock: &Clock) {
        let stores = self.world.stores.clone();
        let version = self.settings.istio_version.clone();
        self.named(client, clock, "Service", stores.services.clone(), None);
        self.named(client, clock, "VirtualService", stores.virtual_services.clone(), Some(&version));
        self.named(client, clock, "AnalysisTemplate", stores.templates.clone(), None);
        if self.settings.namespace.is_none() {
            self.named(client, clock, "ClusterAnalysisTemplate", stores.cluster_templates.clone(), None);
        } else {
            stores.cluster_templates.leave_out("ClusterAnalysisTemplates are not watched with --namespaced");
        }
        let (queue, rollouts) = (self.queue.clone(), stores.rollouts.clone());
        let scope = self.scope::<DestinationRuleRow>().at_version(&version);
        let task = follow(client.clone(), clock.clone(), scope, stores.destination_rules.clone(), move |change| {
            let named = change.key().map(|key| IndexKey::reference("DestinationRule", key));
            // A rule also matters to whoever sends traffic to the Service that it speaks of.
            for index in named.into_iter().chain(change.index_keys()) {
                rollouts.keys_by_index(&index).into_iter().for_each(|key| queue.add(key));
            }
        });
        self.keep(task);
    }

    fn named<K: Projection>(
        &mut self,
        client: &kube::Client,
        clock: &Clock,
        kind: &'static str,
        store: Arc<crate::runtime::store::Store<K>>,
        version: Option<&str>,
    ) {
        let (queue, stores) = (self.queue.clone(), self.world.stores.clone());
        let mut scope = self.scope::<K>();
        if let Some(version) = version {
            scope = scope.at_version(version);
        }
        let task = follow(client.clone(), clock.clone(), scope, store, move |change: &Change<K>| {
            if let Some(key) = change.key().filter(|_| !change.echo || kind == "VirtualService") {
                stores.who_names(kind, key).into_iter().for_each(|key| queue.add(key));
            }
        });
        self.keep(task);
    }

    fn scope<K: Projection>(&self) -> Scope {
        Scope::of::<K>(self.settings.namespace.as_deref())
    }

    fn keep(&mut self, task: JoinHandle<()>) {
        self.tasks.spawn(async move {
            let _aborted = AbortOnDrop(task);
            std::future::pending::<()>().await;
        });
    }
}

/// Ends a task with whoever holds it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How many aborts may be under way besides other work; their writes take turns.
const ABORTS: usize = 200;

/// How many queries may be under way at one Prometheus.
const QUERIES: usize = 64;

fn see(runs: &Executor, row: &crate::runtime::projection::AnalysisRunRow) {
    match ObservedRun::of_row(row) {
        Some(run) => runs.saw(run),
        // No more is cached of a run that says it has ended.
        None => runs.saw_end(&row.meta.uid, &row.meta.version),
    }
}

fn rollout_changed(queue: &Queue<Key>, revisions: &Revisions, meters: &Meters, change: &Change<RolloutRow>) {
    let Some(key) = change.key() else { return };
    if change.old.is_none() {
        meters.came(key);
    }
    match &change.new {
        None => {
            queue.forget(key);
            if let Some(old) = &change.old {
                revisions.forget(&old.meta.uid);
                meters.gone(key, &old.meta.uid);
            }
        }
        Some(_) if change.echo => {}
        Some(new) if new.orders_abort() => queue.add_fast(key.clone()),
        Some(_) => queue.add(key.clone()),
    }
}

/// Calls back with the Rollouts that own what changed.
fn owners<K: Projection>(change: &Change<K>, mut found: impl FnMut(Key)) {
    let mut keys: Vec<Key> = change.old.iter().chain(&change.new).filter_map(|object| owner(object.meta())).collect();
    keys.dedup();
    keys.into_iter().for_each(&mut found);
}

fn owner(meta: &MetaRow) -> Option<Key> {
    let owner = meta.owner.as_ref().filter(|owner| &*owner.kind == "Rollout")?;
    Some(meta.key.beside(&owner.name))
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
