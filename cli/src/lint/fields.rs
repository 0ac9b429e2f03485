//! Fields that a kind does not have, by the schemas of the CRDs.

use std::collections::HashMap;

use serde_json::Value;
use serin_crds::decode::nearest;

/// The schemas of the kinds that are ours, by kind.
pub struct Schemas(HashMap<String, Value>);

const CRDS: [&str; 5] = [
    include_str!("../../../crds/generated/rollouts.yaml"),
    include_str!("../../../crds/generated/analysistemplates.yaml"),
    include_str!("../../../crds/generated/clusteranalysistemplates.yaml"),
    include_str!("../../../crds/generated/analysisruns.yaml"),
    include_str!("../../../crds/generated/experiments.yaml"),
];

impl Schemas {
    /// Reads them.
    pub fn read() -> Self {
        let schema = |text: &&str| {
            let crd: Value = serde_saphyr::from_str(text).ok()?;
            let kind = crd.pointer("/spec/names/kind")?.as_str()?.to_owned();
            Some((kind, crd.pointer("/spec/versions/0/schema/openAPIV3Schema")?.clone()))
        };
        Self(CRDS.iter().filter_map(schema).collect())
    }

    /// Paths of fields that the kind of this object does not have, each with the one that was probably meant.
    pub fn unknown(&self, object: &Value) -> Vec<(String, Option<String>)> {
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        let mut found = Vec::new();
        if let Some(schema) = self.0.get(kind) {
            walk(object, schema, "", &mut found);
        }
        found
    }
}

fn walk(value: &Value, schema: &Value, path: &str, found: &mut Vec<(String, Option<String>)>) {
    // Metadata is the API server's own; where a schema names no fields, it takes any.
    if path == "metadata" || schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        return;
    }
    match value {
        Value::Object(fields) => {
            let known = schema.get("properties").and_then(Value::as_object);
            let any = schema.get("additionalProperties");
            for (name, value) in fields {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match (known.and_then(|known| known.get(name)), any, known) {
                    (Some(schema), ..) | (None, Some(schema), _) => walk(value, schema, &inner, found),
                    (None, None, Some(known)) => {
                        found.push((inner, nearest(known.keys().map(String::as_str), name).map(str::to_owned)));
                    }
                    (None, None, None) => {}
                }
            }
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter().enumerate() {
                walk(item, schema, &format!("{path}[{index}]"), found);
            }
        }
        _ => {}
    }
}
