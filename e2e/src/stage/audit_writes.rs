//! The audit log as writes: who did what to which object, in the order in which the API server committed them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use serin_sim::invariants::{Key, WriteRecord};

use crate::world::{Audit, Record, User, WorldError};

/// Reads the audit log once, from its start.
#[derive(Debug)]
pub(super) struct AuditWrites {
    audit: Audit,
    /// Read, but not yet told.
    waiting: Vec<Record>,
    /// The highest version that an answer has named so far.
    version: u64,
}

impl AuditWrites {
    pub(super) const fn new(audit: Audit) -> Self {
        Self { audit, waiting: Vec::new(), version: 0 }
    }

    /// The writes that were answered until this instant, without those told before; and the instant up to which they are all
    /// there are, which is earlier when a write is under way that may be committed already.
    pub(super) fn read(&mut self, until: Timestamp) -> Result<(Timestamp, Vec<WriteRecord>), WorldError> {
        self.waiting.extend(self.audit.read()?.into_iter().filter(counts));
        let until = self.audit.waits_since().map_or(until, |since| since.min(until));
        let (told, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|record| record.at <= until);
        self.waiting = waiting;
        Ok((until, self.ordered(told).iter().map(write).collect()))
    }

    /// Answers of concurrent calls may be logged in another order than their writes were committed in.
    fn ordered(&mut self, mut records: Vec<Record>) -> Vec<Record> {
        records.sort_by_key(|record| record.at);
        let place = |record: Record| {
            // A write that changed nothing names an old version, and what was deleted may name none.
            let own = version(&record.bodies.response).unwrap_or_default();
            let place = own.max(if own == 0 { self.version } else { 0 });
            self.version = self.version.max(own);
            (place, record)
        };
        let mut placed: Vec<_> = records.into_iter().map(place).collect();
        placed.sort_by_key(|(place, _)| *place);
        placed.into_iter().map(|(_, record)| record).collect()
    }
}

/// Says whether the record is a change of one object whose new state the log holds, or the refusal of one.
fn counts(record: &Record) -> bool {
    // Who leads is no promise; leases are renewed all the time.
    let lease = record.object.resource == "leases";
    let one = !lease && record.is_write() && record.verb != "deletecollection" && !record.object.resource.is_empty();
    one && !record.bodies.response.is_null() && !record.uri.contains("dryRun=")
}

fn version(object: &Value) -> Option<u64> {
    object.pointer("/metadata/resourceVersion")?.as_str()?.parse().ok()
}

fn write(record: &Record) -> WriteRecord {
    // Whichever controller it was: the promises are those of all together.
    let ours = User::named(&record.user).filter(|user| user.is_controller()).map(|_| User::Serin.name());
    let (object, response) = (&record.object, &record.bodies.response);
    let named = response.pointer("/metadata/name").and_then(Value::as_str);
    let name = if object.name.is_empty() { named.unwrap_or_default() } else { &object.name };
    let present = record.succeeded() && !gone(record);
    WriteRecord {
        at: record.at,
        user: ours.unwrap_or(&record.user).to_owned(),
        verb: record.verb.clone(),
        key: Key::new(&object.resource, &object.namespace, name),
        subresource: (!object.subresource.is_empty()).then(|| object.subresource.clone()),
        // The history has seen every write since the first one.
        before: None,
        after: present.then(|| Arc::new(response.clone())),
        code: record.code,
    }
}

/// Says whether the object is gone after the call: deleted at once, or let go by the last of its finalizers.
fn gone(record: &Record) -> bool {
    let response = &record.bodies.response;
    let held = response
        .pointer("/metadata/finalizers")
        .and_then(Value::as_array)
        .is_some_and(|finalizers| !finalizers.is_empty());
    let dying = record.verb == "delete" || response.pointer("/metadata/deletionTimestamp").is_some();
    dying && !held
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::{Bodies, ObjectRef};

    fn record(verb: &str, response: Value) -> Record {
        Record {
            received: Timestamp::UNIX_EPOCH,
            at: Timestamp::UNIX_EPOCH,
            user: "serin".to_owned(),
            agent: String::new(),
            verb: verb.to_owned(),
            uri: "/apis/apps/v1/namespaces/default/replicasets".to_owned(),
            object: ObjectRef {
                resource: "replicasets".to_owned(),
                namespace: "default".to_owned(),
                ..ObjectRef::default()
            },
            code: 200,
            bodies: Bodies { request: Value::Null, response },
        }
    }

    fn check(verb: &str, response: Value, expect: Option<&str>) {
        let write = write(&record(verb, response));
        let left = write.after.map(|_| write.key.name);
        assert_eq!(left.as_deref(), expect, "{verb}");
    }

    #[test]
    fn an_object_is_there_until_nothing_holds_it_any_more() {
        check("create", json!({"metadata": {"name": "shop-1"}}), Some("shop-1"));
        check(
            "patch",
            json!({"metadata": {"name": "shop-1", "deletionTimestamp": "x", "finalizers": ["a"]}}),
            Some("shop-1"),
        );
        check("patch", json!({"metadata": {"name": "shop-1", "deletionTimestamp": "x"}}), None);
        check("delete", json!({"kind": "Status", "status": "Success"}), None);
        check("delete", json!({"metadata": {"name": "shop-1", "finalizers": ["a"]}}), Some("shop-1"));
    }

    #[test]
    fn reads_and_writes_without_bodies_do_not_count() {
        assert!(!counts(&record("get", json!({}))));
        assert!(!counts(&record("patch", Value::Null)));
        assert!(counts(&record("patch", json!({}))));
    }
}
