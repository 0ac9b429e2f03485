//! A plan: what to write, what to record, why, and when to look again.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serin_crds::names::EventReason;
use serin_crds::rollout::{PodTemplateMetadata, RolloutStatus};

use super::because::Because;
use super::managed::ManagedRoute;
use super::snapshot::Left;
use super::stage::Attempt;
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
    /// What has to be read from the API server before it may be carried out.
    pub needs: BTreeSet<Need>,
    /// Why.
    pub because: Because,
    /// When to look again, if nothing happens before.
    pub wake: Option<Timestamp>,
    /// Events.
    pub notes: Vec<Note>,
}

/// What a decision needs read from the API server, rather than from the caches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// The Rollout itself: the plan gives the canary traffic, takes the last pods away, or promotes.
    Rollout,
    /// What the Rollout names and no cache holds: the plan says that something is missing.
    Named,
    /// Everything that no cache can be believed about just now: traffic has to leave the canary.
    Unreadable,
    /// The pods themselves, which are in no cache: some have to be restarted.
    Pods,
}

/// A move of traffic, the same for every router.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// The largest share that the canary had.
    pub from: Weight,
    /// The share that it is to have.
    pub to: Weight,
    /// The managed routes that it is to have, in order; a move down adds none, and removes every other.
    pub managed: Vec<ManagedRoute>,
    /// Which way.
    pub way: Way,
}

impl Move {
    /// What it was and what it is to be, in parts of the finer whole of the two: as steps name it.
    pub fn parts(&self) -> (i64, i64) {
        let total = self.from.total().max(self.to.total());
        (self.from.parts_of(total), self.to.parts_of(total))
    }
}

/// Which way traffic moves: it decides what the write insists on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way {
    /// Up, or a repair: rests on the exact versions that were seen, and takes the mark of an abort away.
    Up,
    /// Down: rests only on the destinations being the ones that were seen, so that nobody's unrelated write delays it.
    Down,
    /// Down because an attempt is aborted: also leaves the mark that survives a crash.
    Abort {
        /// The attempt.
        attempt: Attempt,
        /// Why.
        reason: String,
    },
}

impl Way {
    /// Whether the canary can only lose traffic by it.
    pub fn is_down(&self) -> bool {
        !matches!(self, Self::Up)
    }
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
    /// Writes on the Rollout which generation of the workload that it refers to is carried out.
    NoteWorkload {
        /// The generation.
        generation: String,
    },
    /// Changes the size of the Deployment that the Rollout refers to; rests on the version that was seen.
    ScaleWorkload {
        /// Name.
        name: String,
        /// Size seen.
        from: i64,
        /// Size wanted.
        to: i64,
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
    /// Moves traffic on every router.
    Move(Move),
    /// Makes an orphaned `ReplicaSet` belong to the Rollout.
    Adopt {
        /// Name.
        name: String,
    },
    /// Changes how long a pod has to be ready before it counts as available.
    SetMinReadySeconds {
        /// Name of the `ReplicaSet`.
        name: String,
        /// Seconds.
        seconds: i64,
    },
    /// Gives the pods of a `ReplicaSet`, and those that it makes from now on, the labels and annotations of their role.
    SetRole {
        /// Name of the `ReplicaSet`.
        name: String,
        /// Labels and annotations that they were given for an earlier role.
        from: PodTemplateMetadata,
        /// Labels and annotations wanted.
        to: PodTemplateMetadata,
    },
    /// Makes the pods that the `ReplicaSet` of the new revision makes from now on avoid the nodes of another revision.
    SetAntiAffinity {
        /// Name of the `ReplicaSet`.
        name: String,
        /// Hash of the revision to avoid.
        avoids: String,
    },
    /// Evicts pods, so that their `ReplicaSet` makes new ones; what keeps one of them does not keep the others.
    Evict {
        /// Names and UIDs.
        pods: Vec<(String, String)>,
    },
    /// Takes our marks out of an object that is no longer named.
    Release(Left),
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
            Self::Move(change) => change.way.is_down(),
            Self::TerminateRun { .. } => true,
            _ => false,
        }
    }

    /// Whether it gives the canary traffic or takes pods away, so that it must rest on a live read.
    pub fn commits(&self) -> bool {
        match self {
            Self::Move(change) => !change.way.is_down(),
            Self::ScaleReplicaSet { from, to, .. } => to < from && *to == 0,
            Self::ScaleWorkload { from, to, .. } => to < from,
            Self::DeleteReplicaSet { .. } => true,
            _ => false,
        }
    }

    /// What people are told about it, where that doesn't depend on what led to it.
    fn told(&self) -> Option<Note> {
        match self {
            Self::Move(change) if change.from != change.to => {
                let (from, to) = change.parts();
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
        Self { effects: Vec::new(), record, together: false, needs: BTreeSet::new(), because, wake, notes: Vec::new() }
    }

    /// A plan with effects.
    pub fn act(record: RolloutStatus, because: Because, effects: Vec<Effect>) -> Self {
        let mut plan = Self::wait(record, because);
        plan.together = !effects.is_empty() && effects.iter().all(Effect::lowers);
        plan.needs = effects.iter().any(Effect::commits).then_some(Need::Rollout).into_iter().collect();
        plan.effects = effects;
        plan
    }

    /// Needs something read before it may be carried out.
    #[must_use]
    pub fn needing(mut self, need: Need) -> Self {
        self.needs.insert(need);
        self
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

    /// Whether an event tells of one of its effects, rather than of its record.
    pub fn is_of_effect(&self, note: &Note) -> bool {
        self.effects.iter().filter_map(Effect::told).any(|told| told == *note)
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
