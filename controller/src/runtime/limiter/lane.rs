//! Writes of one urgency that wait or are under way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::runtime::clock::Clock;

/// What has been under way for longer counts no more.
const COUNTS: Duration = Duration::from_millis(500);

/// How many writes at once, and how long one waits for others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub at_once: usize,
    pub patience: Duration,
}

#[derive(Debug)]
struct Write {
    namespace: Box<str>,
    /// Since when it is under way; `None` while it waits.
    since: Option<Instant>,
}

#[derive(Debug, Default)]
struct Writes {
    next: u64,
    all: BTreeMap<u64, Write>,
}

/// Writes of one urgency; a clone shares them.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    limit: Limit,
    clock: Clock,
    writes: Arc<Mutex<Writes>>,
    /// Told of each write that has ended; those who wait are woken in the order in which they came.
    ended: Arc<Notify>,
}

/// A write that waits or is under way, until this is dropped.
#[derive(Debug)]
pub struct Turn {
    lane: Lane,
    number: u64,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.lane.writes().all.remove(&self.number);
        self.lane.ended.notify_waiters();
    }
}

impl Lane {
    pub fn new(limit: Limit) -> Self {
        Self { limit, clock: Clock::system(), writes: Arc::default(), ended: Arc::default() }
    }

    /// Waits for a turn, but not longer than the limit says.
    pub async fn enter(&self, namespace: &str) -> Turn {
        let turn = self.announce(namespace);
        let end = self.clock.monotonic() + self.limit.patience;
        loop {
            // Asked for before the look, so that no end is missed in between.
            let ended = self.ended.notified();
            if self.begin(turn.number, false) {
                return turn;
            }
            if timeout_at(end, ended).await.is_err() {
                self.begin(turn.number, true);
                return turn;
            }
        }
    }

    /// Waits until no write that counts waits or is under way, but not longer than `patience`.
    pub async fn quiet(&self, patience: Duration) {
        let end = self.clock.monotonic() + patience;
        loop {
            let ended = self.ended.notified();
            let now = self.clock.monotonic();
            let Some(until) = self.writes().all.values().filter_map(|write| write.counts_until(now)).max() else {
                return;
            };
            if timeout_at(until.min(end), ended).await.is_err() && self.clock.monotonic() >= end {
                return;
            }
        }
    }

    fn announce(&self, namespace: &str) -> Turn {
        let mut writes = self.writes();
        let number = writes.next;
        writes.next = number.wrapping_add(1);
        writes.all.insert(number, Write { namespace: namespace.into(), since: None });
        Turn { lane: self.clone(), number }
    }

    /// Begins a write if there is room for it, or in any case.
    fn begin(&self, number: u64, in_any_case: bool) -> bool {
        let now = self.clock.monotonic();
        let mut writes = self.writes();
        let Some(namespace) = writes.all.get(&number).map(|write| write.namespace.clone()) else { return true };
        let under_way =
            || writes.all.values().filter(|write| write.since.is_some() && write.counts_until(now).is_some());
        let alone = || !under_way().any(|write| write.namespace == namespace);
        let begins = in_any_case || under_way().count() < self.limit.at_once || alone();
        if let Some(write) = writes.all.get_mut(&number).filter(|_| begins) {
            write.since = Some(now);
        }
        begins
    }

    fn writes(&self) -> MutexGuard<'_, Writes> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write {
    /// Until when others have to do with it; `None` when that has passed.
    fn counts_until(&self, now: Instant) -> Option<Instant> {
        let end = self.since.unwrap_or(now) + COUNTS;
        (end > now).then_some(end)
    }
}
