//! Users' requests through Istio's eyes: where each request goes, what comes back, and what Prometheus scrapes afterwards.
//!
//! Everything is deterministic: requests are dealt out by weighted turns, errors and latencies by low-discrepancy sequences.

mod counters;
mod mesh;
mod proxy;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use self::{
    counters::{Answered, Counters},
    proxy::Proxy,
};
pub use self::{
    counters::{BUCKETS, Sink},
    mesh::{Branch, Endpoint, Mesh, Unanswered},
};
use crate::{
    felt::{Interval, float},
    invariants::{Key, WriteRecord},
    prometheus::Labels,
    scenario::{Behaviour, Proxies},
};

/// How often Envoy tries another endpoint when one does not answer: Istio's default.
///
/// # Source
/// Istio's traffic management page on retries: twice, on connection failures.
const RETRIES: usize = 2;

/// Sends users' requests through the proxies and remembers what came back.
#[derive(Debug)]
pub struct Traffic {
    proxies: Vec<Proxy>,
    /// The proxy that the next request comes to.
    next: usize,
    /// How late proxies learn of a change, at most; each of each change at random.
    lag: SignedDuration,
    random: fastrand::Rng,
    demand: Demand,
    behaviours: BTreeMap<String, Behaviour>,
    /// The pods that answer: a fact, whatever proxies know of it.
    alive: BTreeSet<Key>,
    pods: BTreeMap<Key, Counters>,
    clusters: BTreeMap<Answered, (Labels, u64)>,
    felt: Vec<Interval>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self {
            proxies: vec![Proxy::default()],
            next: 0,
            lag: SignedDuration::ZERO,
            random: fastrand::Rng::with_seed(0),
            demand: Demand::default(),
            behaviours: BTreeMap::new(),
            alive: BTreeSet::new(),
            pods: BTreeMap::new(),
            clusters: BTreeMap::new(),
            felt: Vec::new(),
        }
    }
}

/// What users want.
#[derive(Debug, Default)]
struct Demand {
    host: String,
    rate: f64,
    owed: f64,
    /// The proxies through which somebody was answered once.
    began: BTreeSet<usize>,
}

impl Traffic {
    /// Begins with no requests at all.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts so many proxies before the users, each of which learns of each change at a time of its own. They know nothing yet.
    pub fn through(&mut self, proxies: &Proxies) {
        self.proxies = (0..proxies.count.max(1)).map(|_| Proxy::default()).collect();
        self.lag = proxies.lag.signed();
        self.random = fastrand::Rng::with_seed(proxies.seed);
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

    /// Takes in a write; proxies see it a little later. Whether a pod answers is a fact at once.
    pub fn see(&mut self, write: &WriteRecord) {
        if !write.accepted() || !matches!(write.subresource.as_deref(), None | Some("status")) {
            return;
        }
        if write.is("pods") {
            // A pod that is told to end goes on answering until its process has ended.
            if write.after.as_deref().is_some_and(mesh::answering) {
                self.alive.insert(write.key.clone());
            } else {
                self.alive.remove(&write.key);
            }
        }
        let most = u64::try_from(self.lag.as_millis()).unwrap_or_default();
        for proxy in &mut self.proxies {
            let late = i64::try_from(self.random.u64(0..=most)).unwrap_or_default();
            proxy.see(write, SignedDuration::from_millis(late));
        }
    }

    /// Sends the requests of the time between the two instants.
    pub fn tick(&mut self, from: Timestamp, to: Timestamp) {
        self.proxies.iter_mut().for_each(|proxy| proxy.settle(to));
        self.demand.owed += self.demand.rate * to.duration_since(from).as_secs_f64();
        let mut interval = Interval { from, to, ..Interval::default() };
        while self.demand.owed >= 1.0 {
            self.demand.owed -= 1.0;
            let turn = self.next % self.proxies.len().max(1);
            self.next = turn + 1;
            match self.send(turn) {
                Ok((hash, status)) => {
                    self.demand.began.insert(turn);
                    interval.application_5xx += u64::from(status >= 500);
                    *interval.answered.entry(hash).or_default() += 1;
                }
                // Nobody asks a service before it has answered for the first time.
                Err(_) if !self.demand.began.contains(&turn) => {}
                Err(why) => {
                    interval.avoidable += u64::from(!self.alive.is_empty());
                    *interval.foreign_5xx.entry(why.to_string()).or_default() += 1;
                }
            }
        }
        if !self.demand.began.is_empty() && self.demand.rate > 0.0 {
            self.felt.push(interval);
        }
    }

    /// What users felt since the last call.
    pub fn felt(&mut self) -> Vec<Interval> {
        std::mem::take(&mut self.felt)
    }

    /// Hands the counters of all pods that are there to Prometheus.
    pub fn scrape(&mut self, at: Timestamp, sink: &mut dyn Sink) {
        let proxies = &self.proxies;
        self.pods.retain(|pod, counters| {
            let there = proxies.iter().any(|proxy| proxy.mesh().exists(pod));
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

    /// Sends one request through a proxy.
    fn send(&mut self, turn: usize) -> Result<(String, u16), Unanswered> {
        let proxy = self.proxies.get_mut(turn).ok_or(Unanswered::NoRoute)?;
        let branches = proxy.branches(&self.demand.host)?;
        let branch = proxy.turn(&branches).ok_or(Unanswered::NoRoute)?;
        let answer = self.ask_cluster(turn, branch);
        if answer != Err(Unanswered::NoCluster) {
            let status = answer.as_ref().map_or(503, |(_, status)| *status);
            let (service, subset) = branch.cluster.split_once('|').unwrap_or((&branch.cluster, ""));
            let answered = Answered { service: service.to_owned(), subset: subset.to_owned(), status };
            let fresh = |answered: &Answered| (answered.labels(), 0);
            self.clusters.entry(answered).or_insert_with_key(fresh).1 += 1;
        }
        answer
    }

    fn ask_cluster(&mut self, proxy: usize, branch: &Branch) -> Result<(String, u16), Unanswered> {
        let endpoints = branch.endpoints.as_deref().map_err(|why| *why)?;
        let first = self.proxies.get_mut(proxy).map_or(0, |proxy| proxy.first(&branch.cluster, endpoints.len()));
        let mut tried = endpoints.iter().cycle().skip(first).take(endpoints.len().min(RETRIES + 1));
        let endpoint =
            tried.find(|endpoint| self.alive.contains(&endpoint.pod)).ok_or(Unanswered::NoHealthyUpstream)?;
        let behaviour = self.behaviours.get(&endpoint.image).cloned().unwrap_or_default();
        let counters = self.pods.entry(endpoint.pod.clone()).or_insert_with(|| Counters::new(endpoint));
        Ok((endpoint.hash.clone(), counters.answer(&behaviour)))
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
