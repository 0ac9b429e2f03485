//! The scale subresource: the number of replicas, whatever the kind.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Done, Order, update};
use crate::server::{
    Inner,
    json::{at, at_keys, integer, put, text},
    kind::Kind,
    refusal::{Cause, Refusal},
    select::Selector,
};

/// Returns the Scale object that stands for `object`.
///
/// # Errors
/// 404 when the kind has no scale subresource.
pub fn scale_of(kind: &Kind, object: &Value) -> Result<Value, Refusal> {
    let paths = kind.subresources.scale.as_ref().ok_or_else(|| Refusal::of_code(404))?;
    let number = |path: &[String]| at_keys(object, path).and_then(Value::as_i64).unwrap_or_default();
    let selector = match at_keys(object, &paths.selector) {
        Some(Value::String(text)) => text.clone(),
        Some(selector) => Selector::of_object(selector).to_text(),
        None => String::new(),
    };
    let mut metadata = Map::new();
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = at(object, &["metadata", field]) {
            metadata.insert(field.to_owned(), value.clone());
        }
    }
    let mut status = json!({"replicas": number(&paths.seen)});
    if !selector.is_empty() {
        put(&mut status, &["selector"], selector.into());
    }
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata,
        "spec": {"replicas": number(&paths.wished)}, "status": status,
    }))
}

/// Writes the wished number of `scale` into `existing`; the object answered is the Scale.
pub fn replace(inner: &Inner, order: &Order, existing: &Arc<Value>, scale: &Value) -> Result<Done, Refusal> {
    let kind = &order.target.kind;
    let paths = kind.subresources.scale.as_ref().ok_or_else(|| Refusal::of_code(404))?;
    let wished = integer(scale, &["spec", "replicas"]).unwrap_or_default();
    if wished < 0 && kind.builtin().is_some() {
        let cause = Cause::invalid("spec.replicas", &wished.into(), "must be greater than or equal to 0");
        let name = &order.target.name;
        return Err(Refusal::other_kind("Scale", name, "autoscaling", &cause));
    }
    let mut object = (**existing).clone();
    let version = text(scale, &["metadata", "resourceVersion"]);
    if !version.is_empty() {
        put(&mut object, &["metadata", "resourceVersion"], version.into());
    }
    let path: Vec<&str> = paths.wished.iter().map(String::as_str).collect();
    put(&mut object, &path, wished.into());
    let done = update::replace(inner, order, existing, object, None)?;
    Ok(Done { object: Arc::new(scale_of(kind, &done.object)?), ..done })
}
