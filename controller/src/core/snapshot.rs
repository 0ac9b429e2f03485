//! What one turn sees: facts only, taken at one instant.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serin_crds::IntOrString;
use serin_crds::analysis::AnalysisRunSpec;
use serin_crds::rollout::{CanaryStep, CanaryStrategy, RolloutSpec, RolloutStatus};

use super::plan::Need;
pub use super::seen::{Left, LeftKind, PodSeen, ReplicaSetSeen, RouteSeen, RunSeen, ServiceSeen, WorkloadSeen};
use super::stage::{Attempt, Stage};
use super::weight::Weight;

/// The world as one turn sees it.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// When it was taken; the only time that rules know.
    pub now: Timestamp,
    /// How it was looked at.
    pub look: Look,
    /// Who is decided about.
    pub id: Identity,
    /// What is asked for.
    pub spec: Arc<RolloutSpec>,
    /// What is recorded.
    pub status: RolloutStatus,
    /// What is wrong with the spec or with what it names; empty means valid.
    pub faults: Vec<String>,
    /// The revision that the spec describes.
    pub revision: Revision,
    /// The `ReplicaSet`s that belong to the Rollout.
    pub replica_sets: Vec<ReplicaSetSeen>,
    /// Where traffic goes.
    pub traffic: Traffic,
    /// `AnalysisRun`s: those that exist and those that may have to.
    pub analysis: Analysis,
}

/// How the world was looked at, and what could not be seen.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What was read from the API server for this turn, rather than from the caches.
    pub asked: BTreeSet<Need>,
    /// What could not be read, and why; it may be there or not.
    pub unreadable: Vec<String>,
    /// Whether the `ReplicaSet`s are among it.
    pub pods_unreadable: bool,
    /// Paths of what the Rollout asks for that this version does not carry out and that decides exposure or capacity.
    pub held: Vec<String>,
    /// The pods that have not ended, where they were asked for and could be read.
    pub pods: Option<Vec<PodSeen>>,
    /// What is remembered of earlier looks.
    pub memory: Memory,
}

/// What is remembered from turn to turn; a restart begins it anew, on the careful side.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Since when routes and selectors have been as they are.
    pub unmoved_since: Option<Timestamp>,
    /// The size at which the side that has to take all traffic back was last whole: the stable pods, or all pods where stable
    /// follows its share.
    pub whole: Option<i64>,
    /// The furthest that the recorded attempt has come.
    pub best: Best,
}

/// The furthest that an attempt has come: what has been reached before is no progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Best {
    /// Pods of the new revision.
    pub updated: i32,
    /// Ready pods of the new revision.
    pub ready: i32,
    /// Available pods of the new revision.
    pub available: i32,
    /// The fewest pods of other revisions; `None` before the first look.
    pub old: Option<i32>,
}

/// Which Rollout it is, and in which version.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// UID.
    pub uid: String,
    /// Version that the decision rests on; status writes carry it.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// The same as the status says it; `None` where it says nothing.
    pub observed_generation: Option<IntOrString>,
    /// Revision annotation, 0 if absent.
    pub revision: u64,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Paths of fields that are set and not acted on by this version.
    pub unsupported: Vec<String>,
}

/// The revision that the spec describes.
#[derive(Clone, Debug, Default)]
pub struct Revision {
    /// Pod-template hash; names the `ReplicaSet`.
    pub hash: String,
    /// Hash of the steps.
    pub step_hash: String,
    /// The workload that its template comes from; `None` where it is the Rollout's own, or can't be seen.
    pub workload: Option<WorkloadSeen>,
}

/// Where traffic goes.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// What the router does.
    pub route: Route,
    /// The Service of the canary, if one is named.
    pub canary_service: Option<ServiceSeen>,
    /// The Service of the stable side, if one is named.
    pub stable_service: Option<ServiceSeen>,
    /// What still carries our marks and is no longer named.
    pub left: Vec<Left>,
}

