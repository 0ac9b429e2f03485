//! The table of refused and accepted specs, as `refused.yaml` beside it says: one reading for those who check its form and for
//! those who play it on a real API server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The table.
#[derive(Deserialize)]
pub struct Table {
    /// A sound object of each kind.
    pub bases: BTreeMap<String, Value>,
    /// The rows.
    pub cases: Vec<Case>,
}

/// One row.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub kind: Option<String>,
    pub patch: Option<Value>,
    pub object: Option<Value>,
    pub repeat: Option<Repeat>,
    pub update: Option<Value>,
    pub refused: Option<String>,
    #[serde(default)]
    pub accepted: bool,
    pub keeps: Option<Keeps>,
}

/// An item that stands many times at a place.
#[derive(Deserialize)]
pub struct Repeat {
    pub path: String,
    pub item: Value,
    pub times: usize,
}

/// What must stand at a place after creating.
#[derive(Deserialize)]
pub struct Keeps {
    pub path: String,
    pub value: Value,
}

impl Table {
    /// Reads the table.
    ///
    /// # Errors
    /// Where it is not well formed.
    pub fn read() -> Result<Self, String> {
        serde_saphyr::from_str(include_str!("../refused.yaml")).map_err(|error| error.to_string())
    }
}

impl Case {
    /// The object that is sent.
    ///
    /// # Errors
    /// When the row names no object, or no place to repeat at.
    pub fn object(&self, bases: &BTreeMap<String, Value>) -> Result<Value, String> {
        let base = self.kind.as_ref().and_then(|kind| bases.get(kind));
        let mut object = self.object.as_ref().or(base).ok_or("neither a kind nor an object")?.clone();
        if let Some(patch) = &self.patch {
            json_patch::merge(&mut object, patch);
        }
        if let Some(Repeat { path, item, times }) = &self.repeat {
            *object.pointer_mut(path).ok_or("no place to repeat at")? = vec![item.clone(); *times].into();
        }
        Ok(object)
    }
}
