//! Values at run time.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::time::{Moment, Zone};
use super::types::{ListOf, Ty};

/// How deeply lists and maps may be nested in each other.
pub(crate) const MAX_VALUE_DEPTH: u32 = 150;

/// A string: bytes that are usually, but not necessarily, UTF-8 (a slice may cut a character in two).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<[u8]>);

impl Text {
    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text; what is not UTF-8 shows as the replacement character.
    pub fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }
}

/// A list with what Go declares its elements to be.
#[derive(Debug, Clone)]
pub struct List {
    pub(crate) of: ListOf,
    pub(crate) items: Arc<Vec<Value>>,
    /// A list that was never made, which equals nil.
    pub(crate) nil: bool,
    depth: u32,
}

impl List {
    /// A list of these items.
    pub fn new(of: ListOf, items: Vec<Value>) -> Self {
        let below = items.iter().map(Value::depth).max().unwrap_or(0);
        Self { of, items: Arc::new(items), nil: false, depth: below.saturating_add(1) }
    }

    /// The list that equals nil.
    pub(crate) fn nil(of: ListOf) -> Self {
        Self { of, items: Arc::new(Vec::new()), nil: true, depth: 1 }
    }

    /// The items.
    pub fn items(&self) -> &[Value] {
        &self.items
    }
}

/// A map with strings as keys.
#[derive(Debug, Clone)]
pub struct Map {
    pub(crate) entries: Arc<BTreeMap<Text, Value>>,
    depth: u32,
}

impl Map {
    /// A map of these entries.
    pub fn new(entries: BTreeMap<Text, Value>) -> Self {
        let below = entries.values().map(Value::depth).max().unwrap_or(0);
        Self { entries: Arc::new(entries), depth: below.saturating_add(1) }
    }

    /// The entries in the order of their keys.
    pub fn entries(&self) -> &BTreeMap<Text, Value> {
        &self.entries
    }
}

/// A map with keys of any type: what `groupBy` and `fromPairs` give.
#[derive(Debug, Clone)]
pub struct Dict {
    /// Do the values have to be lists?
    pub(crate) groups: bool,
    pub(crate) entries: Arc<BTreeMap<Key, (Value, Value)>>,
    depth: u32,
}

impl Dict {
    /// A map from keys, with each key as a value beside its value.
    pub(crate) fn new(groups: bool, entries: BTreeMap<Key, (Value, Value)>) -> Self {
        let below = entries.values().map(|(_, value)| value.depth()).max().unwrap_or(0);
        Self { groups, entries: Arc::new(entries), depth: below.saturating_add(1) }
    }
}

/// A key of a [`Dict`]: two keys are the same only if type and value are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// nil.
    Nil,
    /// A bool.
    Bool(bool),
    /// An integer; the first part tells its types apart.
    Int(u8, i64),
    /// A float by its bits; NaN differs from itself, so each gets a number of its own.
    Float(u64, usize),
    /// A string.
    Text(Text),
    /// A time by its nanoseconds since 1970 and its zone.
    Time(i128, String),
    /// A time zone by its name.
    Zone(String),
}

/// A function as a value.
#[derive(Debug, Clone)]
pub enum Func {
    /// One of the functions that Argo adds, by name.
    Given(&'static str),
    /// A method with the value it was taken from.
    Method(Arc<Value>, &'static str),
}

/// A value at run time.
#[derive(Debug, Clone)]
pub enum Value {
    /// nil.
    Nil,
    /// true or false.
    Bool(bool),
    /// `int`: what integers in expressions are.
    Int(i64),
    /// `int64`: what `asInt` gives.
    Int64(i64),
    /// `uint8`: one byte of a string.
    Byte(u8),
    /// `float64`: every number of JSON and of Prometheus.
    Float(f64),
    /// A string.
    Text(Text),
    /// A list.
    List(List),
    /// A map with strings as keys.
    Map(Map),
    /// A map with any keys.
    Dict(Dict),
    /// An instant with a time zone.
    Time(Moment),
    /// A span in nanoseconds.
    Duration(i64),
    /// A month, 1 to 12.
    Month(i64),
    /// A day of the week, Sunday = 0.
    Weekday(i64),
    /// A time zone.
    Zone(Zone),
    /// A function.
    Func(Func),
}

/// A number without its exact type.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    /// The order of two numbers; none where one is not a number.
    pub(crate) fn order(self, other: Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(&b)),
            (a, b) => a.float().partial_cmp(&b.float()),
        }
    }

    pub(crate) fn float(self) -> f64 {
        match self {
            Self::Int(value) => super::numbers::to_float(value),
            Self::Float(value) => value,
        }
    }
}

