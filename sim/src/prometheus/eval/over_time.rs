//! Functions of a range of samples.
//!
//! # Source
//! Prometheus, "Query functions": `rate` and its kin extend what was sampled to the whole window, but not beyond half an
//! interval where the series seems to begin or end inside, and not below zero.

use promql_parser::parser::Expr;

use super::{Element, Evaluator, Series, Value, count, sum, type_error, unique};
use crate::prometheus::error::QueryError;
use crate::prometheus::tsdb::Sample;

/// What is made of the difference between the samples of a window.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Growth of a counter per second.
    Rate,
    /// Growth of a counter.
    Increase,
    /// Change of a gauge.
    Delta,
}

/// A window in milliseconds; its start is outside.
#[derive(Clone, Copy)]
struct Bounds {
    start: i64,
    end: i64,
}

impl Evaluator<'_> {
    /// The value of a function of a range; none if there is no such function.
    pub(super) fn over_time(self, name: &str, argument: Option<&Expr>) -> Option<Result<Value, QueryError>> {
        let function: fn(&[Sample], Bounds) -> Option<f64> = match name {
            "rate" => |samples, bounds| extrapolated(samples, bounds, Kind::Rate),
            "increase" => |samples, bounds| extrapolated(samples, bounds, Kind::Increase),
            "delta" => |samples, bounds| extrapolated(samples, bounds, Kind::Delta),
            "irate" => |samples, _| instant_rate(samples),
            "idelta" => |samples, _| last_two(samples).map(|(one, two)| two.1 - one.1),
            "sum_over_time" => |samples, _| Some(sum(values(samples))),
            "avg_over_time" => |samples, _| Some(sum(values(samples)) / count(samples.len())),
            "min_over_time" => |samples, _| values(samples).reduce(smaller),
            "max_over_time" => |samples, _| values(samples).reduce(larger),
            "count_over_time" => |samples, _| Some(count(samples.len())),
            "last_over_time" => |samples, _| samples.last().map(|(_, value)| *value),
            "present_over_time" => |_, _| Some(1.0),
            "changes" => |samples, _| Some(count(pairs(samples).filter(differ).count())),
            "resets" => |samples, _| Some(count(pairs(samples).filter(|(a, b)| b < a).count())),
            _ => return None,
        };
        Some(self.windowed(argument, name == "last_over_time", function))
    }

    fn windowed(
        self,
        argument: Option<&Expr>,
        keeps_name: bool,
        function: impl Fn(&[Sample], Bounds) -> Option<f64>,
    ) -> Result<Value, QueryError> {
        let selector = match argument {
            Some(Expr::MatrixSelector(selector)) => selector,
            Some(Expr::Paren(paren)) => return self.windowed(Some(&paren.expr), keeps_name, function),
            Some(Expr::Subquery(_)) => return Err(QueryError::unsupported("subqueries")),
            _ => return Err(type_error("argument", "range vector")),
        };
        let window = self.range(selector)?;
        let bounds = Bounds { start: window.start, end: window.end };
        let elements = window.series.into_iter().filter_map(|Series { labels, samples }| {
            let value = function(&samples, bounds)?;
            Some(Element { labels: if keeps_name { labels } else { labels.nameless() }, value })
        });
        unique(elements.collect()).map(Value::Vector)
    }
}

fn values(samples: &[Sample]) -> impl Iterator<Item = f64> {
    samples.iter().map(|(_, value)| *value)
}

/// Neighbouring values.
fn pairs(samples: &[Sample]) -> impl Iterator<Item = (f64, f64)> {
    values(samples).zip(values(samples).skip(1))
}

#[allow(clippy::float_cmp, reason = "PromQL compares exactly")]
fn differ((a, b): &(f64, f64)) -> bool {
    a != b && !(a.is_nan() && b.is_nan())
}

fn smaller(a: f64, b: f64) -> f64 {
    if b < a || a.is_nan() { b } else { a }
}

fn larger(a: f64, b: f64) -> f64 {
    if b > a || a.is_nan() { b } else { a }
}

fn last_two(samples: &[Sample]) -> Option<(Sample, Sample)> {
    match samples {
        [.., one, two] => Some((*one, *two)),
        _ => None,
    }
}

/// The rate between the last two samples of a counter.
fn instant_rate(samples: &[Sample]) -> Option<f64> {
    let ((start, before), (end, after)) = last_two(samples)?;
    // A counter that fell has begun again at 0.
    let grown = if after < before { after } else { after - before };
    Some(grown / seconds(end - start))
}

/// The change over a window, extended from the samples to its ends.
fn extrapolated(samples: &[Sample], bounds: Bounds, kind: Kind) -> Option<f64> {
    let ([(first_at, first), ..], [.., (last_at, last)]) = (samples, samples) else {
        return None;
    };
    if samples.len() < 2 {
        return None;
    }
    let is_counter = kind != Kind::Delta;
    let lost_in_resets = if is_counter { sum(pairs(samples).filter(|(a, b)| b < a).map(|(a, _)| a)) } else { 0.0 };
    let change = last - first + lost_in_resets;
    let covered = seconds(last_at - first_at);
    let interval = covered / count(samples.len() - 1);
    // A gap of more than a missed scrape means that the series begins or ends inside the window.
    let reach = |gap: f64| if gap >= interval * 1.1 { interval / 2.0 } else { gap };
    let mut before = reach(seconds(first_at - bounds.start));
    if is_counter && change > 0.0 && *first >= 0.0 {
        // Going on backwards at the same pace, the counter would have been 0 here.
        before = before.min(covered * (first / change));
    }
    let after = reach(seconds(bounds.end - last_at));
    let factor = (covered + before + after) / covered;
    let per = if kind == Kind::Rate { seconds(bounds.end - bounds.start) } else { 1.0 };
    Some(change * (factor / per))
}

#[allow(clippy::cast_precision_loss, reason = "windows are far below 2^52 milliseconds")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
