//! Because: why a turn decided as it did. The one place where reasons become sentences.

use jiff::Timestamp;
use serin_crds::time;

use super::weight::Weight;

/// Every reason that a turn can have; there is no "nothing".
#[derive(Clone, Debug, PartialEq)]
pub enum Because {
    /// Everything is as asked for.
    Settled,
    /// The Rollout is being deleted.
    Deleting,
    /// The spec, or something that it names, can't be used.
    Invalid(String),
    /// The route is absent or can't be understood, so nothing is raised.
    Blind(String),
    /// Something can't be read just now, so nothing but lowering goes on.
    Unreadable(String),
    /// The Rollout asks for what this version does not carry out and what decides exposure or capacity.
    Unsupported(String),
    /// The API server refuses a write.
    Refused {
        /// What was to be written.
        what: String,
        /// What the server said.
        why: String,
    },
    /// A write succeeds and changes nothing.
    NoEffect(String),
    /// Somebody else writes the same object over and over.
    Contended(String),
    /// `spec.replicas` was absent.
    Defaulting,
    /// A revision that was not recorded yet is taken up.
    NewRevision(String),
    /// The spec names the stable revision again.
    BackToStable,
    /// The revision is aborted.
    Aborting(String),
    /// Traffic has to leave the canary, but what stable can't serve has to stay for now.
    DrainHeld {
        /// Stable pods that answer.
        available: i64,
        /// Stable pods that should.
        desired: i64,
        /// Share that stays on the canary.
        weight: Weight,
        /// When all traffic leaves whatever is available; `None` while nothing at all is.
        until: Option<Timestamp>,
    },
    /// The revision was aborted; a person or a new revision goes on from here.
    Aborted(String),
    /// A person asked to try the revision again.
    Retrying,
    /// A person cleared the pauses of the controller.
    Resuming,
    /// `ReplicaSet`s that belonged to nobody are adopted.
    Adopting,
    /// A person paused the Rollout.
    ManuallyPaused,
    /// A pause step.
    Paused {
        /// Since when.
        since: Timestamp,
        /// Until when; `None` until somebody promotes.
        until: Option<Timestamp>,
    },
    /// An analysis could not decide; a person has to.
    Inconclusive(String),
    /// Pods are being made or removed.
    Scaling(String),
    /// Pods do not answer yet.
    PodsNotReady {
        /// The `ReplicaSet`.
        replica_set: String,
        /// Pods that answer.
        available: i64,
        /// Pods that must.
        wanted: i64,
    },
    /// A Service, subset or weight is brought to where the record says.
    Converging(String),
    /// Traffic may not fall yet: the stable side can't serve what it would get.
    StableShort {
        /// Stable pods that are available.
        available: i64,
        /// The share that stays on the canary.
        weight: Weight,
    },
    /// Traffic may not rise: Envoy would answer 503 for a subset that nobody declares.
    SubsetUndeclared(String),
    /// A Service may not switch yet.
    ServiceWaits {
        /// The Service.
        service: String,
        /// The revision that it waits for.
        hash: String,
    },
    /// An analysis runs.
    Analysing(String),
    /// An analysis has to measure once before the revision can become stable.
    NoEvidence(String),
    /// A step is of a kind that this version doesn't carry out.
    UnsupportedStep(String),
    /// A step is complete.
    StepDone(String),
    /// The revision becomes stable.
    Promoting(String),
    /// Pods of an old revision stay until traffic has surely left them.
    Draining {
        /// The `ReplicaSet`.
        replica_set: String,
        /// Until when.
        until: Timestamp,
    },
    /// Old objects are cleaned up.
    CleaningUp,
    /// Pods that are older than `spec.restartAt` are restarted.
    Restarting {
        /// How many are left.
        left: usize,
    },
    /// No pod is older than `spec.restartAt` any more.
    Restarted,
}

impl Because {
    /// The word for traffic that is held while it has to leave the canary.
    pub(super) const DRAIN_HELD: &'static str = "DrainHeld";

