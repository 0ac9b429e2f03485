//! Prometheus as the simulator needs it: an hour of samples in memory, `PromQL` over them, and answers byte for byte as the
//! HTTP API of the real one gives them.
//!
//! The language is the part that rollouts use; anything else is refused with Prometheus' own kind of error.

mod answer;
mod error;
mod eval;
mod fetch;
mod labels;
#[cfg(test)]
mod tests;
mod tsdb;

pub use answer::Reply;
pub use error::QueryError;
pub use fetch::{Behaviour, SimPrometheus};
pub use labels::Labels;
pub use tsdb::Tsdb;
