//! What an answer without data means: a ratio whose numerator has no series, or no traffic, while there is traffic in
//! its denominator is 0.

use jiff::Timestamp;

use super::answer::Answer;
use super::session::Session;
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
/// A verdict that Argo would give is not changed: where the metric's conditions have one for `[]` or for NaN, or
/// `scalar()` has made a NaN of it, the value stays; for `scalar()` a remark is added.
pub(super) async fn explain(
    session: &mut Session<'_>,
    at: Timestamp,
    answer: Answer,
    ratio: &Ratio,
    empty: EmptyAnswer,
) -> Sample {
    if matches!(answer.value, ResultValue::Scalar(_)) {
        return explain_scalar(answer, ratio);
    }
    let found = match (answer.is_all_nan(), empty) {
        (_, EmptyAnswer::Keep) | (true, EmptyAnswer::AskDenominator) => return answer.into_sample(),
        (true, EmptyAnswer::AskForNaNToo) => zero_by_zero(session, at, ratio).await,
        (false, _) => no_series(session, at, ratio).await,
    };
    match found {
        Ok(note) => {
            let value = ratio.value_at_zero;
            let zero = Answer { value: ResultValue::Vector(vec![value]), display: numbers::list(&[value]), ..answer };
            zero.into_sample().with_note(note)
        }
        Err(note) => answer.into_sample().with_note(note),
    }
}

/// What it means that a ratio has no element: it is 0 for the reason in `Ok`, or there is no data.
async fn no_series(session: &mut Session<'_>, at: Timestamp, ratio: &Ratio) -> Result<Note, Note> {
    let missing = &ratio.missing;
    let amount = match traffic(session, at, ratio).await {
        Traffic::Some(amount) => amount,
        Traffic::Idle => {
            return Err(Note::remark(format!("no data: {missing}, and no traffic in the denominator")));
        }
        Traffic::Nothing => return Err(Note::remark(format!("no data: {missing}, and none in the denominator"))),
        Traffic::Unknown(why) => return Err(unknown("denominator", &why)),
    };
    match has_series(session, at, &ratio.numerator).await {
        Ok(false) => {
            is_in_use(session, at, ratio).await?;
            Ok(Note::remark(format!("{missing}; {}", ratio.denominator.describe(amount))))
        }
        Ok(true) => Err(Note::warning(
            "no data: both sides of the division have series, but none with equal labels; sum both sides, or match them with on()",
        )),
        Err(why) => Err(unknown("numerator", &why)),
    }
}

/// Whether the metric and the labels of a numerator are in use; a typing error in them is no proof of anything.
///
/// What was found once is not asked again.
async fn is_in_use(session: &mut Session<'_>, at: Timestamp, ratio: &Ratio) -> Result<(), Note> {
    let Some(known) = ratio.known.as_ref().filter(|known| !session.found_before(&known.query)) else {
        return Ok(());
    };
    match has_series(session, at, &known.query).await {
        Ok(true) => {
            session.found(&known.query);
            Ok(())
        }
        Ok(false) => Err(Note::warning(format!(
            "no data: {}; check the names in the numerator, or write (... or vector(0)) around it if there may be none",
            known.missing
        ))),
        Err(why) => Err(Note::warning(format!("no data: could not ask whether the numerator is in use: {why}"))),
    }
}

/// What it means that every element of a ratio is NaN: it is 0 for the reason in `Ok`, or there is no data.
///
/// A series that has counted errors once and none in the window is 0; divided by itself, or by what is idle as well,
/// that makes NaN, however much traffic there is elsewhere.
async fn zero_by_zero(session: &mut Session<'_>, at: Timestamp, ratio: &Ratio) -> Result<Note, Note> {
    let amount = match traffic(session, at, ratio).await {
        Traffic::Some(amount) => amount,
        Traffic::Idle => return Err(Note::remark("no data: no traffic in the denominator")),
        Traffic::Nothing => return Err(Note::remark("no data: no series in the denominator")),
        Traffic::Unknown(why) => return Err(unknown("denominator", &why)),
    };
    match has_series(session, at, &ratio.nonzero).await {
        Ok(false) => {
            Ok(Note::remark(format!("{} with traffic; {}", ratio.missing, ratio.denominator.describe(amount))))
        }
        Ok(true) => Err(Note::warning("no data: the division is NaN, and not because its numerator is 0")),
        Err(why) => Err(unknown("numerator", &why)),
    }
}

fn unknown(side: &str, why: &str) -> Note {
    Note::warning(format!("no data: could not ask for the {side}: {why}"))
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
async fn traffic(session: &mut Session<'_>, at: Timestamp, ratio: &Ratio) -> Traffic {
    match single(session, at, &ratio.denominator.query).await {
        Ok(Some(amount)) if amount > 0.0 => Traffic::Some(amount),
        Ok(Some(amount)) if amount.is_nan() => Traffic::Unknown("the answer is NaN".to_owned()),
        Ok(Some(_)) => Traffic::Idle,
        Ok(None) => Traffic::Nothing,
        Err(why) => Traffic::Unknown(why),
    }
}

/// Asks whether the numerator has any series.
async fn has_series(session: &mut Session<'_>, at: Timestamp, query: &str) -> Result<bool, String> {
    Ok(single(session, at, query).await?.is_some_and(|count| count > 0.0))
}

/// Asks a query whose answer has at most one element.
async fn single(session: &mut Session<'_>, at: Timestamp, query: &str) -> Result<Option<f64>, String> {
    let query = Query::Instant { text: query.to_owned(), at };
    match session.query(&query).await.map_err(|error| error.to_string())?.value {
        ResultValue::Scalar(value) => Ok(Some(value)),
        ResultValue::Vector(values) => Ok(values.first().copied()),
        ResultValue::Json(_) => Ok(None),
    }
}
