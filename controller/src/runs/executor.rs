//! Seats an actor for each run that is under way.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use jiff::SignedDuration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::actor::Actor;
use super::{RunContext, Sighted, write};
use crate::runtime::store::newer;

/// How often an actor that panicked begins again.
const ATTEMPTS: u32 = 3;

/// How long it waits before it does.
const PAUSE: SignedDuration = SignedDuration::from_secs(10);

/// Seats an actor for each run that is under way, and passes on to it what is seen of the run.
pub struct Executor {
    context: RunContext,
    seats: Seats,
}

type Seats = Arc<Mutex<HashMap<Arc<str>, Seat>>>;

struct Seat {
    mailbox: watch::Sender<Sighted>,
    task: AbortHandle,
}

impl Executor {
    /// An executor without any actor.
    pub fn new(context: RunContext) -> Self {
        Self { context, seats: Seats::default() }
    }

    /// Takes in what was seen of a run: seats an actor if it is under way or has a time to live; else passes it on.
    ///
    /// Never blocks. Must be called inside a tokio runtime.
    pub fn saw(&self, run: Sighted) {
        let mut seats = lock(&self.seats);
        if run.leaving {
            if let Some(seat) = seats.remove(&run.uid) {
                seat.task.abort();
            }
            return;
        }
        if let Some(seat) = seats.get(&run.uid) {
            seat.mailbox.send_if_modified(|seen| {
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
        let (mailbox, letters) = watch::channel(run);
        let task = tokio::spawn(supervise(self.context.clone(), letters, self.seats.clone()));
        seats.insert(uid, Seat { mailbox, task: task.abort_handle() });
    }

    /// Takes in that the object of a run says that it has ended, without what else it says.
    ///
    /// Where its actor has not found an end, somebody else wrote it: the actor hears of a status that nobody knows,
    /// and puts it right.
    pub fn saw_end(&self, uid: &str, version: &str) {
        let under_way = self.context.verdicts.get(uid).is_some_and(|verdict| !verdict.phase.is_terminal());
        let seats = lock(&self.seats);
        let Some(seat) = seats.get(uid).filter(|_| under_way) else { return };
        seat.mailbox.send_if_modified(|seen| {
            let changed = newer(version, &seen.version);
            if changed {
                (seen.version, seen.status) = (version.into(), write::unknown_status());
            }
            changed
        });
    }

    /// Takes in that a run is no more.
    pub fn gone(&self, uid: &str) {
        if let Some(seat) = lock(&self.seats).remove(uid) {
            seat.task.abort();
        }
        self.context.verdicts.forget(uid);
    }

    /// Ends all actors, for when another process takes over.
    pub fn stop(&self) {
        for (_, seat) in lock(&self.seats).drain() {
            seat.task.abort();
        }
    }

    /// How many actors there are.
    pub fn live(&self) -> usize {
        lock(&self.seats).len()
    }

    /// Whether nothing is left to be carried out for a run. What we ourselves have found counts first: the watch may
    /// lag behind it.
    fn is_over(&self, run: &Sighted) -> bool {
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

fn lock(seats: &Seats) -> MutexGuard<'_, HashMap<Arc<str>, Seat>> {
    // Every change is one insert or remove, so the map is whole even after a panic.
    seats.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps the actor of a run going until it ends; a panic ends neither the run nor anything else.
async fn supervise(context: RunContext, mut letters: watch::Receiver<Sighted>, seats: Seats) {
    let uid = letters.borrow().uid.clone();
    for attempt in 1..=ATTEMPTS + 1 {
        let seen = letters.borrow_and_update().clone();
        let key = seen.key.clone();
        let mut actor = Actor::new(context.clone(), seen);
        if attempt > ATTEMPTS {
            actor.give_up("The analysis stopped because of a fault inside the controller; see its log");
        }
        if AssertUnwindSafe(actor.live(&mut letters)).catch_unwind().await.is_ok() {
            break;
        }
        tracing::error!(run = %key, attempt, "the actor of an analysis run panicked");
        let again = context.clock.now().saturating_add(PAUSE).unwrap_or_else(|_| context.clock.now());
        context.clock.sleep_until(again).await;
    }
    lock(&seats).remove(&uid);
}
