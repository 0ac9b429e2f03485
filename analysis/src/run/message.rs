//! Words for how metrics and runs stand. Those of [`Breach`] and [`run`] are part of the contract.

use std::fmt;

use serin_crds::analysis::MetricResult;
use serin_crds::names::AnalysisPhase;

use super::ResolvedMetric;
use crate::judge::Judgement;
use crate::sample::Note;

/// Longest message that is stored, in bytes.
const LONGEST: usize = 1024;

/// Which limit was broken, with what was counted and the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breach {
    Failed(i32, i32),
    Inconclusive(i32, i32),
    ConsecutiveErrors(i32, i32),
    ConsecutiveSuccess(i32, i32),
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(found, limit) => write!(f, "failed ({found}) > failureLimit ({limit})"),
            Self::Inconclusive(found, limit) => {
                write!(f, "inconclusive ({found}) > inconclusiveLimit ({limit})")
            }
            Self::ConsecutiveErrors(found, limit) => {
                write!(f, "consecutiveErrors ({found}) > consecutiveErrorLimit ({limit})")
            }
            Self::ConsecutiveSuccess(found, limit) => {
                write!(f, "consecutiveSuccess ({found}) < consecutiveSuccessLimit ({limit})")
            }
        }
    }
}

/// The message of a run that this metric has ended.
pub(super) fn run(result: &MetricResult, breach: Breach) -> String {
    let MetricResult { name, phase, .. } = result;
    let last = result.measurements.last().filter(|last| last.phase == AnalysisPhase::Error);
    match last.and_then(|last| last.message.as_ref()) {
        Some(error) => format!("Metric \"{name}\" assessed {phase} due to {breach}: \"Error Message: {error}\""),
        None => format!("Metric \"{name}\" assessed {phase} due to {breach}"),
    }
}

/// The message of a run that goes on and cannot end, because these metrics have not ended; none if all can be measured.
pub(super) fn unsupported(open: &[&ResolvedMetric]) -> Option<String> {
    let told = open.iter().filter_map(|metric| {
        let provider = metric.unsupported.as_ref()?;
        Some(format!("metric \"{}\" needs the metric provider {provider}, which is not supported", metric.metric.name))
    });
    let told: Vec<String> = told.collect();
    (!told.is_empty()).then(|| cut(format!("Waiting: {}; remove it, or terminate the run", told.join("; "))))
}

/// What is said of a metric after a measurement: value, condition, window, what is left, remarks.
pub(super) fn metric(metric: &ResolvedMetric, result: &MetricResult, judged: &Judgement, notes: &[Note]) -> String {
    let mut text = judged.sentence.clone();
    if let Some(window) = metric.window.as_ref().filter(|_| judged.phase != AnalysisPhase::Error) {
        text.push_str(" over ");
        text.push_str(window);
    }
    text.push_str("; ");
    text.push_str(&left(metric, result, judged.phase));
    for note in notes {
        text.push_str("; ");
        text.push_str(&note.text);
    }
    cut(text)
}

/// What is left until a limit is broken: of errors after an error, of inconclusive ones after such, else of failures.
fn left(metric: &ResolvedMetric, result: &MetricResult, phase: AnalysisPhase) -> String {
    let limits = &metric.limits;
    let remain = |found: i32, limit: i32, one: &str, many: &str, name: &str| {
        let left = limit.saturating_sub(found);
        if left < 0 {
            return format!("{name} {limit} is exceeded");
        }
        let noun = if limit == 1 { one } else { many };
        format!("{left} of {limit} {noun} left")
    };
    match phase {
        AnalysisPhase::Error => remain(
            result.consecutive_error,
            limits.consecutive_error,
            "error in a row",
            "errors in a row",
            "consecutiveErrorLimit",
        ),
        AnalysisPhase::Inconclusive => remain(
            result.inconclusive,
            limits.inconclusive,
            "inconclusive measurement",
            "inconclusive measurements",
            "inconclusiveLimit",
        ),
        _ if limits.failure < 0 => "any number of failures is tolerated".to_owned(),
        _ => remain(result.failed, limits.failure, "failure", "failures", "failureLimit"),
    }
}

/// The text, shortened to what can be stored.
pub(super) fn cut(text: String) -> String {
    cut_to(text, LONGEST)
}

/// The text, shortened to so many bytes.
pub(super) fn cut_to(mut text: String, longest: usize) -> String {
    if text.len() > longest {
        let mut end = longest.saturating_sub("...".len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("...");
    }
    text
}
