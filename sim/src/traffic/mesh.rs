//! Istio's view: what a proxy knows of routes, subsets, Services and pods, a little later than it was written.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    felt::float,
    invariants::{
        Key, WriteRecord,
        view::{self, list, text},
    },
    scenario::NAMESPACE,
};

/// A pod that a request can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The pod.
    pub pod: Key,
    /// Its pod-template hash.
    pub hash: String,
    /// Its label `app`.
    pub app: String,
    /// The image of its first container.
    pub image: String,
}

/// One destination of a route.
#[derive(Debug, Clone, PartialEq)]
pub struct Branch {
    /// Service and subset, as one name.
    pub cluster: String,
    /// Its weight; only its share of the sum counts.
    pub weight: f64,
    /// The pods behind it, or why a request to it is not answered.
    pub endpoints: Result<Vec<Endpoint>, Unanswered>,
}

/// Why the mesh itself answers a request with 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unanswered {
    /// Nothing is known of the host.
    NoRoute,
    /// No `DestinationRule` declares the subset, or the Service is not there: Envoy has no such cluster.
    NoCluster,
    /// No pod behind it answers.
    NoHealthyUpstream,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRoute => "no route",
            Self::NoCluster => "no such cluster",
            Self::NoHealthyUpstream => "no healthy upstream",
        })
    }
}

/// An object as it becomes known; nothing when it is gone.
type Change = (Key, Option<Arc<Value>>);

/// What a proxy knows.
#[derive(Debug, Default)]
pub struct Mesh {
    known: BTreeMap<Key, Arc<Value>>,
    /// What becomes known, by when and in which order.
    coming: BTreeMap<(Timestamp, u64), Change>,
    count: u64,
    version: u64,
}

impl Mesh {
    /// Counts the times that the proxy learnt something.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Takes in a write that becomes known at this instant.
    pub fn see(&mut self, write: &WriteRecord, known: Timestamp) {
        self.count += 1;
        self.coming.insert((known, self.count), (write.key.clone(), write.after.clone()));
    }

    /// Makes everything known whose time has come.
    pub fn settle(&mut self, now: Timestamp) {
        while let Some(entry) = self.coming.first_entry().filter(|entry| entry.key().0 <= now) {
            self.version += 1;
            match entry.remove() {
                (key, Some(object)) => drop(self.known.insert(key, object)),
                (key, None) => drop(self.known.remove(&key)),
            }
        }
    }

    /// Says whether a pod is there at all, ready or not.
    pub fn exists(&self, pod: &Key) -> bool {
        self.known.contains_key(pod)
    }

    /// Where requests for a host go.
    ///
    /// # Errors
    /// When nothing is known of the host.
    pub fn route(&self, host: &str) -> Result<Vec<Branch>, Unanswered> {
        let service = Key::new("services", NAMESPACE, view::short_host(host));
        let Some(route) = self.virtual_route(host) else {
            self.known.get(&service).ok_or(Unanswered::NoRoute)?;
            return Ok(vec![self.branch(host, "", 1.0)]);
        };
        let destinations = list(route, "/route");
        let alone = destinations.len() == 1;
        let branch = |destination: &Value| {
            let (host, subset) = (text(destination, "/destination/host"), text(destination, "/destination/subset"));
            self.branch(host, subset, float(u64::try_from(view::weight(destination, alone)).unwrap_or_default()))
        };
        let branches: Vec<_> = destinations.iter().map(branch).filter(|branch| branch.weight > 0.0).collect();
        if branches.is_empty() { Err(Unanswered::NoRoute) } else { Ok(branches) }
    }

    /// The http route that a plain request takes: the first that asks for nothing special.
    fn virtual_route(&self, host: &str) -> Option<&Value> {
        let services = self.known.iter().filter(|(key, _)| key.resource == "virtualservices");
        let bound = |service: &Value| {
            list(service, "/spec/hosts").iter().filter_map(Value::as_str).any(|one| same_host(one, host))
        };
        let service = services.map(|(_, service)| service).find(|service| bound(service))?;
        list(service, "/spec/http").iter().find(|route| plain(route))
    }

    fn branch(&self, host: &str, subset: &str, weight: f64) -> Branch {
        let cluster = format!("{}|{subset}", view::short_host(host));
        Branch { cluster, weight, endpoints: self.endpoints(host, subset) }
    }

    fn endpoints(&self, host: &str, subset: &str) -> Result<Vec<Endpoint>, Unanswered> {
        let key = Key::new("services", NAMESPACE, view::short_host(host));
        let service = self.known.get(&key).ok_or(Unanswered::NoCluster)?;
        let labels = if subset.is_empty() { None } else { Some(self.subset(host, subset)?) };
        let selector = service.pointer("/spec/selector").filter(|selector| selector.as_object().is_some());
        let selector = selector.ok_or(Unanswered::NoHealthyUpstream)?;
        let pods = self.known.iter().filter(|(key, _)| key.resource == "pods");
        let chosen = |pod: &Value| ready(pod) && matches(pod, selector) && labels.is_none_or(|all| matches(pod, all));
        let endpoints: Vec<_> = pods.filter(|(_, pod)| chosen(pod)).map(|(key, pod)| Endpoint::of(key, pod)).collect();
        if endpoints.is_empty() { Err(Unanswered::NoHealthyUpstream) } else { Ok(endpoints) }
    }

    /// The labels of a subset, which some `DestinationRule` of the host has to declare.
    fn subset(&self, host: &str, name: &str) -> Result<&Value, Unanswered> {
        const NO_LABELS: &Value = &Value::Null;
        let rules = self.known.iter().filter(|(key, _)| key.resource == "destinationrules");
        let rules = rules.map(|(_, rule)| rule).filter(|rule| same_host(text(rule, "/spec/host"), host));
        let mut subsets = rules.flat_map(|rule| list(rule, "/spec/subsets"));
        let subset = subsets.find(|subset| text(subset, "/name") == name).ok_or(Unanswered::NoCluster)?;
        Ok(subset.get("labels").unwrap_or(NO_LABELS))
    }
}

fn same_host(one: &str, other: &str) -> bool {
    one == "*" || view::short_host(one) == view::short_host(other)
}

/// Says whether a route takes requests that carry nothing special: none of its matches, or one that asks for any path.
fn plain(route: &Value) -> bool {
    let matches = list(route, "/match");
    let any_path = |one: &Value| {
        one.as_object().is_some_and(|fields| fields.iter().all(|(name, _)| name == "uri" || name == "name"))
            && one.get("uri").is_none_or(|uri| text(uri, "/prefix") == "/")
    };
    matches.is_empty() || matches.iter().any(any_path)
}

/// Says whether a pod's process answers.
pub(super) fn answering(pod: &Value) -> bool {
    let condition = |one: &Value| text(one, "/type") == "Ready" && text(one, "/status") == "True";
    list(pod, "/status/conditions").iter().any(condition)
}

/// Says whether a pod is an endpoint: it answers and is not on its way out.
fn ready(pod: &Value) -> bool {
    text(pod, "/metadata/deletionTimestamp").is_empty() && answering(pod)
}

fn matches(pod: &Value, labels: &Value) -> bool {
    let labels = labels.as_object().into_iter().flatten();
    labels.into_iter().all(|(name, value)| Some(view::label(pod, name)) == value.as_str())
}
