//! What the controller stands on: time, watches, caches, the queue, leadership, clients, events, metrics and flags.

pub mod client;
pub mod clock;
pub mod flags;
pub mod gate;
pub mod key;
pub mod lease;
pub mod limiter;
pub mod logging;
pub mod metrics;
pub mod outbox;
pub mod projection;
pub mod queue;
pub mod reading;
pub mod server;
pub mod shutdown;
pub mod store;
pub mod tally;
pub mod waiters;
pub mod watch;