/// What the router does.
#[derive(Clone, Debug, Default)]
pub enum Route {
    /// The number of pods is the traffic.
    #[default]
    Unrouted,
    /// Seen.
    Seen(Box<RouteSeen>),
    /// Absent, or not to be understood: why, in words that say what to change.
    Blind(String),
    /// Can't be read just now.
    Unreadable(String),
}

/// `AnalysisRun`s.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// Those that the Rollout owns.
    pub runs: Vec<RunSeen>,
    /// The background analysis that the spec asks for.
    pub background: Option<Arc<AnalysisRunSpec>>,
    /// The analysis of each step that has one, by step index.
    pub steps: Vec<(usize, Arc<AnalysisRunSpec>)>,
    /// Names that are taken by runs of somebody else.
    pub occupied: BTreeSet<String>,
    /// Metrics whose provider this version does not have: `metric (provider)`.
    pub unsupported: Vec<String>,
}

impl Snapshot {
    /// Desired pods; absent means 1.
    pub fn desired(&self) -> i64 {
        i64::from(self.spec.replicas.unwrap_or(1).max(0))
    }

    /// The canary strategy; an empty one if another is asked for.
    pub fn canary(&self) -> &CanaryStrategy {
        static EMPTY: std::sync::OnceLock<CanaryStrategy> = std::sync::OnceLock::new();
        self.spec.strategy.canary.as_ref().unwrap_or_else(|| EMPTY.get_or_init(CanaryStrategy::default))
    }

    /// The whole that weights of steps and of status are parts of: 100, or `maxTrafficWeight`.
    pub fn total_weight(&self) -> i64 {
        let most = self.canary().traffic_routing.as_ref().and_then(|routing| routing.max_traffic_weight);
        i64::from(most.unwrap_or(serin_crds::names::defaults::MAX_TRAFFIC_WEIGHT).max(1))
    }

    /// Whether the stable pods follow the share of the traffic that is left for them.
    pub fn dynamic_stable(&self) -> bool {
        self.canary().dynamic_stable_scale && self.routed()
    }

    /// Whether the Services of the two sides swap their roles when a revision becomes stable.
    pub fn swaps_services(&self) -> bool {
        self.canary().ping_pong.is_some() && self.routed()
    }

    /// The steps.
    pub fn steps(&self) -> &[CanaryStep] {
        &self.canary().steps
    }

    /// The recorded step index, never beyond the end.
    pub fn index(&self) -> usize {
        let index = usize::try_from(self.status.current_step_index.unwrap_or(0)).unwrap_or(0);
        index.min(self.steps().len())
    }

    /// The step that is current; `None` at the end.
    pub fn step(&self) -> Option<&CanaryStep> {
        self.steps().get(self.index())
    }

    /// The `ReplicaSet` of the revision that the spec describes.
    pub fn new_rs(&self) -> Option<&ReplicaSetSeen> {
        self.by_hash(&self.revision.hash)
    }

    /// The `ReplicaSet` that is recorded as stable.
    pub fn stable_rs(&self) -> Option<&ReplicaSetSeen> {
        self.by_hash(self.status.stable_rs.as_deref().filter(|hash| !hash.is_empty())?)
    }

    /// `ReplicaSet`s that are neither new nor stable.
    pub fn other_rs(&self) -> impl Iterator<Item = &ReplicaSetSeen> {
        let stable = self.status.stable_rs.as_deref().unwrap_or_default();
        self.replica_sets.iter().filter(move |rs| rs.hash != self.revision.hash && rs.hash != stable)
    }

    /// A `ReplicaSet` by its hash.
    pub fn by_hash(&self, hash: &str) -> Option<&ReplicaSetSeen> {
        self.replica_sets.iter().find(|rs| rs.hash == hash)
    }

    /// Where the Rollout stands.
    pub fn stage(&self) -> Stage {
        Stage::of(self)
    }

    /// The try that is recorded, if it is at the revision that the spec describes.
    pub fn attempt(&self) -> Attempt {
        let revision = self.new_rs().map_or(self.id.revision, |rs| rs.revision);
        Attempt { revision, hash: self.revision.hash.clone() }
    }

