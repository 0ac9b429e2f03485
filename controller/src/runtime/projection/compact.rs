//! Copies an object's JSON text without what nobody reads, in one pass and without a tree.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use serin_crds::names::{FIELD_MANAGER, LAST_APPLIED_ANNOTATION};

use super::{Body, CutError};

/// Who wrote an object's spec last, by its managed fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Writer {
    /// Field manager.
    pub manager: Box<str>,
    /// When, as RFC 3339 with seconds; empty if the API server didn't say.
    pub time: Box<str>,
}

/// An object without managed fields and without the last applied configuration.
#[derive(Debug)]
pub(super) struct Compact {
    pub body: Body,
    pub writer: Option<Writer>,
}

/// Copies an object; its status is left out unless `with_status`.
pub(super) fn compact(json: &str, with_status: bool) -> Result<Compact, CutError> {
    let mut copy = Copy { out: Vec::with_capacity(json.len() / 2), writer: None, with_status };
    let mut source = serde_json::Deserializer::from_str(json);
    Node { copy: &mut copy, at: At::Root }.deserialize(&mut source)?;
    source.end()?;
    Ok(Compact { body: Body(copy.out.into_boxed_slice()), writer: copy.writer })
}

struct Copy {
    out: Vec<u8>,
    writer: Option<Writer>,
    with_status: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Root,
    Metadata,
    Annotations,
    Elsewhere,
}

impl At {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "metadata") => Self::Metadata,
            (Self::Metadata, "annotations") => Self::Annotations,
            _ => Self::Elsewhere,
        }
    }
}

struct Node<'a> {
    copy: &'a mut Copy,
    at: At,
}

impl Node<'_> {
    fn write<E: serde::de::Error>(self, value: &(impl serde::Serialize + ?Sized)) -> Result<(), E> {
        serde_json::to_writer(&mut self.copy.out, value).map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: serde::de::Error>(self, value: bool) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<(), E> {
        self.write(value)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.copy.out.extend_from_slice(b"null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.copy.out.push(b'[');
        let start = self.copy.out.len();
        loop {
            let end = self.copy.out.len();
            if end > start {
                self.copy.out.push(b',');
            }
            if seq.next_element_seed(Node { copy: &mut *self.copy, at: At::Elsewhere })?.is_none() {
                self.copy.out.truncate(end);
                break;
            }
        }
        self.copy.out.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.copy.out.push(b'{');
        let start = self.copy.out.len();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            match (self.at, &*key) {
                (At::Metadata, "managedFields") => {
                    self.copy.writer = last_writer(&map.next_value()?);
                }
                (At::Annotations, LAST_APPLIED_ANNOTATION) => {
                    map.next_value::<IgnoredAny>()?;
                }
                (At::Root, "status") if !self.copy.with_status => {
                    map.next_value::<IgnoredAny>()?;
                }
                (at, key) => {
                    if self.copy.out.len() > start {
                        self.copy.out.push(b',');
                    }
                    serde_json::to_writer(&mut self.copy.out, key).map_err(serde::de::Error::custom)?;
                    self.copy.out.push(b':');
                    map.next_value_seed(Node { copy: &mut *self.copy, at: at.below(key) })?;
                }
            }
        }
        self.copy.out.push(b'}');
        Ok(())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    manager: String,
    time: String,
    subresource: String,
    fields_v1: Option<Fields>,
}

#[derive(Deserialize)]
struct Fields {
    #[serde(rename = "f:spec")]
    spec: Option<IgnoredAny>,
}

/// Finds the latest entry that holds fields of the spec; of two in the same second, the one that is not ours.
fn last_writer(fields: &Value) -> Option<Writer> {
    let entries = fields.as_array()?.iter().filter_map(|entry| Entry::deserialize(entry).ok());
    entries
        .filter(|entry| entry.subresource.is_empty())
        .filter(|entry| entry.fields_v1.as_ref().is_none_or(|fields| fields.spec.is_some()))
        .max_by(|a, b| rank(a).cmp(&rank(b)))
        .map(|entry| Writer { manager: entry.manager.into(), time: entry.time.into() })
}

fn rank(entry: &Entry) -> (&str, bool) {
    (&entry.time, entry.manager != FIELD_MANAGER)
}
