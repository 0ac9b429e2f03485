//! The state of a queue: which key waits where, and for how long. Knows no task and no clock.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::{Lane, Limits, Report, Work};

/// The wait after the first failure of a key, doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// The longest wait after a failure.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// An event shortens the wait after a failure to this much since that failure, and no further; in the fast lane it is
/// the first wait.
const EVENT_WAIT: Duration = Duration::from_millis(500);
/// Panics in a row after which a key is quarantined.
const PANICS: u32 = 5;
/// The wait of a quarantined key; events don't shorten it.
const QUARANTINE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct Item {
    queued: Option<Lane>,
    running: Option<(Lane, Instant)>,
    again: Option<Lane>,
    wake: Option<Instant>,
    wake_fast: bool,
    failures: u32,
    panics: u32,
    failed_at: Option<Instant>,
}

impl Item {
    fn is_idle(&self) -> bool {
        self.queued.is_none() && self.running.is_none() && self.wake.is_none() && self.failures == 0
    }

    fn is_quarantined(&self) -> bool {
        self.panics >= PANICS
    }

    fn wait(&self) -> Duration {
        if self.is_quarantined() {
            return QUARANTINE;
        }
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST_WAIT * 2_u32.pow(doublings)).min(LONGEST_WAIT)
    }
}

#[derive(Debug, Default)]
struct Totals {
    added: u64,
    failures: u64,
    panics: u64,
}

/// The lanes, the sleepers and the running.
#[derive(Debug)]
pub(super) struct Lanes<K> {
    items: BTreeMap<K, Item>,
    fast: VecDeque<K>,
    normal: VecDeque<K>,
    wakes: BTreeSet<(Instant, K)>,
    running: usize,
    running_normal: usize,
    totals: Totals,
    pub closed: bool,
}

impl<K: Work> Lanes<K> {
    pub fn new() -> Self {
        Self {
            items: BTreeMap::new(),
            fast: VecDeque::new(),
            normal: VecDeque::new(),
            wakes: BTreeSet::new(),
            running: 0,
            running_normal: 0,
            totals: Totals::default(),
            closed: false,
        }
    }

    /// Takes in an event.
    pub fn add(&mut self, key: K, lane: Lane, now: Instant) {
        if self.closed {
            return;
        }
        let item = self.items.entry(key.clone()).or_default();
        if item.running.is_some() {
            item.again = item.again.max(Some(lane));
            return;
        }
        let (Some(failed_at), Some(wake)) = (item.failed_at, item.wake) else {
            self.enqueue(key, lane);
            return;
        };
        item.wake_fast |= lane == Lane::Fast;
        if item.is_quarantined() {
            return;
        }
        let least = if lane == Lane::Fast { FIRST_WAIT } else { EVENT_WAIT };
        if lane == Lane::Fast && now >= failed_at + least {
            self.enqueue(key, lane);
        } else {
            self.set_wake(&key, Some(wake.min((failed_at + least).max(now))));
        }
    }

    /// Lets every key whose turn is running have another one after it.
    pub fn repeat_running(&mut self) {
        for item in self.items.values_mut().filter(|item| item.running.is_some()) {
            item.again = item.again.max(Some(Lane::Normal));
        }
    }

    /// Sets the moment of the next turn; while failures are being waited out, theirs stands.
    pub fn sleep(&mut self, key: &K, at: Instant) {
        if !self.closed && self.items.entry(key.clone()).or_default().failures == 0 {
            self.set_wake(key, Some(at));
        }
    }

    pub fn forget(&mut self, key: &K) {
        self.set_wake(key, None);
        if let Some(item) = self.items.get_mut(key) {
            item.failures = 0;
            item.panics = 0;
        }
        self.tidy(key);
    }

    /// Takes the next key that has a slot.
    pub fn take(&mut self, limits: &Limits, now: Instant) -> Option<(K, Lane)> {
        if self.closed {
            return None;
        }
        self.rouse(now);
        if self.running >= limits.normal + limits.reserved {
            return None;
        }
        if let Some(key) = self.pop(Lane::Fast) {
            return Some(self.start(key, Lane::Fast, now));
        }
        if self.running_normal >= limits.normal {
            return None;
        }
        let key = self.pop(Lane::Normal)?;
        Some(self.start(key, Lane::Normal, now))
    }

    pub fn next_wake(&self) -> Option<Instant> {
        self.wakes.first().map(|(at, _)| *at)
    }

    pub fn succeed(&mut self, key: &K, now: Instant) {
        self.end(key, None, now);
    }

    /// Ends a turn that asks for another one at once.
    pub fn repeat(&mut self, key: &K, now: Instant) {
        let lane = self.lane_of(key);
        self.end(key, Some(lane), now);
    }

