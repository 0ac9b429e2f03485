//! The audit log as writes: who did what to which object, in the order in which the API server committed them.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;
use serin_sim::invariants::{CallRecord, Key, WriteRecord};

use crate::world::{Audit, ObjectRef, Record, User, WorldError};

/// Reads the audit log once, from its start.
#[derive(Debug)]
pub(super) struct AuditWrites {
    audit: Audit,
    /// Read, but not yet told.
    waiting: Vec<Record>,
    /// The highest version that an answer has named so far.
    version: u64,
    /// The calls of controllers that were read and not taken.
    calls: Vec<CallRecord>,
}

impl AuditWrites {
    pub(super) const fn new(audit: Audit) -> Self {
        Self { audit, waiting: Vec::new(), version: 0, calls: Vec::new() }
    }

    /// The writes that were answered until this instant, without those told before; and the instant up to which they are all
    /// there are, which is earlier when a write is under way that may be committed already.
    ///
    /// # Errors
    /// When the log can't be read, or lacks what a write that promises depend on has left.
    pub(super) fn read(&mut self, until: Timestamp) -> Result<(Timestamp, Vec<WriteRecord>), WorldError> {
        let records = self.audit.read()?;
        self.calls.extend(records.iter().filter(|record| ours(record)).map(call));
        self.waiting.extend(records.into_iter().filter(counts));
        let until = self.audit.waits_since().map_or(until, |since| since.min(until));
        let (told, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|record| record.at <= until);
        self.waiting = waiting;
        let mut writes = Vec::new();
        for record in self.ordered(told) {
            writes.extend(told_by(&record)?);
        }
        Ok((until, writes))
    }

