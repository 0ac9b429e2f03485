//! The list in `metadata.managedFields`: one entry for each writer.

use serde_json::{Value, json};

use super::{Difference, FieldSet, stored};
use crate::server::json::{list, put, set, take, text};

/// One writer of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The field manager.
    pub manager: String,
    /// `Apply` or `Update`.
    pub operation: String,
    /// The version it wrote in.
    pub api_version: String,
    /// The subresource it wrote to; empty for the object itself.
    pub subresource: String,
    /// When it last changed the object; empty when it never did, or only through `/scale`.
    pub time: String,
    /// What it owns.
    pub fields: FieldSet,
}

impl Entry {
    fn read(value: &Value) -> Self {
        let own = |field: &str| text(value, &[field]).to_owned();
        Self {
            manager: own("manager"),
            operation: own("operation"),
            api_version: own("apiVersion"),
            subresource: own("subresource"),
            time: own("time"),
            fields: value.get("fieldsV1").map(FieldSet::read).unwrap_or_default(),
        }
    }

    fn write(&self) -> Value {
        let mut value = json!({
            "manager": self.manager, "operation": self.operation, "apiVersion": self.api_version,
            "fieldsType": "FieldsV1", "fieldsV1": self.fields.write(),
        });
        if !self.time.is_empty() {
            put(&mut value, &["time"], self.time.clone().into());
        }
        if !self.subresource.is_empty() {
            put(&mut value, &["subresource"], self.subresource.clone().into());
        }
        value
    }

    /// Tells whether both entries are the same writer.
    pub fn same_writer(&self, other: &Self) -> bool {
        let version = self.operation == "Apply" || self.api_version == other.api_version;
        version
            && (&self.manager, &self.operation, &self.subresource)
                == (&other.manager, &other.operation, &other.subresource)
    }
}

/// All writers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Managers {
    /// The writers, oldest first.
    pub entries: Vec<Entry>,
}

impl Managers {
    /// Reads the writers of an object.
    pub fn of(object: &Value) -> Self {
        let entries = list(object, &["metadata", "managedFields"]).iter().map(Entry::read).collect();
        Self { entries }
    }

    /// Writes the writers into an object.
    pub fn store(&self, object: &mut Value) {
        let mut entries: Vec<Value> = self.entries.iter().map(Entry::write).collect();
        sort(&mut entries);
        set(object, &["metadata", "managedFields"], (!entries.is_empty()).then(|| entries.into()));
    }

    /// Tells whether both say the same but for the times.
    pub fn same_but_for_time(&self, other: &Self) -> bool {
        let same = |(mine, theirs): (&Entry, &Entry)| {
            mine.same_writer(theirs) && mine.fields == theirs.fields && mine.api_version == theirs.api_version
        };
        let known = |mine: &Entry| other.entries.iter().any(|theirs| same((mine, theirs)));
        self.entries.len() == other.entries.len() && self.entries.iter().all(known)
    }

    /// Puts `entry` in place of the same writer's, and drops those who own nothing.
    pub fn replace(&mut self, entry: Entry) {
        match self.entries.iter_mut().find(|other| other.same_writer(&entry)) {
            Some(place) => *place = entry,
            None => self.entries.push(entry),
        }
        self.entries.retain(|entry| !entry.fields.is_empty());
    }
}

/// Records in `managedFields` of `object` that `writer` made the difference.
pub fn record(object: &mut Value, writer: Entry, difference: &Difference) {
    if *difference == Difference::default() {
        return;
    }
    let stored = take(object, &["metadata", "managedFields"]);
    let mut entries = stored
        .and_then(|stored| if let Value::Array(entries) = stored { Some(entries) } else { None })
        .unwrap_or_default();
    let mut known = false;
    for entry in &mut entries {
        let mine = is_of(entry, &writer);
        let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut) else {
            continue;
        };
        if mine {
            known = true;
            stored::add(fields, &difference.changed);
            if !writer.time.is_empty() {
                put(entry, &["time"], writer.time.clone().into());
            }
        } else {
            stored::subtract(fields, &difference.changed, false);
        }
        if let Some(fields) = entry.get_mut("fieldsV1").and_then(Value::as_object_mut) {
            stored::subtract(fields, &difference.removed, true);
        }
    }
    if !known && !difference.changed.is_empty() {
        entries.push(Entry { fields: difference.changed.clone(), ..writer }.write());
    }
    entries.retain(|entry| entry.get("fieldsV1").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty()));
    sort(&mut entries);
    set(object, &["metadata", "managedFields"], (!entries.is_empty()).then(|| entries.into()));
}

fn is_of(entry: &Value, writer: &Entry) -> bool {
    (text(entry, &["manager"]), text(entry, &["operation"]), text(entry, &["subresource"]))
        == (writer.manager.as_str(), writer.operation.as_str(), writer.subresource.as_str())
        && text(entry, &["apiVersion"]) == writer.api_version
}

/// Sorts as the real server does: those who apply first, then by time, name, version and subresource.
fn sort(entries: &mut [Value]) {
    entries.sort_by(|left, right| {
        let key = |entry: &Value| {
            ["operation", "time", "manager", "apiVersion", "subresource"].map(|field| text(entry, &[field]).to_owned())
        };
        key(left).cmp(&key(right))
    });
}
