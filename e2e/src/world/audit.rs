//! The API server's audit log: who wrote what, and every count of calls.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::{User, WorldError};

/// One call to the API server that has been answered; a watch that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When the call arrived.
    pub received: Timestamp,
    /// When it was answered: for a write, just after it was committed.
    pub at: Timestamp,
    /// The user's name.
    pub user: String,
    /// The client's own name for itself.
    pub agent: String,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` ...
    pub verb: String,
    /// What was called, as a path with its query.
    pub uri: String,
    /// The object that was called.
    pub object: ObjectRef,
    /// The HTTP status of the answer.
    pub code: u16,
    /// What was sent and answered; null where the audit policy keeps only metadata.
    pub bodies: Bodies,
}

/// The object that a call was about; fields are empty where they don't apply.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ObjectRef {
    /// The API group; empty for the core group.
    pub api_group: String,
    /// The plural name of the kind.
    pub resource: String,
    /// The subresource.
    pub subresource: String,
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// What was sent and what was answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bodies {
    /// The object, patch or options that the client sent.
    pub request: Value,
    /// The object or status that it got.
    pub response: Value,
}

impl Record {
    /// Says whether the call asked for a change.
    pub fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }

    /// Says whether the call succeeded.
    pub fn succeeded(&self) -> bool {
        (200..300).contains(&self.code)
    }

    /// Says whether the controller asked for something that its role does not allow.
    pub fn is_overreach(&self) -> bool {
        self.code == 403 && User::named(&self.user).is_some_and(User::is_controller)
    }

    /// Says whether the call was about this resource, given as `resource` or `resource/subresource`.
    pub fn is_about(&self, resource: &str) -> bool {
        let (kind, sub) = resource.split_once('/').unwrap_or((resource, ""));
        self.object.resource == kind && self.object.subresource == sub
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    #[serde(rename = "auditID")]
    id: String,
    stage: String,
    verb: String,
    #[serde(rename = "requestURI")]
    request_uri: String,
    user: LineUser,
    #[serde(default)]
    user_agent: String,
    #[serde(default)]
    object_ref: ObjectRef,
    #[serde(default)]
    response_status: LineStatus,
    #[serde(default)]
    request_object: Value,
    #[serde(default)]
    response_object: Value,
    request_received_timestamp: Timestamp,
    stage_timestamp: Timestamp,
}

#[derive(Deserialize)]
struct LineUser {
    #[serde(default)]
    username: String,
}

#[derive(Default, Deserialize)]
struct LineStatus {
    #[serde(default)]
    code: u16,
}

impl Line {
    /// A call counts once: a watch when it begins, everything else when it is answered.
    fn record(self) -> Option<Record> {
        let counts = match self.verb.as_str() {
            "watch" => self.stage == "ResponseStarted",
            _ => self.stage == "ResponseComplete" || self.stage == "Panic",
        };
        counts.then_some(Record {
            received: self.request_received_timestamp,
            at: self.stage_timestamp,
            user: self.user.username,
            agent: self.user_agent,
            verb: self.verb,
            uri: self.request_uri,
            object: self.object_ref,
            code: self.response_status.code,
            bodies: Bodies { request: self.request_object, response: self.response_object },
        })
    }
}

/// A reader that goes through the audit log once.
#[derive(Debug, Clone)]
pub struct Audit {
    file: PathBuf,
    offset: u64,
    /// Writes that have arrived and are not answered yet, and when they arrived.
    open: BTreeMap<String, Timestamp>,
}

impl Audit {
    pub(crate) fn from_start(root: &Path) -> Self {
        Self { file: root.join("kube-apiserver/audit.log"), offset: 0, open: BTreeMap::new() }
    }

    /// The calls that were answered since the last look, in the order in which they were answered.
    ///
    /// # Errors
    /// When the log can't be read, or holds a line that isn't an audit event.
    pub fn read(&mut self) -> Result<Vec<Record>, WorldError> {
        let what = || format!("reading {}", self.file.display());
        let mut file = match File::open(&self.file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            opened => opened.map_err(WorldError::io(what()))?,
        };
        file.seek(SeekFrom::Start(self.offset)).map_err(WorldError::io(what()))?;
        let mut lines = BufReader::new(file);
        let mut records = Vec::new();
        let mut line = Vec::new();
        loop {
            line.clear();
            let length = lines.read_until(b'\n', &mut line).map_err(WorldError::io(what()))?;
            // A line without its end is still being written.
            if line.last() != Some(&b'\n') {
                return Ok(records);
            }
            self.offset += length as u64;
            let read: Line = serde_json::from_slice(&line).map_err(WorldError::malformed(what()))?;
            if read.stage == "RequestReceived" {
                self.open.insert(read.id, read.request_received_timestamp);
                continue;
            }
            self.open.remove(&read.id);
            records.extend(read.record());
        }
    }

    /// When the first of those writes arrived that were not answered at the last look. Everything that was answered before
    /// is in its place among all writes; what was answered since may have been committed behind it.
    pub fn waits_since(&self) -> Option<Timestamp> {
        self.open.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::{Value, json};

    use super::*;

    fn line(stage: &str, more: &Value) -> Value {
        let mut line = json!({
            "auditID": "1", "stage": stage, "verb": "get", "requestURI": "/api/v1/pods", "user": {"username": "serin"},
            "objectRef": {"resource": "pods", "namespace": "default", "apiVersion": "v1"},
            "responseStatus": {"metadata": {}, "code": 200},
            "requestReceivedTimestamp": "2026-11-21T10:00:00.000001Z",
            "stageTimestamp": "2026-11-21T10:00:00.002001Z",
        });
        for (name, value) in more.as_object().unwrap() {
            line[name] = value.clone();
        }
        line
    }

    fn record(stage: &str, more: &Value) -> Option<Record> {
        serde_json::from_value::<Line>(line(stage, more)).unwrap().record()
    }

    #[test]
    fn every_call_counts_once() {
        let check =
            |stage: &str, verb: &str, counts: bool| assert_eq!(record(stage, &json!({"verb": verb})).is_some(), counts);
        check("ResponseComplete", "get", true);
        check("ResponseStarted", "watch", true);
        check("ResponseComplete", "watch", false);
        check("ResponseStarted", "list", false);
    }

    #[test]
    fn what_the_role_of_the_controller_does_not_allow_is_told() {
        let check = |user: &str, code: u16, expect: bool| {
            let more = json!({"user": {"username": user}, "responseStatus": {"metadata": {}, "code": code}});
            assert_eq!(record("ResponseComplete", &more).unwrap().is_overreach(), expect, "{user} got {code}");
        };
        check("serin", 403, true);
        check("serin-beside", 403, true);
        check("serin", 409, false);
        check("person", 403, false);
    }

    #[test]
    fn a_write_is_waited_for_from_its_arrival_to_its_answer() {
        let root = std::env::temp_dir().join(format!("serin-audit-{}", std::process::id()));
        std::fs::create_dir_all(root.join("kube-apiserver")).unwrap();
        let mut audit = Audit::from_start(&root);
        let mut file = File::create(&audit.file).unwrap();
        let mut check = |id: &str, stage: &str, read: usize, waits: Option<&str>| {
            let received = format!("2026-11-21T10:00:0{id}Z");
            let more = json!({"auditID": id, "verb": "patch", "requestReceivedTimestamp": received});
            writeln!(file, "{}", line(stage, &more)).unwrap();
            assert_eq!(audit.read().unwrap().len(), read, "{stage} of {id}");
            assert_eq!(audit.waits_since(), waits.map(|at| at.parse().unwrap()), "{stage} of {id}");
        };
        check("1", "RequestReceived", 0, Some("2026-11-21T10:00:01Z"));
        check("2", "RequestReceived", 0, Some("2026-11-21T10:00:01Z"));
        check("1", "ResponseComplete", 1, Some("2026-11-21T10:00:02Z"));
        check("2", "ResponseComplete", 1, None);
        std::fs::remove_dir_all(root).unwrap();
    }
}
