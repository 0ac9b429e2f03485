//! Decodes pages of lists and lines of watches, leaving the objects as text.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::runtime::key::Key;

/// A page of a list; each object is decoded on its own, so that one cannot spoil the others.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    pub metadata: PageMeta,
    #[serde(borrow, default)]
    pub items: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMeta {
    pub resource_version: String,
    #[serde(rename = "continue", default)]
    pub next: Option<String>,
}

/// One line of a watch.
pub(super) enum Event<'a> {
    /// An empty line.
    Nothing,
    /// The object was made or changed.
    Shown { at: String, object: &'a str },
    /// The object is gone.
    Removed { at: String, object: &'a str },
    /// Nothing up to this version is missing.
    Bookmark(String),
    /// The API server ends the watch.
    Failed { code: u16, message: String },
}

#[derive(Deserialize)]
struct Line<'a> {
    r#type: &'a str,
    #[serde(borrow)]
    object: &'a RawValue,
}

#[derive(Deserialize)]
struct Probe {
    #[serde(default)]
    metadata: ProbeMeta,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ProbeMeta {
    namespace: String,
    name: String,
    resource_version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Failure {
    code: u16,
    message: String,
}

/// Decodes one line.
///
/// A line that isn't an event may be a bare status: some proxies send one.
pub(super) fn read_event(line: &[u8]) -> Result<Event<'_>, serde_json::Error> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(Event::Nothing);
    }
    let Line { r#type, object } = match serde_json::from_slice(line) {
        Ok(line) => line,
        Err(error) => return bare_failure(line).ok_or(error),
    };
    let object = object.get();
    match r#type {
        "ERROR" => {
            let Failure { code, message } = serde_json::from_str(object)?;
            Ok(Event::Failed { code, message })
        }
        "BOOKMARK" => Ok(Event::Bookmark(version_of(object)?)),
        "DELETED" => Ok(Event::Removed { at: version_of(object)?, object }),
        _ => Ok(Event::Shown { at: version_of(object)?, object }),
    }
}

fn bare_failure(line: &[u8]) -> Option<Event<'static>> {
    let Failure { code, message } = serde_json::from_slice(line).ok()?;
    (code != 0).then_some(Event::Failed { code, message })
}

fn version_of(object: &str) -> Result<String, serde_json::Error> {
    Ok(serde_json::from_str::<Probe>(object)?.metadata.resource_version)
}

/// Finds the name of an object that cannot be decoded otherwise.
pub(super) fn key_of(object: &str) -> Option<Key> {
    let ProbeMeta { namespace, name, .. } = serde_json::from_str::<Probe>(object).ok()?.metadata;
    (!name.is_empty()).then(|| Key::new(&namespace, &name))
}
