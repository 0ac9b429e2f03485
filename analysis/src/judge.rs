//! Judges one sample by the conditions of its metric.

use jiff::Timestamp;
use serin_crds::analysis::Metric;
use serin_crds::names::AnalysisPhase;

use crate::expr::{Compiled, Program, ResultValue};
use crate::sample::Sample;
use crate::secret::Redactor;

/// The reason when a condition fails on an answer without data.
const NO_DATA: &str = "metric result is nil or empty: no data returned from the metric provider";

/// Longest value that a sentence shows, in characters.
const SHOWN_VALUE: usize = 80;

/// Longest condition that a sentence shows, in characters.
const SHOWN_CONDITION: usize = 200;

/// What a sample means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The outcome of the measurement.
    pub phase: AnalysisPhase,
    /// Why: the error as Argo Rollouts words it, else value and condition.
    pub sentence: String,
    /// Whether there was nothing to judge: no answer, no series, or not a number.
    pub no_data: bool,
}

impl Judgement {
    fn new(phase: AnalysisPhase, sentence: String, no_data: bool) -> Self {
        Self { phase, sentence, no_data }
    }

    /// The judgement without secrets.
    #[must_use]
    pub fn redacted(mut self, redactor: &Redactor) -> Self {
        if !redactor.is_empty() {
            self.sentence = redactor.clean(&self.sentence);
        }
        self
    }
}

/// Judges a sample by the conditions of its metric, whose arguments are filled in.
///
/// | success | failure | outcome |
/// |---|---|---|
/// | none | none | Successful |
/// | S | none | Successful if S, else Failed |
/// | none | F | Failed if F, else Successful |
/// | S | F | Failed if F, else Successful if S, else Inconclusive |
///
/// An error in either condition, or no result at all, is an Error. `now` is what conditions see as `now()`.
pub fn judge(metric: &Metric, sample: &Sample, now: Timestamp) -> Judgement {
    let result = match &sample.result {
        Ok(result) => result,
        Err(error) => return Judgement::new(AnalysisPhase::Error, error.to_string(), true),
    };
    let no_data = is_no_data(result);
    let success = evaluate("successCondition", metric.success_condition.as_deref(), result, now);
    let failure = evaluate("failureCondition", metric.failure_condition.as_deref(), result, now);
    let (success, failure) = match (success, failure) {
        (Err(why), _) | (_, Err(why)) => return Judgement::new(AnalysisPhase::Error, why, no_data),
        (Ok(success), Ok(failure)) => (success, failure),
    };
    let value = cut(&sample.display, SHOWN_VALUE);
    let s = cut(metric.success_condition.as_deref().unwrap_or_default(), SHOWN_CONDITION);
    let f = cut(metric.failure_condition.as_deref().unwrap_or_default(), SHOWN_CONDITION);
    let (phase, sentence) = match (success, failure) {
        (None, None) => (AnalysisPhase::Successful, format!("{value}, which nothing is asked of")),
        (_, Some(true)) => (AnalysisPhase::Failed, format!("{value} meets failureCondition {f}")),
        (Some(true), _) => (AnalysisPhase::Successful, format!("{value} meets {s}")),
        (None, Some(false)) => (AnalysisPhase::Successful, format!("{value} does not meet failureCondition {f}")),
        (Some(false), None) => (AnalysisPhase::Failed, format!("{value} does not meet {s}")),
        (Some(false), Some(false)) => {
            (AnalysisPhase::Inconclusive, format!("{value} meets neither {s} nor failureCondition {f}"))
        }
    };
    Judgement::new(phase, sentence, no_data)
}

/// Whether the conditions of a metric give a verdict on an answer without any series.
///
/// Where they do, that verdict stands, as in Argo Rollouts; where they don't, it is worth asking what was missing.
pub fn judges_emptiness(metric: &Metric, now: Timestamp) -> bool {
    let empty = ResultValue::Vector(Vec::new());
    let conditions = [metric.success_condition.as_deref(), metric.failure_condition.as_deref()];
    conditions.into_iter().flatten().all(|condition| verdict(condition, &empty, now).is_ok())
}

/// The verdict of a condition, if there is one; the error names condition and reason.
fn evaluate(
    name: &str,
    condition: Option<&str>,
    result: &ResultValue,
    now: Timestamp,
) -> Result<Option<bool>, String> {
    let Some(condition) = condition.filter(|condition| !condition.is_empty()) else { return Ok(None) };
    verdict(condition, result, now).map(Some).map_err(|reason| {
        let reason = if is_nil_or_empty(result) { NO_DATA.to_owned() } else { reason };
        format!("could not evaluate {name} \"{condition}\": {reason}")
    })
}

fn verdict(condition: &str, result: &ResultValue, now: Timestamp) -> Result<bool, String> {
    let compiled = Program::compile_for(condition, &result.result_type());
    let verdict = compiled.and_then(|compiled| match (compiled, result) {
        // A condition on one number holds for a list when it holds for every element.
        (Compiled::Elementwise(program), ResultValue::Vector(elements)) => {
            program.each(elements, now).map(|elements| elements.hold())
        }
        (Compiled::Plain(program) | Compiled::Elementwise(program), result) => program.verdict(result, now),
    });
    verdict.map_err(|error| error.to_string())
}

fn is_nil_or_empty(result: &ResultValue) -> bool {
    match result {
        ResultValue::Vector(values) => values.is_empty(),
        ResultValue::Scalar(_) => false,
        ResultValue::Json(value) => value.is_null() || value.as_array().is_some_and(Vec::is_empty),
    }
}

/// Whether there is nothing in a result that could be judged: nothing at all, or nothing but NaN and infinities.
fn is_no_data(result: &ResultValue) -> bool {
    match result {
        ResultValue::Vector(values) => !values.iter().any(|value| value.is_finite()),
        ResultValue::Scalar(value) => !value.is_finite(),
        ResultValue::Json(_) => is_nil_or_empty(result),
    }
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
