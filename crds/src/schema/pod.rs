//! Pod templates, Jobs and selectors: what the CRD has to know of them, and no more.
//!
//! A full copy of the pod schema would make each CRD several times larger, and would drop the fields of tomorrow. What
//! merging needs is here: which lists are maps, and by which keys. All else is kept as it is. The defaults are those of
//! Argo's CRDs that a pod-template hash depends on.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Value, json};

/// Makes a type that stands for a hand-written schema.
macro_rules! schema {
    ($(#[$doc:meta])* $name:ident = $schema:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                Schema::try_from($schema).unwrap_or_default()
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

schema!(
    /// A label selector.
    Selector = selector()
);

schema!(
    /// The selector of a Rollout, which cannot change.
    RolloutSelector = with(
        selector(),
        "x-kubernetes-validations",
        json!([{ "rule": "self == oldSelf", "message": ".spec.selector is immutable" }]),
    )
);

schema!(
    /// A pod template.
    PodTemplate = pod_template()
);

schema!(
    /// Labels and annotations of a Job.
    JobMetadata = metadata()
);

schema!(
    /// The specification of a Job.
    JobSpec = open(json!({ "template": pod_template() }))
);

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    if let Some(members) = schema.as_object_mut() {
        members.insert(key.to_owned(), value);
    }
    schema
}

fn selector() -> Value {
    json!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": { "type": "object", "additionalProperties": { "type": "string" } },
            "matchExpressions": {
                "type": "array",
                "x-kubernetes-list-type": "atomic",
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": { "type": "string" },
                        "operator": { "type": "string" },
                        "values": { "type": "array", "x-kubernetes-list-type": "atomic", "items": { "type": "string" } },
                    },
                },
            },
        },
    })
}

/// An object with these properties and whatever else it has.
#[allow(clippy::needless_pass_by_value, reason = "schemas are built from the inside out")]
fn open(properties: Value) -> Value {
    json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true, "properties": properties })
}

/// A list whose items are told apart by these keys.
fn map_list(keys: &[&str], properties: Value) -> Value {
    let required: Vec<&str> = keys
        .iter()
        .filter(|key| properties.get(**key).is_some_and(|property| property.get("x-default").is_none()))
        .copied()
        .collect();
    let mut items = open(properties);
    if !required.is_empty() {
        items = with(items, "required", json!(required));
    }
    json!({ "type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys, "items": items })
}

/// A list whose items are told apart by their name.
fn named_list() -> Value {
    map_list(&["name"], json!({ "name": { "type": "string" } }))
}

fn metadata() -> Value {
    let words = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    open(json!({ "labels": words, "annotations": words }))
}

fn pod_template() -> Value {
    let text = json!({ "type": "string" });
    open(json!({
        "metadata": metadata(),
        "spec": open(json!({
            "containers": containers(),
            "initContainers": containers(),
            "ephemeralContainers": containers(),
            "nodeSelector": { "type": "object", "additionalProperties": text },
            "hostAliases": map_list(&["ip"], json!({ "ip": text })),
            "imagePullSecrets": map_list(&["name"], json!({ "name": { "type": "string", "x-default": "" } })),
            "resourceClaims": named_list(),
            "resources": resources(),
            "schedulingGates": named_list(),
            "topologySpreadConstraints": map_list(
                &["topologyKey", "whenUnsatisfiable"],
                json!({ "topologyKey": text, "whenUnsatisfiable": text }),
            ),
        })),
    }))
}

fn resources() -> Value {
    open(json!({ "claims": named_list() }))
}

fn containers() -> Value {
    let text = json!({ "type": "string" });
    let words = json!({ "type": "array", "items": text });
    map_list(
        &["name"],
        json!({
            "name": text,
            "image": text,
            // Where YAML most often gives a number or a flag that must be a string.
            "command": words,
            "args": words,
            "env": map_list(&["name"], json!({ "name": text, "value": text, "valueFrom": value_from() })),
            "ports": map_list(
                &["containerPort", "protocol"],
                json!({
                    "containerPort": { "type": "integer", "format": "int32" },
                    "protocol": { "type": "string", "x-default": "TCP" },
                }),
            ),
            "resources": resources(),
            "volumeMounts": map_list(&["mountPath"], json!({ "mountPath": text })),
            "volumeDevices": map_list(&["devicePath"], json!({ "devicePath": text })),
            "livenessProbe": probe(),
            "readinessProbe": probe(),
            "startupProbe": probe(),
        }),
    )
}

fn probe() -> Value {
    open(json!({ "grpc": open(json!({ "service": { "type": "string", "x-default": "" } })) }))
}

fn value_from() -> Value {
    open(json!({ "fileKeyRef": open(json!({ "optional": { "type": "boolean", "x-default": false } })) }))
}
