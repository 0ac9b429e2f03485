//! One metric: what it is called, and its series by their labels.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::text::{Page, label_text};

/// Most series of one metric; what comes beyond is counted and dropped.
pub(super) const MOST_SERIES: usize = 20_000;

/// The names of a metric's labels, in order; `namespace` and `name` come first where a metric is about one object.
pub type Labels = &'static [&'static str];

/// What a metric is called and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    /// Name.
    pub name: &'static str,
    /// One line of help.
    pub help: &'static str,
}

impl Named {
    /// Names a metric.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, help }
    }
}

#[derive(Debug)]
enum Series {
    Number(AtomicU64),
    Histogram { counts: Box<[AtomicU64]>, sum: AtomicU64 },
}

/// A metric with its series.
#[derive(Debug)]
pub(super) struct Family {
    named: Named,
    kind: &'static str,
    labels: Labels,
    bounds: &'static [f64],
    series: RwLock<HashMap<Box<str>, Series>>,
    dropped: Arc<AtomicU64>,
}

impl Family {
    pub fn new(
        (named, kind): (Named, &'static str),
        labels: Labels,
        bounds: &'static [f64],
        dropped: Arc<AtomicU64>,
    ) -> Self {
        Self { named, kind, labels, bounds, series: RwLock::default(), dropped }
    }

    /// Applies a change to the series with these label values, which is made if need be.
    fn touch(&self, values: &[&str], change: impl Fn(&Series)) {
        let text = label_text(self.labels.iter().copied().zip(values.iter().copied()));
        {
            let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(series) = series.get(text.as_str()) {
                return change(series);
            }
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if series.len() >= MOST_SERIES {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        change(series.entry(text.into_boxed_str()).or_insert_with(|| self.fresh()));
    }

    fn fresh(&self) -> Series {
        if self.bounds.is_empty() {
            return Series::Number(AtomicU64::new(0.0_f64.to_bits()));
        }
        let counts = self.bounds.iter().map(|_| AtomicU64::new(0)).chain([AtomicU64::new(0)]).collect();
        Series::Histogram { counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    pub fn render(&self, page: &mut Page) {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut sorted: Vec<_> = series.iter().collect();
        sorted.sort_unstable_by_key(|(labels, _)| *labels);
        page.family(self.named.name, self.named.help, self.kind);
        for (labels, series) in sorted {
            match series {
                Series::Number(bits) => page.line(self.named.name, "", labels, read(bits)),
                Series::Histogram { counts, sum } => {
                    let counts: Vec<u64> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
                    page.histogram(self.named.name, labels, (self.bounds, &counts, read(sum)));
                }
            }
        }
    }

    pub fn forget(&self, object: &str) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        series.retain(|labels, _| {
            labels.strip_prefix(object).is_none_or(|rest| !rest.is_empty() && !rest.starts_with(','))
        });
    }
}

fn read(bits: &AtomicU64) -> f64 {
    f64::from_bits(bits.load(Ordering::Relaxed))
}

fn add(bits: &AtomicU64, by: f64) {
    // The closure always answers, so the update always takes place.
    let _ = bits.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some((f64::from_bits(now) + by).to_bits()));
}

/// A number that only grows.
#[derive(Clone, Debug)]
pub struct Counter(pub(super) Arc<Family>);

impl Counter {
    /// Adds one to the series with these label values.
    pub fn inc(&self, values: &[&str]) {
        self.add(values, 1.0);
    }

    /// Adds to the series with these label values; nothing if `by` is negative.
    pub fn add(&self, values: &[&str], by: f64) {
        self.0.touch(values, |series| {
            if let (Series::Number(bits), true) = (series, by >= 0.0) {
                add(bits, by);
            }
        });
    }
}

/// A number that goes up and down.
#[derive(Clone, Debug)]
pub struct Gauge(pub(super) Arc<Family>);

impl Gauge {
    /// Sets the series with these label values.
    pub fn set(&self, values: &[&str], to: f64) {
        self.0.touch(values, |series| {
            if let Series::Number(bits) = series {
                bits.store(to.to_bits(), Ordering::Relaxed);
            }
        });
    }
}

/// How often a value fell below each of some bounds.
#[derive(Clone, Debug)]
pub struct Histogram(pub(super) Arc<Family>);

impl Histogram {
    /// Takes in one value, in seconds.
    pub fn observe(&self, values: &[&str], seconds: f64) {
        let at = self.0.bounds.iter().position(|bound| seconds <= *bound).unwrap_or(self.0.bounds.len());
        self.0.touch(values, |series| {
            if let Series::Histogram { counts, sum } = series {
                if let Some(count) = counts.get(at) {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                add(sum, seconds);
            }
        });
    }
}
