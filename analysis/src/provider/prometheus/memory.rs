//! What samples leave behind for the next ones.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::provider::login::Logins;

/// How many questions are remembered; beyond that all are forgotten and asked again.
const REMEMBERED: usize = 2048;

/// What samples leave behind for the next ones.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What logins need and leave behind.
    pub logins: Logins,
    /// Questions for series that have found some.
    pub found: Found,
}

/// Questions for series that have found some, by address and query.
#[derive(Debug, Default)]
pub(super) struct Found(Mutex<BTreeSet<(String, String)>>);

impl Found {
    /// Whether the question has found something.
    pub fn contains(&self, address: &str, query: &str) -> bool {
        self.lock().contains(&(address.to_owned(), query.to_owned()))
    }

    /// Remembers that it has.
    pub fn insert(&self, address: &str, query: &str) {
        let mut found = self.lock();
        if found.len() >= REMEMBERED {
            found.clear();
        }
        found.insert((address.to_owned(), query.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<(String, String)>> {
        // The set is whole after any panic: each change is a single insert or clear.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
