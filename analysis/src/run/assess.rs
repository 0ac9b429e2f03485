//! Decides how metrics, and the run of them, stand.

use jiff::{SignedDuration, Timestamp};
use serin_crds::analysis::{AnalysisRunStatus, MetricResult, RunSummary};
use serin_crds::names::{AnalysisPhase, EventReason};

use super::message::{self, Breach};
use super::{Limits, Notice, Resolved, ResolvedMetric, record, schedule, whole_seconds};

/// What was found for the metric of this name.
pub(super) fn result<'a>(status: &'a AnalysisRunStatus, name: &str) -> Option<&'a MetricResult> {
    status.metric_results.iter().find(|result| result.name == name)
}

fn result_mut<'a>(status: &'a mut AnalysisRunStatus, name: &str) -> Option<&'a mut MetricResult> {
    status.metric_results.iter_mut().find(|result| result.name == name)
}

/// Brings the phases, messages and summaries of a status up to date with its counters.
///
/// Argo Rollouts needs a second look to end a run after a metric has failed; here the second pass is made at once.
pub(super) fn assess(
    resolved: &Resolved,
    terminate: bool,
    status: &mut AnalysisRunStatus,
    now: Timestamp,
    spread: SignedDuration,
) -> Vec<Notice> {
    let mut notices = Vec::new();
    let is_ending = |status: &AnalysisRunStatus| terminate || is_ending(resolved, status, spread);
    let ending = is_ending(status);
    let mut verdict = pass(resolved, terminate, ending, status, &mut notices);
    if !ending && is_ending(status) {
        verdict = pass(resolved, terminate, true, status, &mut notices);
    }
    if status.started_at.is_none() {
        status.started_at = Some(whole_seconds(now));
    }
    let (phase, message) = verdict;
    if phase.is_terminal() {
        notices.extend(end(status, phase, message, now));
    } else if phase != status.phase || message != status.message {
        status.phase = phase;
        status.message = message;
    }
    notices
}

/// Ends a run.
pub(super) fn end(
    status: &mut AnalysisRunStatus,
    phase: AnalysisPhase,
    message: Option<String>,
    now: Timestamp,
) -> Vec<Notice> {
    if status.phase == phase {
        return Vec::new();
    }
    record::close(status, now);
    status.phase = phase;
    status.message = message;
    status.completed_at.get_or_insert(whole_seconds(now));
    let message = format!("Analysis Completed. Result: {phase}");
    vec![Notice { reason: EventReason::analysis_run(phase), message }]
}

/// Whether the run is to measure nothing more: a metric has ended badly, and no answer that could be worse is owed.
fn is_ending(resolved: &Resolved, status: &AnalysisRunStatus, spread: SignedDuration) -> bool {
    let ends_run = |phase| matches!(phase, AnalysisPhase::Failed | AnalysisPhase::Error | AnalysisPhase::Inconclusive);
    status.metric_results.iter().any(|result| !result.dry_run && ends_run(result.phase))
        && !schedule::owes_answers(resolved, status, spread)
}

type Verdict = (AnalysisPhase, Option<String>);

fn pass(
    resolved: &Resolved,
    terminate: bool,
    ending: bool,
    status: &mut AnalysisRunStatus,
    notices: &mut Vec<Notice>,
) -> Verdict {
    let mut worst: Option<AnalysisPhase> = None;
    let mut message = terminate.then(|| "Run Terminated".to_owned());
    let mut open = Vec::new();
    let (mut summary, mut dry_summary) = (RunSummary::default(), RunSummary::default());
    for metric in &resolved.metrics {
        let summary = if metric.dry_run { &mut dry_summary } else { &mut summary };
        summary.count += 1;
        let Some(result) = result_mut(status, &metric.metric.name) else {
            open.push(metric);
            continue;
        };
        let breach = update(metric, result, ending, notices);
        if !result.phase.is_terminal() {
            open.push(metric);
            continue;
        }
        count(summary, result.phase);
        if !metric.dry_run && worst.is_none_or(|worst| badness(result.phase) > badness(worst)) {
            worst = Some(result.phase);
            message = breach.map(|breach| message::run(result, breach)).or(message);
        }
    }
    status.run_summary = summary;
    status.dry_run_summary = Some(dry_summary);
    // Nobody waits for a dry run that nobody can make.
    open.retain(|metric| !metric.dry_run || metric.unsupported.is_none());
    if ending || open.is_empty() {
        (worst.unwrap_or(AnalysisPhase::Successful), message)
    } else {
        (AnalysisPhase::Running, message::unsupported(&open))
    }
}

