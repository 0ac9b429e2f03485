//! Judges one sample by the conditions of its metric.

use jiff::Timestamp;
use serin_crds::analysis::Metric;
use serin_crds::names::AnalysisPhase;

use crate::expr::{Compiled, Elements, ExprError, Program, ResultValue};
use crate::sample::Sample;
use crate::secret::Redactor;

/// The reason when a condition fails on an answer without data.
const NO_DATA: &str = "metric result is nil or empty: no data returned from the metric provider";

/// The reason when a condition on one number fails on a list in which nothing is a number.
const NO_NUMBER: &str = "every element of the metric result is NaN: no data returned from the metric provider";

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
    fn error(sentence: String, no_data: bool) -> Self {
        Self { phase: AnalysisPhase::Error, sentence, no_data }
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
///
/// A condition that compares a list as if it were one number is an error in Argo Rollouts. Here each element that is a
/// number is tried: success needs all of them, failure one of them; a list without any is no data.
pub fn judge(metric: &Metric, sample: &Sample, now: Timestamp) -> Judgement {
    let result = match &sample.result {
        Ok(result) => result,
        Err(error) => return Judgement::error(error.to_string(), true),
    };
    let no_data = is_no_data(result);
    let success = evaluate("successCondition", metric.success_condition.as_deref(), result, now);
    let failure = evaluate("failureCondition", metric.failure_condition.as_deref(), result, now);
    let (success, failure) = match (success, failure) {
        (Err(why), _) | (_, Err(why)) => return Judgement::error(why, no_data),
        (Ok(success), Ok(failure)) => (success, failure),
    };
    let value = cut(&sample.display, SHOWN_VALUE);
    let s = cut(metric.success_condition.as_deref().unwrap_or_default(), SHOWN_CONDITION);
    let f = cut(metric.failure_condition.as_deref().unwrap_or_default(), SHOWN_CONDITION);
    let (succeeds, fails) = (success.as_ref().map(Found::for_all), failure.as_ref().map(Found::for_any));
    let place = |found: &Option<Found>, holds: bool| found.as_ref().map(|found| found.place(holds)).unwrap_or_default();
    let (phase, sentence) = match (succeeds, fails) {
        (None, None) => (AnalysisPhase::Successful, format!("{value}, which nothing is asked of")),
        (_, Some(true)) => {
            (AnalysisPhase::Failed, format!("{value}{} meets failureCondition {f}", place(&failure, true)))
        }
        (Some(true), _) => (AnalysisPhase::Successful, format!("{value} meets {s}")),
        (None, Some(false)) => (AnalysisPhase::Successful, format!("{value} does not meet failureCondition {f}")),
        (Some(false), None) => (AnalysisPhase::Failed, format!("{value}{} does not meet {s}", place(&success, false))),
        (Some(false), Some(false)) => {
            (AnalysisPhase::Inconclusive, format!("{value} meets neither {s} nor failureCondition {f}"))
        }
    };
    Judgement { phase, sentence, no_data }
}

/// Whether the conditions of a metric give a verdict on an answer without any series.
///
/// Where they do, that verdict stands, as in Argo Rollouts; where they don't, it is worth asking what was missing.
pub fn judges_emptiness(metric: &Metric, now: Timestamp) -> bool {
    judges(metric, &ResultValue::Vector(Vec::new()), now)
}

/// Whether the conditions of a metric give a verdict on a series that is NaN, as Argo Rollouts would too.
pub fn judges_nan(metric: &Metric, now: Timestamp) -> bool {
    judges(metric, &ResultValue::Vector(vec![f64::NAN]), now)
}

fn judges(metric: &Metric, result: &ResultValue, now: Timestamp) -> bool {
    let conditions = [metric.success_condition.as_deref(), metric.failure_condition.as_deref()];
    conditions.into_iter().flatten().all(|condition| find(condition, result, now).is_ok())
}

/// What a condition says of a result.
enum Found {
    /// It looks at the result as a whole.
    Whole(bool),
    /// It was tried on the elements of a list that stand at these places.
    Each { elements: Elements, places: Vec<usize> },
}

impl Found {
    /// Whether it holds for all there is.
    fn for_all(&self) -> bool {
        match self {
            Self::Whole(holds) => *holds,
            Self::Each { elements, .. } => elements.first(false).is_none(),
        }
    }

    /// Whether it holds for anything.
    fn for_any(&self) -> bool {
        match self {
            Self::Whole(holds) => *holds,
            Self::Each { elements, .. } => elements.first(true).is_some(),
        }
    }

    /// Names the first element for which it holds, or does not, in a list of several.
    fn place(&self, holds: bool) -> String {
        let Self::Each { elements, places } = self else { return String::new() };
        let first = elements.first(holds).and_then(|(nth, value)| Some((places.get(nth)?, value)));
        match first.filter(|_| elements.verdicts.len() > 1) {
            Some((place, value)) => format!(" (element {place} is {value})"),
            None => String::new(),
        }
    }
}

/// What a condition says, if there is one; the error names condition and reason.
fn evaluate(
    name: &str,
    condition: Option<&str>,
    result: &ResultValue,
    now: Timestamp,
) -> Result<Option<Found>, String> {
    let Some(condition) = condition.filter(|condition| !condition.is_empty()) else {
        return Ok(None);
    };
    find(condition, result, now).map(Some).map_err(|reason| {
        let reason = if is_nil_or_empty(result) { NO_DATA.to_owned() } else { reason };
        format!("could not evaluate {name} \"{condition}\": {reason}")
    })
}

fn find(condition: &str, result: &ResultValue, now: Timestamp) -> Result<Found, String> {
    let text = |error: ExprError| error.to_string();
    match (Program::compile_for(condition, &result.result_type()).map_err(text)?, result) {
        (Compiled::Elementwise(program), ResultValue::Vector(values)) => {
            // NaN is what Prometheus makes of 0/0: there was nothing to divide.
            let numbers = values.iter().copied().enumerate().filter(|(_, value)| !value.is_nan());
            let (places, numbers): (Vec<usize>, Vec<f64>) = numbers.unzip();
            let elements = program.each(&numbers, now).map_err(|error| match error {
                ExprError::NoData => NO_NUMBER.to_owned(),
                other => other.to_string(),
            })?;
            Ok(Found::Each { elements, places })
        }
        (Compiled::Plain(program) | Compiled::Elementwise(program), _) => {
            Ok(Found::Whole(program.verdict(result, now).map_err(text)?))
        }
    }
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
