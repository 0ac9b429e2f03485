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

/// The generation that a status is about, whether it is written as a number or as a string.
pub fn observed_generation(object: &Value) -> Option<i64> {
    let field = object.pointer("/status/observedGeneration")?;
    field.as_i64().or_else(|| field.as_str()?.parse().ok())
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

/// The first part of a host name, which is the Service's name.
pub fn short_host(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

/// The weight of a destination; one that stands alone gets everything.
pub fn weight(destination: &Value, alone: bool) -> i64 {
    number(destination, "/weight").unwrap_or(if alone { 100 } else { 0 })
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

/// `maxSurge` of a canary in pods, for so many replicas: a share is rounded up.
pub fn max_surge(rollout: &Value, n: i64) -> i64 {
    bound(rollout.pointer("/spec/strategy/canary/maxSurge"), n, true)
}

/// Pods needed to carry a weight: rounded up.
pub fn pods_for(weight: i64, n: i64) -> i64 {
    (weight.max(0) * n + 99) / 100
}

/// Conditions of a status by type.
pub fn conditions(object: &Value) -> BTreeMap<&str, &Value> {
    list(object, "/status/conditions").iter().map(|condition| (text(condition, "/type"), condition)).collect()
}
