//! The life of one `AnalysisRun`, as pure functions of its spec, its status and the time.
//!
//! [`Run::plan`] says what has to be measured now and when to look again; [`Run::record`] takes in what was measured.
//! Neither knows how a measurement is made.
//!
//! # Source
//! Behaviour of Argo Rollouts; differences: a failed metric ends its run at once instead of at the next look, a run
//! that cannot begin has an end time (so that its time to live applies), intervals below a second count as a second.

mod assess;
mod bounded;
mod build;
mod message;
mod record;
mod resolved;
mod schedule;

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::time::Duration;

use fnv::FnvHasher;
use jiff::{SignedDuration, Timestamp};
use serin_crds::analysis::{AnalysisRunSpec, AnalysisRunStatus, MetricResult};
use serin_crds::names::{AnalysisPhase, EventReason};

pub use bounded::bounded_for_step;
pub use build::{Identity, Purpose, initial_status, labels, name, same_demand};
pub use record::{BegunMeasurement, DroppedMeasurement, JudgedMeasurement, begun, next_nth};
pub use resolved::{Limits, Resolved, ResolvedMetric, unresolved};

/// The largest spread of a run's measurements over the second: room is left for the query before the second is over.
const WIDEST_SPREAD: Duration = Duration::from_millis(500);

/// One `AnalysisRun` whose spec has been read.
#[derive(Clone, Debug)]
pub struct Run {
    terminate: bool,
    resolved: Result<Resolved, String>,
    spread: SignedDuration,
}

/// What is to be done next for a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Turn {
    /// What has to be measured now.
    pub due: Vec<Due>,
    /// When to look again, if nothing happens before.
    pub wake: Option<Timestamp>,
    /// The status as it is now.
    pub status: AnalysisRunStatus,
    /// What should be told.
    pub notices: Vec<Notice>,
}

/// A metric that has to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its index in the spec.
    pub metric: usize,
    /// The instant that it was scheduled for.
    pub at: Timestamp,
}

/// What came of taking in measurements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The status as it is now.
    pub status: AnalysisRunStatus,
    /// What should be told.
    pub notices: Vec<Notice>,
    /// What is no longer kept.
    pub dropped: Vec<DroppedMeasurement>,
}

/// Something that should be told as an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Why.
    pub reason: EventReason,
    /// What.
    pub message: String,
}

impl Run {
    /// Reads the spec of a run.
    ///
    /// `spread` moves the measurements of this run away from the full second (up to half of one), so that runs that
    /// began together don't all ask at the same instant; [`spread_of`] makes one from the uid.
    pub fn new(spec: &AnalysisRunSpec, spread: Duration) -> Self {
        let spread = spread.clamp(Duration::from_millis(1), WIDEST_SPREAD);
        Self {
            terminate: spec.terminate,
            resolved: Resolved::of(spec),
            spread: SignedDuration::try_from(spread).unwrap_or(SignedDuration::from_millis(1)),
        }
    }

    /// What was read; the error is the message that the run ends with.
    ///
    /// # Errors
    /// If the run cannot begin.
    pub fn resolved(&self) -> Result<&Resolved, &str> {
        self.resolved.as_ref().map_err(String::as_str)
    }

    /// Says what has to be measured now, without the metrics that are being measured, and assesses the run.
    pub fn plan(&self, status: &AnalysisRunStatus, in_flight: &BTreeSet<usize>, now: Timestamp) -> Turn {
        if status.phase.is_terminal() {
            return Turn { status: status.clone(), ..Turn::default() };
        }
        let resolved = match &self.resolved {
            Ok(resolved) => resolved,
            Err(message) => {
                let Recorded { status, notices, .. } = self.fail(status, message, now);
                return Turn { status, notices, ..Turn::default() };
            }
        };
        let mut next = status.clone();
        let notices = assess::assess(resolved, self.terminate, &mut next, now, self.spread);
        let (due, wake) = if next.phase.is_terminal() {
            (Vec::new(), None)
        } else {
            schedule::schedule(resolved, &next, in_flight, now, self.spread)
        };
        Turn { due, wake, status: next, notices }
    }

