//! The last hour of samples.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use promql_parser::label::{Matcher, Matchers};

use super::answer::{self, Reply};
use super::error::QueryError;
use super::eval::Evaluator;
use super::labels::{Labels, NAME};

/// How long samples are kept, in milliseconds.
const RETENTION: i64 = 60 * 60 * 1000;
/// The bits of the NaN that ends a series, as Prometheus defines it.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// How many steps a range may have.
const STEP_LIMIT: i64 = 11_000;

/// An instant in milliseconds and the value then.
pub(super) type Sample = (i64, f64);

/// Samples in memory, and `PromQL` over them.
///
/// Keeps one hour of each series, counted back from its newest sample; a series without newer ones stays until
/// [`Tsdb::trim`].
#[derive(Clone, Debug, Default)]
pub struct Tsdb {
    series: BTreeMap<Labels, VecDeque<Sample>>,
}

impl Tsdb {
    /// Adds a sample; one that is not newer than the newest of its series is dropped, as Prometheus does.
    pub fn append(&mut self, labels: &Labels, at: Timestamp, value: f64) {
        let at = at.as_millisecond();
        if !self.series.contains_key(labels) {
            self.series.insert(labels.clone(), VecDeque::new());
        }
        let Some(samples) = self.series.get_mut(labels) else {
            return;
        };
        if samples.back().is_some_and(|(newest, _)| *newest >= at) {
            return;
        }
        samples.push_back((at, value));
        while samples.front().is_some_and(|(oldest, _)| *oldest <= at - RETENTION) {
            samples.pop_front();
        }
    }

    /// Ends a series, as a scrape does that finds it gone: from here on it is not looked back for.
    pub fn end(&mut self, labels: &Labels, at: Timestamp) {
        if self.series.contains_key(labels) {
            self.append(labels, at, f64::from_bits(STALE));
        }
    }

    /// Forgets series without a sample in the hour before `now`.
    pub fn trim(&mut self, now: Timestamp) {
        let oldest = now.as_millisecond() - RETENTION;
        self.series.retain(|_, samples| samples.back().is_some_and(|(newest, _)| *newest > oldest));
    }

    /// How many series and samples there are.
    pub fn size(&self) -> (usize, usize) {
        (self.series.len(), self.series.values().map(VecDeque::len).sum())
    }

    /// Answers a query as `/api/v1/query` does.
    pub fn query(&self, promql: &str, at: Timestamp) -> Reply {
        let at = at.as_millisecond();
        let value = parse(promql).and_then(|expr| Evaluator::new(self, at).eval(&expr));
        answer::instant(value, at)
    }

    /// Answers a query as `/api/v1/query_range` does.
    pub fn query_range(&self, promql: &str, start: Timestamp, end: Timestamp, step: SignedDuration) -> Reply {
        let (start, end) = (start.as_millisecond(), end.as_millisecond());
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
        let bad = |why: &str| Err(QueryError::BadData(why.to_owned()));
        let steps = if step <= 0 {
            bad("zero or negative query resolution step widths are not accepted")
        } else if end < start {
            bad("end timestamp must not be before start time")
        } else if (end - start) / step > STEP_LIMIT {
            bad("the range has too many steps; widen the step")
        } else {
            parse(promql).and_then(|expr| {
                let count = (end - start) / step;
                (0..=count)
                    .map(|n| start + n * step)
                    .map(|at| Ok((at, Evaluator::new(self, at).eval(&expr)?)))
                    .collect()
            })
        };
        answer::range(steps)
    }

    /// The series that a selector picks.
    pub(super) fn select<'a>(
        &'a self,
        name: Option<&'a str>,
        matchers: &'a Matchers,
    ) -> impl Iterator<Item = (&'a Labels, &'a VecDeque<Sample>)> {
        self.series.iter().filter(move |(labels, _)| {
            let all = |group: &[Matcher]| group.iter().all(|matcher| matcher.is_match(labels.get(&matcher.name)));
            let alternatives = &matchers.or_matchers;
            name.is_none_or(|name| labels.get(NAME) == name)
                && all(&matchers.matchers)
                && (alternatives.is_empty() || alternatives.iter().any(|group| all(group)))
        })
    }
}

/// Whether a value is the mark that ends a series.
pub(super) fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE
}

fn parse(promql: &str) -> Result<promql_parser::parser::Expr, QueryError> {
    serin_analysis::provider::promql::parse(promql)
        .map_err(|why| QueryError::BadData(format!("invalid parameter \"query\": 1:1: parse error: {why}")))
}

impl From<Reply> for Bytes {
    fn from(reply: Reply) -> Self {
        reply.body
    }
}
