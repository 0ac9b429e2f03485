//! One proxy: what it knows, and how it deals out requests.

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};

use super::{Branch, DEBOUNCE, Mesh, Unanswered};
use crate::invariants::WriteRecord;

/// Where requests go, or why nowhere.
pub type Routed = Result<Arc<[Branch]>, Unanswered>;

/// What a proxy is told of.
const TOLD: [&str; 4] = ["virtualservices", "destinationrules", "services", "pods"];

/// One proxy: what it knows, and how it deals out requests.
#[derive(Debug, Default)]
pub struct Proxy {
    mesh: Mesh,
    routed: Option<((u64, String), Routed)>,
    turns: BTreeMap<String, f64>,
    pod_turns: BTreeMap<String, usize>,
    /// When the last change becomes known: a proxy is told everything in order.
    last: Timestamp,
}

impl Proxy {
    /// What it knows.
    pub const fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// Takes in a write; it becomes known so much later than to a proxy that is told at once.
    pub fn see(&mut self, write: &WriteRecord, late: SignedDuration) {
        if TOLD.contains(&write.key.resource.as_str()) {
            self.last = self.last.max(write.at + DEBOUNCE + late);
            self.mesh.see(write, self.last);
        }
    }

    /// Makes everything known whose time has come.
    pub fn settle(&mut self, now: Timestamp) {
        self.mesh.settle(now);
    }

    /// Where requests go, worked out anew only when the proxy has learnt something.
    pub fn branches(&mut self, host: &str) -> Routed {
        let now = (self.mesh.version(), host.to_owned());
        if self.routed.as_ref().is_none_or(|(then, _)| *then != now) {
            let routed = self.mesh.route(host).map(Arc::from);
            self.routed = Some((now, routed));
        }
        self.routed.as_ref().map_or(Err(Unanswered::NoRoute), |(_, routed)| routed.clone())
    }

    /// Deals out turns in proportion to weights, as evenly as whole turns allow.
    pub fn turn<'b>(&mut self, branches: &'b [Branch]) -> Option<&'b Branch> {
        let total: f64 = branches.iter().map(|branch| branch.weight).sum();
        let mut best: Option<(&Branch, f64)> = None;
        for branch in branches.iter().filter(|branch| branch.weight > 0.0) {
            let credit = self.turns.entry(branch.cluster.clone()).or_default();
            *credit += branch.weight / total;
            if best.is_none_or(|(_, most)| *credit > most) {
                best = Some((branch, *credit));
            }
        }
        let (branch, credit) = best?;
        self.turns.insert(branch.cluster.clone(), credit - 1.0);
        Some(branch)
    }

    /// The place among so many endpoints of a cluster at which the next request begins.
    pub fn first(&mut self, cluster: &str, endpoints: usize) -> usize {
        let turn = self.pod_turns.entry(cluster.to_owned()).or_default();
        let first = *turn % endpoints.max(1);
        *turn = first + 1;
        first
    }
}