    /// The reason as one word, for conditions and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Settled => "Settled",
            Self::Deleting => "Deleting",
            Self::Invalid(_) => "InvalidSpec",
            Self::Blind(_) => "RouteUnseen",
            Self::Defaulting => "Defaulting",
            Self::NewRevision(_) => "NewRevision",
            Self::BackToStable => "BackToStable",
            Self::Aborting(_) => "Aborting",
            Self::DrainHeld { .. } => Self::DRAIN_HELD,
            Self::StableShort { .. } => "StableShort",
            Self::Unreadable(_) => "Unreadable",
            Self::Unsupported(_) => "UnsupportedFields",
            Self::Refused { .. } => "WriteRefused",
            Self::NoEffect(_) => "NoEffect",
            Self::Contended(_) => "Contended",
            Self::Aborted(_) => "Aborted",
            Self::Retrying => "Retrying",
            Self::Resuming => "Resuming",
            Self::Adopting => "Adopting",
            Self::ManuallyPaused => "ManuallyPaused",
            Self::Paused { .. } => "PauseStep",
            Self::Inconclusive(_) => "InconclusiveAnalysis",
            Self::Scaling(_) => "Scaling",
            Self::PodsNotReady { .. } => "PodsNotReady",
            Self::Converging(_) => "Converging",
            Self::SubsetUndeclared(_) => "SubsetUndeclared",
            Self::ServiceWaits { .. } => "ServiceWaits",
            Self::Analysing(_) => "Analysing",
            Self::NoEvidence(_) => "NoEvidence",
            Self::UnsupportedStep(_) => "UnsupportedStep",
            Self::StepDone(_) => "StepDone",
            Self::Promoting(_) => "Promoting",
            Self::Draining { .. } => "Draining",
            Self::CleaningUp => "CleaningUp",
            Self::Restarting { .. } => "Restarting",
            Self::Restarted => "Restarted",
        }
    }

    /// Whether something is waited for, rather than done or finished.
    pub fn is_wait(&self) -> bool {
        !matches!(
            self,
            Self::Settled
                | Self::Deleting
                | Self::Defaulting
                | Self::NewRevision(_)
                | Self::BackToStable
                | Self::Retrying
                | Self::Resuming
                | Self::Adopting
                | Self::StepDone(_)
                | Self::Promoting(_)
                | Self::CleaningUp
                | Self::Restarted
        )
    }

    /// Whether the world keeps a turn from having its effect: that is said at once.
    pub fn is_hindrance(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::NoEffect(_) | Self::Contended(_))
    }

    /// When the wait ends by itself.
    pub fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Draining { until, .. } => Some(*until),
            Self::Paused { until, .. } | Self::DrainHeld { until, .. } => *until,
            _ => None,
        }
    }

    /// The sentence that status, events, the command line and the simulator print.
    pub fn sentence(&self) -> String {
        match self {
            Self::Settled => "everything is as asked for".to_owned(),
            Self::Deleting => "the Rollout is being deleted".to_owned(),
            Self::Invalid(why) => format!("waits for a valid spec: {why}"),
            Self::Blind(why) => format!("raises no traffic until the route is there: {why}"),
            Self::Unreadable(what) => format!("waits until it can be read: {what}"),
            Self::Unsupported(_) | Self::Refused { .. } | Self::NoEffect(_) | Self::Contended(_) => self.hindrance(),
            Self::StableShort { available, weight } => {
                format!(
                    "{weight} % stay on the canary: only {available} stable pods are available, or no Service selects them"
                )
            }
            Self::Defaulting => "spec.replicas is absent and becomes 1".to_owned(),
            Self::NewRevision(hash) => format!("revision {hash} is new"),
            Self::BackToStable => "the spec names the stable revision again".to_owned(),
            Self::Aborting(why) => format!("aborting: {why}"),
            Self::DrainHeld { .. } => self.held(),
            Self::Aborted(why) => {
                format!("the revision was aborted: {why}; waits for a retry or a new revision")
            }
            Self::Retrying => "a person asked to try the revision again".to_owned(),
            Self::Resuming => "a person resumed the Rollout".to_owned(),
            Self::Adopting => "ReplicaSets that belong to nobody are adopted".to_owned(),
            Self::ManuallyPaused => "waits for spec.paused to become false; a person paused the Rollout".to_owned(),
            Self::Paused { since, until } => paused(*since, *until),
            Self::Inconclusive(why) => {
                format!("waits for a person to promote or abort: the analysis could not decide: {why}")
            }
            Self::Scaling(what) | Self::Converging(what) => what.clone(),
            Self::PodsNotReady { replica_set, available, wanted } => {
                format!("waits for ReplicaSet {replica_set}: {available} of {wanted} pods available")
            }
            Self::SubsetUndeclared(what) => format!(
                "raises no traffic: Envoy answers 503 for a subset that no DestinationRule declares; add {what}"
            ),
            Self::ServiceWaits { service, hash } => {
                format!("Service {service} switches to {hash} as soon as a pod of it is available")
            }
            Self::Analysing(run) => format!("waits for the verdict of AnalysisRun {run}"),
            Self::NoEvidence(run) => {
                format!("waits for AnalysisRun {run} to measure; nothing is promoted without evidence")
            }
            Self::UnsupportedStep(step) => {
                format!("waits for a person to skip the step: this version does not carry out {step}")
            }
            Self::StepDone(step) => format!("step done: {step}"),
            Self::Promoting(why) => format!("the revision becomes stable: {why}"),
            Self::Draining { replica_set, until } => {
                format!("ReplicaSet {replica_set} stays until {}; traffic has left it", time::format(*until))
            }
            Self::CleaningUp => "old objects are cleaned up".to_owned(),
            Self::Restarting { left } => {
                format!("restarts pods that are older than spec.restartAt: {left} left; waits for pods to be available")
            }
            Self::Restarted => "all pods are younger than spec.restartAt".to_owned(),
        }
    }

    /// What keeps a turn from having its effect.
    fn hindrance(&self) -> String {
        match self {
            Self::Unsupported(paths) => {
                format!(
                    "nothing is changed: this version does not carry out {paths}; remove it, or let another controller run this Rollout"
                )
            }
            Self::Refused { what, why } => format!("the API server refuses to {what}: {why}"),
            Self::NoEffect(what) => {
                format!(
                    "the API server accepts the write, and nothing changes: {what}; look for a webhook that changes it back"
                )
            }
            Self::Contended(what) => format!("somebody else keeps writing over it: {what}"),
            _ => String::new(),
        }
    }

    fn held(&self) -> String {
        let Self::DrainHeld { available, desired, weight, until } = self else {
            return String::new();
        };
        let end = match until {
            Some(at) => format!("all of it leaves at {} at the latest", time::format(*at)),
            None => "no stable pod is available at all, so nothing can leave yet".to_owned(),
        };
        format!(
            "traffic has to leave the canary, but {weight} % stay on it: {available} of {desired} stable pods are available; {end}"
        )
    }
}

fn paused(since: Timestamp, until: Option<Timestamp>) -> String {
    let since = time::format(since);
    match until {
        Some(at) => format!("pause step since {since}, until {}", time::format(at)),
        None => format!("pause step since {since}, until somebody promotes"),
    }
}
