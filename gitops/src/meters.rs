//! What is counted: rollbacks by how they ended, and how long each arrow of the loop took.

use jiff::Timestamp;
use serin_controller::runtime::metrics::{Counter, Histogram, Named, Registry};
use serin_crds::rollback::{Rollback, RollbackPolicyStatus};

/// Upper bounds of the durations, in seconds.
const BOUNDS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0];

/// The metrics of the loop.
#[derive(Clone)]
pub struct Meters {
    ended: Counter,
    arrows: Histogram,
    failures: Counter,
}

impl Meters {
    /// Makes the metrics.
    pub fn new(registry: &Registry) -> Self {
        let named = Named::new;
        Self {
            ended: registry.counter(
                named("serin_gitops_rollbacks_total", "Rollbacks that have ended, by how."),
                &["namespace", "name", "stage"],
            ),
            arrows: registry.histogram(
                named("serin_gitops_arrow_seconds", "From the abort to the end of each arrow of the loop."),
                &["arrow"],
                BOUNDS,
            ),
            failures: registry
                .counter(named("serin_gitops_failures_total", "Attempts that failed and are made again."), &["what"]),
        }
    }

    /// Counts an attempt that failed.
    pub fn failed(&self, what: &str) {
        self.failures.inc(&[what]);
    }

    /// Counts what a status says that the one before did not.
    pub fn written(&self, policy: (&str, &str), before: &RollbackPolicyStatus, after: &RollbackPolicyStatus) {
        for rollback in &after.rollbacks {
            let old = before.rollbacks.iter().find(|old| old.id == rollback.id);
            let fresh = |at: fn(&Rollback) -> Option<Timestamp>| at(rollback).filter(|_| old.and_then(at).is_none());
            let arrow = |name: &str, at: Option<Timestamp>| {
                if let Some((aborted, at)) = rollback.times.aborted.zip(at) {
                    self.arrows.observe(&[name], at.duration_since(aborted).as_secs_f64().max(0.0));
                }
            };
            arrow("decision", fresh(|rollback| rollback.times.decided));
            arrow("commit", fresh(|rollback| rollback.times.committed));
            arrow("sync", fresh(|rollback| rollback.times.synced));
            if let Some(ended) = fresh(|rollback| rollback.times.ended) {
                self.ended.inc(&[policy.0, policy.1, rollback.stage.as_str()]);
                arrow("proof", rollback.times.synced.and(Some(ended)));
            }
        }
    }
}
