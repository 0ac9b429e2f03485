//! What the schema of a registered kind does to an object: unknown fields go, defaults come, faults are named.

mod validate;

use serde_json::{Map, Value};

pub use self::validate::validate;

use super::json::text;

/// Tells whether the place keeps fields that the schema doesn't know.
fn preserves(schema: &Value) -> bool {
    schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}

/// Takes away what the schema doesn't know, and returns the paths of it.
pub fn prune(object: &mut Value, schema: &Value) -> Vec<String> {
    let mut dropped = Vec::new();
    if let Some(map) = object.as_object_mut() {
        prune_map(map, schema, &mut Path::root(), &mut dropped, &["apiVersion", "kind", "metadata"]);
    }
    dropped
}

/// Puts the defaults of the schema where nothing is said.
pub fn fill(value: &mut Value, schema: &Value) {
    match value {
        Value::Object(map) => {
            for (key, schema) in properties(schema) {
                fill_field(map, key, schema);
            }
            if let Some(schema) = schema.get("additionalProperties").filter(|schema| schema.is_object()) {
                let free = map.iter_mut().filter(|(key, _)| !is_property(schema, key));
                for (_, value) in free {
                    fill(value, schema);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for item in items {
                    fill(item, schema);
                }
            }
        }
        _ => {}
    }
}

fn fill_field(map: &mut Map<String, Value>, key: &str, schema: &Value) {
    let default = schema.get("default");
    let nullable = schema.get("nullable") == Some(&Value::Bool(true));
    match map.get_mut(key) {
        Some(Value::Null) if !nullable => match default {
            Some(default) => drop(map.insert(key.to_owned(), default.clone())),
            None => drop(map.remove(key)),
        },
        Some(value) => fill(value, schema),
        None => {
            if let Some(default) = default {
                let mut value = default.clone();
                fill(&mut value, schema);
                map.insert(key.to_owned(), value);
            }
        }
    }
}

fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}

fn is_property(schema: &Value, key: &str) -> bool {
    schema.get("properties").is_some_and(|properties| properties.get(key).is_some())
}

/// The path of a place, written as field errors write it.
#[derive(Debug)]
pub(super) struct Path {
    text: String,
}

impl Path {
    pub(super) fn root() -> Self {
        Self { text: String::new() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Runs `inside` with the path of the field `key`.
    pub(super) fn field<T>(&mut self, key: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.text.len();
        if !self.text.is_empty() {
            self.text.push('.');
        }
        self.text.push_str(key);
        let result = inside(self);
        self.text.truncate(length);
        result
    }

    /// Runs `inside` with the path of the item at `place`.
    pub(super) fn item<T>(&mut self, place: &str, inside: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.text.len();
        self.text.push('[');
        self.text.push_str(place);
        self.text.push(']');
        let result = inside(self);
        self.text.truncate(length);
        result
    }
}

fn prune_value(value: &mut Value, schema: &Value, path: &mut Path, dropped: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            let embedded = schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true));
            let keep: &[&str] = if embedded { &["apiVersion", "kind", "metadata"] } else { &[] };
            prune_map(map, schema, path, dropped, keep);
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else {
                return;
            };
            for (place, item) in items.iter_mut().enumerate() {
                path.item(&place.to_string(), |path| {
                    prune_value(item, schema, path, dropped);
                });
            }
        }
        _ => {}
    }
}

fn prune_map(map: &mut Map<String, Value>, schema: &Value, path: &mut Path, dropped: &mut Vec<String>, keep: &[&str]) {
    let free = schema.get("additionalProperties");
    let all = preserves(schema) || free == Some(&Value::Bool(true));
    let declared = schema.get("properties");
    let of = |key: &str| declared.and_then(|declared| declared.get(key)).or(free.filter(|free| free.is_object()));
    map.retain(|key, _| {
        let known = all || keep.contains(&key.as_str()) || of(key).is_some();
        if !known {
            dropped.push(path.field(key, |path| path.text().to_owned()));
        }
        known
    });
    for (key, value) in map {
        if keep.contains(&key.as_str()) {
            continue;
        }
        if let Some(schema) = of(key) {
            path.field(key, |path| prune_value(value, schema, path, dropped));
        }
    }
}

/// Returns the type that the schema asks for; empty when any will do.
fn kind_of(schema: &Value) -> &str {
    text(schema, &["type"])
}
