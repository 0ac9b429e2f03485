//! Handles an actor for each run that is under way.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::actor::Actor;
use super::{ObservedRun, RunContext, write};
use crate::runtime::store::newer;

/// How often an actor that panicked begins again.
const ATTEMPTS: u32 = 3;

/// How long it waits before it does.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Handles an actor for each run that is under way, and passes on to it what is seen of the run.
pub struct Executor {
    context: RunContext,
    handles: Handles,
}

type Handles = Arc<Mutex<BTreeMap<Arc<str>, Handle>>>;

struct Handle {
    sender: watch::Sender<ObservedRun>,
    task: AbortHandle,
}

impl Executor {
    /// An executor without any actor.
    pub fn new(context: RunContext) -> Self {
        Self { context, handles: Handles::default() }
    }

    /// Takes in what was seen of a run: handles an actor if it is under way or has a time to live; else passes it on.
    ///
    /// Never blocks. Must be called inside a tokio runtime.
    pub fn saw(&self, run: ObservedRun) {
        let mut handles = lock(&self.handles);
        if run.leaving {
            if let Some(handle) = handles.remove(&run.uid) {
                handle.task.abort();
            }
            return;
        }
        if let Some(handle) = handles.get(&run.uid) {
            handle.sender.send_if_modified(|seen| {
                let changed = seen.version != run.version && !newer(&seen.version, &run.version);
                if changed {
                    *seen = run;
                }
                changed
            });
            return;
        }
        if self.is_over(&run) {
            return;
        }
        let uid = run.uid.clone();
        let (sender, updates) = watch::channel(run);
        let task = tokio::spawn(supervise(self.context.clone(), updates, self.handles.clone()));
        handles.insert(uid, Handle { sender, task: task.abort_handle() });
    }

    /// Takes in that the object of a run says that it has ended, without what else it says.
    ///
    /// Where its actor has not found an end, somebody else wrote it: the actor hears of a status that nobody knows,
    /// and puts it right.
    pub fn saw_end(&self, uid: &str, version: &str) {
        let under_way = self.context.verdicts.get(uid).is_some_and(|verdict| !verdict.phase.is_terminal());
        let handles = lock(&self.handles);
        let Some(handle) = handles.get(uid).filter(|_| under_way) else { return };
        handle.sender.send_if_modified(|seen| {
            let changed = newer(version, &seen.version);
            if changed {
                (seen.version, seen.status) = (version.into(), write::unknown_status());
            }
            changed
        });
    }

    /// Takes in that a run is no more.
    pub fn gone(&self, uid: &str) {
        if let Some(handle) = lock(&self.handles).remove(uid) {
            handle.task.abort();
        }
        self.context.verdicts.forget(uid);
    }

    /// Ends all actors, for when another process takes over.
    pub fn stop(&self) {
        for handle in std::mem::take(&mut *lock(&self.handles)).into_values() {
            handle.task.abort();
        }
    }

    /// How many actors there are.
    pub fn live(&self) -> usize {
        lock(&self.handles).len()
    }

    /// Whether nothing is left to be carried out for a run. What we ourselves have found counts first: the watch may
    /// lag behind it.
    fn is_over(&self, run: &ObservedRun) -> bool {
        let ended = self.context.verdicts.get(&run.uid).is_some_and(|verdict| verdict.stored);
        let has_ttl = run.spec.get("ttlStrategy").is_some_and(|ttl| !ttl.is_null());
        if run.says_it_ended() { !has_ttl } else { ended }
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.stop();
    }
}

fn lock(handles: &Handles) -> MutexGuard<'_, BTreeMap<Arc<str>, Handle>> {
    // Every change is one insert or remove, so the map is whole even after a panic.
    handles.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the actor of a run going until it ends; a panic ends neither the run nor anything else.
async fn supervise(context: RunContext, mut updates: watch::Receiver<ObservedRun>, handles: Handles) {
    let uid = updates.borrow().uid.clone();
    for attempt in 1..=ATTEMPTS + 1 {
        let seen = updates.borrow_and_update().clone();
        let key = seen.key.clone();
        let mut actor = Actor::new(context.clone(), seen);
        if attempt > ATTEMPTS {
            actor.give_up("The analysis stopped because of a fault inside the controller; see its log");
        }
        if AssertUnwindSafe(actor.live(&mut updates)).catch_unwind().await.is_ok() {
            break;
        }
        tracing::error!(run = %key, attempt, "the actor of an analysis run panicked");
        let again = context.clock.now().saturating_add(PAUSE).unwrap_or_else(|_| context.clock.now());
        context.clock.sleep_until(again).await;
    }
    lock(&handles).remove(&uid);
}
