//! What decides where requests go.

use super::Scenario;
use crate::invariants::{
    History, Key, WriteRecord, view,
    wiring::{RouteRef, wiring},
};

/// What decides where requests go.
#[derive(Debug, Default, PartialEq)]
pub(super) struct RoutingState {
    pub(super) current: String,
    stable: String,
    /// The canary's weight, if all routes agree.
    pub(super) weight: Option<i64>,
    selected: Vec<String>,
}

impl RoutingState {
    pub(super) fn of(history: &History, scenario: &Scenario) -> Self {
        let key = Key::new("rollouts", super::NAMESPACE, scenario.rollout_name());
        let Some(rollout) = history.get(&key) else {
            return Self::default();
        };
        let wiring = wiring(rollout);
        let keys = wiring.routes.iter().map(RouteRef::key);
        let weights: Vec<_> = keys.filter_map(|key| wiring.canary_weight(&key, history.get(&key)?)).collect();
        let shares = history.now().shares(&key);
        Self {
            current: view::text(rollout, "/status/currentPodHash").to_owned(),
            stable: view::text(rollout, "/status/stableRS").to_owned(),
            weight: weights.first().copied().filter(|first| weights.iter().all(|weight| weight == first)),
            selected: shares.into_keys().collect(),
        }
    }

    /// Says whether a write can change where requests go.
    pub(super) fn depends_on(write: &WriteRecord) -> bool {
        ["rollouts", "virtualservices", "services", "destinationrules"].contains(&write.key.resource.as_str())
    }

    /// Says whether two versions share the traffic.
    pub(super) fn releasing(&self) -> bool {
        !self.stable.is_empty() && self.current != self.stable
    }
}
