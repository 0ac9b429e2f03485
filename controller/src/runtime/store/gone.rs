//! What has gone a short while ago: the answer to a write may arrive after the watch has told that its object is gone.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::newer;
use crate::runtime::key::Key;

/// How long it is remembered that an object is gone: longer than a call may take.
const REMEMBERED: Duration = Duration::from_secs(60);

/// Objects that have gone, each with the version in which it was seen to go.
#[derive(Debug, Default)]
pub(super) struct Gone {
    versions: BTreeMap<Key, Box<str>>,
    order: VecDeque<(Instant, Key)>,
}

impl Gone {
    /// Takes in that an object is gone in this version.
    pub fn add(&mut self, key: &Key, version: &str, now: Instant) {
        self.expire(now);
        self.versions.insert(key.clone(), version.into());
        self.order.push_back((now, key.clone()));
    }

    /// Tells whether an object in this version was seen to go since.
    pub fn since(&self, key: &Key, version: &str) -> bool {
        self.versions.get(key).is_some_and(|gone| newer(gone, version))
    }

    /// Forgets what has gone too long ago to matter.
    pub fn expire(&mut self, now: Instant) {
        while self.order.front().is_some_and(|(at, _)| now.duration_since(*at) > REMEMBERED) {
            let Some((_, key)) = self.order.pop_front() else { break };
            // One that has gone once more since is forgotten with the first time, which is early and harmless.
            self.versions.remove(&key);
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        (self.versions, self.order) = Default::default();
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.order.len().max(self.versions.len())
    }
}
