//! How the pods of an image behave.

use serde::{Deserialize, Serialize};

use super::{ScenarioError, Span};

/// How the pods of an image behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Behaviour {
    /// The share of requests answered with 500, from 0 to 1.
    #[serde(default)]
    pub error_rate: f64,
    /// The time of an answer, in milliseconds.
    #[serde(default = "Behaviour::usual_latency")]
    pub latency_ms: u32,
    /// The time from a pod's creation until it is ready.
    #[serde(default = "Behaviour::usual_start")]
    pub ready_after: Span,
    /// The pods start but never become ready.
    #[serde(default)]
    pub never_ready: bool,
    /// So many of the pods, those that are made first, never become ready.
    #[serde(default, skip_serializing_if = "Behaviour::is_none")]
    pub never_ready_pods: u32,
    /// The pods are ready and unready in turn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flaps: Option<Flaps>,
    /// How long a pod goes on answering after it was told to end.
    #[serde(default = "Behaviour::usual_drain", skip_serializing_if = "Behaviour::drains_as_usual")]
    pub drain: Span,
}

/// How pods flap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Flaps {
    /// How long they are ready.
    pub up: Span,
    /// How long they are not.
    pub down: Span,
}

impl Behaviour {
    const fn usual_latency() -> u32 {
        20
    }

    const fn usual_start() -> Span {
        Span::seconds(3)
    }

    const fn usual_drain() -> Span {
        Span::seconds(1)
    }

    fn drains_as_usual(drain: &Span) -> bool {
        *drain == Self::usual_drain()
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    const fn is_none(count: &u32) -> bool {
        *count == 0
    }
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            error_rate: 0.0,
            latency_ms: Self::usual_latency(),
            ready_after: Self::usual_start(),
            never_ready: false,
            never_ready_pods: 0,
            flaps: None,
            drain: Self::usual_drain(),
        }
    }
}

/// Refuses what can't be meant.
pub(super) fn check_behaviour(path: &str, behaviour: &Behaviour) -> Result<(), ScenarioError> {
    let rate = behaviour.error_rate;
    if (0.0..=1.0).contains(&rate) {
        return Ok(());
    }
    Err(ScenarioError::field(format!("{path}.errorRate"), format!("is {rate}; it must be 0 to 1")))
}
