//! Gather: what is said about one object within a moment becomes one event, so that a release costs few of them.
//!
//! Warnings don't wait: what was gathered goes first, then the warning by itself.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;
use serin_crds::names::EventReason;
use tokio::time::Instant;

use super::EventNote;

/// How long the first sentence waits for others.
const MOMENT: Duration = Duration::from_secs(1);

/// Notes that wait to be told together, by the uid of their object.
#[derive(Debug, Default)]
pub(super) struct Gather {
    open: BTreeMap<String, (EventNote, Timestamp)>,
    /// When each is due, in order.
    dues: VecDeque<(Instant, String)>,
}

impl Gather {
    /// Takes in a note; answers what has to be told now.
    pub fn add(&mut self, note: EventNote, at: Timestamp, now: Instant) -> Vec<(EventNote, Timestamp)> {
        let uid = &note.about.uid;
        if note.reason.is_warning() {
            return self.take(&uid.clone()).into_iter().chain([(note, at)]).collect();
        }
        if let Some((together, last)) = self.open.get_mut(uid) {
            *last = at;
            join(together, &note);
        } else {
            self.dues.push_back((now + MOMENT, uid.clone()));
            self.open.insert(uid.clone(), (note, at));
        }
        Vec::new()
    }

    /// Tells when something has to be told.
    pub fn next_due(&self) -> Option<Instant> {
        self.dues.front().map(|(due, _)| *due)
    }

    /// Takes what is due, or everything.
    pub fn due(&mut self, now: Instant, all: bool) -> Vec<(EventNote, Timestamp)> {
        let mut told = Vec::new();
        while self.next_due().is_some_and(|due| all || due <= now) {
            let next = self.dues.pop_front().and_then(|(_, uid)| self.open.remove(&uid));
            told.extend(next);
        }
        told
    }

    fn take(&mut self, uid: &str) -> Option<(EventNote, Timestamp)> {
        let taken = self.open.remove(uid)?;
        self.dues.retain(|(_, other)| other != uid);
        Some(taken)
    }
}

/// Adds a sentence; the event carries the reason that matters most.
fn join(together: &mut EventNote, note: &EventNote) {
    if !together.message.split("; ").any(|said| said == note.message) {
        together.message.push_str("; ");
        together.message.push_str(&note.message);
    }
    if rank(note.reason) > rank(together.reason) {
        together.reason = note.reason;
    }
}

/// How much a reason matters beside others: outcomes, then people's orders, then steps, then what steps consist of.
fn rank(reason: EventReason) -> u8 {
    use EventReason as Is;
    match reason {
        Is::RolloutCompleted | Is::AnalysisRunSuccessful | Is::SkipSteps => 5,
        Is::RolloutPaused | Is::RolloutResumed | Is::RolloutRetry => 4,
        Is::RolloutUpdated => 3,
        Is::RolloutStepCompleted => 2,
        Is::TrafficWeightUpdated | Is::AnalysisRunRunning => 1,
        _ => 0,
    }
}
