//! Reads a custom resource definition into a kind.

use serde_json::Value;

use super::{
    json::{at, dotted, list, text},
    kind::{Column, Custom, GroupVersion, Kind, Names, Origin, ScalePaths, Subresources},
};

/// A definition that can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("custom resource definition {name:?}: {field} is missing; add it")]
pub struct CrdError {
    /// The name of the definition.
    pub name: String,
    /// The field that is missing.
    pub field: &'static str,
}

/// Reads a `CustomResourceDefinition` of `apiextensions.k8s.io/v1`.
///
/// # Errors
/// The first field that is missing.
pub fn kind(definition: &Value) -> Result<Kind, CrdError> {
    let need = |path: &[&str], field: &'static str| {
        let found = text(definition, path);
        let missing = || CrdError { name: text(definition, &["metadata", "name"]).to_owned(), field };
        if found.is_empty() { Err(missing()) } else { Ok(found.to_owned()) }
    };
    let group = need(&["spec", "group"], "spec.group")?;
    let kind = need(&["spec", "names", "kind"], "spec.names.kind")?;
    let plural = need(&["spec", "names", "plural"], "spec.names.plural")?;
    let versions = list(definition, &["spec", "versions"]);
    let storage = versions.iter().find(|version| version.get("storage") == Some(&Value::Bool(true)));
    let missing =
        CrdError { name: format!("{plural}.{group}"), field: "a version with storage: true in spec.versions" };
    let storage = storage.or(versions.first()).ok_or(missing)?;
    let others = versions.iter().filter(|version| version.get("served") != Some(&Value::Bool(false)));
    let mut served = vec![GroupVersion::new(&group, text(storage, &["name"]))];
    served.extend(others.map(|version| GroupVersion::new(&group, text(version, &["name"]))));
    let mut seen = std::collections::HashSet::new();
    served.retain(|version| seen.insert(version.clone()));
    let words = |path: &[&str]| list(definition, path).iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let names = Names {
        list: or(text(definition, &["spec", "names", "listKind"]), || format!("{kind}List")),
        singular: or(text(definition, &["spec", "names", "singular"]), || kind.to_lowercase()),
        short: words(&["spec", "names", "shortNames"]),
        categories: words(&["spec", "names", "categories"]),
        kind,
        plural,
    };
    Ok(Kind {
        id: 0,
        served,
        names,
        namespaced: text(definition, &["spec", "scope"]) != "Cluster",
        subresources: subresources(storage),
        origin: Origin::Custom(custom(storage)),
    })
}

fn or(text: &str, other: impl FnOnce() -> String) -> String {
    if text.is_empty() { other() } else { text.to_owned() }
}

fn subresources(version: &Value) -> Subresources {
    let scale = at(version, &["subresources", "scale"]).map(|scale| ScalePaths {
        wished: dotted(text(scale, &["specReplicasPath"])),
        seen: dotted(text(scale, &["statusReplicasPath"])),
        selector: dotted(text(scale, &["labelSelectorPath"])),
    });
    Subresources { status: at(version, &["subresources", "status"]).is_some(), scale }
}

fn custom(version: &Value) -> Custom {
    let column = |column: &Value| Column {
        name: text(column, &["name"]).to_owned(),
        of: text(column, &["type"]).to_owned(),
        path: text(column, &["jsonPath"]).to_owned(),
        description: text(column, &["description"]).to_owned(),
        priority: column.get("priority").and_then(Value::as_i64).unwrap_or_default(),
    };
    let field = |field: &Value| text(field, &["jsonPath"]).trim_start_matches('.').to_owned();
    Custom {
        schema: at(version, &["schema", "openAPIV3Schema"]).cloned().unwrap_or_else(free),
        columns: list(version, &["additionalPrinterColumns"]).iter().map(column).collect(),
        selectable: list(version, &["selectableFields"]).iter().map(field).collect(),
    }
}

/// The schema of a definition that has none: everything is kept.
fn free() -> Value {
    serde_json::json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}
