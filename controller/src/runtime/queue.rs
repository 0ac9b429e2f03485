//! The queue of keys to look at, and the runner that looks at them.
//!
//! One key runs once at a time; a fast lane for aborts goes first and has slots of its own; failures back off by key,
//! and events are never failures; a panic or a hang costs its own key and no other.

mod lanes;

use std::fmt::Display;
use std::future::Future;
use std::hash::Hash;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::task::{JoinSet, yield_now};
use tokio::time::{Instant, sleep_until, timeout};

use self::lanes::Lanes;
use super::clock::Clock;

/// A wake that is further away than this is set to this, and set again when it comes.
const FARTHEST: Duration = Duration::from_secs(30 * 24 * 3600);

/// How many keys are put into the queue before others get a word in.
const AT_ONCE: usize = 256;

/// What a key must be.
pub trait Work: Clone + Eq + Hash + Ord + Display + Send + Sync + 'static {}
impl<T: Clone + Eq + Hash + Ord + Display + Send + Sync + 'static> Work for T {}

/// In which order keys are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// First come, first served.
    Normal,
    /// Before all others: traffic has to come off something.
    Fast,
}

/// What a turn asks for afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// Nothing until something changes.
    Rest,
    /// Another turn at this moment, unless something changes before.
    WakeAt(Timestamp),
    /// Another turn at once, in the same lane.
    Again,
    /// The turn failed, for this reason: another one after a growing wait, in the same lane.
    Retry(String),
}

/// How a turn ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ended as it should.
    Well,
    /// It asked for a retry.
    Failed(String),
    /// It took too long and was given up.
    TimedOut,
    /// It panicked, with this message.
    Panicked(String),
}

/// How many turns run at once, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Turns of the normal lane at once.
    pub normal: usize,
    /// Further slots that only the fast lane may take.
    pub reserved: usize,
    /// How long a turn may take.
    pub turn: Duration,
    /// How long turns in flight may take to end when the queue is closed.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { normal: 32, reserved: 16, turn: Duration::from_secs(30), drain: Duration::from_secs(10) }
    }
}

/// How a queue is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Keys that wait for a slot.
    pub depth: usize,
    /// Keys whose turn is running.
    pub running: usize,
    /// Keys that wait for a moment.
    pub sleeping: usize,
    /// Keys whose last turn failed.
    pub failing: usize,
    /// Keys that panicked so often that they are tried only rarely.
    pub quarantined: usize,
    /// Age of the oldest running turn.
    pub oldest: Duration,
    /// Keys added since the start, not counting those that were waiting already.
    pub added: u64,
    /// Turns since the start that failed, panicked or timed out.
    pub failures: u64,
    /// Turns since the start that panicked.
    pub panics: u64,
}

type Observer<K> = Box<dyn Fn(&K, Duration, &Ended) + Send + Sync>;

struct Inner<K> {
    clock: Clock,
    lanes: Mutex<Lanes<K>>,
    changed: Notify,
    observer: Observer<K>,
}

/// Keys to look at; a clone is another handle on the same queue.
pub struct Queue<K> {
    inner: Arc<Inner<K>>,
}

impl<K> Clone for Queue<K> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<K: Work> Queue<K> {
    /// Makes an empty queue.
    pub fn new(clock: Clock) -> Self {
        Self::observed(clock, |_, _, _| {})
    }

    /// Makes an empty queue; `observer` hears of each turn how long it took and how it ended.
    pub fn observed(clock: Clock, observer: impl Fn(&K, Duration, &Ended) + Send + Sync + 'static) -> Self {
        let inner =
            Inner { clock, lanes: Mutex::new(Lanes::new()), changed: Notify::new(), observer: Box::new(observer) };
        Self { inner: Arc::new(inner) }
    }

    /// Asks for a turn, because something changed.
    pub fn add(&self, key: K) {
        self.add_in(key, Lane::Normal);
    }

    /// Asks for a turn before all others, because traffic has to come off something.
    pub fn add_fast(&self, key: K) {
        self.add_in(key, Lane::Fast);
    }

    /// Asks for a turn in a lane.
    pub fn add_in(&self, key: K, lane: Lane) {
        let now = self.inner.clock.monotonic();
        self.lanes().add(key, lane, now);
        self.inner.changed.notify_one();
    }

    /// Asks for turns of many keys; of very many a part at a time, so that an abort that is ordered meanwhile waits for
    /// none of them. Must be called inside a tokio runtime.
    pub fn add_all(&self, keys: Vec<K>, lane: Lane) {
        if keys.len() <= AT_ONCE {
            return keys.into_iter().for_each(|key| self.add_in(key, lane));
        }
        let queue = self.clone();
        tokio::spawn(async move {
            let mut keys = keys.into_iter();
            while !keys.as_slice().is_empty() {
                keys.by_ref().take(AT_ONCE).for_each(|key| queue.add_in(key, lane));
                yield_now().await;
            }
        });
    }

    /// Asks for another turn of every key whose turn is running: it may have looked before what has just happened.
    pub fn repeat_running(&self) {
        self.lanes().repeat_running();
    }

