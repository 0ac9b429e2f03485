//! How the parts of an object are owned and merged: which lists have keys, which maps are one piece.

use serde_json::{Map, Value};

use crate::server::{json::text, kind::Kind};

/// How a list is owned and merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListKind<'a> {
    /// As one piece.
    Atomic,
    /// Item by item, by value.
    Set,
    /// Item by item, by the fields named.
    Keyed(Vec<&'a str>),
}

#[derive(Clone, Copy, Debug)]
enum Source<'a> {
    /// The `OpenAPI` schema of this place.
    Schema(&'a Value),
    /// Nothing is declared here.
    Free,
    /// A kind of the server's own, known by the names of its fields.
    Native,
}

/// How deep a place is, as far as it matters to what nobody owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Root,
    Metadata,
    Below,
}

/// The rules of one place in an object.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    source: Source<'a>,
    field: &'a str,
    level: Level,
}

impl<'a> Shape<'a> {
    /// Returns the rules of the whole object.
    pub fn of(kind: &'a Kind) -> Self {
        let source = kind.schema().map_or(Source::Native, Source::Schema);
        Self { source, field: "", level: Level::Root }
    }

    /// Returns the rules of one of the server's own kinds.
    pub fn native() -> Self {
        Self { source: Source::Native, field: "", level: Level::Root }
    }

    /// Returns the rules of the field `key`.
    pub fn child(self, key: &'a str) -> Self {
        let source = match self.source {
            Source::Schema(_) if self.level == Level::Root && key == "metadata" => Source::Native,
            Source::Schema(schema) => {
                let declared = schema.get("properties").and_then(|properties| properties.get(key));
                let declared = declared.or_else(|| schema.get("additionalProperties").filter(|any| any.is_object()));
                declared.map_or(Source::Free, Source::Schema)
            }
            other => other,
        };
        let level = if self.level == Level::Root && key == "metadata" { Level::Metadata } else { Level::Below };
        Self { source, field: key, level }
    }

    /// Tells whether the field `key` of this place is nobody's, because the server itself writes it.
    pub fn unowned(self, key: &str) -> bool {
        match self.level {
            Level::Root => matches!(key, "apiVersion" | "kind"),
            Level::Metadata => matches!(
                key,
                "name"
                    | "namespace"
                    | "creationTimestamp"
                    | "selfLink"
                    | "uid"
                    | "generation"
                    | "managedFields"
                    | "resourceVersion"
                    | "deletionTimestamp"
                    | "deletionGracePeriodSeconds"
            ),
            Level::Below => false,
        }
    }

    /// Returns the rules of the items of a list.
    pub fn item(self) -> Self {
        let source = match self.source {
            Source::Schema(schema) => schema.get("items").map_or(Source::Free, Source::Schema),
            other => other,
        };
        // An owner is named as one piece.
        let field = if self.field == "ownerReferences" { "ownerReference" } else { "" };
        Self { source, field, level: Level::Below }
    }

    /// Tells how the list at this place is owned.
    pub fn list(self, items: &[Value]) -> ListKind<'a> {
        match self.source {
            Source::Free => ListKind::Atomic,
            Source::Native => native_list(self.field, items),
            Source::Schema(schema) => match text(schema, &["x-kubernetes-list-type"]) {
                "set" => ListKind::Set,
                "map" => {
                    let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array);
                    ListKind::Keyed(keys.into_iter().flatten().filter_map(Value::as_str).collect())
                }
                _ => ListKind::Atomic,
            },
        }
    }

    /// Tells whether the map at this place is one piece.
    pub fn atomic_map(self) -> bool {
        match self.source {
            Source::Free => false,
            Source::Native => matches!(
                self.field,
                "selector"
                    | "nodeSelector"
                    | "secretKeyRef"
                    | "configMapKeyRef"
                    | "fieldRef"
                    | "resourceFieldRef"
                    | "labelSelector"
                    | "ownerReference"
                    | "involvedObject"
                    | "claimRef"
                    | "targetRef"
            ),
            Source::Schema(schema) => text(schema, &["x-kubernetes-map-type"]) == "atomic",
        }
    }

    /// Tells whether the place is there even in an empty object: metadata, and what Go types hold by value.
    pub fn always_there(self) -> bool {
        let by_value = matches!(self.field, "spec" | "status" | "template" | "strategy" | "containers" | "metadata");
        self.level == Level::Metadata || (by_value && matches!(self.source, Source::Native))
    }

    /// Tells whether the map at this place has its fields declared, rather than free keys.
    pub fn structured(self) -> bool {
        match self.source {
            Source::Free => false,
            Source::Native => {
                !matches!(self.field, "labels" | "annotations" | "data" | "binaryData" | "limits" | "requests")
            }
            Source::Schema(schema) => schema.get("properties").is_some(),
        }
    }
}

fn native_list<'a>(field: &str, items: &[Value]) -> ListKind<'a> {
    let has = |key: &str| items.first().is_some_and(|item| item.get(key).is_some());
    let keys: &[&str] = match field {
        "finalizers" => return ListKind::Set,
        "containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets" => &["name"],
        "ports" if has("containerPort") => &["containerPort", "protocol"],
        "ports" if has("port") => &["port", "protocol"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "conditions" => &["type"],
        "ownerReferences" => &["uid"],
        "hostAliases" | "podIPs" | "hostIPs" => &["ip"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "addresses" if has("type") => &["type"],
        _ => return ListKind::Atomic,
    };
    ListKind::Keyed(keys.to_vec())
}

/// Returns the name by which an item of a keyed list is owned, such as `k:{"name":"web"}`.
pub fn item_name(item: &Value, keys: &[&str]) -> String {
    let mut name = Map::new();
    for key in keys {
        match item.get(*key) {
            Some(value) => drop(name.insert((*key).to_owned(), value.clone())),
            None if *key == "protocol" => drop(name.insert("protocol".to_owned(), "TCP".into())),
            None => {}
        }
    }
    format!("k:{}", Value::Object(name))
}
