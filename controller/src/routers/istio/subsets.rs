//! Subsets of a `DestinationRule`: which pods a subset means.

use serde_json::{Value, json};

use super::service_of;

/// The label by which a subset, a Service and a `ReplicaSet` agree on one revision.
const HASH_LABEL: &str = serin_crds::names::HASH_LABEL;
const MANAGED_BY: &str = serin_crds::names::MANAGED_BY_ANNOTATION;

/// Which hash each of our two subsets selects now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hashes {
    /// Hash of the canary's subset.
    pub canary: Option<String>,
    /// Hash of the stable subset.
    pub stable: Option<String>,
}

/// Reads the hashes of two subsets; `None` for a subset that is not declared.
pub fn observe(rule: &Value, canary: &str, stable: &str) -> Option<Hashes> {
    let list = rule.pointer("/spec/subsets")?.as_array()?;
    let find = |name: &str| list.iter().find(|s| s.get("name").and_then(Value::as_str) == Some(name));
    let hash = |subset: &Value| subset.get("labels")?.get(HASH_LABEL)?.as_str().map(str::to_owned);
    Some(Hashes { canary: hash(find(canary)?), stable: hash(find(stable)?) })
}

/// Every hash that any subset of the rule selects.
pub fn all_hashes(rule: &Value) -> Vec<String> {
    let subsets = rule.pointer("/spec/subsets").and_then(Value::as_array).into_iter().flatten();
    let hash = |s: &Value| s.get("labels")?.get(HASH_LABEL)?.as_str().map(str::to_owned);
    subsets.filter_map(hash).collect()
}

/// The `DestinationRule` that would have to exist so that `subset` of `host` answers, ready to apply.
pub fn suggestion(namespace: &str, host: &str, subset: &str, app_labels: &str) -> String {
    format!(
        "apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: {name}, namespace: {namespace}}}, \
         spec: {{host: {host}, subsets: [{{name: {subset}, labels: {{{app_labels}}}}}]}}",
        name = service_of(host),
    )
}

/// Makes the JSON Patch that points the two subsets at their hashes; `None` if they do already.
pub fn hash_patch(rule: &Value, names: (&str, &str), want: (&str, &str), owner: &str) -> Option<Vec<Value>> {
    let list = rule.pointer("/spec/subsets")?.as_array()?;
    let mut patch = Vec::new();
    for (name, hash) in [(names.0, want.0), (names.1, want.1)] {
        let found = list.iter().enumerate().find(|(_, s)| s.get("name").and_then(Value::as_str) == Some(name));
        let Some((index, subset)) = found else { continue };
        let labels = subset.get("labels");
        if labels.and_then(|l| l.get(HASH_LABEL)).and_then(Value::as_str) == Some(hash) {
            continue;
        }
        let base = format!("/spec/subsets/{index}");
        patch.push(json!({"op": "test", "path": format!("{base}/name"), "value": name}));
        if labels.is_none() {
            patch.push(json!({"op": "add", "path": format!("{base}/labels"), "value": {}}));
        }
        patch.push(json!({"op": "add", "path": format!("{base}/labels/{HASH_LABEL}"), "value": hash}));
    }
    if patch.is_empty() {
        return None;
    }
    let annotations = rule.pointer("/metadata/annotations");
    if annotations.and_then(|a| a.get(MANAGED_BY)).and_then(Value::as_str) != Some(owner) {
        if annotations.is_none() {
            patch.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
        }
        let path = format!("/metadata/annotations/{}", MANAGED_BY.replace('/', "~1"));
        patch.push(json!({"op": "add", "path": path, "value": owner}));
    }
    let version = rule.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    patch.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}));
    Some(patch)
}

/// Makes the JSON Patch that takes every hash of ours, and the annotation that says whose they are, out of a rule that its
/// Rollout no longer names; `None` if there is nothing of ours in it.
pub fn release_patch(rule: &Value) -> Option<Vec<Value>> {
    let mut patch = Vec::new();
    let list = rule.pointer("/spec/subsets").and_then(Value::as_array).into_iter().flatten();
    for (index, subset) in list.enumerate() {
        if subset.get("labels").is_some_and(|labels| labels.get(HASH_LABEL).is_some()) {
            let base = format!("/spec/subsets/{index}");
            let name = subset.get("name").cloned().unwrap_or_default();
            patch.push(json!({"op": "test", "path": format!("{base}/name"), "value": name}));
            patch.push(json!({"op": "remove", "path": format!("{base}/labels/{HASH_LABEL}")}));
        }
    }
    if rule.pointer("/metadata/annotations").is_some_and(|a| a.get(MANAGED_BY).is_some()) {
        patch.push(json!({"op": "remove", "path": crate::routers::annotation_path(MANAGED_BY)}));
    }
    if patch.is_empty() {
        return None;
    }
    let version = rule.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
    patch.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}));
    Some(patch)
}
