//! Objects that are gone and whose series a last scrape may still want to see.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::runtime::key::Key;

/// How long the series of a deleted object stay, so that a last scrape sees them.
pub(super) const AFTERLIFE: Duration = Duration::from_secs(65);

/// How long the series of an object that has ended stay while it is there: a Rollout keeps many runs that have ended.
pub(super) const ENDED: Duration = Duration::from_secs(3600);

/// An object: what the metrics of its kind begin with, and its key.
pub(super) type Gone = (&'static str, Key);

/// Objects that are gone, each with when it is forgotten.
#[derive(Debug, Default)]
pub(super) struct Departed {
    until: BTreeMap<Gone, Instant>,
    order: BTreeSet<(Instant, Gone)>,
}

impl Departed {
    /// Takes in when an object is forgotten; what was said before stands where it is sooner.
    pub fn add(&mut self, gone: Gone, at: Instant) {
        if self.until.get(&gone).is_none_or(|before| at < *before) {
            self.remove(&gone);
            self.until.insert(gone.clone(), at);
            self.order.insert((at, gone));
        }
    }

    /// Takes in that an object was made again.
    pub fn remove(&mut self, gone: &Gone) {
        if let Some(at) = self.until.remove(gone) {
            self.order.remove(&(at, gone.clone()));
        }
    }

    /// Takes out those whose time has come.
    pub fn due(&mut self, now: Instant) -> Vec<Gone> {
        let mut due = Vec::new();
        while self.order.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, gone)) = self.order.pop_first() else { break };
            self.until.remove(&gone);
            due.push(gone);
        }
        due
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.order.len()
    }
}
