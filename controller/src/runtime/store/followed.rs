//! What is asked of a store whatever kind it holds.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Whether a store can be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sync {
    /// The first list is not complete.
    Pending,
    /// The store follows the API server.
    Following,
    /// The kind cannot be listed, and why.
    Unavailable(String),
}

/// A store of any kind, for those who only ask how it is.
pub trait Followed: Send + std::marker::Sync {
    /// Returns the full name of the resource.
    fn resource(&self) -> String;
    /// Tells whether the store can be believed.
    fn sync(&self) -> Sync;
    /// Tells how long ago the watch gave its last sign of life.
    fn silence(&self) -> Duration;
    /// Counts the objects that are held.
    fn len(&self) -> usize;
    /// Tells whether nothing is held.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Gives a view that turns true when the first list is complete or the kind cannot be listed.
    fn settled(&self) -> watch::Receiver<bool>;
    /// Gives a count that grows each time when the store can be believed again: whoever was told that something could not
    /// be read has to look again.
    fn regained(&self) -> watch::Receiver<u64>;
}

/// Waits until work may begin: every first list is complete, or its kind cannot be listed.
pub async fn all_settled(stores: &[Arc<dyn Followed>]) {
    for store in stores {
        let mut settled = store.settled();
        // The sender lives in the store, which we hold: it cannot be gone.
        let _ = settled.wait_for(|settled| *settled).await;
    }
}