    /// Takes in measurements that were finished `now`, and assesses the run.
    pub fn record(&self, status: &AnalysisRunStatus, taken: Vec<JudgedMeasurement>, now: Timestamp) -> Recorded {
        let Some(resolved) = self.resolved.as_ref().ok().filter(|_| !status.phase.is_terminal()) else {
            return Recorded { status: status.clone(), ..Recorded::default() };
        };
        let mut next = status.clone();
        let mut notices = Vec::new();
        for measurement in taken {
            record::record(resolved, &mut next, measurement, now, &mut notices);
        }
        notices.extend(assess::assess(resolved, self.terminate, &mut next, now, self.spread));
        let dropped = record::trim(resolved, &mut next);
        Recorded { status: next, notices, dropped }
    }

    /// Takes in that a measurement was begun, or was looked at and is not there yet.
    pub fn begin(&self, status: &AnalysisRunStatus, taken: BegunMeasurement, now: Timestamp) -> Recorded {
        let Some(resolved) = self.resolved.as_ref().ok().filter(|_| !status.phase.is_terminal()) else {
            return Recorded { status: status.clone(), ..Recorded::default() };
        };
        let mut next = status.clone();
        record::begin(resolved, &mut next, taken);
        let notices = assess::assess(resolved, self.terminate, &mut next, now, self.spread);
        Recorded { status: next, notices, dropped: Vec::new() }
    }

    /// Ends the run as an Error with this message.
    pub fn fail(&self, status: &AnalysisRunStatus, message: &str, now: Timestamp) -> Recorded {
        let mut next = status.clone();
        let notices = assess::end(&mut next, AnalysisPhase::Error, Some(message.to_owned()), now);
        Recorded { status: next, notices, dropped: Vec::new() }
    }
}

/// How far the measurements of a run lie from the full second: the same for the same uid.
pub fn spread_of(uid: &str) -> Duration {
    // A hash that is the same in each process, so that a restart finds the same spread.
    let mut hasher = FnvHasher::default();
    hasher.write(uid.as_bytes());
    let hash = hasher.finish();
    Duration::from_millis(1 + (hash >> 8) % 499)
}

/// How many completed measurements speak for or against the release.
///
/// These are the measurements, without errors, of the metrics that count. Where none counts, because all of them are a
/// dry run, nothing more was asked for than that they are tried, and each measurement is one, whatever came of it.
///
/// A run that was ended before it measured anything is Successful in Argo's words; by this number it proves nothing.
pub fn evidence(status: &AnalysisRunStatus) -> usize {
    let required = status.run_summary.count > 0 || status.metric_results.iter().any(|result| !result.dry_run);
    let measured = |result: &MetricResult| match (required, result.dry_run) {
        (true, true) => 0,
        (true, false) => result.count,
        (false, _) => result.count.saturating_add(result.error),
    };
    let judged = status.metric_results.iter().map(|result| measured(result).max(0));
    judged.map(|count| usize::try_from(count).unwrap_or(0)).sum()
}

/// When a finished run is to be deleted: more than its time to live after its end, in whole seconds.
pub fn expires_at(spec: &AnalysisRunSpec, status: &AnalysisRunStatus) -> Option<Timestamp> {
    let strategy = spec.ttl_strategy.as_ref()?;
    let end = status.completed_at.filter(|_| status.phase.is_terminal())?;
    let own = match status.phase {
        AnalysisPhase::Successful => strategy.seconds_after_success,
        AnalysisPhase::Failed => strategy.seconds_after_failure,
        _ => None,
    };
    let seconds = i64::from(own.or(strategy.seconds_after_completion)?);
    end.checked_add(SignedDuration::from_secs(seconds.saturating_add(1))).ok()
}

/// The instant without its fraction of a second, as it is stored.
fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).unwrap_or(instant)
}

#[cfg(test)]
mod tests;
