//! Shapes an object to its kind: drops what is unknown, fills in what is left out, and names what is wrong.

use serde_json::{Map, Value};

use super::{Order, Unknown, rules};
use crate::server::{
    builtin::Builtin,
    defaults::quantities,
    journal::Verb,
    json::{at, text},
    kind::{Custom, Kind, Origin},
    refusal::{Cause, Refusal},
    schema,
};

/// What of an object is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    Whole,
    /// All but its status.
    Main,
    /// Its status.
    Status,
}

/// Drops what is unknown, as reading the request does, and returns the warnings.
///
/// Parts that are as in `existing` have been through this before and are left alone.
pub fn decode(order: &Order, object: &mut Value, existing: Option<&Value>) -> Result<Vec<String>, Refusal> {
    let kind = &order.target.kind;
    let mut unknown = tidy_metadata(kind, object)?;
    let known = set_aside(object, existing);
    unknown.extend(match &kind.origin {
        Origin::Builtin(builtin) => decode_builtin(builtin, order, object)?,
        Origin::Custom(custom) => schema::prune(object, &custom.schema),
    });
    if let Some(map) = object.as_object_mut() {
        map.extend(known);
    }
    if unknown.is_empty() {
        return Ok(Vec::new());
    }
    let said: Vec<String> = unknown.iter().map(|path| format!("unknown field {path:?}")).collect();
    match order.options.unknown {
        Unknown::Ignore => Ok(Vec::new()),
        Unknown::Warn => Ok(said),
        Unknown::Strict => Err(unreadable(order, object, &format!("strict decoding error: {}", said.join(", ")))),
    }
}

fn set_aside(object: &mut Value, existing: Option<&Value>) -> Map<String, Value> {
    let mut known = Map::new();
    let (Some(existing), Some(map)) = (existing, object.as_object_mut()) else {
        return known;
    };
    for key in ["spec", "status", "data"] {
        if let Some((key, value)) = map.remove_entry(key) {
            let part = if existing.get(&key) == Some(&value) { &mut known } else { &mut *map };
            part.insert(key, value);
        }
    }
    known
}

fn unreadable(order: &Order, object: &Value, why: &str) -> Refusal {
    if order.verb == Verb::Patch {
        let shown = object.to_string();
        let message = format!(" \"\" is invalid: patch: Invalid value: {shown:?}: {why}");
        return Refusal::new(422, "Invalid", message);
    }
    let kind = &order.target.kind.names.kind;
    let version = &order.target.version.version;
    Refusal::bad_request(format!("{kind} in version {version:?} cannot be handled as a {kind}: {why}"))
}

fn decode_builtin(builtin: &Builtin, order: &Order, object: &mut Value) -> Result<Vec<String>, Refusal> {
    quantities(object);
    if let Some(wrong) = wrong_micro_time(object) {
        let why = format!("parsing time {wrong:?} as \"2006-01-02T15:04:05.000000Z07:00\"");
        return Err(unreadable(order, object, &why));
    }
    if order.options.unknown == Unknown::Ignore {
        *object = (builtin.typed)(std::mem::take(object)).map_err(|why| unreadable(order, &Value::Null, &why))?;
        return Ok(Vec::new());
    }
    let read = (builtin.typed)(object.clone()).map_err(|why| unreadable(order, object, &why))?;
    let mut lost = Vec::new();
    missing(object, &read, &mut String::new(), &mut lost);
    *object = read;
    Ok(lost)
}

/// Finds a time that must be given in microseconds and isn't.
fn wrong_micro_time(object: &Value) -> Option<&str> {
    let places: [&[&str]; 4] =
        [&["spec", "renewTime"], &["spec", "acquireTime"], &["eventTime"], &["series", "lastObservedTime"]];
    let given = places.iter().filter_map(|place| at(object, place).and_then(Value::as_str));
    let exact = |time: &str| {
        let fraction = time.split_once('.').map_or("", |(_, fraction)| fraction);
        fraction.chars().take_while(char::is_ascii_digit).count() == 6
    };
    given.into_iter().find(|time| !exact(time))
}