    /// The calls of controllers that were read since the last time, but for those about leases.
    pub(super) fn calls(&mut self) -> Vec<CallRecord> {
        let mut calls = std::mem::take(&mut self.calls);
        calls.retain(|call| call.key.resource != "leases");
        calls
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

/// Says whether the record is a write that promises are about: every write of a controller, and those of others whose
/// bodies the audit policy keeps.
fn counts(record: &Record) -> bool {
    let write = record.is_write() && !record.object.resource.is_empty() && !record.uri.contains("dryRun=");
    write && (ours(record) || followed(&record.object))
}

fn ours(record: &Record) -> bool {
    User::named(&record.user).is_some_and(User::is_controller)
}

/// Says whether the audit policy keeps the bodies of everybody's writes to such an object.
fn followed(object: &ObjectRef) -> bool {
    match object.api_group.as_str() {
        "argoproj.io" => true,
        "networking.istio.io" => matches!(object.resource.as_str(), "virtualservices" | "destinationrules"),
        "networking.k8s.io" => object.resource == "ingresses" && object.subresource.is_empty(),
        "apps" => {
            object.resource == "replicasets" || (object.resource == "deployments" && object.subresource != "status")
        }
        "" => matches!(object.resource.as_str(), "services" | "events") && object.subresource.is_empty(),
        "events.k8s.io" => object.resource == "events",
        _ => false,
    }
}

fn version(object: &Value) -> Option<u64> {
    object.pointer("/metadata/resourceVersion")?.as_str()?.parse().ok()
}

fn call(record: &Record) -> CallRecord {
    let ObjectRef { resource, namespace, name, .. } = &record.object;
    let key = Key::new(resource, namespace, name);
    // At which version a read was answered, nobody logs: it excuses nothing.
    CallRecord { at: record.at, verb: record.verb.clone(), key, version: u64::MAX, code: record.code }
}

/// What a call tells: a write, or one for each object when it took many away.
fn told_by(record: &Record) -> Result<Vec<WriteRecord>, WorldError> {
    if record.succeeded() && record.bodies.response.is_null() {
        let what = format!("the audit record of {} {}", record.verb, record.uri);
        return Err(WorldError::Malformed { what, why: "holds no answer; the audit policy must keep it".to_owned() });
    }
    let items = record.bodies.response.get("items").and_then(Value::as_array);
    match items.filter(|items| record.verb == "deletecollection" && !items.is_empty()) {
        Some(items) => Ok(items.iter().map(|item| write(record, item)).collect()),
        None => Ok(vec![write(record, &record.bodies.response)]),
    }
}

/// The write to one object; `left` is what the call answered about it.
fn write(record: &Record, left: &Value) -> WriteRecord {
    let object = &record.object;
    let part = |own: &str, pointer: &str| {
        let answered = left.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        if own.is_empty() { answered.to_owned() } else { own.to_owned() }
    };
    let (namespace, name) = (part(&object.namespace, "/metadata/namespace"), part(&object.name, "/metadata/name"));
    let present = record.succeeded() && !gone(&record.verb, left);
    WriteRecord {
        at: record.at,
        // Whichever controller it was: the promises are those of all together.
        user: if ours(record) { User::Serin.name().to_owned() } else { record.user.clone() },
        verb: record.verb.clone(),
        key: Key::new(&object.resource, &namespace, &name),
        subresource: (!object.subresource.is_empty()).then(|| object.subresource.clone()),
        // The history has seen every write since the first one.
        before: None,
        after: present.then(|| Arc::new(left.clone())),
        code: record.code,
    }
}

/// Says whether the object is gone after the call: deleted at once, or let go by the last of its finalizers.
fn gone(verb: &str, left: &Value) -> bool {
    let held =
        left.pointer("/metadata/finalizers").and_then(Value::as_array).is_some_and(|finalizers| !finalizers.is_empty());
    let dying = matches!(verb, "delete" | "deletecollection") || left.pointer("/metadata/deletionTimestamp").is_some();
    dying && !held
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::world::Bodies;

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

    fn check(verb: &str, response: Value, expect: &[(&str, bool)]) {
        let writes = told_by(&record(verb, response)).unwrap();
        let told: Vec<_> = writes.iter().map(|write| (write.key.name.as_str(), write.after.is_some())).collect();
        assert_eq!(told, expect, "{verb}");
    }

    #[test]
    fn an_object_is_there_until_nothing_holds_it_any_more() {
        check("create", json!({"metadata": {"name": "shop-1"}}), &[("shop-1", true)]);
        let held = json!({"metadata": {"name": "shop-1", "deletionTimestamp": "x", "finalizers": ["a"]}});
        check("patch", held, &[("shop-1", true)]);
        check("patch", json!({"metadata": {"name": "shop-1", "deletionTimestamp": "x"}}), &[("shop-1", false)]);
        check("delete", json!({"kind": "Status", "status": "Success"}), &[("", false)]);
        check("delete", json!({"metadata": {"name": "shop-1", "finalizers": ["a"]}}), &[("shop-1", true)]);
    }

    #[test]
    fn who_deletes_many_has_deleted_each() {
        let list = json!({"kind": "ReplicaSetList", "items": [
            {"metadata": {"name": "shop-1", "namespace": "default"}},
            {"metadata": {"name": "shop-2", "namespace": "default", "finalizers": ["a"]}},
        ]});
        check("deletecollection", list, &[("shop-1", false), ("shop-2", true)]);
        check("deletecollection", json!({"kind": "ReplicaSetList", "items": []}), &[("", false)]);
    }

    #[test]
    fn every_write_of_a_controller_counts_and_of_others_those_that_promises_depend_on() {
        let check = |user: &str, verb: &str, group: &str, resource: &str, expect: bool| {
            let object =
                ObjectRef { api_group: group.to_owned(), resource: resource.to_owned(), ..ObjectRef::default() };
            let one = Record { user: user.to_owned(), object, ..record(verb, json!({})) };
            assert_eq!(counts(&one), expect, "{user} {verb} {resource}");
        };
        check("serin", "get", "apps", "replicasets", false);
        check("serin", "patch", "apps", "replicasets", true);
        check("serin", "deletecollection", "apps", "replicasets", true);
        check("serin", "create", "", "configmaps", true);
        check("serin-beside", "update", "coordination.k8s.io", "leases", true);
        check("kcm", "update", "apps", "replicasets", true);
        check("kcm", "deletecollection", "apps", "replicasets", true);
        check("kcm", "patch", "", "pods", false);
        check("person", "patch", "networking.k8s.io", "ingresses", true);
    }

    #[test]
    fn a_write_whose_answer_was_not_kept_is_a_fault_of_the_log() {
        assert!(told_by(&record("patch", Value::Null)).is_err());
        let cut = Record { code: 504, ..record("patch", Value::Null) };
        assert!(told_by(&cut).unwrap().iter().all(|write| !write.accepted()));
    }
}
