//! A plan: what to write, what to record, why, and when to look again.

use jiff::Timestamp;
use serin_crds::names::EventReason;
use serin_crds::rollout::RolloutStatus;

use super::because::Because;
use super::weight::Weight;

/// What one turn does about a snapshot.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Writes to the world, in order; the first failure stops the rest.
    pub effects: Vec<Effect>,
    /// The next status.
    pub record: RolloutStatus,
    /// Whether the status may go out together with the effects: true when every one of them lowers exposure.
    pub together: bool,
    /// What it has to rest on.
    pub needs: Basis,
    /// Why.
    pub because: Because,
    /// When to look again, if nothing happens before.
    pub wake: Option<Timestamp>,
    /// Events.
    pub notes: Vec<Note>,
}

/// What a plan has to rest on; each asks for more than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// What the caches hold.
    Cached,
    /// A Rollout that was current a moment ago: the plan gives the canary traffic, takes pods away, or promotes.
    Current,
    /// A look at everything that the Rollout names: the plan says that something is missing.
    Asked,
}

/// One write to the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Makes the `ReplicaSet` of the revision that the spec describes.
    CreateReplicaSet {
        /// Pods to start with.
        replicas: i64,
        /// Revision number.
        revision: u64,
    },
    /// Changes a `ReplicaSet`'s size; rests on the size that was seen.
    ScaleReplicaSet {
        /// Name.
        name: String,
        /// Size seen.
        from: i64,
        /// Size wanted.
        to: i64,
    },
    /// Sets or removes the instant at which a `ReplicaSet` may go to zero.
    SetDeadline {
        /// Name.
        name: String,
        /// The instant; `None` removes it.
        at: Option<Timestamp>,
    },
    /// Gives a `ReplicaSet` that becomes current again its new revision number.
    Renumber {
        /// Name.
        name: String,
        /// Revision number.
        revision: u64,
    },
    /// Deletes a `ReplicaSet` beyond the history limit.
    DeleteReplicaSet {
        /// Name.
        name: String,
    },
    /// Writes the revision number on the Rollout.
    AnnotateRevision {
        /// Revision number.
        revision: u64,
    },
    /// Writes `spec.replicas: 1` where it is absent.
    DefaultReplicas,
    /// Points a Service at a revision.
    SwitchService {
        /// Name.
        service: String,
        /// Hash in the selector now.
        from: Option<String>,
        /// Hash wanted.
        to: String,
    },
    /// Points the two subsets at their revisions.
    SetSubsets {
        /// Hash of the canary's subset.
        canary: String,
        /// Hash of the stable subset.
        stable: String,
    },
    /// Moves traffic.
    SetWeight {
        /// Share seen.
        from: Weight,
        /// Share wanted.
        to: Weight,
        /// Why, as far as the router cares.
        cause: crate::routers::istio::Cause,
    },
    /// Makes an `AnalysisRun`.
    CreateRun {
        /// Name.
        name: String,
        /// Step index; `None` for the background analysis.
        step: Option<usize>,
    },
    /// Tells an `AnalysisRun` to stop.
    TerminateRun {
        /// Name.
        name: String,
    },
    /// Deletes an `AnalysisRun` beyond the history limit.
    DeleteRun {
        /// Name.
        name: String,
    },
}

/// An event that people see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Argo's reason.
    pub reason: EventReason,
    /// The sentence.
    pub message: String,
}

impl Note {
    /// Makes a note.
    pub fn new(reason: EventReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl Effect {
    /// Whether it can only take traffic away from the canary.
    pub fn lowers(&self) -> bool {
        match self {
            Self::SetWeight { from, to, .. } => to < from,
            Self::TerminateRun { .. } => true,
            _ => false,
        }
    }

    /// Whether it gives the canary traffic or takes pods away, so that it must rest on a live read.
    pub fn commits(&self) -> bool {
        match self {
            Self::SetWeight { from, to, .. } => to > from,
            Self::ScaleReplicaSet { from, to, .. } => to < from && *to == 0,
            Self::DeleteReplicaSet { .. } => true,
            _ => false,
        }
    }

    /// What people are told about it, where that doesn't depend on what led to it.
    fn told(&self) -> Option<Note> {
        match self {
            Self::SetWeight { from, to, .. } if from != to => {
                let text = format!("Traffic weight updated from {from} to {to}");
                Some(Note::new(EventReason::TrafficWeightUpdated, text))
            }
            Self::SwitchService { service, from, to } => {
                let from = from.as_deref().unwrap_or_default();
                let text = format!("Switched selector for service '{service}' from '{from}' to '{to}'");
                Some(Note::new(EventReason::SwitchService, text))
            }
            _ => None,
        }
    }
}

impl Plan {
    /// A plan that waits, with nothing to write but the record.
    pub fn wait(record: RolloutStatus, because: Because) -> Self {
        let wake = because.until();
        Self { effects: Vec::new(), record, together: false, needs: Basis::Cached, because, wake, notes: Vec::new() }
    }

    /// A plan with effects.
    pub fn act(record: RolloutStatus, because: Because, effects: Vec<Effect>) -> Self {
        let mut plan = Self::wait(record, because);
        plan.together = !effects.is_empty() && effects.iter().all(Effect::lowers);
        plan.needs = if effects.iter().any(Effect::commits) { Basis::Current } else { Basis::Cached };
        plan.effects = effects;
        plan
    }

    /// Adds an event.
    #[must_use]
    pub fn note(mut self, reason: EventReason, message: impl Into<String>) -> Self {
        self.notes.push(Note::new(reason, message));
        self
    }

    /// Adds the events of its moves of traffic: weights and Services.
    #[must_use]
    pub fn told(mut self) -> Self {
        self.notes.extend(self.effects.iter().filter_map(Effect::told));
        self
    }

    /// Looks again at `at` at the latest.
    #[must_use]
    pub fn wake_at(mut self, at: Option<Timestamp>) -> Self {
        self.wake = at.and_then(|at| Self::earlier(self.wake, at)).or(self.wake);
        self
    }

    /// The earlier of a wake that may be and one that is.
    pub fn earlier(wake: Option<Timestamp>, at: Timestamp) -> Option<Timestamp> {
        Some(wake.map_or(at, |wake| wake.min(at)))
    }
}
