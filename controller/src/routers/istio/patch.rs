//! The smallest JSON Patch that moves our weights, and nothing else.

use serde_json::{Value, json};

use super::ABORTED_ANNOTATION;
use super::route::{Observed, Role};
use crate::core::weight::Weight;

/// Why weights are written: it decides what the patch insists on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// More traffic for the canary, or a repair: rests on the exact version that was seen.
    Raise,
    /// Less traffic: rests only on the destinations being the ones that were seen, so that nobody's
    /// unrelated write can delay it.
    Lower,
    /// Less traffic because the revision is aborted: also leaves the mark that survives a crash.
    Abort {
        /// Pod hash of the revision.
        hash: String,
        /// Why.
        reason: String,
    },
}

/// Makes the patch that sends `canary` to the canary in every route of ours; `None` if nothing differs.
///
/// # Guarantees
/// Only `weight` of destinations that are the canary's or the stable side's, and our own annotation, are written;
/// every written destination is tested to be the one that was seen.
pub fn weight_patch(virtual_service: &Value, seen: &Observed, canary: Weight, cause: &Cause) -> Option<Vec<Value>> {
    let mut tests = Vec::new();
    let mut writes = Vec::new();
    for route in &seen.routes {
        for (i, destination) in route.destinations.iter().enumerate() {
            let wanted = route.wanted(destination, canary);
            if destination.role == Role::Foreign || (destination.written && destination.weight == wanted) {
                continue;
            }
            let base = format!("/spec/{}/{}/route/{i}", route.section, route.index);
            tests.push(json!({"op": "test", "path": format!("{base}/destination/host"), "value": destination.host}));
            if let Some(subset) = &destination.subset {
                tests.push(json!({"op": "test", "path": format!("{base}/destination/subset"), "value": subset}));
            }
            writes.push(json!({"op": "add", "path": format!("{base}/weight"), "value": wanted}));
        }
    }
    writes.extend(mark(virtual_service, cause));
    if writes.is_empty() {
        return None;
    }
    if *cause == Cause::Raise {
        let version = virtual_service.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        tests.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}));
    }
    tests.extend(writes);
    Some(tests)
}

/// The revision that this `VirtualService` remembers as aborted, with the reason.
pub fn aborted_revision(virtual_service: &Value) -> Option<(&str, &str)> {
    let annotations = virtual_service.pointer("/metadata/annotations")?;
    let text = annotations.get(ABORTED_ANNOTATION)?.as_str()?;
    Some(text.split_once(": ").unwrap_or((text, "")))
}

fn mark(virtual_service: &Value, cause: &Cause) -> Vec<Value> {
    let path = format!("/metadata/annotations/{}", ABORTED_ANNOTATION.replace('/', "~1"));
    let marked = aborted_revision(virtual_service);
    match cause {
        Cause::Abort { hash, .. } if marked.is_some_and(|(seen, _)| seen == hash) => Vec::new(),
        Cause::Abort { hash, reason } => {
            let mut out = Vec::new();
            if virtual_service.pointer("/metadata/annotations").is_none() {
                out.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
            }
            let reason: String = reason.chars().take(512).collect();
            out.push(json!({"op": "add", "path": path, "value": format!("{hash}: {reason}")}));
            out
        }
        Cause::Raise if marked.is_some() => vec![json!({"op": "remove", "path": path})],
        Cause::Raise | Cause::Lower => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
