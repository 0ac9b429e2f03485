//! The objects that a scenario starts from: manifests as they were written, and what is filled in where they leave something out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::ScenarioError;

/// One source of objects: a file beside the scenario, or an object written in place.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest {
    /// A YAML file, its path relative to the scenario's folder; may hold several documents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// One object, written in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<Value>,
    /// A JSON merge patch (RFC 7386) that adds what the file leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Value>,
}

/// Reads a file that a scenario names, given its path relative to the scenario's folder.
pub type Reader<'a> = &'a dyn Fn(&str) -> Result<String, std::io::Error>;

impl Manifest {
    /// Replaces a named file by the objects in it, each with the fill applied.
    ///
    /// # Errors
    /// When the file can't be read or isn't YAML, or when the entry names none or two sources.
    pub fn resolve(self, path: &str, read: Reader<'_>) -> Result<Vec<Self>, ScenarioError> {
        let objects = match (&self.file, &self.object) {
            (Some(file), None) => documents(file, read)?,
            (None, Some(object)) => vec![object.clone()],
            _ => {
                return Err(ScenarioError::field(path, "must have either `file` or `object`"));
            }
        };
        if self.fill.is_some() && objects.len() != 1 {
            let why = format!("has `fill`, but the file holds {} objects; fill one object at a time", objects.len());
            return Err(ScenarioError::field(path, why));
        }
        let finish = |mut object: Value| {
            if let Some(fill) = &self.fill {
                json_patch::merge(&mut object, fill);
            }
            check_object(path, &object)?;
            Ok(Self { object: Some(object), ..Self::default() })
        };
        objects.into_iter().map(finish).collect()
    }
}

fn documents(file: &str, read: Reader<'_>) -> Result<Vec<Value>, ScenarioError> {
    let text = read(file).map_err(|source| ScenarioError::Read { path: file.to_owned(), source })?;
    let objects: Vec<Value> = serde_saphyr::from_multiple(&text)
        .map_err(|source| ScenarioError::Yaml { path: file.to_owned(), source: Box::new(source) })?;
    Ok(objects.into_iter().filter(|object| !object.is_null()).collect())
}

fn check_object(path: &str, object: &Value) -> Result<(), ScenarioError> {
    for pointer in ["/apiVersion", "/kind", "/metadata/name"] {
        if object.pointer(pointer).and_then(Value::as_str).is_none_or(str::is_empty) {
            let field = pointer.trim_start_matches('/').replace('/', ".");
            return Err(ScenarioError::field(path, format!("is no Kubernetes object: it has no {field}")));
        }
    }
    Ok(())
}
