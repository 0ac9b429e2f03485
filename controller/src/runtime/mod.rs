//! What the controller stands on: time, watches, caches, the queue, leadership, clients, events, metrics and flags.

pub mod clock;
pub mod cut;
pub mod key;
pub mod reading;
pub mod store;
pub mod watch;
