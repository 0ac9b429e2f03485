//! `PromQL` at one instant.

mod aggregate;
mod binary;
mod calls;
mod histogram;
mod matching;
mod over_time;

use std::time::{Duration, SystemTime};

use promql_parser::parser::{AtModifier, Expr, MatrixSelector, Offset, VectorSelector};

use super::error::QueryError;
use super::labels::Labels;
use super::tsdb::{Sample, Tsdb, is_stale};

/// How far back the newest sample of a series may be, in milliseconds.
const LOOKBACK: i64 = 5 * 60 * 1000;

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Element {
    pub labels: Labels,
    pub value: f64,
}

/// One series of a range vector.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Series {
    pub labels: Labels,
    pub samples: Vec<Sample>,
}

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Scalar(f64),
    String(String),
    Vector(Vec<Element>),
    Matrix(Vec<Series>),
}

/// Samples, and the instant at which they are looked at.
#[derive(Clone, Copy)]
pub(super) struct Evaluator<'a> {
    tsdb: &'a Tsdb,
    at: i64,
}

impl<'a> Evaluator<'a> {
    /// Evaluates at an instant in milliseconds.
    pub fn new(tsdb: &'a Tsdb, at: i64) -> Self {
        Self { tsdb, at }
    }

    /// What an expression comes to.
    pub fn eval(self, expr: &Expr) -> Result<Value, QueryError> {
        match expr {
            Expr::NumberLiteral(number) => Ok(Value::Scalar(number.val)),
            Expr::StringLiteral(text) => Ok(Value::String(text.val.clone())),
            Expr::Paren(paren) => self.eval(&paren.expr),
            Expr::Unary(unary) => self.negate(&unary.expr),
            Expr::VectorSelector(selector) => self.instant(selector).map(Value::Vector),
            Expr::MatrixSelector(selector) => self.range(selector).map(|window| Value::Matrix(window.series)),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate).map(Value::Vector),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Call(call) => self.call(call),
            Expr::Subquery(_) => Err(QueryError::unsupported("subqueries")),
            Expr::Extension(_) => Err(QueryError::unsupported("extensions")),
        }
    }

    fn negate(self, expr: &Expr) -> Result<Value, QueryError> {
        match self.eval(expr)? {
            Value::Scalar(value) => Ok(Value::Scalar(-value)),
            Value::Vector(elements) => {
                let negated =
                    elements.into_iter().map(|e| Element { labels: e.labels.nameless(), value: -e.value }).collect();
                unique(negated).map(Value::Vector)
            }
            Value::String(_) | Value::Matrix(_) => Err(type_error("unary expression", "scalar or instant vector")),
        }
    }

    /// The elements of an expression that must be an instant vector.
    fn vector(self, expr: &Expr) -> Result<Vec<Element>, QueryError> {
        match self.eval(expr)? {
            Value::Vector(elements) => Ok(elements),
            Value::Scalar(_) | Value::String(_) | Value::Matrix(_) => Err(type_error("argument", "instant vector")),
        }
    }

    /// The number of an expression that must be a scalar.
    fn scalar(self, expr: &Expr) -> Result<f64, QueryError> {
        match self.eval(expr)? {
            Value::Scalar(value) => Ok(value),
            Value::Vector(_) | Value::String(_) | Value::Matrix(_) => Err(type_error("argument", "scalar")),
        }
    }

    /// The newest sample of each series, unless it is too old or ends the series.
    fn instant(self, selector: &VectorSelector) -> Result<Vec<Element>, QueryError> {
        let at = self.moment(selector)?;
        let newest = self.tsdb.select(selector.name.as_deref(), &selector.matchers).filter_map(|(labels, samples)| {
            let (taken, value) = *samples.iter().rev().find(|(taken, _)| *taken <= at)?;
            (taken > at - LOOKBACK && !is_stale(value)).then(|| Element { labels: labels.clone(), value })
        });
        Ok(newest.collect())
    }

    /// The samples of each series in a window that excludes its start.
    fn range(self, selector: &MatrixSelector) -> Result<Window, QueryError> {
        let end = self.moment(&selector.vs)?;
        let start = end - millis(selector.range);
        let series =
            self.tsdb.select(selector.vs.name.as_deref(), &selector.vs.matchers).filter_map(|(labels, samples)| {
                let inside = |(at, value): &Sample| *at > start && *at <= end && !is_stale(*value);
                let samples: Vec<Sample> = samples.iter().copied().filter(inside).collect();
                (!samples.is_empty()).then(|| Series { labels: labels.clone(), samples })
            });
        Ok(Window { series: series.collect(), start, end })
    }

    /// The instant that a selector looks at.
    fn moment(self, selector: &VectorSelector) -> Result<i64, QueryError> {
        let at = match &selector.at {
            None => self.at,
            Some(AtModifier::At(time)) => match time.duration_since(SystemTime::UNIX_EPOCH) {
                Ok(since) => millis(since),
                Err(before) => -millis(before.duration()),
            },
            Some(AtModifier::Start | AtModifier::End) => return Err(QueryError::unsupported("@ start() and @ end()")),
        };
        Ok(match &selector.offset {
            None => at,
            Some(Offset::Pos(offset)) => at - millis(*offset),
            Some(Offset::Neg(offset)) => at + millis(*offset),
        })
    }
}

/// The series of a range selector and its window in milliseconds.
struct Window {
    series: Vec<Series>,
    start: i64,
    end: i64,
}

/// Refuses two elements with equal labels, which arise when names are dropped.
fn unique(mut elements: Vec<Element>) -> Result<Vec<Element>, QueryError> {
    let mut labels: Vec<&Labels> = elements.iter().map(|element| &element.labels).collect();
    labels.sort();
    if labels.windows(2).any(|two| matches!(two, [a, b] if a == b)) {
        return Err(QueryError::Execution("vector cannot contain metrics with the same labelset".into()));
    }
    elements.shrink_to_fit();
    Ok(elements)
}

fn type_error(what: &str, expected: &str) -> QueryError {
    QueryError::BadData(format!("invalid parameter \"query\": 1:1: parse error: expected type {expected} in {what}"))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
}

/// A sum that keeps the digits which plain addition of large and small numbers loses.
fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut lost) = (0.0_f64, 0.0_f64);
    for value in values {
        let next = sum + value;
        if next.is_infinite() {
            lost = 0.0;
        } else if sum.abs() >= value.abs() {
            lost += (sum - next) + value;
        } else {
            lost += (value - next) + sum;
        }
        sum = next;
    }
    sum + lost
}

/// A count as a number.
#[allow(clippy::cast_precision_loss, reason = "nobody counts more than 2^52 series or samples")]
fn count(n: usize) -> f64 {
    n as f64
}
