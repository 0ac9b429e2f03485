//! Promises checked after every write: each file holds one, as a function from what has been and what is being written.
//!
//! Nothing here reads the controller's memory: only writes, and calls, as an API server logs them. S10 and S20 speak of several
//! controllers and several Rollouts; tests of their own ask for them.

mod cluster_view;
mod diff;
mod drift;
mod history;
mod liveness;
mod recent;
mod record;
mod rollout_history;
mod s01_weights;
mod s02_capacity;
mod s03_sizes;
mod s04_referenced;
mod s05_abort;
mod s06_evidence;
mod s07_verdicts;
mod s08_orders;
mod s09_forwards;
mod s11_ours;
mod s12_foreign;
mod s13_adoption;
mod s14_runs;
mod s15_services;
mod s16_subsets;
mod s17_waits;
mod s18_secrets;
mod s19_namespaces;
mod s21_workload;
pub mod view;
pub mod wiring;

use std::fmt;

use jiff::{SignedDuration, Timestamp};

pub use self::{
    cluster_view::{ClusterView, Shares},
    diff::changed,
    history::{DRAIN, History, Shelf},
    recent::{Knowledge, Recent},
    record::{CallRecord, Key, WriteRecord},
    rollout_history::{Adverse, Order, Overrides, RolloutHistory},
};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Timestamp,
    /// Which promise, like `S2`.
    pub invariant: &'static str,
    /// Which object.
    pub object: Key,
    /// What was seen, in one sentence.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}: {}", self.at, self.invariant, self.object, self.seen)
    }
}

/// A promise: looks at what has been and at the write that comes.
pub type Invariant = fn(&History, &WriteRecord) -> Result<(), Box<Violation>>;

/// All promises that are checked, with their names.
pub const ALL: [(&str, Invariant); 19] = [
    ("S1", s01_weights::check),
    ("S2", s02_capacity::check),
    ("S3", s03_sizes::check),
    ("S4", s04_referenced::check),
    ("S5", s05_abort::check),
    ("S6", s06_evidence::check),
    ("S7", s07_verdicts::check),
    ("S8", s08_orders::check),
    ("S9", s09_forwards::check),
    ("S11", s11_ours::check),
    ("S12", s12_foreign::check),
    ("S13", s13_adoption::check),
    ("S14", s14_runs::check),
    ("S15", s15_services::check),
    ("S16", s16_subsets::check),
    ("S17", s17_waits::check),
    ("S18", s18_secrets::check),
    ("S19", s19_namespaces::check),
    ("S21", s21_workload::check),
];

/// Checks every write as it comes and remembers what was broken.
#[derive(Debug)]
pub struct Checker {
    history: History,
    activity: liveness::Activity,
    drift: drift::Drift,
    /// Whether nothing goes wrong for the controller: only then it has to be in time.
    fair: bool,
    violations: Vec<Violation>,
}

impl Checker {
    /// Begins; `us` is the user name of the controller under test.
    pub fn new(us: impl Into<String>) -> Self {
        Self {
            history: History::new(us),
            activity: liveness::Activity::default(),
            drift: drift::Drift::default(),
            fair: true,
            violations: Vec::new(),
        }
    }

    /// Excuses who did not know yet what changed so shortly before, which is the time of a request where time is real.
    #[must_use]
    pub fn racing(mut self, race: SignedDuration) -> Self {
        self.history = self.history.racing(race);
        self
    }

    /// Says that something goes wrong for the controller: what it can't see or write it need not put right in time.
    #[must_use]
    pub const fn under_faults(mut self) -> Self {
        self.fair = false;
        self
    }

    /// Checks a write against all promises, then takes it in.
    pub fn see(&mut self, write: &WriteRecord) {
        if self.history.ours(write) {
            let broken = ALL.iter().filter_map(|(_, check)| check(&self.history, write).err());
            self.violations.extend(broken.map(|violation| *violation));
        }
        self.activity.see(write, self.history.ours(write));
        self.drift.see(&self.history, write);
        self.history.admit(write);
    }

    /// Takes in a call of the controller under test.
    pub fn hear(&mut self, call: &CallRecord) {
        self.activity.hear(call);
        self.history.hear(call);
    }

    /// Says whether the controller runs in a loop that waits for nothing.
    pub fn endless(&self) -> bool {
        self.activity.endless()
    }

    /// From now on nothing should happen any more.
    pub fn rest(&mut self, at: Timestamp) {
        self.activity.rest(at);
    }

    /// Checks what has to hold when nothing moves any more.
    pub fn at_rest(&mut self, at: Timestamp) {
        let broken = s05_abort::at_rest(&self.history, at);
        self.violations.extend(broken);
    }

    /// Checks what has to hold over time.
    pub fn over_time(&mut self, at: Timestamp) {
        let rollouts = self.history.rollouts().count();
        self.violations.extend(self.activity.violations(at, rollouts));
        let late = self.drift.violations(at);
        self.violations.extend(late.into_iter().filter(|_| self.fair));
    }

    /// Takes in a promise that somebody else has seen broken.
    pub fn report(&mut self, violation: Violation) {
        self.violations.push(violation);
    }

    /// What the writes have told.
    pub const fn history(&self) -> &History {
        &self.history
    }

    /// What was broken, in order.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

/// Reports a broken promise.
fn broken(invariant: &'static str, write: &WriteRecord, seen: String) -> Result<(), Box<Violation>> {
    Err(Box::new(Violation { at: write.at, invariant, object: write.key.clone(), seen }))
}

#[cfg(test)]
mod tests;
