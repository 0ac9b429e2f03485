//! What a watch tells when an object comes, changes or goes.

use std::sync::Arc;

use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection};

/// What a change tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Something that the cache did not hold.
    Changed,
    /// Our own write, or what we have read ourselves: the cache held it already, and nobody else was told.
    Own,
    /// Nothing: this version was told before.
    Known,
}

/// A change of one object in a store.
#[derive(Clone, Debug)]
pub struct Change<K> {
    /// The object before; `None` when it appeared, or could not be read.
    pub old: Option<Arc<K>>,
    /// The object after; `None` when it is gone.
    pub new: Option<Arc<K>>,
    /// What the change tells.
    pub news: News,
    key: Key,
}

impl<K: Projection> Change<K> {
    /// Tells that an object is gone.
    pub(crate) fn gone(key: Key, old: Option<Arc<K>>) -> Self {
        Self { old, new: None, news: News::Changed, key }
    }

    /// Tells what an object is now.
    pub(crate) fn shown(old: Option<Arc<K>>, new: Arc<K>, news: News) -> Self {
        Self { old, news, key: new.key().clone(), new: Some(new) }
    }

    /// Returns the key of the object.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Lists the index keys of both versions, so that whoever was named before hears of it too.
    pub fn index_keys(&self) -> Vec<IndexKey> {
        let versions = self.old.iter().chain(&self.new);
        let mut keys: Vec<IndexKey> = versions.flat_map(|object| object.index_keys()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

/// What our own write, or what we have read ourselves, changed in a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing: the store holds this version or a newer one, or has seen the object go since.
    Old,
    /// The object that was held.
    Newer,
    /// It was not held: whoever was told that it is absent, or cannot be read, has to look again.
    Appeared,
}
