//! Quantiles of classic histograms.

use std::collections::BTreeMap;

use super::Element;
use crate::prometheus::labels::{Labels, NAME};

/// The label of a bucket's upper bound.
const BOUND: &str = "le";

/// How many observations are at or below a bound.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    bound: f64,
    count: f64,
}

/// The quantile of each histogram among the elements.
pub(super) fn quantiles(quantile: f64, elements: Vec<Element>) -> Vec<Element> {
    let mut histograms: BTreeMap<Labels, Vec<Bucket>> = BTreeMap::new();
    for Element { labels, value } in elements {
        if let Some(bound) = bound(labels.get(BOUND)) {
            let labels = labels.without(&[BOUND.to_owned(), NAME.to_owned()]);
            histograms.entry(labels).or_default().push(Bucket { bound, count: value });
        }
    }
    histograms.into_iter().map(|(labels, buckets)| Element { labels, value: within(quantile, buckets) }).collect()
}

fn bound(text: &str) -> Option<f64> {
    if text.is_empty() { None } else { text.parse().ok() }
}

/// The quantile, taking observations as evenly spread inside their bucket.
fn within(quantile: f64, mut buckets: Vec<Bucket>) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.bound.total_cmp(&b.bound));
    buckets.dedup_by(|next, kept| {
        let same = (next.bound - kept.bound).abs() == 0.0 || next.bound.to_bits() == kept.bound.to_bits();
        if same {
            kept.count += next.count;
        }
        same
    });
    let mut most = f64::NEG_INFINITY;
    for bucket in &mut buckets {
        // Counts that fall are the fault of scrapes in between.
        most = most.max(bucket.count);
        bucket.count = most;
    }
    let [finite @ .., last] = buckets.as_slice() else {
        return f64::NAN;
    };
    if last.bound != f64::INFINITY || finite.is_empty() || last.count == 0.0 || last.count.is_nan() {
        return f64::NAN;
    }
    let rank = quantile * last.count;
    let Some(at) = finite.iter().position(|bucket| bucket.count >= rank) else {
        return finite.last().map_or(f64::NAN, |bucket| bucket.bound);
    };
    let Some(bucket) = finite.get(at) else {
        return f64::NAN;
    };
    let below = at.checked_sub(1).and_then(|before| finite.get(before)).copied();
    match below {
        None if bucket.bound <= 0.0 => bucket.bound,
        None => bucket.bound * (rank / bucket.count),
        Some(below) => {
            below.bound + (bucket.bound - below.bound) * ((rank - below.count) / (bucket.count - below.count))
        }
    }
}
