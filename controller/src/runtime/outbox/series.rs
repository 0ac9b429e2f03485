//! Repeats: notes that say the same about the same object are one event with a count.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::{EventNote, LONGEST_NAME, namespace_of};

/// How long a note that is not repeated is remembered.
const WINDOW: Duration = Duration::from_secs(600);
/// A count is written at most once in this time.
const PACE: Duration = Duration::from_secs(10);
/// Most notes that are remembered.
const MOST: usize = 4096;

/// An event that was written, and how often its note came.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub namespace: String,
    pub name: String,
    pub count: i32,
    pub last: Timestamp,
    written: i32,
    wrote: Instant,
}

/// What to do about a note.
#[derive(Debug)]
pub(super) enum Step {
    /// Make the event.
    Make(Entry),
    /// Write its count.
    Count(Entry),
    /// It was counted and will be written later.
    Nothing,
}

/// Notes of the last minutes.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    entries: BTreeMap<u64, Entry>,
}

impl Repeats {
    /// Takes in a note.
    pub fn step(&mut self, note: &EventNote, at: Timestamp, now: Instant) -> Step {
        self.forget(now);
        let mut hasher = DefaultHasher::new();
        (&note.about.key, &note.about.uid, note.reason, &note.message).hash(&mut hasher);
        let id = hasher.finish();
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.count = entry.count.saturating_add(1);
            entry.last = at;
            if now.duration_since(entry.wrote) < PACE {
                return Step::Nothing;
            }
            entry.written = entry.count;
            entry.wrote = now;
            return Step::Count(entry.clone());
        }
        at.as_nanosecond().hash(&mut hasher);
        let stem: String = note.about.key.name().chars().take(LONGEST_NAME).collect();
        let entry = Entry {
            namespace: namespace_of(&note.about.key).to_owned(),
            name: format!("{stem}.{:016x}", hasher.finish()),
            count: 1,
            last: at,
            written: 1,
            wrote: now,
        };
        self.entries.insert(id, entry.clone());
        Step::Make(entry)
    }

    /// Tells when the next count is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.entries.values().filter(|entry| entry.count > entry.written).map(|entry| entry.wrote + PACE).min()
    }

    /// Takes the counts that are due, or all that are not written.
    pub fn due(&mut self, now: Instant, all: bool) -> Vec<Entry> {
        let unwritten = self.entries.values_mut().filter(|entry| entry.count > entry.written);
        let due = unwritten.filter(|entry| all || now.duration_since(entry.wrote) >= PACE);
        due.map(|entry| {
            entry.written = entry.count;
            entry.wrote = now;
            entry.clone()
        })
        .collect()
    }

    fn forget(&mut self, now: Instant) {
        if self.entries.len() < MOST / 4 {
            return;
        }
        self.entries.retain(|_, entry| now.duration_since(entry.wrote) < WINDOW);
        if self.entries.len() >= MOST {
            let mut ages: Vec<Instant> = self.entries.values().map(|entry| entry.wrote).collect();
            ages.sort_unstable();
            let median = ages.get(ages.len() / 2).copied().unwrap_or(now);
            self.entries.retain(|_, entry| entry.wrote > median);
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.entries.len()
    }
}
