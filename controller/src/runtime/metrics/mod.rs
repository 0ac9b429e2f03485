//! Metrics in Prometheus' text format, under the names that Argo Rollouts gives them.
//!
//! An encoder of our own: the crates at hand rename counters and bucket bounds, and dashboards look for exact names.
//! What can be read from the stores is made when it is scraped and costs nothing in between.

pub mod objects;
pub mod process;
pub mod standard;
mod text;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

pub use self::text::Page;
use self::text::label_text;
use super::clock::Clock;
use super::key::Key;

/// Most series of one metric; what comes beyond is counted and dropped.
const MOST_SERIES: usize = 20_000;
/// How long the series of a deleted object stay, so that a last scrape sees them.
const AFTERLIFE: Duration = Duration::from_secs(65);
/// Metric that counts dropped series.
const DROPPED: &str = "serin_metrics_dropped_total";

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

#[derive(Debug)]
struct Family {
    named: Named,
    kind: &'static str,
    labels: Labels,
    bounds: &'static [f64],
    series: RwLock<HashMap<Box<str>, Series>>,
    dropped: Arc<AtomicU64>,
}

impl Family {
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

    fn render(&self, page: &mut Page) {
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

    fn forget(&self, object: &str) {
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
pub struct Counter(Arc<Family>);

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
pub struct Gauge(Arc<Family>);

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
pub struct Histogram(Arc<Family>);

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

type Collector = Box<dyn Fn(&mut Page) + Send + Sync>;

struct Inner {
    clock: Clock,
    families: Mutex<BTreeMap<&'static str, Arc<Family>>>,
    collectors: Mutex<Vec<Collector>>,
    departed: Mutex<Vec<(Instant, Key)>>,
    dropped: Arc<AtomicU64>,
}

/// All metrics of the process; a clone is another handle on the same ones.
#[derive(Clone)]
pub struct Registry(Arc<Inner>);

impl Registry {
    /// Makes a registry without metrics.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            families: Mutex::default(),
            collectors: Mutex::default(),
            departed: Mutex::default(),
            dropped: Arc::default(),
        }))
    }

    /// Makes a counter, or gives the one of this name.
    pub fn counter(&self, named: Named, labels: Labels) -> Counter {
        Counter(self.family(named, "counter", labels, &[]))
    }

    /// Makes a gauge, or gives the one of this name.
    pub fn gauge(&self, named: Named, labels: Labels) -> Gauge {
        Gauge(self.family(named, "gauge", labels, &[]))
    }

    /// Makes a histogram with these upper bounds, or gives the one of this name.
    pub fn histogram(&self, named: Named, labels: Labels, bounds: &'static [f64]) -> Histogram {
        Histogram(self.family(named, "histogram", labels, bounds))
    }

    /// Adds metrics that are made at each scrape.
    pub fn collect(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        self.0.collectors.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(collector));
    }

    /// Drops the series of a deleted object, after a scrape has had time to see them.
    pub fn depart(&self, object: &Key) {
        let at = self.0.clock.monotonic() + AFTERLIFE;
        self.0.departed.lock().unwrap_or_else(PoisonError::into_inner).push((at, object.clone()));
    }

    /// Keeps the series of an object that was made again.
    pub fn return_of(&self, object: &Key) {
        self.0.departed.lock().unwrap_or_else(PoisonError::into_inner).retain(|(_, key)| key != object);
    }

    /// Writes all metrics down.
    pub fn render(&self) -> String {
        self.bury();
        let mut page = Page::default();
        let families: Vec<_> =
            self.0.families.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        for family in families {
            family.render(&mut page);
        }
        for collector in self.0.collectors.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            collector(&mut page);
        }
        page.family(DROPPED, "Samples that were dropped because a metric has too many series.", "counter");
        #[allow(clippy::cast_precision_loss, reason = "samples are floating-point numbers")]
        page.sample(DROPPED, &[], self.0.dropped.load(Ordering::Relaxed) as f64);
        page.into_text()
    }

    fn bury(&self) {
        let now = self.0.clock.monotonic();
        let mut departed = self.0.departed.lock().unwrap_or_else(PoisonError::into_inner);
        let due: Vec<Key> = departed.iter().filter(|(at, _)| *at <= now).map(|(_, key)| key.clone()).collect();
        departed.retain(|(at, _)| *at > now);
        drop(departed);
        let families = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        for key in due {
            let object = label_text([("namespace", key.namespace()), ("name", key.name())]);
            families.values().for_each(|family| family.forget(&object));
        }
    }

    fn family(&self, named: Named, kind: &'static str, labels: Labels, bounds: &'static [f64]) -> Arc<Family> {
        let mut families = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let dropped = self.0.dropped.clone();
            Arc::new(Family { named, kind, labels, bounds, series: RwLock::default(), dropped })
        };
        families.entry(named.name).or_insert_with(make).clone()
    }
}

#[cfg(test)]
mod tests;