    /// Ends a turn that failed; returns how long its key waits now.
    pub fn fail(&mut self, key: &K, now: Instant, panicked: bool) -> Duration {
        let lane = self.lane_of(key);
        self.totals.failures += 1;
        self.totals.panics += u64::from(panicked);
        let Some(item) = self.items.get_mut(key) else {
            return Duration::ZERO;
        };
        let again = item.again.take();
        item.failures = item.failures.saturating_add(1);
        item.panics = if panicked { item.panics.saturating_add(1) } else { 0 };
        item.failed_at = Some(now);
        item.wake_fast = lane == Lane::Fast;
        let wait = item.wait();
        self.stop(key);
        self.set_wake(key, Some(now + wait));
        if let Some(lane) = again {
            self.add(key.clone(), lane, now);
        }
        wait
    }

    pub fn report(&self, now: Instant) -> Report {
        let ages = self.items.values().filter_map(|item| item.running).map(|(_, began)| now.duration_since(began));
        let waiting = |item: &&Item| item.queued.is_some();
        Report {
            depth: self.items.values().filter(waiting).count(),
            running: self.running,
            sleeping: self.wakes.len(),
            failing: self.items.values().filter(|item| item.failures > 0).count(),
            quarantined: self.items.values().filter(|item| item.is_quarantined()).count(),
            oldest: ages.max().unwrap_or_default(),
            added: self.totals.added,
            failures: self.totals.failures,
            panics: self.totals.panics,
        }
    }

    pub fn quarantined(&self) -> Vec<K> {
        self.items.iter().filter(|(_, item)| item.is_quarantined()).map(|(key, _)| key.clone()).collect()
    }

    fn lane_of(&self, key: &K) -> Lane {
        self.items.get(key).and_then(|item| item.running).map_or(Lane::Normal, |(lane, _)| lane)
    }

    fn enqueue(&mut self, key: K, lane: Lane) {
        let item = self.items.entry(key.clone()).or_default();
        if item.queued >= Some(lane) {
            return;
        }
        if item.queued.is_none() {
            self.totals.added += 1;
        }
        item.queued = Some(lane);
        match lane {
            Lane::Fast => self.fast.push_back(key),
            Lane::Normal => self.normal.push_back(key),
        }
    }

    /// Pops a key of a lane, past those that have moved to the other lane since.
    fn pop(&mut self, lane: Lane) -> Option<K> {
        loop {
            let key = match lane {
                Lane::Fast => self.fast.pop_front()?,
                Lane::Normal => self.normal.pop_front()?,
            };
            if self.items.get(&key).is_some_and(|item| item.queued == Some(lane)) {
                return Some(key);
            }
        }
    }

    fn rouse(&mut self, now: Instant) {
        while self.wakes.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, key)) = self.wakes.pop_first() else {
                return;
            };
            let Some(item) = self.items.get_mut(&key) else {
                continue;
            };
            item.wake = None;
            let lane = if std::mem::take(&mut item.wake_fast) { Lane::Fast } else { Lane::Normal };
            if item.running.is_some() {
                item.again = item.again.max(Some(lane));
            } else {
                self.enqueue(key, lane);
            }
        }
    }

    fn start(&mut self, key: K, lane: Lane, now: Instant) -> (K, Lane) {
        self.set_wake(&key, None);
        if let Some(item) = self.items.get_mut(&key) {
            item.queued = None;
            item.running = Some((lane, now));
            item.wake_fast = false;
        }
        self.running += 1;
        self.running_normal += usize::from(lane == Lane::Normal);
        (key, lane)
    }

    fn stop(&mut self, key: &K) {
        let Some((lane, _)) = self.items.get_mut(key).and_then(|item| item.running.take()) else {
            return;
        };
        self.running = self.running.saturating_sub(1);
        self.running_normal = self.running_normal.saturating_sub(usize::from(lane == Lane::Normal));
    }

    fn end(&mut self, key: &K, repeat: Option<Lane>, now: Instant) {
        self.stop(key);
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        item.failures = 0;
        item.panics = 0;
        item.failed_at = None;
        let again = item.again.take().max(repeat);
        match again {
            Some(lane) => self.add(key.clone(), lane, now),
            None => self.tidy(key),
        }
    }

    fn set_wake(&mut self, key: &K, at: Option<Instant>) {
        let Some(item) = self.items.get_mut(key) else {
            return;
        };
        if let Some(before) = std::mem::replace(&mut item.wake, at) {
            self.wakes.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            self.wakes.insert((at, key.clone()));
        }
    }

    /// Drops the item of a key that nothing is known of: idle keys cost nothing.
    fn tidy(&mut self, key: &K) {
        if self.items.get(key).is_some_and(Item::is_idle) {
            self.items.remove(key);
        }
    }
}
