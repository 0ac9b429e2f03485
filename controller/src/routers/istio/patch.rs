//! The smallest JSON Patch that moves our weights and our routes, and nothing else.

use serde_json::{Value, json};

use super::managed::Edits;
use super::route::{Picked, Role};
use crate::core::plan::{Move, Way};
use crate::routers::{ABORTED_ANNOTATION, annotation_path, mark_text, marked, name_on};
use crate::runtime::key::Key;

/// Whose mark it is, and on what.
#[derive(Clone, Copy, Debug)]
pub struct Mark<'a> {
    /// The Rollout.
    pub rollout: &'a Key,
    /// The object.
    pub on: &'a Key,
}

impl Mark<'_> {
    /// The Rollout as its marks name it.
    pub fn rollout_name(&self) -> String {
        name_on(self.rollout, self.on)
    }
}

/// Makes the patch that carries out a move in every route of ours, with the edits of managed routes; `None` if nothing differs.
///
/// # Guarantees
/// Only `weight` of destinations that are the canary's or the stable side's, managed routes, and our own annotation are written;
/// every written destination is tested to be the one that was seen. A move down raises the canary in no route.
pub fn moved(object: &Value, routes: &[Picked], change: &Move, (edits, mark): (Edits, Mark<'_>)) -> Option<Vec<Value>> {
    let mut tests = Vec::new();
    let mut writes = Vec::new();
    for route in routes {
        let split = route.split();
        let (canary, stable) = if change.way.is_down() { split.lowered(change.to) } else { split.wanted(change.to) };
        let (mut canary, mut stable) = (Some(canary), Some(stable));
        for (i, destination) in route.destinations.iter().enumerate() {
            // A side with several destinations keeps its weight in the first one.
            let wanted = match destination.role {
                Role::Canary => canary.take().unwrap_or(0),
                Role::Stable => stable.take().unwrap_or(0),
                Role::Foreign => continue,
            };
            let as_it_is = destination.weight == wanted && (destination.written || change.way.is_down());
            if as_it_is {
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
    let (marks, exact) = self::mark(object, &change.way, mark);
    writes.extend(marks);
    // Last, since they move what stands behind them.
    tests.extend(edits.tests);
    writes.extend(edits.writes);
    if writes.is_empty() {
        return None;
    }
    if exact || !change.way.is_down() {
        let version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        tests.insert(0, json!({"op": "test", "path": "/metadata/resourceVersion", "value": version}));
    }
    tests.extend(writes);
    Some(tests)
}

/// The operations on our mark, and whether they rest on the exact version that was seen.
fn mark(object: &Value, way: &Way, mark: Mark<'_>) -> (Vec<Value>, bool) {
    let path = annotation_path(ABORTED_ANNOTATION);
    let stands = object.pointer("/metadata/annotations").is_some_and(|a| a.get(ABORTED_ANNOTATION).is_some());
    match way {
        Way::Abort { attempt, .. } if marked(object, mark.rollout).is_some_and(|(seen, _)| seen == *attempt) => {
            (Vec::new(), false)
        }
        Way::Abort { attempt, reason } => {
            let text = mark_text(mark.rollout, mark.on, attempt, reason);
            let write = json!({"op": "add", "path": path, "value": text});
            // Where there is no annotation at all, one that came in between would be wiped: then the version counts.
            let bare = object.pointer("/metadata/annotations").is_none();
            let room = bare.then(|| json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
            (room.into_iter().chain([write]).collect(), bare)
        }
        Way::Up if stands => (vec![json!({"op": "remove", "path": path})], true),
        Way::Up | Way::Down => (Vec::new(), false),
    }
}

#[cfg(test)]
mod tests;
