//! The pure core: from a snapshot of the world to a plan, with no clock, client or randomness in it.
//!
//! [`decide`] asks the rules in order of priority; the first that answers wins. What people need to believe the
//! promises stands in `goal.rs`, `capacity.rs`, `rules/aborting.rs` and `rules/traffic.rs`.

pub mod because;
pub mod capacity;
pub mod conditions;
pub mod exposure;
pub mod goal;
pub mod managed;
pub mod plan;
pub mod record;
pub mod role;
pub mod rules;
pub mod seen;
pub mod sizes;
pub mod snapshot;
pub mod stage;
pub mod steps;
pub mod weight;

pub use because::Because;
pub use plan::{Effect, Note, Plan};
pub use rules::{decide, hindered};
pub use snapshot::Snapshot;

#[cfg(test)]
pub mod fixtures;
