//! Which fields differ between two versions of an object.

use serde_json::Value;

use super::view::HASH_LABEL;

/// The annotation by which we mark Services and `DestinationRules` that we edit.
pub const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// The annotations that are ours on objects of others, on Rollouts and on `ReplicaSets`.
const OURS: [&str; 8] = [
    MANAGED_BY,
    "argo-rollouts.argoproj.io/restarted-after",
    "rollout.argoproj.io/revision",
    "rollout.argoproj.io/revision-history",
    "rollout.argoproj.io/desired-replicas",
    "rollout.argoproj.io/ephemeral-metadata",
    "rollout.argoproj.io/workload-generation",
    "scale-down-deadline",
];

/// The domain of the annotations that only this controller knows.
const DOMAIN: &str = "rollouts.serin.dev/";

/// Says whether an object of somebody else bears a mark of ours.
pub fn marked(object: &Value) -> bool {
    let marks = object.pointer("/metadata/annotations").and_then(Value::as_object);
    marks.is_some_and(|all| all.keys().any(|key| key == MANAGED_BY || key.starts_with(DOMAIN)))
}

/// Says whether an annotation is one that we may write.
pub fn our_annotation(name: &str) -> bool {
    OURS.contains(&name) || name.starts_with(DOMAIN)
}

/// Says whether a path of an object leads to annotations of ours, or to all of them where there were none.
pub fn annotations(path: &str, before: &Value) -> bool {
    let name = path.strip_prefix("/metadata/annotations/").map(|name| name.replace("~1", "/").replace("~0", "~"));
    let whole = path == "/metadata/annotations" && before.pointer(path).is_none();
    whole || name.is_some_and(|name| our_annotation(&name))
}

/// JSON pointers of all leaves that differ; bookkeeping of the API server is left out.
pub fn changed(before: &Value, after: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(before, after, String::new(), &mut paths);
    paths.retain(|path| !BOOKKEEPING.iter().any(|known| path == known || path.starts_with(&format!("{known}/"))));
    paths
}

/// The version of the API is that in which somebody asked.
const BOOKKEEPING: [&str; 5] = [
    "/apiVersion",
    "/metadata/resourceVersion",
    "/metadata/managedFields",
    "/metadata/generation",
    "/metadata/selfLink",
];

fn walk(before: &Value, after: &Value, path: String, paths: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            for (name, value) in old {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                walk(value, new.get(name).unwrap_or(&Value::Null), path, paths);
            }
            for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
                let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                walk(&Value::Null, value, path, paths);
            }
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                walk(old, new, format!("{path}/{at}"), paths);
            }
        }
        _ => paths.push(path),
    }
}

/// An object without status, bookkeeping and our annotations.
pub fn bare(object: &Value) -> Value {
    let mut bare = object.clone();
    if let Some(fields) = bare.as_object_mut() {
        fields.remove("status");
    }
    if let Some(meta) = bare.get_mut("metadata").and_then(Value::as_object_mut) {
        if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.retain(|name, _| !our_annotation(name));
        }
        if meta.get("annotations").and_then(Value::as_object).is_some_and(serde_json::Map::is_empty) {
            meta.remove("annotations");
        }
    }
    bare
}

/// A Service without status, bookkeeping, our annotations and the hash that it selects.
pub fn bare_service(service: &Value) -> Value {
    let mut bare = bare(service);
    if let Some(selector) = bare.pointer_mut("/spec/selector").and_then(Value::as_object_mut) {
        selector.remove(HASH_LABEL);
    }
    bare
}
