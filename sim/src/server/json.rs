//! Reads and writes places in JSON objects without ever failing.

use serde_json::{Map, Value};

/// Returns what stands at `path`, or nothing.
pub fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(*key))
}

/// Returns the text at `path`; empty when there is none.
pub fn text<'a>(value: &'a Value, path: &[&str]) -> &'a str {
    at(value, path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the whole number at `path`.
pub fn integer(value: &Value, path: &[&str]) -> Option<i64> {
    at(value, path).and_then(Value::as_i64)
}

/// Returns the list at `path`; empty when there is none.
pub fn list<'a>(value: &'a Value, path: &[&str]) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Returns the entries of the object at `path` whose values are text.
pub fn texts<'a>(value: &'a Value, path: &[&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    at(value, path)
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
        .filter_map(|(key, value)| Some((key.as_str(), value.as_str()?)))
}

/// Puts `new` at `path`, making objects on the way where something else stands.
pub fn put(value: &mut Value, path: &[&str], new: Value) {
    let Some((last, parents)) = path.split_last() else {
        *value = new;
        return;
    };
    let mut place = value;
    for key in parents {
        place = object(place).entry(*key).or_insert_with(|| Value::Object(Map::new()));
    }
    object(place).insert((*last).to_owned(), new);
}

/// Takes away what stands at `path`.
pub fn take(value: &mut Value, path: &[&str]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(value, |value, key| value.get_mut(*key))?;
    parent.as_object_mut()?.remove(*last)
}

/// Puts `new` at `path`, or takes away what is there when `new` is nothing.
pub fn set(value: &mut Value, path: &[&str], new: Option<Value>) {
    match new {
        Some(new) => put(value, path, new),
        None => drop(take(value, path)),
    }
}

/// Puts `new` at `path` unless something other than null is there already.
pub fn default(value: &mut Value, path: &[&str], new: impl Into<Value>) {
    if at(value, path).is_none_or(Value::is_null) {
        put(value, path, new.into());
    }
}

/// Returns the object that `value` is, after making it one.
pub fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("made an object just above"),
    }
}

/// Returns the items of the list at `path`, to be changed.
pub fn list_mut<'a>(value: &'a mut Value, path: &[&str]) -> &'a mut [Value] {
    path.iter()
        .try_fold(value, |value, key| value.get_mut(*key))
        .and_then(Value::as_array_mut)
        .map_or(&mut [], Vec::as_mut_slice)
}

/// Returns the dotted `.spec.replicas` path of a custom resource definition as its keys.
pub fn dotted(path: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = path.trim_start_matches(['$', '.']);
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix("['") {
            let (key, after) = bracket.split_once("']").unwrap_or((bracket, ""));
            keys.push(key.to_owned());
            rest = after.trim_start_matches('.');
            continue;
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (key, after) = rest.split_at(end);
        keys.push(key.replace('\\', ""));
        rest = after.trim_start_matches('.');
    }
    keys
}

/// Returns what stands at the `path` of owned keys.
pub fn at_keys<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, key| value.get(key))
}
