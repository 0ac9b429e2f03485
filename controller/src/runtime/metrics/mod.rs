//! Metrics in Prometheus' text format, under the names that Argo Rollouts gives them.
//!
//! An encoder of our own: the crates at hand rename counters and bucket bounds, and dashboards look for exact names.
//! What can be read from the stores is made when it is scraped and costs nothing in between. A scrape is written in
//! slices, so that with ten thousand Rollouts nothing waits for the whole of it.

mod departed;
mod family;
pub mod objects;
pub mod process;
pub mod standard;
mod text;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::departed::{AFTERLIFE, Departed, ENDED};
use self::family::Family;
pub use self::family::{Counter, Gauge, Histogram, Labels, Named};
pub use self::text::Page;
use self::text::label_text;
use super::clock::Clock;
use super::key::Key;

/// Metric that counts dropped series.
const DROPPED: &str = "serin_metrics_dropped_total";

/// A scrape, or a part of it, in slices that take well under a millisecond each.
pub type Slices = Box<dyn Iterator<Item = Page> + Send>;

type Collector = Arc<dyn Fn() -> Slices + Send + Sync>;

/// How many objects or series are written in one slice.
const SLICE: usize = 64;

/// Writes one gauge of many objects, in slices.
fn slices<T: 'static>(
    objects: Arc<[Arc<T>]>,
    named: Named,
    write: fn(&T, &mut Page),
) -> impl Iterator<Item = Page> + use<T> {
    let head = {
        let mut page = Page::default();
        page.family(named.name, named.help, "gauge");
        page
    };
    let rest = (0..objects.len()).step_by(SLICE).map(move |from| {
        let mut page = Page::default();
        objects.iter().skip(from).take(SLICE).for_each(|object| write(object, &mut page));
        page
    });
    std::iter::once(head).chain(rest)
}

struct Inner {
    clock: Clock,
    families: Mutex<BTreeMap<&'static str, Arc<Family>>>,
    collectors: Mutex<Vec<Collector>>,
    departed: Mutex<Departed>,
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

    /// Adds metrics that are made at each scrape, in slices.
    pub fn collect(&self, collector: impl Fn() -> Slices + Send + Sync + 'static) {
        self.0.collectors.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::new(collector));
    }

    /// Adds a few metrics that are made at each scrape.
    pub fn collect_few(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        self.collect(move || {
            let mut page = Page::default();
            collector(&mut page);
            Box::new(std::iter::once(page))
        });
    }

    /// Drops the series of a deleted object, after a scrape has had time to see them; `kind` is what the names of the
    /// metrics about its kind begin with.
    pub fn depart(&self, kind: &'static str, object: &Key) {
        self.forget_after(AFTERLIFE, kind, object);
    }

    /// The same, after an hour, of an object that has ended and is still there.
    pub fn end(&self, kind: &'static str, object: &Key) {
        self.forget_after(ENDED, kind, object);
    }

    fn forget_after(&self, wait: Duration, kind: &'static str, object: &Key) {
        self.bury();
        let labels = labels_of(object);
        let known = self.families(kind).iter().any(|family| family.knows(&labels));
        if known {
            self.locked_departed().add((kind, object.clone()), self.0.clock.monotonic() + wait);
        }
    }

    /// Keeps the series of an object that was made again.
    pub fn return_of(&self, kind: &'static str, object: &Key) {
        self.locked_departed().remove(&(kind, object.clone()));
    }

    /// Writes all metrics down, in slices; no lock is held from one to the next.
    pub fn slices(&self) -> impl Iterator<Item = Page> + Send + use<> {
        self.bury();
        let families = self.families("");
        let collectors = self.0.collectors.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let collected = collectors.into_iter().flat_map(|collector| collector());
        let dropped = self.0.dropped.clone();
        let last = std::iter::once_with(move || {
            let mut page = Page::default();
            page.family(DROPPED, "Samples that were dropped because a metric has too many series.", "counter");
            #[allow(clippy::cast_precision_loss, reason = "samples are floating-point numbers")]
            page.sample(DROPPED, &[], dropped.load(Ordering::Relaxed) as f64);
            page
        });
        families.into_iter().flat_map(Family::slices).chain(collected).chain(last)
    }

    /// Writes all metrics down at once.
    pub fn render(&self) -> String {
        self.slices().map(Page::into_text).collect()
    }

    fn bury(&self) {
        let due = self.locked_departed().due(self.0.clock.monotonic());
        for (kind, object) in due {
            let labels = labels_of(&object);
            for family in self.families(kind) {
                family.forget(&labels);
            }
        }
    }

    /// Lists the metrics whose names begin with this.
    fn families(&self, kind: &'static str) -> Vec<Arc<Family>> {
        let families = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        families
            .range(kind..)
            .take_while(|(name, _)| name.starts_with(kind))
            .map(|(_, family)| family.clone())
            .collect()
    }

    fn locked_departed(&self) -> MutexGuard<'_, Departed> {
        self.0.departed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    fn departed(&self) -> usize {
        self.locked_departed().len()
    }

    fn family(&self, named: Named, kind: &'static str, labels: Labels, bounds: &'static [f64]) -> Arc<Family> {
        let mut families = self.0.families.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || Arc::new(Family::new((named, kind), labels, bounds, self.0.dropped.clone()));
        families.entry(named.name).or_insert_with(make).clone()
    }
}

/// The labels of an object, with which those of its series begin.
fn labels_of(object: &Key) -> String {
    label_text([("namespace", object.namespace()), ("name", object.name())])
}

#[cfg(test)]
mod tests;
