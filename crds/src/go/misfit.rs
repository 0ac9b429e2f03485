//! What stands in a value and does not fit the tables: fields that they do not know, and values of another kind.

use serde_json::Value;

use super::table::{Field, Kind, Table};
use crate::decode;

/// Most misfits that are looked for in one value.
const MOST: usize = 100;

/// Something that does not fit the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// A field that the tables do not know; it vanishes when the API server reads it.
    Unknown {
        /// Path of the field.
        path: String,
        /// The field that its author may have meant.
        meant: Option<String>,
    },
    /// A value of another kind than the field has; the API server refuses the object.
    Kind {
        /// Path of the field.
        path: String,
        /// The value, as JSON.
        value: String,
        /// What the field holds, with its article.
        wanted: &'static str,
    },
}

/// Everything in the value that does not fit the kind, in the order in which it stands there; at most 100.
pub(crate) fn misfits(table: &Table, kind: &Kind, value: &Value, path: &str) -> Vec<Misfit> {
    let mut search = Search { table, found: Vec::new() };
    search.look(kind, value, path);
    search.found
}

struct Search<'a> {
    table: &'a Table,
    found: Vec<Misfit>,
}

impl Search<'_> {
    fn look(&mut self, kind: &Kind, value: &Value, path: &str) {
        if self.found.len() >= MOST || value.is_null() {
            return;
        }
        match (kind, value) {
            (Kind::Pointer(kind), value) => self.look(kind, value, path),
            (Kind::List(kind), Value::Array(items)) => {
                for (index, item) in items.iter().enumerate() {
                    self.look(kind, item, &format!("{path}[{index}]"));
                }
            }
            (Kind::Map(kind), Value::Object(map)) => {
                for (key, value) in map {
                    self.look(kind, value, &format!("{path}.{key}"));
                }
            }
            (Kind::Struct(name), Value::Object(map)) => {
                for (key, value) in map {
                    self.member(name, key, value, &format!("{path}.{key}"));
                }
            }
            (kind, value) => {
                if let Some(wanted) = missed(kind, value) {
                    self.found.push(Misfit::Kind { path: path.to_owned(), value: value.to_string(), wanted });
                }
            }
        }
    }

    fn member(&mut self, of: &str, key: &str, value: &Value, path: &str) {
        let fields = self.table.fields(of);
        match fields.iter().find(|field| field.name == key) {
            Some(Field { kind, .. }) => self.look(kind, value, path),
            None if self.found.len() < MOST => {
                let meant = decode::nearest(fields.iter().map(|field| field.name.as_str()), key).map(str::to_owned);
                self.found.push(Misfit::Unknown { path: path.to_owned(), meant });
            }
            None => {}
        }
    }
}

/// What the kind holds, if the value is nothing of the sort.
fn missed(kind: &Kind, value: &Value) -> Option<&'static str> {
    let (fits, wanted) = match kind {
        Kind::Text => (value.is_string(), "a string"),
        Kind::Time => (value.is_string(), "a time such as \"2026-01-02T03:04:05Z\""),
        Kind::Int => (value.is_i64() || value.is_u64(), "a whole number"),
        Kind::Bool => (value.is_boolean(), "true or false"),
        Kind::Quantity => (value.is_string() || value.is_number(), "a quantity such as 500m or 1Gi"),
        Kind::IntOrText => (value.is_string() || value.is_i64() || value.is_u64(), "a whole number or a string"),
        Kind::List(_) => (value.is_array(), "a list"),
        Kind::Map(_) | Kind::Struct(_) => (value.is_object(), "an object"),
        Kind::Any | Kind::Pointer(_) => (true, ""),
    };
    (!fits).then_some(wanted)
}
