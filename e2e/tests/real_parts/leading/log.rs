//! Who led and who wrote, as the API server's audit log has it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use serin_e2e::world::{Record, User, World, WorldError};

/// Everything that was asked of the API server so far.
pub struct Log {
    records: Vec<Record>,
}

/// A write of the lease: from here on this one leads, or nobody.
pub struct Turn<'a> {
    pub leader: Option<User>,
    pub record: &'a Record,
    version: u64,
}

impl Log {
    pub fn read(world: &World) -> Result<Self, WorldError> {
        let mut records = world.audit().read()?;
        records.sort_by_key(|record| record.received);
        Ok(Self { records })
    }

    /// The calls of one user, in the order in which they arrived.
    pub fn of(&self, user: User) -> impl Iterator<Item = &Record> {
        self.records.iter().filter(move |record| record.user == user.name())
    }

    /// The writes of the lease that were taken, renewals too, as they were committed.
    pub fn turns(&self) -> Vec<Turn<'_>> {
        let taken = self.records.iter().filter(|record| is_of_lease(record) && record.is_write() && record.succeeded());
        let turn = |record| {
            let holder = text(record, "/spec/holderIdentity");
            let leader = User::named(&record.user).filter(|_| !holder.is_empty());
            Some(Turn { leader, record, version: version(record)? })
        };
        let mut turns: Vec<_> = taken.filter_map(turn).collect();
        turns.sort_by_key(|turn| turn.version);
        turns
    }

    /// The turns at which the leader became another.
    pub fn changes(&self) -> Vec<Turn<'_>> {
        let mut turns = self.turns();
        turns.dedup_by_key(|turn| turn.leader);
        turns
    }

    /// Who has led, one after the other; `None` is nobody, after a lease was given back.
    pub fn leaders(&self) -> Vec<Option<User>> {
        self.changes().iter().map(|turn| turn.leader).collect()
    }

    /// What a controller wrote that did not lead: by when it was asked, and by the order in which it was committed.
    pub fn usurped(&self) -> Vec<String> {
        let (changes, made) = (self.changes(), self.makers());
        let writes = self.records.iter().filter(|record| record.is_write() && !is_of_lease(record));
        let mut faults = Vec::new();
        for (record, user) in writes.filter_map(|record| Some((record, controller(record)?))) {
            let asked = changes.iter().rev().find(|turn| turn.record.received <= record.received);
            let asked = asked.and_then(|turn| turn.leader) == Some(user);
            // What changed nothing names an older version, which others may have made.
            let own = version(record).filter(|version| made.get(&(object(record), *version)) == Some(&record.at));
            let committed = own.is_none_or(|own| {
                let before = changes.iter().rev().find(|turn| turn.version < own);
                before.and_then(|turn| turn.leader) == Some(user)
            });
            if !asked || !committed {
                let (at, verb, uri, code) = (record.received, &record.verb, &record.uri, record.code);
                faults.push(format!("{} does not lead, and {verb} {uri} at {at} ({code})", user.name()));
            }
        }
        faults
    }

    /// When each version of each object was first told to whoever wrote it.
    fn makers(&self) -> BTreeMap<(String, u64), Timestamp> {
        let mut made = BTreeMap::new();
        for record in self.records.iter().filter(|record| record.is_write() && record.succeeded()) {
            if let Some(version) = version(record) {
                let first = made.entry((object(record), version)).or_insert(record.at);
                *first = record.at.min(*first);
            }
        }
        made
    }

    /// What the controllers wrote into the status of analysis runs, as far as one of them says something new at this
    /// place of the first metric's result.
    pub fn measured(&self, field: &str) -> Vec<(User, i64)> {
        let pointer = format!("/status/metricResults/0/{field}");
        let taken =
            |record: &&Record| record.object.resource == "analysisruns" && record.is_write() && record.succeeded();
        let writes = self.records.iter().filter(taken);
        let number = |record: &Record| record.bodies.response.pointer(&pointer).and_then(Value::as_i64);
        let mut told: Vec<_> = writes.filter_map(|record| Some((controller(record)?, number(record)?))).collect();
        told.dedup();
        told
    }
}

/// The controller whose call this is.
fn controller(record: &Record) -> Option<User> {
    User::named(&record.user).filter(|user| user.is_controller())
}

/// Says whether the call is about the lease of the controllers.
pub fn is_of_lease(record: &Record) -> bool {
    record.is_about("leases") && controller(record).is_some()
}

pub fn text<'a>(record: &'a Record, pointer: &str) -> &'a str {
    record.bodies.response.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn version(record: &Record) -> Option<u64> {
    text(record, "/metadata/resourceVersion").parse().ok()
}

fn object(record: &Record) -> String {
    let name = text(record, "/metadata/name");
    format!("{}/{}/{name}", record.object.resource, record.object.namespace)
}
