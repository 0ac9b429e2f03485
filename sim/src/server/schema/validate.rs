//! Checks an object against its schema, with the sentences of the real server.

use serde_json::Value;

use super::{Path, kind_of, preserves};
use crate::server::{json::list, refusal::Cause};

/// Returns every fault of `object`.
pub fn validate(object: &Value, schema: &Value) -> Vec<Cause> {
    let mut faults = Vec::new();
    check(object, schema, &mut Path::root(), &mut faults);
    faults
}

fn check(value: &Value, schema: &Value, path: &mut Path, faults: &mut Vec<Cause>) {
    if value.is_null() && schema.get("nullable") == Some(&Value::Bool(true)) {
        return;
    }
    if !has_type(value, schema) {
        faults.push(wrong_type(value, schema, path.text()));
        return;
    }
    one_of_values(value, schema, path.text(), faults);
    match value {
        Value::Number(_) => number(value, schema, path.text(), faults),
        Value::String(text) => string(text, schema, path.text(), faults),
        Value::Array(items) => array(items, schema, path, faults),
        Value::Object(_) => object(value, schema, path, faults),
        _ => {}
    }
    combine(value, schema, path, faults);
}

fn has_type(value: &Value, schema: &Value) -> bool {
    if schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        return value.is_string() || is_integer(value);
    }
    match kind_of(schema) {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => is_integer(value),
        "number" => value.is_number(),
        _ => !value.is_null() || preserves(schema) || kind_of(schema).is_empty(),
    }
}

/// Tells whether the value is a whole number, even when it is written `1.0`.
fn is_integer(value: &Value) -> bool {
    value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn wrong_type(value: &Value, schema: &Value, path: &str) -> Cause {
    let have = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let want = if kind_of(schema).is_empty() { "integer,string" } else { kind_of(schema) };
    Cause::mistyped(path, have, &format!("{path} in body must be of type {want}: {have:?}"))
}

fn one_of_values(value: &Value, schema: &Value, path: &str, faults: &mut Vec<Cause>) {
    let allowed = list(schema, &["enum"]);
    if allowed.is_empty() || allowed.contains(value) {
        return;
    }
    let shown: Vec<String> =
        allowed.iter().map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).collect();
    faults.push(Cause::unsupported(path, value, &shown));
}

fn number(value: &Value, schema: &Value, path: &str, faults: &mut Vec<Cause>) {
    let Some(have) = value.as_f64() else { return };
    let exclusive = |field: &str| schema.get(field) == Some(&Value::Bool(true));
    let mut fail = |words: &str, limit: &Value| {
        let limit = limit.as_f64().unwrap_or_default();
        faults.push(Cause::invalid(path, value, &format!("{path} in body should be {words} {limit}")));
    };
    if let Some(limit) = schema.get("minimum") {
        let floor = limit.as_f64().unwrap_or(f64::MIN);
        if have < floor || (exclusive("exclusiveMinimum") && have <= floor) {
            fail(if exclusive("exclusiveMinimum") { "greater than" } else { "greater than or equal to" }, limit);
        }
    }
    if let Some(limit) = schema.get("maximum") {
        let top = limit.as_f64().unwrap_or(f64::MAX);
        if have > top || (exclusive("exclusiveMaximum") && have >= top) {
            fail(if exclusive("exclusiveMaximum") { "less than" } else { "less than or equal to" }, limit);
        }
    }
}

fn limit(schema: &Value, field: &str) -> Option<usize> {
    schema.get(field).and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok())
}

fn string(text: &str, schema: &Value, path: &str, faults: &mut Vec<Cause>) {
    let value = Value::from(text);
    let length = text.chars().count();
    if let Some(least) = limit(schema, "minLength").filter(|least| length < *least) {
        faults.push(Cause::invalid(path, &value, &format!("{path} in body should be at least {least} chars long")));
    }
    if let Some(most) = limit(schema, "maxLength").filter(|most| length > *most) {
        faults.push(Cause::invalid(path, &value, &format!("may not be more than {most} bytes")));
    }
    let format = schema.get("format").and_then(Value::as_str);
    if format == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
        faults.push(Cause::invalid(path, &value, &format!("{path} in body must be of type date-time: {value}")));
    }
}

