//! Which fields differ between two versions of an object.

use serde_json::Value;

use super::view::HASH_LABEL;

/// The annotation by which we mark Services and `DestinationRules` that we edit.
pub const MANAGED_BY: &str = "argo-rollouts.argoproj.io/managed-by-rollouts";

/// Says whether an annotation is one that we may write; takes its name as it is, or escaped as in a JSON pointer.
pub fn our_annotation(name: &str) -> bool {
    let domain = name.split(['/', '~']).next().unwrap_or_default();
    domain == "scale-down-deadline" || domain.ends_with("argoproj.io") || domain.contains("serin")
}

/// JSON pointers of all leaves that differ; bookkeeping of the API server is left out.
pub fn changed(before: &Value, after: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    walk(before, after, String::new(), &mut paths);
    paths.retain(|path| !BOOKKEEPING.iter().any(|known| path == known || path.starts_with(&format!("{known}/"))));
    paths
}

const BOOKKEEPING: [&str; 4] =
    ["/metadata/resourceVersion", "/metadata/managedFields", "/metadata/generation", "/metadata/selfLink"];

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