    /// Asks for a turn at a moment; replaces the moment that was asked for before.
    pub fn add_at(&self, key: &K, at: Timestamp) {
        let when = self.instant(at);
        self.lanes().sleep(key, when);
        self.inner.changed.notify_one();
    }

    /// Forgets a key: its wake and its failures. A turn that runs is not stopped.
    pub fn forget(&self, key: &K) {
        self.lanes().forget(key);
    }

    /// Takes no more keys; the runner ends the turns in flight and returns.
    pub fn close(&self) {
        self.lanes().closed = true;
        self.inner.changed.notify_one();
    }

    /// Tells how the queue is doing.
    pub fn report(&self) -> Report {
        self.lanes().report(self.inner.clock.monotonic())
    }

    /// Lists the keys that panicked so often that they are tried only rarely.
    pub fn quarantined(&self) -> Vec<K> {
        self.lanes().quarantined()
    }

    fn instant(&self, at: Timestamp) -> Instant {
        self.inner.clock.monotonic() + self.inner.clock.until(at).min(FARTHEST)
    }

    fn lanes(&self) -> MutexGuard<'_, Lanes<K>> {
        self.inner.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, limits: &Limits) -> Option<(K, Lane)> {
        self.lanes().take(limits, self.inner.clock.monotonic())
    }

    fn finish(&self, key: &K, began: Instant, outcome: Result<After, Ended>) {
        let now = self.inner.clock.monotonic();
        let (ended, after) = match outcome {
            Ok(After::Retry(why)) => (Ended::Failed(why), None),
            Ok(after) => (Ended::Well, Some(after)),
            Err(ended) => (ended, None),
        };
        (self.inner.observer)(key, now.duration_since(began), &ended);
        let mut lanes = self.lanes();
        match after {
            Some(After::WakeAt(at)) => {
                lanes.succeed(key, now);
                drop(lanes);
                self.add_at(key, at);
            }
            Some(After::Again) => lanes.repeat(key, now),
            Some(_) => lanes.succeed(key, now),
            None => {
                let wait = lanes.fail(key, now, matches!(ended, Ended::Panicked(_)));
                drop(lanes);
                log_failure(key, &ended, wait);
            }
        }
    }
}

fn log_failure<K: Display>(key: &K, ended: &Ended, wait: Duration) {
    let retry_in_ms = wait.as_millis();
    match ended {
        Ended::Well => {}
        Ended::Failed(why) => tracing::warn!(%key, %why, retry_in_ms, "the turn failed"),
        Ended::TimedOut => {
            tracing::error!(%key, retry_in_ms, "the turn took too long and was given up");
        }
        Ended::Panicked(message) => {
            tracing::error!(%key, %message, retry_in_ms, "the turn panicked");
        }
    }
}

/// Looks at keys until the queue is closed; returns how many turns had to be cut off then.
///
/// # Guarantees
/// No key runs twice at once. A turn that hangs is given up after its limit. A panic ends its own turn only.
pub async fn run<K, H, F>(queue: Queue<K>, limits: Limits, handler: H) -> usize
where
    K: Work,
    H: Fn(K, Lane) -> F + Send + Sync + 'static,
    F: Future<Output = After> + Send + 'static,
{
    let handler = Arc::new(handler);
    let mut turns = JoinSet::new();
    while !queue.lanes().closed {
        while let Some((key, lane)) = queue.take(&limits) {
            turns.spawn(turn(queue.clone(), limits.turn, handler.clone(), (key, lane)));
            if lane == Lane::Normal {
                // A turn that rests on caches ends in one go. What has arrived meanwhile, which may order an abort, is
                // heard before the next one begins.
                yield_now().await;
            }
        }
        let next = queue.lanes().next_wake();
        // All three lead to the same look at the lanes; turns that have ended give back their slots first.
        tokio::select! {
            biased;
            _ = turns.join_next(), if !turns.is_empty() => {}
            () = queue.inner.changed.notified() => {}
            () = wake(next) => {}
        }
    }
    let drained = timeout(limits.drain, async { while turns.join_next().await.is_some() {} }).await;
    let cut_off = turns.len();
    if drained.is_err() {
        tracing::warn!(cut_off, "turns did not end in time");
    }
    turns.shutdown().await;
    cut_off
}

async fn wake(next: Option<Instant>) {
    match next {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

async fn turn<K, H, F>(queue: Queue<K>, limit: Duration, handler: Arc<H>, (key, lane): (K, Lane))
where
    K: Work,
    H: Fn(K, Lane) -> F + Send + Sync + 'static,
    F: Future<Output = After> + Send + 'static,
{
    let began = queue.inner.clock.monotonic();
    let work = {
        let key = key.clone();
        async move { handler(key, lane).await }
    };
    let outcome = match timeout(limit, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(after)) => Ok(after),
        Ok(Err(payload)) => Err(Ended::Panicked(message_of(payload.as_ref()))),
        Err(_) => Err(Ended::TimedOut),
    };
    queue.finish(&key, began, outcome);
}

fn message_of(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests;
