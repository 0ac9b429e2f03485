//! Says which metrics are due, and when the next one is.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serin_crds::analysis::{AnalysisRunStatus, Measurement};
use serin_crds::names::{AnalysisPhase, defaults};

use super::{Due, Resolved, ResolvedMetric, assess, whole_seconds};

/// A measurement that begins later than this after its instant is one of its own instant.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// What is due now, and when something else will be.
///
/// A run that is about to end measures only what its end waits for. One that has ended, or was told to, is not asked.
pub(super) fn schedule(
    resolved: &Resolved,
    status: &AnalysisRunStatus,
    in_flight: &BTreeSet<usize>,
    now: Timestamp,
    spread: SignedDuration,
) -> (Vec<Due>, Option<Timestamp>) {
    let mut due = Vec::new();
    let mut wake: Option<Timestamp> = None;
    let last_instant = last_instant(resolved, status, spread);
    let waiting = resolved.metrics.iter().enumerate().filter(|(index, _)| !in_flight.contains(index));
    for (index, metric) in waiting {
        let at = match last_instant {
            Some(last) => due_until(last, metric, status, now, spread),
            None => next(metric, status, now, spread),
        };
        let Some(at) = at else {
            continue;
        };
        if at > now {
            wake = Some(wake.map_or(at, |wake| wake.min(at)));
        } else {
            let at = if now.duration_since(at) > LATE { now } else { at };
            due.push(Due { metric: index, at });
        }
    }
    (due, wake)
}

/// Whether the end of a run must wait, because metrics that were due together with the one that ends it have not been
/// recorded.
///
/// An answer that comes later can outrank the end: a failure an error, an error an inconclusive measurement. Nothing
/// outranks a failure. This is told from what is recorded alone, so that a controller that starts anew, and no longer
/// has the measurements in flight, makes them again before it ends the run.
pub(super) fn owes_answers(resolved: &Resolved, status: &AnalysisRunStatus, spread: SignedDuration) -> bool {
    last_instant(resolved, status, spread).is_some_and(|last| {
        resolved.metrics.iter().any(|metric| due_until(last, metric, status, last, spread).is_some())
    })
}

/// The last instant whose measurements are judged together with the one that ends the run; none if none ends it, or if
/// a failure does.
///
/// It is the end of the second that follows that measurement: metrics of one interval can be a second apart after an
/// answer that took long.
fn last_instant(resolved: &Resolved, status: &AnalysisRunStatus, spread: SignedDuration) -> Option<Timestamp> {
    let counted = resolved.metrics.iter().filter(|metric| !metric.dry_run);
    let mut first: Option<Timestamp> = None;
    for result in counted.filter_map(|metric| assess::result(status, &metric.metric.name)) {
        let last = match result.phase {
            AnalysisPhase::Failed => return None,
            AnalysisPhase::Error | AnalysisPhase::Inconclusive => result.measurements.last(),
            AnalysisPhase::Pending | AnalysisPhase::Running | AnalysisPhase::Successful => None,
        };
        let finished = last.and_then(|last| last.finished_at);
        first = first.into_iter().chain(finished).min();
    }
    first.map(|first| after(after(first, LATE), spread))
}

/// When a metric is measured next, if that is not later than the `last` instant and can change how the run ends.
fn due_until(
    last: Timestamp,
    metric: &ResolvedMetric,
    status: &AnalysisRunStatus,
    now: Timestamp,
    spread: SignedDuration,
) -> Option<Timestamp> {
    let at = next(metric, status, now.min(last), spread)?;
    (!metric.dry_run && at <= last).then_some(at)
}

/// When a metric is measured next; none if it has ended, or nobody can measure it.
fn next(
    metric: &ResolvedMetric,
    status: &AnalysisRunStatus,
    now: Timestamp,
    spread: SignedDuration,
) -> Option<Timestamp> {
    let result = assess::result(status, &metric.metric.name);
    if metric.unsupported.is_some() || result.is_some_and(|result| result.phase.is_terminal()) {
        return None;
    }
    let Some((result, last)) = result.and_then(|result| Some((result, result.measurements.last()?))) else {
        return Some(match metric.initial_delay {
            Some(delay) => after(status.started_at.unwrap_or_else(|| whole_seconds(now)), delay),
            None => now,
        });
    };
    let Some(finished_at) = last.finished_at else {
        return Some(last.resume_at.map_or(now, |at| at.max(now)));
    };
    if metric.limits.count.is_some_and(|count| result.count >= count) {
        return None;
    }
    // Measurements keep to the grid of their first instant as long as each ends within its second. Later than the end
    // of the last one plus the interval, strictly: never earlier than Argo Rollouts would.
    Some(after(after(whole_seconds(finished_at), interval(metric, last)), spread))
}

fn interval(metric: &ResolvedMetric, last: &Measurement) -> SignedDuration {
    let default = SignedDuration::from_secs(defaults::ERROR_INTERVAL_SECONDS);
    if last.phase == AnalysisPhase::Error { default } else { metric.interval.unwrap_or(default) }
}

fn after(instant: Timestamp, duration: SignedDuration) -> Timestamp {
    instant.saturating_add(duration).unwrap_or(Timestamp::MAX)
}
