//! Decides when a status is written. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serin_crds::analysis::{AnalysisRunStatus, MetricResult};

/// How long successes wait for others to be written with.
const BATCH: SignedDuration = SignedDuration::from_secs(10);

/// When a status is to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Nothing has changed.
    None,
    /// Now.
    Now,
    /// At this instant, with what comes until then.
    At(Timestamp),
}

/// When `new` is to be written, where `old` is what was written last, at `written_at`.
///
/// At once: a change of phase or of what a run waits for, the first measurement, one that was begun, everything that is
/// not a plain success. Successes at most once in ten seconds.
pub(super) fn urgency(old: &AnalysisRunStatus, new: &AnalysisRunStatus, written_at: Option<Timestamp>) -> Urgency {
    if old == new || is_beginning(old, new) {
        return Urgency::None;
    }
    if old.phase != new.phase
        || old.message != new.message
        || new.metric_results.iter().any(|result| is_news(old, result))
    {
        return Urgency::Now;
    }
    written_at.map_or(Urgency::Now, |at| Urgency::At(next_batch(Some(at), at)))
}

/// When the next batch is written.
pub(super) fn next_batch(written_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    written_at.map_or(now, |at| at.saturating_add(BATCH).unwrap_or(at))
}

/// Whether nothing has happened but that the run was looked at for the first time.
fn is_beginning(old: &AnalysisRunStatus, new: &AnalysisRunStatus) -> bool {
    old.phase == new.phase && old.message == new.message && old.started_at.is_some() && new.metric_results.is_empty()
}

fn is_news(old: &AnalysisRunStatus, result: &MetricResult) -> bool {
    let bad = |result: &MetricResult| [result.failed, result.error, result.inconclusive];
    match old.metric_results.iter().find(|old| old.name == result.name) {
        None => true,
        Some(old) => {
            // Whoever goes on after us has to find what was begun.
            let is_begun = begun(result).is_some_and(|found_by| begun(old) != Some(found_by));
            old.measurements.is_empty() || bad(old) != bad(result) || is_begun
        }
    }
}

/// What the measurement that is not there yet is found by, if there is one.
fn begun(result: &MetricResult) -> Option<&BTreeMap<String, String>> {
    result.measurements.last().filter(|last| last.finished_at.is_none()).map(|last| &last.metadata)
}

/// How long to wait after so many failed writes in a row.
pub(super) fn backoff(failures: u32) -> SignedDuration {
    let milliseconds = 100_i64.saturating_mul(1 << failures.saturating_sub(1).min(7));
    SignedDuration::from_millis(milliseconds.min(10_000))
}
