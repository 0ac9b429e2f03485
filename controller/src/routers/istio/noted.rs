//! The note by which a `VirtualService` remembers which of its routes a Rollout has added, so that they can be taken out
//! when that Rollout is gone, or names the route or the `VirtualService` no more.
//!
//! It goes out in the write that adds the route, and stands in the object itself: no crash, restart or deletion loses it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::managed::Edits;
use super::patch::Mark;
use super::route::Target;
use crate::routers::{ABORTED_ANNOTATION, annotation_path, mark_of};
use crate::runtime::key::Key;

/// The annotation: a JSON object from Rollouts to the names of their routes.
pub const ROUTES_ANNOTATION: &str = "rollouts.serin.dev/managed-routes";

/// The names of routes by Rollout: its name, or `namespace/name` where it lives in another namespace.
type Note = BTreeMap<String, Vec<String>>;

fn text(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(ROUTES_ANNOTATION)?.as_str()
}

/// Reads a note; one that is no note of ours says nothing.
fn parse(text: &str) -> Note {
    serde_json::from_str(text).unwrap_or_default()
}

fn read(object: &Value) -> Note {
    text(object).map(parse).unwrap_or_default()
}

/// The Rollouts that the text of a note on an object names.
pub fn owners(text: &str, on: &Key) -> Vec<Key> {
    let key = |name: String| match name.split_once('/') {
        Some((namespace, name)) => Key::new(namespace, name),
        None => on.beside(&name),
    };
    parse(text).into_keys().map(key).collect()
}

/// The routes that a Rollout has added and that no other Rollout has.
fn own(object: &Value, mark: Mark<'_>) -> Vec<String> {
    let mut note = read(object);
    let mut names = note.remove(&mark.rollout_name()).unwrap_or_default();
    names.retain(|name| note.values().all(|others| !others.contains(name)));
    names
}

/// What a Rollout says about its routes, with those that it has added and names no more.
pub fn with_former<'a>(object: &Value, target: &'a Target, mark: Mark<'_>) -> Cow<'a, Target> {
    let mut former = own(object, mark);
    former.retain(|name| !target.managed.contains(name) && !target.http.contains(name));
    if former.is_empty() {
        return Cow::Borrowed(target);
    }
    Cow::Owned(Target { former, ..target.clone() })
}

/// The edits after which exactly these names are noted; unless `adds`, only those of them that are already.
pub fn edits(object: &Value, names: &[&str], adds: bool, mark: Mark<'_>) -> Edits {
    let (mut note, rollout) = (read(object), mark.rollout_name());
    let before = note.remove(&rollout).unwrap_or_default();
    let kept = |name: &&&str| adds || before.iter().any(|noted| noted == **name);
    let after: Vec<String> = names.iter().filter(kept).map(|name| (*name).to_owned()).collect();
    if after == before {
        return Edits::default();
    }
    if !after.is_empty() {
        note.insert(rollout, after);
    }
    let path = annotation_path(ROUTES_ANNOTATION);
    let tests = text(object).map(|text| json!({"op": "test", "path": path, "value": text}));
    let mut writes = Vec::new();
    if object.pointer("/metadata/annotations").is_none() {
        writes.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
    }
    writes.push(if note.is_empty() {
        json!({"op": "remove", "path": path})
    } else {
        json!({"op": "add", "path": path, "value": json!(note).to_string()})
    });
    Edits { tests: tests.into_iter().collect(), writes }
}

/// The patch that takes a Rollout's routes, their note and its mark of an abort out of a `VirtualService` that it no longer
/// names; `None` if there is nothing of it.
///
/// # Guarantees
/// No route is taken out but those that the Rollout has added, each tested to be the one that was seen.
pub fn release_patch(object: &Value, mark: Mark<'_>) -> Option<Vec<Value>> {
    let names = own(object, mark);
    let Edits { mut tests, mut writes } = edits(object, &[], false, mark);
    if mark_of(object, mark.rollout).is_some() {
        writes.push(json!({"op": "remove", "path": annotation_path(ABORTED_ANNOTATION)}));
    }
    let http = object.pointer("/spec/http").and_then(Value::as_array).into_iter().flatten();
    let named = http.enumerate().filter_map(|(index, route)| Some((index, route.get("name")?.as_str()?)));
    let ours: Vec<_> = named.filter(|(_, name)| names.iter().any(|noted| noted == name)).collect();
    for (index, name) in ours.into_iter().rev() {
        let path = format!("/spec/http/{index}");
        tests.push(json!({"op": "test", "path": format!("{path}/name"), "value": name}));
        writes.push(json!({"op": "remove", "path": path}));
    }
    tests.extend(writes);
    (!tests.is_empty()).then_some(tests)
}

#[cfg(test)]
mod tests;
