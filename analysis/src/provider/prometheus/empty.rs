//! What an answer without data means: a ratio whose numerator has no series while there is traffic is 0.

use jiff::Timestamp;

use super::answer::Answer;
use super::exchange::Exchange;
use super::settings::Query;
use super::{EmptyAnswer, numbers};
use crate::expr::ResultValue;
use crate::provider::promql::Ratio;
use crate::sample::{Note, Sample};

/// What the denominator says.
enum Traffic {
    /// It has some; the value counts it or is it.
    Some(f64),
    /// It has series but no traffic.
    Idle,
    /// It has no series.
    Nothing,
    /// It could not be asked.
    Unknown(String),
}

/// Turns the missing answer to a ratio into a sample that says what is missing.
///
/// A verdict that Argo would give is not changed: where the metric's conditions have one for `[]`, or `scalar()` has
/// made a NaN of it, the value stays and only the remark is added.
pub(super) async fn explain(
    exchange: &mut Exchange<'_>,
    at: Timestamp,
    answer: Answer,
    ratio: &Ratio,
    empty: EmptyAnswer,
) -> Sample {
    let is_scalar = matches!(answer.value, ResultValue::Scalar(_));
    if is_scalar {
        return explain_scalar(answer, ratio);
    }
    if empty == EmptyAnswer::Keep {
        return answer.into_sample();
    }
    let missing = &ratio.missing;
    let (zero, note) = match traffic(exchange, at, ratio).await {
        Traffic::Some(amount) => match has_series(exchange, at, &ratio.numerator).await {
            Ok(false) => (true, Note::remark(format!("{missing}; {}", ratio.denominator.describe(amount)))),
            Ok(true) => (
                false,
                Note::warning(
                    "no data: both sides of the division have series, but none with equal labels; sum both sides, or match them with on()",
                ),
            ),
            Err(why) => (false, Note::warning(format!("no data: could not ask for the numerator: {why}"))),
        },
        Traffic::Idle => (false, Note::remark(format!("no data: {missing}, and no traffic in the denominator"))),
        Traffic::Nothing => (false, Note::remark(format!("no data: {missing}, and none in the denominator"))),
        Traffic::Unknown(why) => (false, Note::warning(format!("no data: could not ask for the denominator: {why}"))),
    };
    let value = ratio.value_at_zero;
    let answer = if zero {
        Answer { value: ResultValue::Vector(vec![value]), display: numbers::list(&[value]), ..answer }
    } else {
        answer
    };
    answer.into_sample().with_note(note)
}

/// The NaN of `scalar()` is a value to Argo, whatever it comes from.
fn explain_scalar(answer: Answer, ratio: &Ratio) -> Sample {
    let sample = answer.into_sample();
    if !ratio.scalar {
        return sample;
    }
    sample.with_note(Note::warning(
        "scalar() makes NaN of a ratio without data, and NaN meets no condition; leave scalar() out, and a numerator without series counts as 0",
    ))
}

/// Asks for the traffic in the denominator.
async fn traffic(exchange: &mut Exchange<'_>, at: Timestamp, ratio: &Ratio) -> Traffic {
    match single(exchange, at, &ratio.denominator.query).await {
        Ok(Some(amount)) if amount > 0.0 => Traffic::Some(amount),
        Ok(Some(_)) => Traffic::Idle,
        Ok(None) => Traffic::Nothing,
        Err(why) => Traffic::Unknown(why),
    }
}

/// Asks whether the numerator has any series.
async fn has_series(exchange: &mut Exchange<'_>, at: Timestamp, query: &str) -> Result<bool, String> {
    Ok(single(exchange, at, query).await?.is_some_and(|count| count > 0.0))
}

/// Asks a query whose answer has at most one element.
async fn single(exchange: &mut Exchange<'_>, at: Timestamp, query: &str) -> Result<Option<f64>, String> {
    let query = Query::Instant { text: query.to_owned(), at };
    match exchange.query(&query).await.map_err(|error| error.to_string())?.value {
        ResultValue::Scalar(value) => Ok(Some(value)),
        ResultValue::Vector(values) => Ok(values.first().copied()),
        ResultValue::Json(_) => Ok(None),
    }
}
