//! As much of the `OpenAPI` documents as kubectl needs to patch and to apply.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Map, Value, json};

use super::kind::{GroupVersion, Kind};

type Groups = BTreeMap<String, BTreeMap<String, Vec<Arc<Kind>>>>;

/// Returns the (empty) document of version 2; kubectl falls back to it and finds that nothing is checked there.
pub fn v2() -> Value {
    json!({"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1.36.0"}, "paths": {}, "definitions": {}})
}

/// Returns the list of the documents of version 3.
pub fn index(groups: &Groups) -> Value {
    let mut paths = Map::new();
    for (group, versions) in groups {
        for version in versions.keys() {
            let path = base(group, version).trim_start_matches('/').to_owned();
            paths.insert(path.clone(), json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash=0")}));
        }
    }
    json!({"paths": paths})
}

fn base(group: &str, version: &str) -> String {
    if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") }
}

/// Returns the document of one group and version: each kind with its schema, and what its patches take.
pub fn v3(groups: &Groups, group: &str, version: &str) -> Option<Value> {
    let kinds = groups.get(group)?.get(version)?;
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for kind in kinds {
        let place = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("{}{place}/{}/{{name}}", base(group, version), kind.names.plural);
        let of = json!({"group": group, "version": version, "kind": kind.names.kind});
        paths.insert(path, operations(&of));
        let mut schema = kind.schema().cloned().unwrap_or_else(|| json!({"type": "object"}));
        super::json::put(&mut schema, &["x-kubernetes-group-version-kind"], json!([of]));
        let name = GroupVersion::new(group, version).api_version().replace('/', ".");
        schemas.insert(format!("{name}.{}", kind.names.kind), schema);
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.36.0"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

fn operations(of: &Value) -> Value {
    let parameter =
        |name: &str| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}});
    let parameters: Vec<Value> = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter).into();
    json!({
        "get": {"x-kubernetes-action": "get", "x-kubernetes-group-version-kind": of, "responses": {}},
        "patch": {
            "x-kubernetes-action": "patch", "x-kubernetes-group-version-kind": of, "parameters": parameters,
            "responses": {},
        },
    })
}