impl Value {
    pub(crate) fn text(text: impl Into<Text>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        Self::List(List::new(ListOf::Any, items))
    }

    /// Levels of lists and maps in it.
    pub(crate) fn depth(&self) -> u32 {
        match self {
            Self::List(list) => list.depth,
            Self::Map(map) => map.depth,
            Self::Dict(dict) => dict.depth,
            Self::Func(Func::Method(value, _)) => value.depth().saturating_add(1),
            _ => 0,
        }
    }

    pub(crate) fn number(&self) -> Option<Number> {
        match self {
            Self::Int(value) | Self::Int64(value) => Some(Number::Int(*value)),
            Self::Byte(value) => Some(Number::Int(i64::from(*value))),
            Self::Float(value) => Some(Number::Float(*value)),
            _ => None,
        }
    }

    /// Is it nil, or a list that was never made?
    pub(crate) fn is_nil(&self) -> bool {
        match self {
            Self::Nil => true,
            Self::List(list) => list.nil,
            _ => false,
        }
    }

    /// The Go name of its type, as `%T` prints it.
    pub fn go_type(&self) -> String {
        let name = match self {
            Self::Nil => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Byte(_) => "uint8",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::List(list) => list.of.go_name(),
            Self::Map(_) => "map[string]interface {}",
            Self::Dict(dict) if dict.groups => "map[interface {}][]interface {}",
            Self::Dict(_) => "map[interface {}]interface {}",
            Self::Time(_) => "time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Month(_) => "time.Month",
            Self::Weekday(_) => "time.Weekday",
            Self::Zone(_) => "*time.Location",
            Self::Func(func) => return func.go_type(),
        };
        name.to_owned()
    }

    /// What a person calls it, with an article.
    pub(crate) fn plain(&self) -> &'static str {
        self.ty().plain()
    }

    /// Its static type.
    pub(crate) fn ty(&self) -> Ty {
        match self {
            Self::Nil => Ty::Nil,
            Self::Bool(_) => Ty::Bool,
            Self::Int(_) => Ty::Int,
            Self::Int64(_) => Ty::Int64,
            Self::Byte(_) => Ty::Byte,
            Self::Float(_) => Ty::Float,
            Self::Text(_) => Ty::Text,
            Self::List(list) => Ty::List(list.of, None),
            Self::Map(_) => Ty::Map,
            Self::Dict(dict) if dict.groups => Ty::Groups,
            Self::Dict(_) => Ty::Dict,
            Self::Time(_) => Ty::Time,
            Self::Duration(_) => Ty::Duration,
            Self::Month(_) => Ty::Month,
            Self::Weekday(_) => Ty::Weekday,
            Self::Zone(_) => Ty::Zone,
            Self::Func(func) => func.ty(),
        }
    }

    /// It as a key of a [`Dict`]; none if Go cannot hash it. `serial` tells one NaN from the next.
    pub(crate) fn key(&self, serial: usize) -> Option<Key> {
        Some(match self {
            Self::Nil => Key::Nil,
            Self::Bool(value) => Key::Bool(*value),
            Self::Int(value) => Key::Int(0, *value),
            Self::Int64(value) => Key::Int(1, *value),
            Self::Byte(value) => Key::Int(2, i64::from(*value)),
            Self::Duration(value) => Key::Int(3, *value),
            Self::Month(value) => Key::Int(4, *value),
            Self::Weekday(value) => Key::Int(5, *value),
            Self::Float(value) if value.is_nan() => Key::Float(value.to_bits(), serial.saturating_add(1)),
            Self::Float(value) if *value == 0.0 => Key::Float(0, 0),
            Self::Float(value) => Key::Float(value.to_bits(), 0),
            Self::Text(text) => Key::Text(text.clone()),
            Self::Time(moment) => Key::Time(moment.instant.as_nanosecond(), moment.zone.name()),
            Self::Zone(zone) => Key::Zone(zone.name()),
            Self::List(_) | Self::Map(_) | Self::Dict(_) | Self::Func(_) => return None,
        })
    }
}
