//! The same object in the several versions in which it is served.

use std::sync::Arc;

use serde_json::Value;

use super::{
    json::{put, take, text},
    kind::{GroupVersion, Kind},
};

const EVENTS: &str = "events.k8s.io";

/// The fields of an Event that have another name in `events.k8s.io`: ours first.
const RENAMED: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("count", "deprecatedCount"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("reportingComponent", "reportingController"),
];

/// Returns the stored object as `version` shows it.
pub fn present(kind: &Kind, object: &Arc<Value>, version: &GroupVersion) -> Arc<Value> {
    if kind.storage() == *version {
        return Arc::clone(object);
    }
    let mut shown = (**object).clone();
    put(&mut shown, &["apiVersion"], version.api_version().into());
    if version.group == EVENTS {
        rename(&mut shown, |(ours, theirs)| (ours, theirs));
        for field in ["reportingController", "reportingInstance"] {
            if text(&shown, &[field]).is_empty() {
                take(&mut shown, &[field]);
            }
        }
    }
    Arc::new(shown)
}

/// Returns an object of `version` as it is stored.
pub fn store(kind: &Kind, mut object: Value, version: &GroupVersion) -> Value {
    if version.group == EVENTS {
        rename(&mut object, |(ours, theirs)| (theirs, ours));
    }
    let storage = kind.storage();
    if storage != *version {
        put(&mut object, &["apiVersion"], storage.api_version().into());
    }
    object
}

fn rename(object: &mut Value, direction: impl Fn((&'static str, &'static str)) -> (&'static str, &'static str)) {
    for pair in RENAMED {
        let (from, to) = direction(pair);
        if let Some(value) = take(object, &[from]) {
            put(object, &[to], value);
        }
    }
}
