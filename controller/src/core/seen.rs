//! Seen: single objects of the cluster, as far as rules need them.

use jiff::Timestamp;
use serin_crds::names::{AnalysisPhase, ScaleDown};
use serin_crds::rollout::PodTemplateMetadata;

use super::exposure::Exposure;
use super::stage::Attempt;

/// A `ReplicaSet` as far as rules need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReplicaSetSeen {
    /// Name.
    pub name: String,
    /// Pod-template hash label.
    pub hash: String,
    /// Revision annotation, 0 if absent.
    pub revision: u64,
    /// `spec.replicas`.
    pub spec: i64,
    /// `status.replicas`.
    pub replicas: i64,
    /// `status.readyReplicas`.
    pub ready: i64,
    /// `status.availableReplicas`.
    pub available: i64,
    /// Whether its counts are of its present size, not of an earlier one.
    pub observed: bool,
    /// `spec.minReadySeconds`.
    pub min_ready_seconds: i64,
    /// Labels and annotations that its pods were given for their role.
    pub role: PodTemplateMetadata,
    /// The revision whose nodes its pods avoid, by an anti-affinity that a controller added.
    pub avoids: Option<String>,
    /// When it may be scaled to zero.
    pub deadline: Option<Timestamp>,
    /// Whether it belongs to nobody, so that it has to be adopted.
    pub orphan: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Why its pods can't be made, if the `ReplicaSet` says so: reason and message.
    pub failure: Option<(String, String)>,
}

/// A pod as far as rules need it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PodSeen {
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Pod-template hash of its `ReplicaSet`.
    pub hash: String,
    /// When it was created.
    pub created: Timestamp,
    /// Whether it has been ready for long enough, and is not on its way out.
    pub available: bool,
    /// Whether it is on its way out.
    pub ending: bool,
}

/// A route that can be steered.
#[derive(Clone, Debug, Default)]
pub struct RouteSeen {
    /// How every place splits the traffic.
    pub exposure: Exposure,
    /// Attempt that the route remembers as aborted, with the reason.
    pub aborted: Option<(Attempt, String)>,
    /// Who wrote the route last, and when.
    pub writer: Option<(String, Timestamp)>,
    /// A subset that a destination names and no `DestinationRule` declares: what to add.
    pub undeclared_subset: Option<String>,
    /// Hashes of our two subsets (canary, stable), if the Rollout names a `DestinationRule`.
    pub subsets: Option<(Option<String>, Option<String>)>,
    /// Hashes that any declared subset selects.
    pub referenced: Vec<String>,
}

/// A Service as far as rules need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSeen {
    /// Name.
    pub name: String,
    /// Hash in its selector.
    pub hash: Option<String>,
    /// Whether it says that this Rollout steers it.
    pub managed: bool,
}

/// A workload that a Rollout refers to, as far as rules need it: its template stands in the spec already.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadSeen {
    /// Name.
    pub name: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// The generation that the Rollout has in its annotations.
    pub noted: Option<String>,
    /// `spec.replicas`, where its pods can be replaced by the Rollout's: of a Deployment.
    pub replicas: Option<i64>,
    /// When its pods give way to the Rollout's.
    pub scale_down: Option<ScaleDown>,
}

/// An object that a Rollout has steered and no longer names: our marks have to be taken out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftKind {
    /// The hash in a Service's selector.
    Service,
    /// The hashes in the subsets of a `DestinationRule`.
    DestinationRule,
    /// The mark of an abort on a `VirtualService`.
    VirtualService,
}

/// One object that was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What it is.
    pub kind: LeftKind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// An `AnalysisRun` as far as rules need it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunSeen {
    /// Name.
    pub name: String,
    /// Hash label.
    pub hash: String,
    /// Step index label; `None` for a background run.
    pub step: Option<usize>,
    /// Phase, the freshest known.
    pub phase: AnalysisPhase,
    /// Message.
    pub message: String,
    /// Measurements that count as evidence.
    pub evidence: usize,
    /// Whether it was told to stop.
    pub terminating: bool,
    /// When it was created.
    pub created: Timestamp,
    /// Whether its spec is the one that would be made now.
    pub current_spec: bool,
}

impl RunSeen {
    /// Whether it ended without a verdict: inconclusive, or stopped before it measured.
    pub fn undecided(&self) -> bool {
        self.phase == AnalysisPhase::Inconclusive || (self.phase == AnalysisPhase::Successful && self.evidence == 0)
    }

    /// Whether it says that the revision is bad.
    pub fn failed(&self) -> bool {
        matches!(self.phase, AnalysisPhase::Failed | AnalysisPhase::Error)
    }

    /// Whether it says, on evidence, that the revision is good.
    pub fn passed(&self) -> bool {
        self.phase == AnalysisPhase::Successful && self.evidence > 0
    }
}
