//! Users' requests through Istio's eyes: where each request goes, what comes back, and what Prometheus scrapes afterwards.
//!
//! Everything is deterministic: requests are dealt out by weighted turns, errors and latencies by low-discrepancy sequences.

mod counters;
mod mesh;

use std::{collections::BTreeMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::counters::{Answered, Counters};
pub use self::{
    counters::{BUCKETS, Sink},
    mesh::{Branch, Endpoint, Mesh, Unanswered},
};
use crate::{
    felt::{Interval, float},
    invariants::{Key, WriteRecord},
    prometheus::Labels,
    scenario::Behaviour,
};

/// How often Envoy tries another endpoint when one does not answer: Istio's default.
///
/// # Source
/// Istio's traffic management page on retries: twice, on connection failures.
const RETRIES: usize = 2;

/// Sends users' requests through the mesh and remembers what came back.
#[derive(Debug, Default)]
pub struct Traffic {
    mesh: Mesh,
    routed: Option<((u64, String), Routed)>,
    demand: Demand,
    turns: BTreeMap<String, f64>,
    pod_turns: BTreeMap<String, usize>,
    behaviours: BTreeMap<String, Behaviour>,
    pods: BTreeMap<Key, Counters>,
    clusters: BTreeMap<Answered, (Labels, u64)>,
    felt: Vec<Interval>,
}

/// Where requests go, or why nowhere.
type Routed = Result<Arc<[Branch]>, Unanswered>;

/// What users want.
#[derive(Debug, Default)]
struct Demand {
    host: String,
    rate: f64,
    owed: f64,
    /// Somebody was answered once.
    began: bool,
}

impl Traffic {
    /// Begins with no requests at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends this many requests per second to this host from now on.
    pub fn ask(&mut self, host: &str, rate: f64) {
        host.clone_into(&mut self.demand.host);
        self.demand.rate = rate.max(0.0);
    }

    /// Sets how an image behaves from now on.
    pub fn behave(&mut self, image: &str, behaviour: Behaviour) {
        self.behaviours.insert(image.to_owned(), behaviour);
    }

    /// Takes in a write; proxies see it a little later.
    pub fn see(&mut self, write: &WriteRecord) {
        self.mesh.see(write);
    }

    /// Sends the requests of the time between the two instants.
    pub fn tick(&mut self, from: Timestamp, to: Timestamp) {
        self.mesh.settle(to);
        self.demand.owed += self.demand.rate * to.duration_since(from).as_secs_f64();
        let mut interval = Interval { from, to, ..Interval::default() };
        let branches = self.branches();
        while self.demand.owed >= 1.0 {
            self.demand.owed -= 1.0;
            let answer = branches.as_deref().map_err(|why| *why).and_then(|branches| self.send(branches));
            match answer {
                Ok((hash, status)) => {
                    self.demand.began = true;
                    interval.application_5xx += u64::from(status >= 500);
                    *interval.answered.entry(hash).or_default() += 1;
                }
                Err(why) => *interval.foreign_5xx.entry(why.to_string()).or_default() += 1,
            }
        }
        // Nobody asks a service before it has answered for the first time.
        if self.demand.began && self.demand.rate > 0.0 {
            self.felt.push(interval);
        }
    }

    /// Where requests go, worked out anew only when proxies have learnt something.
    fn branches(&mut self) -> Routed {
        let now = (self.mesh.version(), self.demand.host.clone());
        if self.routed.as_ref().is_none_or(|(then, _)| *then != now) {
            let routed = self.mesh.route(&self.demand.host).map(Arc::from);
            self.routed = Some((now, routed));
        }
        self.routed.as_ref().map_or(Err(Unanswered::NoRoute), |(_, routed)| routed.clone())
    }

    /// What users felt since the last call.
    pub fn felt(&mut self) -> Vec<Interval> {
        std::mem::take(&mut self.felt)
    }

    /// Hands the counters of all pods that are there to Prometheus.
    pub fn scrape(&mut self, at: Timestamp, sink: &mut dyn Sink) {
        let mesh = &self.mesh;
        self.pods.retain(|pod, counters| {
            let there = mesh.exists(pod);
            if !there {
                counters.end(at, sink);
            }
            there
        });
        for counters in self.pods.values() {
            counters.scrape(at, sink);
        }
        for (labels, count) in self.clusters.values() {
            sink.append(labels, at, float(*count));
        }
    }

    /// Says when proxies will next see something new.
    pub fn next_change(&self) -> Option<Timestamp> {
        self.mesh.next_change()
    }

    fn send(&mut self, branches: &[Branch]) -> Result<(String, u16), Unanswered> {
        let branch = self.turn(branches).ok_or(Unanswered::NoRoute)?;
        let answer = self.ask_cluster(branch);
        if answer != Err(Unanswered::NoCluster) {
            let status = answer.as_ref().map_or(503, |(_, status)| *status);
            let (service, subset) = branch.cluster.split_once('|').unwrap_or((&branch.cluster, ""));
            let answered = Answered { service: service.to_owned(), subset: subset.to_owned(), status };
            let fresh = |answered: &Answered| (answered.labels(), 0);
            self.clusters.entry(answered).or_insert_with_key(fresh).1 += 1;
        }
        answer
    }

    fn ask_cluster(&mut self, branch: &Branch) -> Result<(String, u16), Unanswered> {
        let endpoints = branch.endpoints.as_deref().map_err(|why| *why)?;
        let turn = self.pod_turns.entry(branch.cluster.clone()).or_default();
        let first = *turn % endpoints.len().max(1);
        *turn = first + 1;
        let mut tried = endpoints.iter().cycle().skip(first).take(endpoints.len().min(RETRIES + 1));
        let endpoint = tried.find(|endpoint| self.mesh.alive(&endpoint.pod)).ok_or(Unanswered::NoHealthyUpstream)?;
        let behaviour = self.behaviours.get(&endpoint.image).cloned().unwrap_or_default();
        let counters = self.pods.entry(endpoint.pod.clone()).or_insert_with(|| Counters::new(endpoint));
        Ok((endpoint.hash.clone(), counters.answer(&behaviour)))
    }

    /// Deals out turns in proportion to weights, as evenly as whole turns allow.
    fn turn<'b>(&mut self, branches: &'b [Branch]) -> Option<&'b Branch> {
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
}

/// The delay between a write and the moment when proxies act on it: istiod's debounce.
///
/// # Source
/// istiod's `PILOT_DEBOUNCE_AFTER`, 100 ms by default.
pub const DEBOUNCE: SignedDuration = SignedDuration::from_millis(100);

/// Text of an object's image: that of its first container.
fn image(pod: &Value) -> &str {
    pod.pointer("/spec/containers/0/image").and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests;
