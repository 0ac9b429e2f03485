//! Objects that are gone and whose series a last scrape may still want to see.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::key::Key;

/// How long the series of a deleted object stay, so that a last scrape sees them.
pub(super) const AFTERLIFE: Duration = Duration::from_secs(65);

/// An object: what the metrics of its kind begin with, and its key.
pub(super) type Gone = (&'static str, Key);

/// Objects that are gone, each with when it is forgotten.
#[derive(Debug, Default)]
pub(super) struct Departed {
    until: BTreeMap<Gone, Instant>,
    /// The same in order of time, with some that have come back since.
    order: VecDeque<(Instant, Gone)>,
}

impl Departed {
    /// Takes in that an object is gone; one that is gone already stays so until then.
    pub fn add(&mut self, gone: Gone, now: Instant) {
        if !self.until.contains_key(&gone) {
            self.until.insert(gone.clone(), now + AFTERLIFE);
            self.order.push_back((now + AFTERLIFE, gone));
        }
    }

    /// Takes in that an object was made again.
    pub fn remove(&mut self, gone: &Gone) {
        self.until.remove(gone);
    }

    /// Takes out those whose time has come.
    pub fn due(&mut self, now: Instant) -> Vec<Gone> {
        let mut due = Vec::new();
        while self.order.front().is_some_and(|(at, _)| *at <= now) {
            let Some((at, gone)) = self.order.pop_front() else { break };
            if self.until.get(&gone) == Some(&at) {
                self.until.remove(&gone);
                due.push(gone);
            }
        }
        due
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.order.len()
    }
}
