//! Reading JSON that may be anything.

use jiff::Timestamp;
use serde_json::Value;

/// Text at a JSON pointer; empty when it isn't there.
pub(crate) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The largest number that is believed: products of two of them can be computed.
const LARGEST: i64 = 1_000_000_000;

/// A whole number at a JSON pointer; 0 when it isn't there.
pub(super) fn number(object: &Value, pointer: &str) -> i64 {
    whole(object.pointer(pointer)).unwrap_or_default()
}

/// A whole number.
pub(super) fn whole(value: Option<&Value>) -> Option<i64> {
    value.and_then(Value::as_i64).map(|number| number.clamp(-LARGEST, LARGEST))
}

/// A flag at a JSON pointer; false when it isn't there.
pub(super) fn flag(object: &Value, pointer: &str) -> bool {
    object.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// A list at a JSON pointer; empty when it isn't there.
pub(crate) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// An instant at a JSON pointer.
pub(super) fn instant(object: &Value, pointer: &str) -> Option<Timestamp> {
    text(object, pointer).parse().ok()
}

/// A label; empty when it isn't there.
pub(super) fn label<'a>(object: &'a Value, name: &str) -> &'a str {
    entry(object.pointer("/metadata/labels"), name)
}

/// An annotation; empty when it isn't there.
pub(super) fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    entry(object.pointer("/metadata/annotations"), name)
}

/// Text under a key that may contain slashes; empty when it isn't there.
pub(super) fn entry<'a>(fields: Option<&'a Value>, name: &str) -> &'a str {
    fields.and_then(|fields| fields.get(name)?.as_str()).unwrap_or_default()
}

/// The condition of this type.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions").iter().find(|condition| text(condition, "/type") == kind)
}

/// A number, or one that is written as text.
pub(super) fn number_or_text(value: Option<&Value>) -> Option<i64> {
    whole(value).or_else(|| value?.as_str()?.parse().ok().map(|number: i64| number.clamp(-LARGEST, LARGEST)))
}

/// What every object has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its uid.
    pub uid: String,
    /// When it was made.
    pub created: Option<Timestamp>,
}

impl Meta {
    pub(super) fn of(object: &Value) -> Self {
        Self {
            name: text(object, "/metadata/name").to_owned(),
            namespace: text(object, "/metadata/namespace").to_owned(),
            uid: text(object, "/metadata/uid").to_owned(),
            created: instant(object, "/metadata/creationTimestamp"),
        }
    }

    /// Says whether this object is named as an owner of the other.
    pub(super) fn owns(&self, other: &Value) -> bool {
        let named = |owner: &Value| !self.uid.is_empty() && text(owner, "/uid") == self.uid;
        list(other, "/metadata/ownerReferences").iter().any(named)
    }
}