/// Names what stands in `before` and not in `after`.
fn missing(before: &Value, after: &Value, path: &mut String, lost: &mut Vec<String>) {
    let length = path.len();
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, value) in before.iter().filter(|(_, value)| !value.is_null()) {
                path.push_str(if length == 0 { "" } else { "." });
                path.push_str(key);
                match after.get(key) {
                    Some(kept) => missing(value, kept, path, lost),
                    None => lost.push(path.clone()),
                }
                path.truncate(length);
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (place, (before, after)) in before.iter().zip(after).enumerate() {
                path.push('[');
                path.push_str(&place.to_string());
                path.push(']');
                missing(before, after, path, lost);
                path.truncate(length);
            }
        }
        _ => {}
    }
}

const KNOWN: &[&str] = &[
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
];

/// Drops unknown and empty metadata, with the field managers (which the server keeps itself), and refuses labels and annotations that are no text.
fn tidy_metadata(kind: &Kind, object: &mut Value) -> Result<Vec<String>, Refusal> {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else {
        return Ok(Vec::new());
    };
    let dropped = metadata.keys().filter(|key| !KNOWN.contains(&key.as_str()) && *key != "managedFields");
    let dropped = dropped.map(|key| format!("metadata.{key}")).collect();
    metadata.retain(|key, value| KNOWN.contains(&key.as_str()) && !value.is_null());
    for field in ["labels", "annotations"] {
        let Some(entries) = metadata.get_mut(field) else {
            continue;
        };
        let Some(entries) = entries.as_object_mut() else {
            return Err(no_text(kind, field, entries));
        };
        if let Some(wrong) = entries.values().find(|value| !value.is_string()) {
            return Err(no_text(kind, field, wrong));
        }
    }
    metadata.retain(|key, value| {
        let empty = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
        !(empty && matches!(key.as_str(), "labels" | "annotations" | "ownerReferences" | "finalizers"))
    });
    Ok(dropped)
}

fn no_text(kind: &Kind, field: &str, wrong: &Value) -> Refusal {
    let what = match wrong {
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::Array(_) => "array",
        _ => "object",
    };
    Refusal::bad_request(format!(
        "{} in version {:?} cannot be handled as a {}: json: cannot unmarshal {what} into Go struct field \
         ObjectMeta.{field} of type string",
        kind.names.kind,
        kind.storage().version,
        kind.names.kind,
    ))
}

/// Fills in defaults and refuses what breaks the rules of the kind.
pub fn admit(kind: &Kind, object: &mut Value, part: Part) -> Result<(), Refusal> {
    let mut faults = rules::metadata(kind, object);
    match &kind.origin {
        Origin::Builtin(builtin) => {
            if part == Part::Status {
                faults.extend(rules::status(kind, object));
            } else {
                (builtin.defaults)(object);
                (builtin.begin)(object);
                faults.extend(rules::builtin(kind, object));
            }
        }
        Origin::Custom(custom) => {
            let (part_of_object, part_of_schema) = match (part, at(&custom.schema, &["properties", "status"])) {
                (Part::Status, Some(schema)) => (object.get_mut("status"), schema),
                _ => (Some(&mut *object), &custom.schema),
            };
            if let Some(part) = part_of_object {
                schema::fill(part, part_of_schema);
            }
            faults.extend(check_part(custom, object, part));
        }
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(Refusal::invalid(kind, text(object, &["metadata", "name"]), &faults))
}

/// Checks what is written; the part that stays as it was has been checked before.
fn check_part(custom: &Custom, object: &Value, part: Part) -> Vec<Cause> {
    let status = at(&custom.schema, &["properties", "status"]);
    match (part, object.get("status"), status) {
        (Part::Status, None, _) | (Part::Status, _, None) => Vec::new(),
        (Part::Status, Some(value), Some(schema)) => {
            let mut faults = schema::validate(value, schema);
            for fault in &mut faults {
                let inside = std::mem::take(&mut fault.field);
                let dot = if inside.is_empty() || inside.starts_with('[') { "" } else { "." };
                fault.field = format!("status{dot}{inside}");
            }
            faults
        }
        (Part::Whole | Part::Main, _, _) => schema::validate(object, &custom.schema),
    }
}
