//! Watches: which kinds are followed, in which scope, and who is told of each change.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::FutureExt as _;
use serin_crds::names::HASH_LABEL;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::wakes::woken;
use super::{App, see};
use crate::runtime::key::Key;
use crate::runtime::projection::{AnalysisRunRow, IndexKey, Projection, RolloutRow};
use crate::runtime::queue::{Lane, Queue};
use crate::runtime::store::{Change, Followed, Store};
use crate::runtime::watch::{Listener, Ready, Scope, follow};
use crate::world::{Stores, World};

impl App {
    /// Starts to follow every kind that rules read, and the runs that are carried out.
    pub(super) fn watch(&mut self) {
        if self.settings.only_analyses {
            self.leave_out_rollouts();
        } else {
            self.watch_rollouts();
        }
        let (store, carry_out) = (self.world.stores.runs.clone(), self.carry_out());
        let instance = self.settings.instance.clone();
        self.follow(&store, |all| all.of_instance(&instance), carry_out);
        for (store, _) in self.needed() {
            self.wake_waiters(store.as_ref());
        }
    }

    /// Follows Rollouts, what they make, and what they name.
    fn watch_rollouts(&mut self) {
        let stores = self.world.stores.clone();
        let instance = self.settings.instance.clone();
        let istio = self.settings.istio_version.clone();
        let (world, queue) = (self.world.clone(), self.queue.clone());
        let referred = watch::Sender::new(BTreeSet::new());
        self.watch_workloads(&referred);
        let hear = move |change: &Change<RolloutRow>| {
            remember(&world, &queue, change);
            refer(&referred, change);
        };
        self.follow(&stores.rollouts, |all| all.of_instance(&instance), hear);
        self.follow(&stores.replica_sets, |all| all.with_labels(HASH_LABEL), |_| {});
        self.follow(&stores.services, |all| all, |_| {});
        self.follow(&stores.virtual_services, |all| all.at_version(&istio), |_| {});
        self.follow(&stores.destination_rules, |all| all.at_version(&istio), |_| {});
        self.follow(&stores.ingresses, |all| all, |_| {});
        self.follow(&stores.templates, |all| all, |_| {});
        if self.settings.namespace.is_none() {
            self.follow(&stores.cluster_templates, |all| all, |_| {});
        } else {
            stores.cluster_templates.leave_out("ClusterAnalysisTemplates are not watched with --namespaced");
        }
    }