    /// Available pods of the new revision.
    pub fn new_available(&self) -> i64 {
        self.new_rs().map_or(0, |rs| rs.available)
    }

    /// Available pods of the stable revision.
    pub fn stable_available(&self) -> i64 {
        self.stable_rs().map_or(0, |rs| rs.available)
    }

    /// Whether a router moves the traffic.
    pub fn routed(&self) -> bool {
        !matches!(self.traffic.route, Route::Unrouted)
    }

    /// The route, if it can be seen.
    pub fn route(&self) -> Option<&RouteSeen> {
        match &self.traffic.route {
            Route::Seen(route) => Some(route),
            Route::Unrouted | Route::Blind(_) | Route::Unreadable(_) => None,
        }
    }

    /// The largest share that the canary gets now; nothing where no route can be seen.
    pub fn share(&self) -> Weight {
        self.route().map_or(Weight::ZERO, |route| route.exposure.share())
    }

    /// Whether no revision has ever been stable.
    pub fn initial(&self) -> bool {
        self.status.stable_rs.as_deref().unwrap_or_default().is_empty()
    }

    /// Whether the revision that the spec describes is the stable one.
    pub fn is_stable(&self) -> bool {
        self.status.stable_rs.as_deref() == Some(self.revision.hash.as_str())
    }

    /// Whether the revision that the spec describes is the recorded one, whatever its steps.
    pub fn recorded_revision(&self) -> bool {
        self.status.current_pod_hash.as_deref() == Some(self.revision.hash.as_str())
    }

    /// Whether the recorded revision and steps are those of the spec.
    pub fn recorded(&self) -> bool {
        self.recorded_revision() && self.status.current_step_hash.as_deref() == Some(self.revision.step_hash.as_str())
    }

    /// Whether the `ReplicaSet` of a stable revision is gone, in the middle of an update: there is nothing to go back to.
    pub fn stable_lost(&self) -> bool {
        !self.initial() && !self.is_stable() && self.stable_rs().is_none()
    }

    /// Whether the revision that the spec describes is an older one that `rollbackWindow` holds: it was made before the stable
    /// one, and fewer others than the window names were made between the two.
    ///
    /// # Source
    /// Behaviour contract 2.9.
    pub fn within_window(&self) -> bool {
        let window = self.spec.rollback_window.as_ref().and_then(|window| window.revisions).unwrap_or(0);
        let (Some(new), Some(stable)) = (self.new_rs(), self.stable_rs()) else { return false };
        let between = |rs: &&ReplicaSetSeen| new.created < rs.created && rs.created < stable.created;
        let between = self.replica_sets.iter().filter(between).count();
        new.created < stable.created && i32::try_from(between).is_ok_and(|between| between < window)
    }

    /// Whether a person or an undecided analysis holds the Rollout.
    pub fn halted(&self) -> bool {
        self.spec.paused || self.inconclusive()
    }

    /// Whether an undecided analysis holds the Rollout.
    pub fn inconclusive(&self) -> bool {
        self.paused_for(&serin_crds::names::PauseReason::InconclusiveAnalysisRun)
    }

    /// Whether a pause condition with this reason is recorded.
    pub fn paused_for(&self, reason: &serin_crds::names::PauseReason) -> bool {
        self.status.pause_conditions.iter().any(|pause| pause.reason == *reason)
    }

    /// Whether a person cleared the pauses of the controller and this was not taken in yet.
    pub fn resumed(&self) -> bool {
        self.status.controller_pause && self.status.pause_conditions.is_empty()
    }

    /// The run that the record names for the current step.
    pub fn step_run(&self) -> Option<&RunSeen> {
        let named = self.status.canary.current_step_analysis_run_status.as_ref()?;
        self.run(&named.name)
    }

    /// The run that the record names for the background analysis.
    pub fn background_run(&self) -> Option<&RunSeen> {
        let named = self.status.canary.current_background_analysis_run_status.as_ref()?;
        self.run(&named.name)
    }

    /// A run by name.
    pub fn run(&self, name: &str) -> Option<&RunSeen> {
        self.analysis.runs.iter().find(|run| run.name == name)
    }
}
