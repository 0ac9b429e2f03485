//! A value as Go would hold and print it, given its kind.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{
    defaults, quantity,
    table::{Kind, Table},
};

/// JSON whose members keep the order in which they were put.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tree {
    Null,
    /// Bool, number or string.
    Scalar(Value),
    List(Vec<Tree>),
    Members(Vec<(String, Tree)>),
}

/// What the shape is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Hashing: quantities as Go prints them (`1024Mi` is `1Gi`, but `1Gi` and `1073741824` differ), nothing defaulted.
    Hash,
    /// Comparing: everything defaulted as the API server does, quantities by their amount, empty lists left out.
    Compare,
}

/// Fields that say nothing when nothing is in them, such as after a controller's own term was taken out.
const MEANS_NOTHING: [&str; 2] = ["affinity", "podAntiAffinity"];

/// The value as Go would hold it after reading, in the order in which Go would write it.
///
/// Fields that the tables do not know vanish, as they do in Go. What does not fit its kind is kept as it is.
pub(crate) fn shape(table: &Table, kind: &Kind, value: &Value, purpose: Purpose) -> Tree {
    let inner = |kind: &Kind, value: &Value| shape(table, kind, value, purpose);
    match (kind, value) {
        (Kind::Pointer(_) | Kind::List(_) | Kind::Map(_) | Kind::Time | Kind::Any, Value::Null) => Tree::Null,
        (Kind::Pointer(kind), value) => inner(kind, value),
        (Kind::List(kind), Value::Array(items)) => Tree::List(items.iter().map(|item| inner(kind, item)).collect()),
        (Kind::Map(kind), Value::Object(map)) if purpose == Purpose::Compare && **kind == Kind::Quantity => {
            let milli = |value: &Value| Tree::Scalar(quantity::milli(&text_of(value)).into());
            Tree::Members(sorted(map).into_iter().map(|(key, value)| (key.clone(), milli(value))).collect())
        }
        (Kind::Map(kind), Value::Object(map)) => {
            Tree::Members(sorted(map).into_iter().map(|(key, value)| (key.clone(), inner(kind, value))).collect())
        }
        (Kind::Struct(name), Value::Object(map)) => {
            let members = table.fields(name).iter().filter_map(|field| {
                let value = defaults::value(purpose, name, field, map);
                let keep = match purpose {
                    Purpose::Hash => !(field.omit && is_empty(&field.kind, &value)),
                    Purpose::Compare => !is_empty(&field.kind, &value),
                };
                if !keep {
                    return None;
                }
                let tree = inner(&field.kind, &value);
                let vacant =
                    purpose == Purpose::Compare && MEANS_NOTHING.contains(&field.name.as_str()) && tree.is_vacant();
                (!vacant).then(|| (field.name.clone(), tree))
            });
            Tree::Members(members.collect())
        }
        (Kind::Struct(_), Value::Null) => inner(kind, &Value::Object(Map::new())),
        (Kind::Text, Value::Null) => Tree::Scalar("".into()),
        (Kind::Int | Kind::IntOrText, Value::Null) => Tree::Scalar(0.into()),
        (Kind::Bool, Value::Null) => Tree::Scalar(false.into()),
        (Kind::Quantity, value) => Tree::Scalar(amount(value, purpose)),
        (Kind::Time, Value::String(text)) => Tree::Scalar(whole_seconds(text).into()),
        (_, value) => Tree::from(value),
    }
}

/// Whether Go's `omitempty` leaves it out.
pub(super) fn is_empty(kind: &Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Struct(_) | Kind::Quantity | Kind::IntOrText, _) => false,
        (_, Value::Null) => true,
        (Kind::Text, Value::String(text)) => text.is_empty(),
        (Kind::Int, Value::Number(number)) => number.as_f64() == Some(0.0),
        (Kind::Bool, Value::Bool(flag)) => !flag,
        (Kind::List(_), Value::Array(items)) => items.is_empty(),
        (Kind::Map(_), Value::Object(map)) => map.is_empty(),
        _ => false,
    }
}

fn amount(value: &Value, purpose: Purpose) -> Value {
    let text = text_of(value);
    let printed = match purpose {
        Purpose::Hash => quantity::canonical(&text),
        Purpose::Compare => quantity::nano(&text).map(|amount| format!("{amount}n")),
    };
    printed.unwrap_or(text).into()
}

fn text_of(quantity: &Value) -> String {
    match quantity {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => "0".to_owned(),
    }
}

fn whole_seconds(text: &str) -> String {
    crate::time::parse(text).map_or_else(|| text.to_owned(), crate::time::format)
}

/// The members in the order of their keys' bytes, whatever order the map keeps.
fn sorted(map: &Map<String, Value>) -> Vec<(&String, &Value)> {
    let mut members: Vec<_> = map.iter().collect();
    members.sort_unstable_by_key(|(key, _)| *key);
    members
}

impl From<&Value> for Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Object(map) => {
                Self::Members(sorted(map).into_iter().map(|(key, value)| (key.clone(), value.into())).collect())
            }
            scalar => Self::Scalar(scalar.clone()),
        }
    }
}

impl From<Tree> for Value {
    fn from(tree: Tree) -> Self {
        match tree {
            Tree::Null => Self::Null,
            Tree::Scalar(value) => value,
            Tree::List(items) => items.into_iter().map(Self::from).collect(),
            Tree::Members(members) => members.into_iter().map(|(key, tree)| (key, Self::from(tree))).collect(),
        }
    }
}

impl Tree {
    fn is_vacant(&self) -> bool {
        matches!(self, Self::Members(members) if members.is_empty())
    }

    /// Compact JSON as Go writes it.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Scalar(Value::String(text)) => write_text(text, out),
            Self::Scalar(value) => out.push_str(&value.to_string()),
            Self::List(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Members(members) => {
                out.push('{');
                for (index, (key, tree)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    write_text(key, out);
                    out.push(':');
                    tree.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Go escapes what could end a script or a line, beside what JSON asks for.
fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
}
