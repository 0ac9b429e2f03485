//! The objects that Rollouts own, ready to be created.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use serin_crds::names;
use serin_crds::rollout::PodTemplateMetadata;

use crate::api::CallError;
use crate::core::role;
use crate::observe::Observation;

/// The `ReplicaSet` of the revision that the spec describes.
pub(super) fn replica_set(seen: &Observation, replicas: i64, revision: u64) -> Result<Value, CallError> {
    let s = &seen.snapshot;
    let absent = |what: &str| CallError::Unmakeable(format!("{what} is absent; a ReplicaSet can't be made without it"));
    let template = s.spec.template.clone().ok_or_else(|| absent("spec.template"))?;
    let selector = s.spec.selector.as_ref().ok_or_else(|| absent("spec.selector"))?;
    let selector = serde_json::to_value(selector).map_err(|e| CallError::Unmakeable(e.to_string()))?;
    let hash = json!(s.revision.hash);
    let selector = with(selector, "matchLabels", |labels| with(labels, names::HASH_LABEL, |_| hash.clone()));
    let template = with(template, "metadata", |metadata| {
        with(metadata, "labels", |labels| with(labels, names::HASH_LABEL, |_| hash.clone()))
    });
    let labels = template.pointer("/metadata/labels").cloned();
    let mut annotations = seen.copied_annotations();
    let role = role::metadata(s, &s.revision.hash);
    let template = avoiding(seen, with_role(template, &role), role::avoids(s));
    if !role::is_empty(&role) {
        annotations.insert(names::EPHEMERAL_METADATA_ANNOTATION.to_owned(), json!(role).to_string());
    }
    annotations.insert(names::REVISION_ANNOTATION.to_owned(), revision.to_string());
    annotations.insert(names::DESIRED_REPLICAS_ANNOTATION.to_owned(), s.desired().to_string());
    let mut spec = json!({"replicas": replicas, "selector": selector, "template": template});
    if let Some(seconds) = s.spec.min_ready_seconds {
        spec = with(spec, "minReadySeconds", |_| json!(seconds));
    }
    Ok(json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": seen.rs_name(),
            "namespace": s.id.namespace,
            "labels": labels,
            "annotations": annotations,
            "ownerReferences": [seen.owner_reference()],
        },
        "spec": spec,
    }))
}

/// A pod template whose pods avoid the nodes of another revision, as the Rollout says it.
pub(super) fn avoiding(seen: &Observation, template: Value, hash: Option<&str>) -> Value {
    let s = &seen.snapshot;
    match (&s.canary().anti_affinity, hash) {
        (Some(affinity), Some(hash)) => serin_crds::template::avoiding(&template, affinity, hash, &s.id.namespace),
        _ => template,
    }
}

/// A pod template with the labels and annotations of a role.
fn with_role(template: Value, role: &PodTemplateMetadata) -> Value {
    let added = |have: Value, more: &BTreeMap<String, String>| {
        more.iter().fold(have, |have, (key, value)| with(have, key, |_| json!(value)))
    };
    if role::is_empty(role) {
        return template;
    }
    with(template, "metadata", |metadata| {
        let metadata = with(metadata, "labels", |labels| added(labels, &role.labels));
        if role.annotations.is_empty() {
            return metadata;
        }
        with(metadata, "annotations", |annotations| added(annotations, &role.annotations))
    })
}

/// The object with one field changed; what is no object becomes one.
pub(super) fn with(object: Value, key: &str, change: impl FnOnce(Value) -> Value) -> Value {
    let mut fields = if let Value::Object(fields) = object { fields } else { Map::new() };
    let field = fields.remove(key).unwrap_or_default();
    fields.insert(key.to_owned(), change(field));
    Value::Object(fields)
}