fn array(items: &[Value], schema: &Value, path: &mut Path, faults: &mut Vec<Cause>) {
    let size = items.len();
    let shown = || Value::from(items.to_vec());
    if let Some(least) = limit(schema, "minItems").filter(|least| size < *least) {
        let why = format!("{} in body should have at least {least} items", path.text());
        faults.push(Cause::invalid(path.text(), &shown(), &why));
    }
    if let Some(most) = limit(schema, "maxItems").filter(|most| size > *most) {
        let why = format!("{} in body should have at most {most} items", path.text());
        faults.push(Cause::invalid(path.text(), &shown(), &why));
    }
    unique(items, schema, path, faults);
    let Some(schema) = schema.get("items") else {
        return;
    };
    for (place, item) in items.iter().enumerate() {
        path.item(&place.to_string(), |path| check(item, schema, path, faults));
    }
}

fn unique(items: &[Value], schema: &Value, path: &mut Path, faults: &mut Vec<Cause>) {
    let keys = list(schema, &["x-kubernetes-list-map-keys"]);
    let keyed = schema.get("x-kubernetes-list-type").and_then(Value::as_str);
    let name = |item: &Value| match keyed {
        Some("map") => {
            let named =
                keys.iter().filter_map(Value::as_str).filter_map(|key| Some((key.to_owned(), item.get(key)?.clone())));
            Some(Value::Object(named.collect()))
        }
        Some("set") => Some(item.clone()),
        _ => None,
    };
    let names: Vec<Option<Value>> = items.iter().map(name).collect();
    for (place, name) in names.iter().enumerate() {
        let Some(found) = name.as_ref().filter(|_| names.iter().take(place).any(|other| other == name)) else {
            continue;
        };
        path.item(&place.to_string(), |path| {
            faults.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {found}"),
                field: path.text().to_owned(),
            });
        });
    }
}

fn object(value: &Value, schema: &Value, path: &mut Path, faults: &mut Vec<Cause>) {
    let Some(map) = value.as_object() else { return };
    for required in list(schema, &["required"]).iter().filter_map(Value::as_str) {
        if !map.contains_key(required) {
            path.field(required, |path| {
                faults.push(Cause::required(path.text(), ""));
            });
        }
    }
    if let Some(least) = limit(schema, "minProperties").filter(|least| map.len() < *least) {
        let why = format!("{} in body should have at least {least} properties", path.text());
        faults.push(Cause::invalid(path.text(), value, &why));
    }
    if let Some(most) = limit(schema, "maxProperties").filter(|most| map.len() > *most) {
        let why = format!("{} in body should have at most {most} properties", path.text());
        faults.push(Cause::invalid(path.text(), value, &why));
    }
    let declared = schema.get("properties");
    let free = schema.get("additionalProperties").filter(|free| free.is_object());
    for (key, value) in map {
        if path.text().is_empty() && matches!(key.as_str(), "apiVersion" | "kind" | "metadata") {
            continue;
        }
        if let Some(schema) = declared.and_then(|declared| declared.get(key)).or(free) {
            path.field(key, |path| check(value, schema, path, faults));
        }
    }
}

/// Checks `allOf`, `anyOf`, `oneOf` and `not`.
fn combine(value: &Value, schema: &Value, path: &mut Path, faults: &mut Vec<Cause>) {
    for part in list(schema, &["allOf"]) {
        check(value, part, path, faults);
    }
    let passing = |alternatives: &[Value], path: &mut Path| {
        let passes = |part: &&Value| {
            let mut found = Vec::new();
            check(value, part, path, &mut found);
            found.is_empty()
        };
        alternatives.iter().filter(passes).count()
    };
    let int_or_string = schema.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true));
    let (any, one) = (list(schema, &["anyOf"]), list(schema, &["oneOf"]));
    let mut failed = Vec::new();
    if !any.is_empty() && !int_or_string && passing(any, path) == 0 {
        failed.push("must validate at least one schema (anyOf)");
    }
    if !one.is_empty() && passing(one, path) != 1 {
        failed.push("must validate one and only one schema (oneOf)");
    }
    if let Some(not) = schema.get("not")
        && passing(std::slice::from_ref(not), path) == 1
    {
        failed.push("must not validate the schema (not)");
    }
    for why in failed {
        let field = path.text().to_owned();
        faults.push(Cause::invalid(&field, value, &format!("{field:?} {why}")));
    }
}