/// Brings the phase of one metric up to date; says which limit it broke, if it has ended by one.
fn update(
    metric: &ResolvedMetric,
    result: &mut MetricResult,
    ending: bool,
    notices: &mut Vec<Notice>,
) -> Option<Breach> {
    let phase = phase(metric.limits, result, ending);
    let breach = breach(metric.limits, result)
        .map(|(_, breach)| breach)
        .or_else(|| ran_out(metric.limits, result).filter(|_| phase != AnalysisPhase::Successful));
    if phase != result.phase {
        result.phase = phase;
        if result.message.is_none() {
            result.message = result.measurements.last().and_then(|last| last.message.clone());
        }
        if let Some(reason) = EventReason::metric(phase) {
            let message = format!("Metric '{}' Completed. Result: {phase}", result.name);
            notices.push(Notice { reason, message });
        }
        if let Some(breach) = breach.filter(|_| metric.dry_run && phase.is_terminal()) {
            result.message = Some(format!("Metric assessed {phase} due to {breach}"));
        }
    }
    breach.filter(|_| phase.is_terminal())
}

/// The phase of one metric. The order of these rules is part of the contract.
fn phase(limits: Limits, result: &MetricResult, ending: bool) -> AnalysisPhase {
    if result.phase.is_terminal() {
        return result.phase;
    }
    let Some(last) = result.measurements.last() else {
        return if ending { AnalysisPhase::Successful } else { AnalysisPhase::Pending };
    };
    if !last.phase.is_terminal() && !ending {
        return AnalysisPhase::Running;
    }
    if let Some((phase, _)) = breach(limits, result) {
        return phase;
    }
    if limits.consecutive_success > 0 && result.consecutive_success >= limits.consecutive_success {
        return AnalysisPhase::Successful;
    }
    if limits.count.is_some_and(|count| result.count >= count) {
        return match (limits.consecutive_success, limits.failure) {
            (0, _) => AnalysisPhase::Successful,
            (_, 0..) => AnalysisPhase::Inconclusive,
            _ => AnalysisPhase::Failed,
        };
    }
    if ending { AnalysisPhase::Successful } else { AnalysisPhase::Running }
}

/// Whether the count was reached without the successes in a row that were asked for.
fn ran_out(limits: Limits, result: &MetricResult) -> Option<Breach> {
    let short = limits.consecutive_success > 0
        && result.consecutive_success < limits.consecutive_success
        && limits.count.is_some_and(|count| result.count >= count);
    short.then_some(Breach::ConsecutiveSuccess(result.consecutive_success, limits.consecutive_success))
}

/// Which limit is broken; a later one in this list overrides those before it.
fn breach(limits: Limits, result: &MetricResult) -> Option<(AnalysisPhase, Breach)> {
    let mut breach = None;
    if limits.failure >= 0 && result.failed > limits.failure {
        breach = Some((AnalysisPhase::Failed, Breach::Failed(result.failed, limits.failure)));
    }
    if result.inconclusive > limits.inconclusive {
        let why = Breach::Inconclusive(result.inconclusive, limits.inconclusive);
        breach = Some((AnalysisPhase::Inconclusive, why));
    }
    if result.consecutive_error > limits.consecutive_error {
        let why = Breach::ConsecutiveErrors(result.consecutive_error, limits.consecutive_error);
        breach = Some((AnalysisPhase::Error, why));
    }
    breach
}

fn count(summary: &mut RunSummary, phase: AnalysisPhase) {
    let bucket = match phase {
        AnalysisPhase::Failed => &mut summary.failed,
        AnalysisPhase::Inconclusive => &mut summary.inconclusive,
        AnalysisPhase::Error => &mut summary.error,
        AnalysisPhase::Successful | AnalysisPhase::Pending | AnalysisPhase::Running => &mut summary.successful,
    };
    *bucket += 1;
}

fn badness(phase: AnalysisPhase) -> u8 {
    match phase {
        AnalysisPhase::Successful => 0,
        AnalysisPhase::Running => 1,
        AnalysisPhase::Pending => 2,
        AnalysisPhase::Inconclusive => 3,
        AnalysisPhase::Error => 4,
        AnalysisPhase::Failed => 5,
    }
}