    /// Follows each kind of workload from the moment at which a Rollout refers to one: most clusters have none that does.
    fn watch_workloads(&mut self, referred: &watch::Sender<BTreeSet<&'static str>>) {
        let workloads = self.world.stores.workloads.clone();
        workloads.leave_out("not listed yet, since no Rollout referred to one before");
        let once = |kind: &'static str| {
            let (listed, mut kinds) = (self.rollouts_listed.clone(), referred.subscribe());
            let named = async move {
                listed.await;
                // The sender lives in the listener of Rollouts, which lives as long as the tasks do.
                let _ = kinds.wait_for(|kinds| kinds.contains(kind)).await;
            };
            named.boxed().shared()
        };
        let [deployments, sets, templates] = ["Deployment", "ReplicaSet", "PodTemplate"].map(once);
        self.follow_after(&workloads.deployments, (|all| all, deployments), |_| {});
        self.follow_after(&workloads.replica_sets, (|all| all, sets), |_| {});
        self.follow_after(&workloads.pod_templates, (|all| all, templates), |_| {});
        self.wake_waiters(workloads.deployments.as_ref());
        self.wake_waiters(workloads.replica_sets.as_ref());
        self.wake_waiters(workloads.pod_templates.as_ref());
    }

    fn leave_out_rollouts(&self) {
        let why = "not watched with --controllers=analysis";
        let s = &self.world.stores;
        s.rollouts.leave_out(why);
        s.replica_sets.leave_out(why);
        s.services.leave_out(why);
        s.virtual_services.leave_out(why);
        s.destination_rules.leave_out(why);
        s.ingresses.leave_out(why);
        s.templates.leave_out(why);
        s.cluster_templates.leave_out(why);
        s.workloads.leave_out(why);
    }

    /// Follows a kind, narrowed down by `narrow`; `hear` is told of each change before anybody is woken.
    fn follow<K: Projection>(
        &mut self,
        store: &Arc<Store<K>>,
        narrow: impl FnOnce(Scope) -> Scope,
        hear: impl Fn(&Change<K>) + Send + Sync + 'static,
    ) {
        let listed = self.rollouts_listed.clone();
        self.follow_after(store, (narrow, listed), hear);
    }

    /// The same; where bodies are kept only if somebody names them, not before it can be told who does.
    fn follow_after<K: Projection>(
        &mut self,
        store: &Arc<Store<K>>,
        (narrow, named): (impl FnOnce(Scope) -> Scope, Ready),
        hear: impl Fn(&Change<K>) + Send + Sync + 'static,
    ) {
        let (queue, stores) = (self.queue.clone(), self.world.stores.clone());
        let mut listener = Listener::new(move |change| {
            hear(change);
            shed_unnamed(&stores, change);
            let (keys, lane) = woken(&stores, change);
            queue.add_all(keys, lane);
        });
        if K::BODY_IF_NAMED {
            let stores = self.world.stores.clone();
            listener = listener.wanting(move |object| wants_body(&stores, object), named);
        }
        let scope = narrow(Scope::of::<K>(self.settings.namespace.as_deref()));
        let task = follow(self.watches.clone(), self.world.clock.clone(), scope, store.clone(), listener);
        self.tasks.spawn(async move {
            let _aborted = AbortOnDrop(task);
            std::future::pending::<()>().await;
        });
    }

    /// Tells the analyses of each change of a run; a standby keeps its caches warm and asks nobody anything.
    fn carry_out(&self) -> impl Fn(&Change<AnalysisRunRow>) + Send + Sync + 'static {
        let (runs, working, meters) = (self.runs.clone(), self.working.clone(), self.world.meters.clone());
        move |change| match (&change.new, &change.old) {
            (Some(run), _) => {
                if working.load(Ordering::SeqCst) {
                    see(&runs, run);
                }
                if run.phase.is_terminal() {
                    // Rollouts keep many runs that have ended.
                    meters.run_ended(change.key());
                }
            }
            (None, Some(gone)) => {
                runs.gone(&gone.meta.uid);
                meters.run_gone(change.key());
            }
            (None, None) => {}
        }
    }

    /// Wakes whoever waits for something that could not be read, each time when this cache can be believed again.
    fn wake_waiters(&mut self, store: &dyn Followed) {
        let (waiters, queue) = (self.world.waiters.clone(), self.queue.clone());
        let mut regained = store.regained();
        self.tasks.spawn(async move {
            while regained.changed().await.is_ok() {
                queue.repeat_running();
                queue.add_all(waiters.drain(), Lane::Normal);
            }
        });
    }
}

/// Keeps what is remembered of a Rollout for as long as it is there.
fn remember(world: &World, queue: &Queue<Key>, change: &Change<RolloutRow>) {
    let key = change.key();
    if change.new.is_none() {
        queue.forget(key);
        world.waiters.forget(key);
    }
    match (&change.old, &change.new) {
        (None, Some(_)) => world.meters.came(key),
        (Some(gone), None) => {
            world.memories.forget(&gone.meta.uid);
            world.meters.gone(key, &gone.meta.uid);
        }
        _ => {}
    }
}

/// Notes the kinds of workloads that Rollouts refer to.
fn refer(referred: &watch::Sender<BTreeSet<&'static str>>, change: &Change<RolloutRow>) {
    let kinds = change.new.iter().flat_map(|rollout| rollout.index_keys()).filter_map(|index| match index {
        IndexKey::Ref(kind @ ("Deployment" | "ReplicaSet" | "PodTemplate"), _) => Some(kind),
        _ => None,
    });
    for kind in kinds {
        referred.send_if_modified(|known| known.insert(kind));
    }
}

/// Whether a Rollout reads the body of an object: it names the object, or the object says that it is managed by one.
fn wants_body<K: Projection>(stores: &Stores, object: &K) -> bool {
    stores.is_named(K::PLACE.kind, object.key()) || object.is_managed()
}

/// Gives up the bodies of what an object has named and names no more.
fn shed_unnamed<K: Projection>(stores: &Stores, change: &Change<K>) {
    let named = |object: Option<&Arc<K>>| object.map(|object| object.index_keys()).unwrap_or_default();
    let after = named(change.new.as_ref());
    for index in named(change.old.as_ref()) {
        if let IndexKey::Ref(kind, key) = &index
            && !after.contains(&index)
        {
            stores.shed_unnamed(kind, key);
        }
    }
}

/// Ends a task with whoever holds it.
struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
