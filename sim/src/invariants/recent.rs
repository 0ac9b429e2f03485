//! What somebody who writes may still believe: the present, and what was present when they looked last.

use jiff::{SignedDuration, Timestamp};

use super::WriteRecord;

/// How long a live read excuses somebody: who reads and then waits longer has to read again.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

/// How old the knowledge of one object may be at one write.
///
/// In virtual time only a live read excuses: what was changed after it can't be known. What was changed before it, or
/// without any read, has to be known. Where time is real, so has what changed longer ago than a request takes.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge {
    /// The version of the whole store at the last live read of the object.
    pub read: Option<u64>,
    /// What changed after this instant can't be known.
    pub since: Timestamp,
}

impl Knowledge {
    /// Says whether a change can't be known yet.
    pub fn lacks(&self, version: u64, at: Timestamp) -> bool {
        at > self.since || self.read.is_some_and(|read| version > read)
    }
}

/// The live reads of one object, oldest first.
#[derive(Debug, Default)]
pub struct Reads(Vec<(u64, Timestamp)>);

impl Reads {
    /// Takes in a read at a version of the whole store.
    pub fn hear(&mut self, version: u64, at: Timestamp) {
        self.0.push((version, at));
        self.0.retain(|(_, old)| at.duration_since(*old) <= FRESH);
    }

    /// The last read before a write.
    pub fn before(&self, write: &WriteRecord) -> Option<u64> {
        let (own, fresh) = (write.version(), write.at - FRESH);
        let earlier = self.0.iter().filter(|(version, at)| *version < own && *at <= write.at && *at >= fresh);
        earlier.map(|(version, _)| *version).max()
    }
}

/// A value, and what it was before, for as long as somebody may believe it.
#[derive(Debug, Clone)]
pub struct Recent<T> {
    now: T,
    /// Each with the version and the instant at which it was no more.
    before: Vec<(u64, Timestamp, T)>,
}

impl<T: PartialEq + Clone> Recent<T> {
    /// Begins with a value.
    pub const fn new(now: T) -> Self {
        Self { now, before: Vec::new() }
    }

    /// Sets the value at a version.
    pub fn set(&mut self, version: u64, at: Timestamp, value: T) {
        self.before.retain(|(_, until, _)| at.duration_since(*until) <= FRESH);
        if value != self.now {
            let old = std::mem::replace(&mut self.now, value);
            self.before.push((version, at, old));
        }
    }

    /// The value.
    pub const fn now(&self) -> &T {
        &self.now
    }

    /// All values that somebody with this knowledge may believe.
    pub fn believable(&self, knowledge: Knowledge) -> impl Iterator<Item = &T> {
        let before = self.before.iter().filter(move |(version, until, _)| knowledge.lacks(*version, *until));
        std::iter::once(&self.now).chain(before.map(|(_, _, value)| value))
    }
}
