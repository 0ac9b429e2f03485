//! Decoding of raw JSON into our types, with the path of what does not fit.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Something in an object that is wrong: where, what it says, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// JSON path, such as `spec.strategy.canary.steps[2].setWeight`.
    pub path: String,
    /// What stands there, cut to a readable length; empty if nothing does.
    pub value: String,
    /// The whole sentence, with path and value.
    pub message: String,
}

/// Longest text of a value that a fault shows, in characters.
const SHOWN: usize = 120;

impl Fault {
    /// A fault whose sentence is `<path> is <value>; <rule>`, or `<path> is missing; <rule>` where nothing stands.
    pub fn new(path: impl Into<String>, value: Option<&dyn std::fmt::Display>, rule: &str) -> Self {
        let path = path.into();
        let value = value.map(|value| shorten(&value.to_string()));
        let message = match &value {
            Some(value) if value.is_empty() => format!("{path} is empty; {rule}"),
            Some(value) => format!("{path} is {value}; {rule}"),
            None => format!("{path} is missing; {rule}"),
        };
        Self { path, value: value.unwrap_or_default(), message }
    }

    /// A fault whose sentence is `<path> <rule>`.
    pub fn saying(path: impl Into<String>, rule: &str) -> Self {
        let path = path.into();
        let message = format!("{path} {rule}");
        Self { path, value: String::new(), message }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The value as our type, or the place where it does not fit.
///
/// # Errors
/// A fault with the path of the first field that does not fit.
#[allow(clippy::needless_pass_by_value, reason = "the twin of decode_tolerantly, which edits the value")]
pub fn decode<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    serde_path_to_error::deserialize(&value).map_err(|error| fault(&value, &error))
}

/// Most fields that [`decode_tolerantly`] drops before it gives up on an object.
const MOST_DROPPED: usize = 64;

/// The value as our type without the fields that do not fit, and a fault for each of those.
///
/// One malformed object must neither break a watch nor hide the rest of itself.
///
/// # Errors
/// A fault if nothing can be made of it even so.
pub fn decode_tolerantly<T: DeserializeOwned>(mut value: Value) -> Result<(T, Vec<Fault>), Fault> {
    let mut faults = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize(&value) {
            Ok(decoded) => return Ok((decoded, faults)),
            Err(error) => error,
        };
        let fault = fault(&value, &error);
        if faults.len() >= MOST_DROPPED || !remove(&mut value, error.path()) {
            return Err(fault);
        }
        faults.push(fault);
    }
}

fn fault(value: &Value, error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let path = error.path().to_string();
    let found = find(value, error.path()).map(ToString::to_string);
    match found {
        Some(found) => Fault::new(path, Some(&found), &error.inner().to_string()),
        None => Fault::saying(path, &format!("cannot be read: {}", error.inner())),
    }
}

fn find<'a>(value: &'a Value, path: &serde_path_to_error::Path) -> Option<&'a Value> {
    path.iter().try_fold(value, |at, segment| step(at, segment))
}

fn step<'a>(value: &'a Value, segment: &serde_path_to_error::Segment) -> Option<&'a Value> {
    match segment {
        serde_path_to_error::Segment::Seq { index } => value.get(index),
        serde_path_to_error::Segment::Map { key } => value.get(key),
        _ => Some(value),
    }
}

/// Removes what stands at the path; false if nothing does.
fn remove(value: &mut Value, path: &serde_path_to_error::Path) -> bool {
    let segments: Vec<_> = path
        .iter()
        .filter(|segment| {
            matches!(segment, serde_path_to_error::Segment::Seq { .. } | serde_path_to_error::Segment::Map { .. })
        })
        .collect();
    let Some((end, parents)) = segments.split_last() else {
        return false;
    };
    let parent = parents.iter().try_fold(value, |at, segment| match segment {
        serde_path_to_error::Segment::Seq { index } => at.get_mut(index),
        serde_path_to_error::Segment::Map { key } => at.get_mut(key),
        _ => None,
    });
    match (parent, end) {
        (Some(Value::Object(map)), serde_path_to_error::Segment::Map { key }) => map.remove(key).is_some(),
        (Some(Value::Array(list)), serde_path_to_error::Segment::Seq { index }) if *index < list.len() => {
            list.remove(*index);
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
