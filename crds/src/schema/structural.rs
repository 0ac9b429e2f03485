//! From the schema of a Rust type to the structural schema that a CRD wants.

use serde_json::{Map, Value, json};

use super::overlay;

/// Keywords of a structural schema that are taken over as they are.
const KEPT: [&str; 18] = [
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "pattern",
    "required",
    "type",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];

/// Formats that Kubernetes checks.
const FORMATS: [&str; 3] = ["date-time", "int32", "int64"];

/// The structural schema of the type of this name.
pub(super) fn root(name: &str, schema: &Value) -> Value {
    let definitions = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    Converter { definitions }.named(name, schema)
}

struct Converter {
    definitions: Map<String, Value>,
}

impl Converter {
    /// A struct, with what the overlay says about it.
    fn named(&self, name: &str, schema: &Value) -> Value {
        let mut converted = self.convert(schema);
        overlay::apply(name, &mut converted);
        converted
    }

    fn convert(&self, schema: &Value) -> Value {
        let Some(members) = schema.as_object() else {
            // `true`: anything goes.
            return anything();
        };
        let mut converted = self.inner(members);
        if let (Some(description), Some(object)) = (members.get("description"), converted.as_object_mut()) {
            object.insert("description".to_owned(), one_line(description));
        }
        converted
    }

    fn inner(&self, members: &Map<String, Value>) -> Value {
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.definitions.get(name).map_or(json!({}), |definition| self.named(name, definition));
        }
        if let Some(choices) = members.get("anyOf").and_then(Value::as_array) {
            let value = choices.iter().find(|choice| choice.get("type") != Some(&json!("null")));
            return value.map_or(json!({}), |value| self.convert(value));
        }
        if !members.keys().any(|key| key != "description" && key != "default") {
            return anything();
        }
        let mut object: Map<String, Value> =
            KEPT.iter().filter_map(|key| Some(((*key).to_owned(), members.get(*key)?.clone()))).collect();
        if let Some(kinds) = members.get("type").and_then(Value::as_array) {
            let kind = kinds.iter().find(|kind| **kind != "null").cloned().unwrap_or_default();
            object.insert("type".to_owned(), kind);
        }
        if let Some(format) = members.get("format").filter(|format| FORMATS.iter().any(|known| *format == known)) {
            object.insert("format".to_owned(), format.clone());
        }
        if let Some(default) = members.get("x-default") {
            object.insert("default".to_owned(), default.clone());
        }
        if let Some(items) = members.get("items") {
            object.insert("items".to_owned(), self.convert(items));
        }
        self.members(members, &mut object);
        Value::Object(object)
    }

    fn members(&self, members: &Map<String, Value>, object: &mut Map<String, Value>) {
        if let Some(properties) = members.get("properties").and_then(Value::as_object) {
            let properties: Map<_, _> =
                properties.iter().map(|(name, schema)| (name.clone(), self.convert(schema))).collect();
            object.insert("properties".to_owned(), properties.into());
        }
        match members.get("additionalProperties") {
            Some(Value::Bool(true)) => {
                object.insert("x-kubernetes-preserve-unknown-fields".to_owned(), true.into());
            }
            Some(values @ Value::Object(_)) => {
                object.insert("additionalProperties".to_owned(), self.convert(values));
            }
            _ => {}
        }
    }
}

/// Raw JSON: an object, as in Argo's CRDs.
fn anything() -> Value {
    json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}

fn one_line(description: &Value) -> Value {
    let text = description.as_str().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ").into()
}
