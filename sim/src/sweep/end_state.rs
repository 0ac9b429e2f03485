//! What a story leaves, without times, versions and names that depend on when it happened.

use serde_json::{Map, Value, json};

use crate::{
    invariants::{changed, view},
    scenario::LastState,
};

/// What a story leaves.
pub(super) fn end_state(last: &LastState) -> Value {
    let named = |objects: &[Value]| -> Map<String, Value> {
        let one = |object: &Value| (view::text(object, "/metadata/name").to_owned(), settled(object));
        objects.iter().map(one).collect()
    };
    let sets: Map<String, Value> = last
        .replica_sets
        .iter()
        .map(|set| {
            let sizes =
                json!({"revision": set.revision, "role": set.role, "wanted": set.wanted, "available": set.available});
            (set.name.clone(), sizes)
        })
        .collect();
    let runs: Map<String, Value> =
        last.analysis_runs.iter().map(|run| (run.name.clone(), run.phase.clone().into())).collect();
    json!({
        "rollout": settled(&last.rollout), "services": named(&last.services), "routes": named(&last.virtual_services),
        "rules": named(&last.destination_rules), "sets": sets, "runs": runs,
    })
}

/// The paths that differ, each with both values.
pub(super) fn differences(undisturbed: &Value, disturbed: &Value) -> Vec<String> {
    let value = |of: &Value, path: &str| of.pointer(path).map_or("nothing".to_owned(), Value::to_string);
    let told = |path: String| format!("{path} is {}, not {}", value(disturbed, &path), value(undisturbed, &path));
    changed(undisturbed, disturbed).into_iter().map(told).collect()
}

/// Fields that say when, which version, or how often something was tried.
const PASSING: [&str; 13] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "lastTransitionTime",
    "lastUpdateTime",
    "startTime",
    "startedAt",
    "finishedAt",
    "abortedAt",
    "promotedAt",
    "clusterIP",
    "clusterIPs",
];

fn settled(object: &Value) -> Value {
    match object {
        Value::Object(fields) => {
            let lasting =
                fields.iter().filter(|(name, _)| !PASSING.contains(&name.as_str()) && *name != "example.com/note");
            Value::Object(lasting.map(|(name, value)| (name.clone(), settled(value))).collect())
        }
        // Conditions and the like have names; their order says nothing.
        Value::Array(items) if items.iter().all(|item| item.get("type").is_some_and(Value::is_string)) => {
            let one = |item: &Value| (view::text(item, "/type").to_owned(), settled(item));
            Value::Object(items.iter().map(one).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(settled).collect()),
        other => other.clone(),
    }
}
