//! Gives an end to metrics of a step that have none.

use serin_crds::IntOrString;

use super::Limits;
use super::resolved::Resolved;
use crate::substitute::Arguments;
use crate::template::MergedSpec;

/// Gives each metric that has an interval and no count as many measurements as it takes to break its limits.
///
/// For runs that a step waits for; Argo Rollouts refuses such metrics there. Without a limit on successes in a row
/// these are one more than the failures, or than the inconclusive measurements, that are tolerated. With one, they
/// are so many that either that limit or another one is reached. A metric that tolerates any number of failures until
/// enough successes in a row have come stays without an end: its successes are its end.
#[must_use]
pub fn bounded_for_step(mut merged: MergedSpec) -> MergedSpec {
    let Ok(args) = Arguments::masked(&merged.args) else {
        return merged;
    };
    for metric in &mut merged.metrics {
        let Ok(filled) = args.fill(metric) else {
            continue;
        };
        let limits = Limits::of(&filled);
        if let (None, Some(count)) = (limits.count, enough(limits)) {
            metric.count = Some(IntOrString::Int(i64::from(count)));
        }
    }
    merged
}

/// How many measurements surely end a metric.
fn enough(limits: Limits) -> Option<i32> {
    let Limits { failure, inconclusive, consecutive_success, .. } = limits;
    let tolerated = inconclusive.max(0);
    if consecutive_success <= 0 {
        return Some(failure.max(0).max(tolerated).saturating_add(1));
    }
    // Each tolerated measurement can spoil a row of successes that lacks one; then one whole row must come.
    (failure >= 0).then(|| failure.saturating_add(tolerated).saturating_add(1).saturating_mul(consecutive_success))
}

impl Resolved {
    /// Names the metrics that can go on without end.
    pub fn endless(&self) -> impl Iterator<Item = &str> {
        let endless = self.metrics.iter().filter(|metric| metric.limits.count.is_none());
        endless.map(|metric| metric.metric.name.as_str())
    }
}
