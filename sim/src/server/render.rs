//! Writes answers in the form that the caller accepts: whole objects, their metadata, or a table for people.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, json};

use super::{
    convert,
    json::{at, put},
    kind::{GroupVersion, Kind},
    refusal::Refusal,
    table,
};
use jiff::Timestamp;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Whole objects.
    Object,
    /// `PartialObjectMetadata`.
    Metadata,
    /// A Table whose rows carry metadata, whole objects or nothing.
    Table(Include),
}

/// What a row of a table carries of its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// Its metadata.
    Metadata,
    /// All of it.
    Object,
    /// Nothing.
    None,
}

impl Form {
    /// Reads the `Accept` header and the `includeObject` parameter.
    ///
    /// # Errors
    /// 406 when nothing that can be written is accepted.
    pub fn read(accept: &str, include: &str) -> Result<Self, Refusal> {
        if accept.trim().is_empty() {
            return Ok(Self::Object);
        }
        for part in accept.split(',') {
            let mut words = part.split(';').map(str::trim);
            let media = words.next().unwrap_or_default();
            if !matches!(media, "application/json" | "*/*" | "application/*") {
                continue;
            }
            let form = words.find_map(|word| word.strip_prefix("as="));
            match form {
                None => return Ok(Self::Object),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList") => {
                    return Ok(Self::Metadata);
                }
                Some("Table") => {
                    return Ok(Self::Table(match include {
                        "Object" => Include::Object,
                        "None" => Include::None,
                        _ => Include::Metadata,
                    }));
                }
                Some(_) => {}
            }
        }
        let message = "only the following media types are accepted: application/json";
        Err(Refusal::new(406, "NotAcceptable", message))
    }
}

/// What an answer is written with.
#[derive(Clone, Debug)]
pub struct ResponseFormat {
    /// The kind of the objects.
    pub kind: Arc<Kind>,
    /// The version in which they are shown.
    pub version: GroupVersion,
    /// The form.
    pub form: Form,
    /// The time, for ages.
    pub now: Timestamp,
}

/// The metadata of a list.
#[derive(Clone, Debug, Default)]
pub struct ListMeta {
    /// The version that the list shows.
    pub revision: u64,
    /// Where the next page begins.
    pub next: Option<String>,
    /// How many more there are.
    pub remaining: Option<usize>,
}

impl ListMeta {
    fn value(&self) -> Value {
        let mut meta = json!({"resourceVersion": self.revision.to_string()});
        if let Some(next) = &self.next {
            put(&mut meta, &["continue"], next.clone().into());
        }
        if let Some(remaining) = self.remaining {
            put(&mut meta, &["remainingItemCount"], remaining.into());
        }
        meta
    }
}

impl ResponseFormat {
    /// Writes one object.
    pub fn object(&self, object: &Arc<Value>) -> Bytes {
        match self.form {
            Form::Object => bytes(&*convert::present(&self.kind, object, &self.version)),
            Form::Metadata => bytes(&metadata(object)),
            Form::Table(_) => bytes(&self.table(std::slice::from_ref(object), &revision_of(object), true)),
        }
    }

    /// Writes a list of objects.
    pub fn list(&self, objects: &[Arc<Value>], meta: &ListMeta) -> Bytes {
        match self.form {
            Form::Object => {
                let shown: Vec<Arc<Value>> =
                    objects.iter().map(|object| convert::present(&self.kind, object, &self.version)).collect();
                let bare = self.kind.builtin().is_some();
                bytes(&List {
                    kind: &self.kind.names.list,
                    api_version: self.version.api_version(),
                    metadata: meta.value(),
                    items: shown.iter().map(|object| Item { object, bare }).collect(),
                })
            }
            Form::Metadata => bytes(&json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": meta.value(),
                "items": objects.iter().map(|object| metadata(object)).collect::<Vec<_>>(),
            })),
            Form::Table(_) => bytes(&self.table(objects, &meta.value(), true)),
        }
    }

    /// Writes the object of a watch event; a table names its columns in the `first` one only.
    pub fn event(&self, object: &Arc<Value>, first: bool) -> Value {
        match self.form {
            Form::Object => (*convert::present(&self.kind, object, &self.version)).clone(),
            Form::Metadata => metadata(object),
            Form::Table(_) => self.table(std::slice::from_ref(object), &revision_of(object), first),
        }
    }

    fn shown(&self, object: &Arc<Value>) -> Arc<Value> {
        convert::present(&self.kind, object, &self.version)
    }

    /// Writes a line of a watch.
    pub fn line(&self, kind: &str, object: &Arc<Value>, first: bool) -> Bytes {
        let line = if self.form == Form::Object {
            let object = self.shown(object);
            serde_json::to_vec(&Line { kind, object: &object })
        } else {
            serde_json::to_vec(&Line { kind, object: &self.event(object, first) })
        };
        let mut line = line.unwrap_or_default();
        line.push(b'\n');
        line.into()
    }

    fn table(&self, objects: &[Arc<Value>], meta: &Value, head: bool) -> Value {
        let include = match self.form {
            Form::Table(include) => include,
            _ => Include::Metadata,
        };
        let rows: Vec<Value> = objects
            .iter()
            .map(|object| {
                let mut row = json!({"cells": table::cells(&self.kind, object, self.now)});
                let carried = match include {
                    Include::Metadata => Some(metadata(object)),
                    Include::Object => Some((*self.shown(object)).clone()),
                    Include::None => None,
                };
                if let Some(carried) = carried {
                    put(&mut row, &["object"], carried);
                }
                row
            })
            .collect();
        let columns = if head { table::columns(&self.kind) } else { Value::Null };
        json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": columns, "rows": rows,
        })
    }
}

#[derive(Serialize)]
struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    object: &'a Value,
}

#[derive(Serialize)]
struct List<'a> {
    kind: &'a str,
    #[serde(rename = "apiVersion")]
    api_version: String,
    metadata: Value,
    items: Vec<Item<'a>>,
}

/// An item of a list; the server's own kinds leave their type to the list.
struct Item<'a> {
    object: &'a Value,
    bare: bool,
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.object.as_object().filter(|_| self.bare) {
            None => self.object.serialize(serializer),
            Some(object) => {
                let mut map = serializer.serialize_map(None)?;
                for (key, value) in object.iter().filter(|(key, _)| !matches!(key.as_str(), "kind" | "apiVersion")) {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

fn revision_of(object: &Value) -> Value {
    json!({"resourceVersion": at(object, &["metadata", "resourceVersion"])})
}

fn metadata(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.get("metadata")})
}

/// Writes JSON; what can't be written is an empty answer.
pub fn bytes(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value).unwrap_or_default().into()
}
