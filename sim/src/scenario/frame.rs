//! What whoever watches a scenario is shown.

use jiff::Timestamp;
use serde_json::Value;

use super::NAMESPACE;
use crate::{
    invariants::{History, Key},
    transcript::Transcript,
};

/// The world at one instant. Nothing is computed before somebody asks.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// When.
    pub at: Timestamp,
    /// What happened so far.
    pub transcript: &'a Transcript,
    /// The name of the scenario's Rollout.
    pub(super) rollout: &'a str,
    pub(super) history: &'a History,
}

impl<'a> Frame<'a> {
    /// The scenario's Rollout, once it is there.
    pub fn rollout(&self) -> Option<&'a Value> {
        self.history.get(&Key::new("rollouts", NAMESPACE, self.rollout))
    }

    /// All objects of a resource, such as `pods`, in no order.
    pub fn all(&self, resource: &'a str) -> Vec<&'a Value> {
        self.history.all(resource).map(|(_, object)| object).collect()
    }
}
