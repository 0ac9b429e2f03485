//! One metric: what it is called, and its series by their labels.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::SLICE;
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
    series: RwLock<BTreeMap<Box<str>, Series>>,
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

    /// Writes the metric down, in slices.
    pub fn slices(self: Arc<Self>) -> impl Iterator<Item = Page> + Send + use<> {
        let mut page = Page::default();
        page.family(self.named.name, self.named.help, self.kind);
        let mut after = Some(Bound::Unbounded);
        let rest = std::iter::from_fn(move || {
            let mut page = Page::default();
            after = self.write_after(&after.take()?, &mut page);
            Some(page)
        });
        std::iter::once(page).chain(rest)
    }

    /// Writes some series, from this label on; returns where to go on.
    fn write_after(&self, after: &Bound<Box<str>>, page: &mut Page) -> Option<Bound<Box<str>>> {
        let all = self.series.read().unwrap_or_else(PoisonError::into_inner);
        let mut last = None;
        for (labels, series) in
            all.range::<str, _>((after.as_ref().map(|labels| &**labels), Bound::Unbounded)).take(SLICE)
        {
            match series {
                Series::Number(bits) => page.line(self.named.name, "", labels, read(bits)),
                Series::Histogram { counts, sum } => {
                    let counts: Vec<u64> = counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
                    page.histogram(self.named.name, labels, (self.bounds, &counts, read(sum)));
                }
            }
            last = Some(labels);
        }
        last.map(|labels| Bound::Excluded(labels.clone()))
    }

    /// Whether there are series of an object, whose labels begin with this text.
    pub fn knows(&self, object: &str) -> bool {
        of_object(&self.series.read().unwrap_or_else(PoisonError::into_inner), object).next().is_some()
    }

    /// Drops the series of an object, whose labels begin with this text.
    pub fn forget(&self, object: &str) {
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        let theirs: Vec<Box<str>> = of_object(&series, object).cloned().collect();
        for labels in theirs {
            series.remove(&labels);
        }
    }
}

fn of_object<'a>(series: &'a BTreeMap<Box<str>, Series>, object: &'a str) -> impl Iterator<Item = &'a Box<str>> {
    let from_here = series.range::<str, _>((Bound::Included(object), Bound::Unbounded));
    from_here.map(|(labels, _)| labels).take_while(move |labels| labels.starts_with(object))
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
