//! Aggregations over the elements of a vector.

use std::collections::BTreeMap;

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM, T_TOPK,
};
use promql_parser::parser::{AggregateExpr, LabelModifier};

use super::{Element, Evaluator, count, sum};
use crate::prometheus::error::QueryError;
use crate::prometheus::labels::{Labels, NAME};

impl Evaluator<'_> {
    pub(super) fn aggregate(self, aggregate: &AggregateExpr) -> Result<Vec<Element>, QueryError> {
        let elements = self.vector(&aggregate.expr)?;
        let param = aggregate.param.as_ref().map(|param| self.scalar(param)).transpose()?;
        let mut groups: BTreeMap<Labels, Vec<Element>> = BTreeMap::new();
        for element in elements {
            groups.entry(group_of(&element.labels, aggregate.modifier.as_ref())).or_default().push(element);
        }
        let op = aggregate.op.id();
        match (op, param) {
            (T_TOPK, Some(k)) => Ok(groups.into_values().flat_map(|group| ranked(group, k, -1.0)).collect()),
            (T_BOTTOMK, Some(k)) => Ok(groups.into_values().flat_map(|group| ranked(group, k, 1.0)).collect()),
            (T_QUANTILE, Some(q)) => Ok(each(groups, |values| quantile(q, values))),
            (T_SUM, _) => Ok(each(groups, |values| sum(values.iter().copied()))),
            (T_AVG, _) => Ok(each(groups, mean)),
            (T_COUNT, _) => Ok(each(groups, |values| count(values.len()))),
            (T_GROUP, _) => Ok(each(groups, |_| 1.0)),
            (T_MIN, _) => Ok(each(groups, |values| extreme(values, |a, b| a < b))),
            (T_MAX, _) => Ok(each(groups, |values| extreme(values, |a, b| a > b))),
            (T_STDVAR, _) => Ok(each(groups, variance)),
            (T_STDDEV, _) => Ok(each(groups, |values| variance(values).sqrt())),
            _ => Err(QueryError::unsupported(&format!("the aggregation {}", aggregate.op))),
        }
    }
}

/// The labels of the group that an element belongs to.
fn group_of(labels: &Labels, modifier: Option<&LabelModifier>) -> Labels {
    match modifier {
        None => Labels::default(),
        Some(LabelModifier::Include(by)) => labels.only(&by.labels),
        Some(LabelModifier::Exclude(without)) => {
            let mut names = without.labels.clone();
            names.push(NAME.to_owned());
            labels.without(&names)
        }
    }
}

fn each(groups: BTreeMap<Labels, Vec<Element>>, function: impl Fn(&[f64]) -> f64) -> Vec<Element> {
    let value = |group: Vec<Element>| function(&group.iter().map(|element| element.value).collect::<Vec<_>>());
    groups.into_iter().map(|(labels, group)| Element { labels, value: value(group) }).collect()
}

fn mean(values: &[f64]) -> f64 {
    sum(values.iter().copied()) / count(values.len())
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    sum(values.iter().map(|value| (value - mean).powi(2))) / count(values.len())
}

/// The value that wins against all others; NaN only if there is nothing else.
fn extreme(values: &[f64], wins: fn(f64, f64) -> bool) -> f64 {
    values
        .iter()
        .copied()
        .reduce(|best, value| if wins(value, best) || best.is_nan() { value } else { best })
        .unwrap_or(f64::NAN)
}

/// The first `k` of a group in ascending order of value times `direction`, NaN last; they keep their labels.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "k is checked; what is beyond usize takes all"
)]
fn ranked(mut group: Vec<Element>, k: f64, direction: f64) -> Vec<Element> {
    let k = if k >= 1.0 { k as usize } else { 0 };
    group.sort_by(|a, b| match (a.value.is_nan(), b.value.is_nan()) {
        (false, false) => (direction * a.value).total_cmp(&(direction * b.value)),
        (a, b) => a.cmp(&b),
    });
    group.truncate(k);
    group
}

/// The quantile of values, between neighbours where it falls between them.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the rank is between 0 and the number of values"
)]
fn quantile(q: f64, values: &[f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = q * count(sorted.len() - 1);
    let (low, weight) = (rank.floor(), rank - rank.floor());
    let value = |rank: f64| sorted.get(rank as usize).or(sorted.last()).copied().unwrap_or(f64::NAN);
    value(low) * (1.0 - weight) + value(low + 1.0) * weight
}
