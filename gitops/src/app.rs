//! App: the loop put together: watches fill caches, changes become keys, keys become turns.

use std::sync::Arc;
use std::time::Duration;

use serin_analysis::provider::{Egress, Fetch};
use serin_controller::runtime::clock::Clock;
use serin_controller::runtime::gate::WriteGate;
use serin_controller::runtime::key::Key;
use serin_controller::runtime::metrics::Registry;
use serin_controller::runtime::metrics::standard::{show_queues, show_runtime};
use serin_controller::runtime::projection::Projection;
use serin_controller::runtime::queue::{Lane, Limits, Queue, run};
use serin_controller::runtime::server::Needed;
use serin_controller::runtime::store::{Change, Store, all_settled};
use serin_controller::runtime::watch::{Listener, Scope, follow};
use tokio::task::JoinSet;

use crate::cluster::Cluster;
use crate::git::Program;
use crate::meters::Meters;
use crate::rows::{PolicyRow, RolloutRow};
use crate::turn::turn;
use crate::world::{Git, Memories, World};

/// Policies that are worked on at once.
const AT_ONCE: usize = 8;
/// How long a turn may take: several calls of git, each with its own time-out.
const TURN: Duration = Duration::from_secs(30 * 60);

/// What the loop is made of.
pub struct Parts {
    /// Client for lists and watches.
    pub watches: kube::Client,
    /// Client for everything else.
    pub calls: kube::Client,
    /// The clock.
    pub clock: Clock,
    /// Whoever is asked and told over HTTP.
    pub fetch: Arc<dyn Fetch>,
    /// Git.
    pub program: Program,
    /// Where repositories may be.
    pub egress: Egress,
    /// Open while this process leads.
    pub gate: WriteGate,
    /// What is counted.
    pub registry: Registry,
    /// Only this namespace, or all.
    pub namespace: Option<String>,
}

/// The loop; its caches are being filled, and it works when told to.
pub struct App {
    /// Keys of policies to look at.
    pub queue: Queue<Key>,
    world: World,
    policies: Arc<Store<PolicyRow>>,
    // Ends the watches when dropped.
    _tasks: JoinSet<()>,
}

impl App {
    /// Starts to watch.
    pub fn start(parts: Parts) -> Self {
        let Parts { watches, calls, clock, fetch, program, egress, gate, registry, namespace } = parts;
        let queue: Queue<Key> = Queue::new(clock.clone());
        let (policies, rollouts) = (Store::<PolicyRow>::new(clock.clone()), Store::<RolloutRow>::new(clock.clone()));
        let mut tasks = JoinSet::new();
        let waking = queue.clone();
        let on_policy = move |change: &Change<PolicyRow>| waking.add(change.key().clone());
        let (waking, all) = (queue.clone(), policies.clone());
        let on_rollout = move |change: &Change<RolloutRow>| {
            let aborted = change.old.iter().chain(&change.new).any(|rollout| rollout.rollback.is_some());
            let here = |policy: &&Arc<PolicyRow>| {
                policy.key().namespace() == change.key().namespace() && (aborted || policy.open)
            };
            waking.add_all(all.all().iter().filter(here).map(|policy| policy.key().clone()).collect(), Lane::Normal);
        };
        let scope = |scope: fn(Option<&str>) -> Scope| scope(namespace.as_deref());
        let (client, time) = (watches.clone(), clock.clone());
        let following = follow(client, time, scope(Scope::of::<PolicyRow>), policies.clone(), Listener::new(on_policy));
        tasks.spawn(ended(following));
        let (client, time) = (watches, clock.clone());
        let following =
            follow(client, time, scope(Scope::of::<RolloutRow>), rollouts.clone(), Listener::new(on_rollout));
        tasks.spawn(ended(following));
        let world = World {
            cluster: Cluster { client: calls },
            rollouts,
            clock,
            fetch,
            git: Git::new(program, egress),
            gate,
            memories: Memories::default(),
            meters: Meters::new(&registry),
        };
        Self { queue, world, policies, _tasks: tasks }
    }

    /// The caches, each with whether the loop is of no use without it.
    pub fn needed(&self) -> Vec<Needed> {
        vec![(self.policies.clone(), true), (self.world.rollouts.clone(), true)]
    }

    /// Shows caches, queue and process at each scrape.
    pub fn show(&self, registry: &Registry) {
        let stores = self.needed().into_iter().map(|(store, _)| store).collect();
        show_runtime(registry, env!("CARGO_PKG_VERSION"), stores);
        show_queues(registry, vec![("rollbackpolicies", self.queue.clone())]);
    }

    /// Works until it is dropped or the queue is closed; waits for the caches first.
    pub async fn work(&self) {
        let stores: Vec<_> = self.needed().into_iter().map(|(store, _)| store).collect();
        all_settled(&stores).await;
        let keys = self.policies.all().iter().map(|policy| policy.key().clone()).collect();
        self.queue.add_all(keys, Lane::Normal);
        let limits = Limits { normal: AT_ONCE, reserved: 0, turn: TURN, ..Limits::default() };
        let world = self.world.clone();
        run(self.queue.clone(), limits, move |key: Key, _lane| {
            let world = world.clone();
            async move { turn(&world, &key).await }
        })
        .await;
    }
}

/// Ends a task with the one that waits for it.
async fn ended(task: tokio::task::JoinHandle<()>) {
    struct Ends(tokio::task::AbortHandle);
    impl Drop for Ends {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let _ends = Ends(task.abort_handle());
    // It ends only when it is aborted.
    let _ = task.await;
}
