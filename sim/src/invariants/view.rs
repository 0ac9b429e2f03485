//! What the invariants read in objects. Everything is optional: half-written objects of people are the rule, not the exception.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// The label that ties `ReplicaSets`, Services and subsets to one revision.
pub const HASH_LABEL: &str = "rollouts-pod-template-hash";
/// The annotation that holds a revision's number.
pub const REVISION: &str = "rollout.argoproj.io/revision";

/// Text at a JSON pointer; empty when it isn't there.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A whole number at a JSON pointer.
pub fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// A flag at a JSON pointer; false when it isn't there.
pub fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// A list at a JSON pointer; empty when it isn't there.
pub fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// An instant at a JSON pointer.
pub fn instant(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// An annotation; empty when it isn't there.
pub fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get("metadata").and_then(|meta| meta.get("annotations")).map_or("", |all| field(all, name))
}

/// A label; empty when it isn't there.
pub fn label<'a>(object: &'a Value, name: &str) -> &'a str {
    object.get("metadata").and_then(|meta| meta.get("labels")).map_or("", |all| field(all, name))
}

fn field<'a>(fields: &'a Value, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The name of the controlling owner of this kind.
pub fn owner<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| text(owner, "/kind") == kind && flag(owner, "/controller"))
        .map(|owner| text(owner, "/name"))
}

/// How a Rollout names its parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wiring {
    /// The Service of the canary; empty when none is named.
    pub canary_service: String,
    /// The Service of the stable version; empty when none is named.
    pub stable_service: String,
    /// Each `VirtualService` as (namespace, name, named http routes).
    pub virtual_services: Vec<(String, String, Vec<String>)>,
    /// The `DestinationRule`'s name; empty with host-level splitting.
    pub destination_rule: String,
    /// The canary's subset.
    pub canary_subset: String,
    /// The stable version's subset.
    pub stable_subset: String,
    /// The routes that the controller owns.
    pub managed_routes: Vec<String>,
}

/// Says how a Rollout names its parts.
pub fn wiring(rollout: &Value) -> Wiring {
    let namespace = text(rollout, "/metadata/namespace");
    let at = |path: &str| text(rollout, &format!("/spec/strategy/canary/{path}")).to_owned();
    let istio = rollout.pointer("/spec/strategy/canary/trafficRouting/istio").unwrap_or(&Value::Null);
    let mut virtual_services: Vec<_> =
        list(istio, "/virtualServices").iter().map(|one| virtual_service(one, namespace)).collect();
    virtual_services.extend(istio.get("virtualService").map(|one| virtual_service(one, namespace)));
    let names = |value: &Value| value.as_str().or_else(|| value.get("name")?.as_str()).map(str::to_owned);
    Wiring {
        canary_service: at("canaryService"),
        stable_service: at("stableService"),
        virtual_services,
        destination_rule: text(istio, "/destinationRule/name").to_owned(),
        canary_subset: text(istio, "/destinationRule/canarySubsetName").to_owned(),
        stable_subset: text(istio, "/destinationRule/stableSubsetName").to_owned(),
        managed_routes: list(rollout, "/spec/strategy/canary/trafficRouting/managedRoutes")
            .iter()
            .filter_map(names)
            .collect(),
    }
}

fn virtual_service(entry: &Value, namespace: &str) -> (String, String, Vec<String>) {
    let full = text(entry, "/name");
    let full = full.strip_suffix(".cluster.local").unwrap_or(full);
    let (name, namespace) = full.rsplit_once('.').unwrap_or((full, namespace));
    let routes = list(entry, "/routes").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    (namespace.to_owned(), name.to_owned(), routes)
}

/// The http routes of a `VirtualService` whose weights a Rollout steers, by index.
///
/// With names: those; without: all that the controller does not own itself, if there is exactly one.
pub fn steered(service: &Value, named: &[String], managed: &[String]) -> Vec<usize> {
    let routes = list(service, "/spec/http").iter().enumerate();
    if !named.is_empty() {
        let wanted = |route: &Value| named.iter().any(|name| name == text(route, "/name"));
        return routes.filter(|(_, route)| wanted(route)).map(|(at, _)| at).collect();
    }
    let own = |route: &Value| managed.iter().any(|name| name == text(route, "/name"));
    let others: Vec<usize> = routes.filter(|(_, route)| !own(route)).map(|(at, _)| at).collect();
    if others.len() == 1 { others } else { Vec::new() }
}

/// The first part of a host name, which is the Service's name.
pub fn short_host(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

/// The weight of a destination; one that stands alone gets everything.
pub fn weight(destination: &Value, alone: bool) -> i64 {
    number(destination, "/weight").unwrap_or(if alone { 100 } else { 0 })
}

impl Wiring {
    /// Says whether a destination of a route is the canary's.
    pub fn is_canary(&self, destination: &Value) -> bool {
        let host = short_host(text(destination, "/destination/host"));
        let subset = text(destination, "/destination/subset");
        if self.destination_rule.is_empty() {
            !self.canary_service.is_empty() && host == self.canary_service
        } else {
            !self.canary_subset.is_empty() && subset == self.canary_subset
        }
    }

    /// The canary's weight in a `VirtualService`: the largest of its steered routes; nothing when it isn't there.
    pub fn canary_weight(&self, service: &Value, named: &[String]) -> Option<i64> {
        let routes = list(service, "/spec/http");
        let steered = steered(service, named, &self.managed_routes);
        let destinations = steered.iter().filter_map(|at| routes.get(*at)).flat_map(|route| {
            let all = list(route, "/route");
            all.iter().filter(|one| self.is_canary(one)).map(|one| weight(one, all.len() == 1))
        });
        destinations.max()
    }
}

/// The number of replicas that a Rollout asks for.
pub fn replicas(rollout: &Value) -> i64 {
    number(rollout, "/spec/replicas").unwrap_or(1)
}

/// `maxUnavailable` of a canary, in pods: a share is rounded down, and both limits at 0 leave 1.
pub fn max_unavailable(rollout: &Value) -> i64 {
    let n = replicas(rollout);
    let canary = rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null);
    let surge = bound(canary.get("maxSurge"), n, true);
    let unavailable = bound(canary.get("maxUnavailable"), n, false).min(n);
    if surge == 0 && unavailable == 0 { 1.min(n) } else { unavailable }
}

fn bound(value: Option<&Value>, n: i64, up: bool) -> i64 {
    let share = |percent: i64| {
        if up { (percent * n + 99) / 100 } else { percent * n / 100 }
    };
    match value {
        Some(Value::Number(count)) => count.as_i64().unwrap_or_default(),
        Some(Value::String(text)) => share(text.trim_end_matches('%').parse().unwrap_or(25)),
        _ => share(25),
    }
}

/// Pods needed to carry a weight: rounded up.
pub fn pods_for(weight: i64, n: i64) -> i64 {
    (weight.max(0) * n + 99) / 100
}

/// Conditions of a status by type.
pub fn conditions(object: &Value) -> BTreeMap<&str, &Value> {
    list(object, "/status/conditions").iter().map(|condition| (text(condition, "/type"), condition)).collect()
}
