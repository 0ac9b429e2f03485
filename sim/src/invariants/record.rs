//! One write as an API server saw it.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use serde_json::Value;

/// Names one object by its resource, as paths do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The plural, like `virtualservices`.
    pub resource: String,
    /// The namespace; empty for cluster-wide objects.
    pub namespace: String,
    /// The name.
    pub name: String,
}

impl Key {
    /// Names an object.
    pub fn new(resource: &str, namespace: &str, name: &str) -> Self {
        Self { resource: resource.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.resource, self.namespace, self.name)
    }
}

/// One write: who did what to which object, and how the object looked before and after.
///
/// The simulator's write log and the audit log of a real API server both turn into it. Refused writes may be there too;
/// only those answered with 2xx change anything.
#[derive(Debug, Clone)]
pub struct WriteRecord {
    /// When the server committed it.
    pub at: Timestamp,
    /// The user that the server saw.
    pub user: String,
    /// `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The object.
    pub key: Key,
    /// `status`, `scale`, `eviction`; absent for the object itself.
    pub subresource: Option<String>,
    /// The object before, where the log knows it; else the history's own copy counts.
    pub before: Option<Arc<Value>>,
    /// The object after; absent when it is gone.
    pub after: Option<Arc<Value>>,
    /// The HTTP status of the answer.
    pub code: u16,
}

impl WriteRecord {
    /// Says whether the server took the write.
    pub const fn accepted(&self) -> bool {
        self.code >= 200 && self.code < 300
    }

    /// Says whether the write went to this subresource.
    pub fn touches(&self, subresource: &str) -> bool {
        self.subresource.as_deref() == Some(subresource)
    }

    /// The version that the write made; the largest there is where it names none, as a deletion.
    pub fn version(&self) -> u64 {
        let version = self.after.as_deref().and_then(|after| after.pointer("/metadata/resourceVersion")?.as_str());
        version.and_then(|version| version.parse().ok()).unwrap_or(u64::MAX)
    }

    /// Says whether the write is one to this resource.
    pub fn is(&self, resource: &str) -> bool {
        self.key.resource == resource
    }
}

/// One call of the controller under test, when it was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// When it was made.
    pub at: Timestamp,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`.
    pub verb: String,
    /// The object; without a name for lists, watches and creates.
    pub key: Key,
    /// The version of the whole store when it was carried out.
    pub version: u64,
    /// The HTTP status; 0 when the connection broke.
    pub code: u16,
}

impl CallRecord {
    /// Says whether the call was to change something.
    pub fn writes(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb.as_str())
    }
}
