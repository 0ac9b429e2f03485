//! The metadata that all cuts keep.

use std::str::FromStr;
use std::sync::Arc;

use crate::runtime::key::Key;
use jiff::Timestamp;

/// Metadata of a cached object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetaRow {
    /// Namespace and name.
    pub key: Key,
    /// Uid.
    pub uid: Box<str>,
    /// Resource version; opaque, but see [`newer`](crate::runtime::store::newer).
    pub version: Box<str>,
    /// Generation of the spec; 0 if the kind has none.
    pub generation: i64,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When its deletion was asked for.
    pub deleted: Option<Timestamp>,
    /// Its controller, shared by all objects of a cache that it owns.
    pub owner: Option<Arc<Owner>>,
}

/// The controller of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Uid, shared with the index.
    pub uid: Arc<str>,
    /// Kind.
    pub kind: Box<str>,
    /// Name; the namespace is that of the object.
    pub name: Box<str>,
}

/// The value of an annotation: people can write anything there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AnnotationValue<T> {
    /// The annotation is not there, or empty.
    #[default]
    Unset,
    /// The annotation says this.
    Set(T),
    /// The annotation has this text, which means nothing.
    Malformed(Box<str>),
}

impl<T: FromStr> AnnotationValue<T> {
    pub(super) fn read(text: &str) -> Self {
        match text.trim() {
            "" => Self::Unset,
            text => text.parse().map_or_else(|_| Self::Malformed(text.into()), Self::Set),
        }
    }
}

impl<T: Clone> AnnotationValue<T> {
    /// Returns the value, if the annotation has one.
    pub fn get(&self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value.clone()),
            Self::Unset | Self::Malformed(_) => None,
        }
    }
}
