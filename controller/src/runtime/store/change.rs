//! What a watch tells when an object comes, changes or goes.

use std::sync::Arc;

use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection};

/// A change of one object in a store.
#[derive(Clone, Debug)]
pub struct Change<K> {
    /// The object before; `None` when it appeared.
    pub old: Option<Arc<K>>,
    /// The object after; `None` when it is gone.
    pub new: Option<Arc<K>>,
    /// Whether the cache held this version already, from our own write.
    pub echo: bool,
}

impl<K: Projection> Change<K> {
    /// Returns the key of the object.
    pub fn key(&self) -> Option<&Key> {
        self.new.as_ref().or(self.old.as_ref()).map(|object| object.key())
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
