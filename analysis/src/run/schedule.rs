//! Says which metrics are due, and when the next one is.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serin_crds::analysis::{AnalysisRunStatus, Measurement, MetricResult};
use serin_crds::names::{AnalysisPhase, defaults};

use super::{Due, Resolved, ResolvedMetric, assess, whole_seconds};

/// A measurement that begins later than this after its instant is one of its own instant.
const LATE: SignedDuration = SignedDuration::from_secs(1);

/// What is due now, and when something else will be.
///
/// The run is neither ended nor being ended: such runs measure nothing.
pub(super) fn schedule(
    resolved: &Resolved,
    status: &AnalysisRunStatus,
    in_flight: &BTreeSet<usize>,
    now: Timestamp,
    spread: SignedDuration,
) -> (Vec<Due>, Option<Timestamp>) {
    let mut due = Vec::new();
    let mut wake: Option<Timestamp> = None;
    let waiting = resolved.metrics.iter().enumerate().filter(|(index, _)| !in_flight.contains(index));
    for (index, metric) in waiting {
        let result = assess::result(status, &metric.metric.name);
        let Some(at) = next(metric, result, status.started_at, now, spread) else {
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

/// When a metric is measured next; none if it has ended.
fn next(
    metric: &ResolvedMetric,
    result: Option<&MetricResult>,
    started_at: Option<Timestamp>,
    now: Timestamp,
    spread: SignedDuration,
) -> Option<Timestamp> {
    if result.is_some_and(|result| result.phase.is_terminal()) {
        return None;
    }
    let Some((result, last)) = result.and_then(|result| Some((result, result.measurements.last()?))) else {
        return Some(match metric.initial_delay {
            Some(delay) => after(started_at.unwrap_or_else(|| whole_seconds(now)), delay),
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
