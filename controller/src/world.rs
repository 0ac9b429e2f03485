//! World: what the four steps share: the client, the caches, the clock, and small memories that a restart may lose.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::core::plan::{Note, Plan};
use crate::core::snapshot::Identity;
use crate::meters::Meters;
use crate::observe::Observation;
use crate::runs::LiveVerdicts;
use crate::runtime::clock::Clock;
use crate::runtime::key::Key;
use crate::runtime::limiter::WriteLimiter;
use crate::runtime::projection::{
    AnalysisRunRow, ClusterTemplateRow, DestinationRuleRow, IndexKey, ReplicaSetRow, RolloutRow, ServiceRow,
    TemplateRow, VirtualServiceRow,
};
use crate::runtime::store::Store;
use crate::runtime::waiters::Waiters;

/// The caches, one for each kind that rules read.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Rollouts.
    pub rollouts: Arc<Store<RolloutRow>>,
    /// `ReplicaSet`s that carry our hash label.
    pub replica_sets: Arc<Store<ReplicaSetRow>>,
    /// Services.
    pub services: Arc<Store<ServiceRow>>,
    /// `VirtualService`s.
    pub virtual_services: Arc<Store<VirtualServiceRow>>,
    /// `DestinationRule`s.
    pub destination_rules: Arc<Store<DestinationRuleRow>>,
    /// `AnalysisRun`s.
    pub runs: Arc<Store<AnalysisRunRow>>,
    /// `AnalysisTemplate`s.
    pub templates: Arc<Store<TemplateRow>>,
    /// `ClusterAnalysisTemplate`s.
    pub cluster_templates: Arc<Store<ClusterTemplateRow>>,
}

impl Stores {
    /// Empty caches on one clock.
    pub fn new(clock: &Clock) -> Self {
        Self {
            rollouts: Store::new(clock.clone()),
            replica_sets: Store::new(clock.clone()),
            services: Store::new(clock.clone()),
            virtual_services: Store::new(clock.clone()),
            destination_rules: Store::new(clock.clone()),
            runs: Store::new(clock.clone()),
            templates: Store::new(clock.clone()),
            cluster_templates: Store::new(clock.clone()),
        }
    }

    /// Whether every kind has been listed once, or is known not to be there.
    pub fn is_settled(&self) -> bool {
        self.rollouts.is_settled()
            && self.replica_sets.is_settled()
            && self.services.is_settled()
            && self.virtual_services.is_settled()
            && self.destination_rules.is_settled()
            && self.runs.is_settled()
            && self.templates.is_settled()
            && self.cluster_templates.is_settled()
    }

    /// Whether a Rollout or a template names an object.
    pub fn is_named(&self, kind: &'static str, key: &Key) -> bool {
        let index = IndexKey::reference(kind, key);
        self.rollouts.is_indexed(&index)
            || self.templates.is_indexed(&index)
            || self.cluster_templates.is_indexed(&index)
    }

    /// Gives up the body of an object if nobody names it any more.
    pub fn shed_unnamed(&self, kind: &'static str, key: &Key) {
        if self.is_named(kind, key) {
            return;
        }
        match kind {
            "VirtualService" => self.virtual_services.shed(key),
            "DestinationRule" => self.destination_rules.shed(key),
            "AnalysisTemplate" => self.templates.shed(key),
            "ClusterAnalysisTemplate" => self.cluster_templates.shed(key),
            _ => {}
        }
    }

    /// The Rollouts that name an object, directly or through templates that include it.
    pub fn who_names(&self, kind: &'static str, key: &Key) -> Vec<Key> {
        let mut found = Vec::new();
        let mut seen = vec![];
        let mut open = vec![IndexKey::reference(kind, key)];
        while let Some(index) = open.pop() {
            found.extend(self.rollouts.keys_by_index(&index));
            for template in self.templates.keys_by_index(&index) {
                open.push(IndexKey::reference("AnalysisTemplate", &template));
            }
            for template in self.cluster_templates.keys_by_index(&index) {
                open.push(IndexKey::reference("ClusterAnalysisTemplate", &template));
            }
            seen.push(index);
            open.retain(|index| !seen.contains(index));
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// What the four steps share.
#[derive(Clone)]
pub struct World {
    /// The client for calls.
    pub client: kube::Client,
    /// The caches.
    pub stores: Stores,
    /// The clock that `observe` reads.
    pub clock: Clock,
    /// Verdicts that may not have been written yet.
    pub verdicts: LiveVerdicts,
    /// Since when small differences wait to be written.
    pub pending: Pending,
    /// Revisions that were found by comparing templates, so that they are compared once.
    pub revisions: Revisions,
    /// Version of Istio's API.
    pub istio_version: Arc<str>,
    /// Where events go.
    pub notices: Notices,
    /// Who was told that something cannot be read or is not there.
    pub waiters: Waiters,
    /// Who may write now.
    pub limiter: WriteLimiter,
    /// Where turns are counted.
    pub meters: Meters,
}

/// Takes an event about a Rollout; never waits.
pub type Notices = Arc<dyn Fn(&Identity, &Note) + Send + Sync>;

impl World {
    /// The path of Istio's API.
    pub(crate) fn istio_api(&self) -> String {
        format!("apis/networking.istio.io/{}", self.istio_version)
    }

    /// Tells people what a plan did.
    pub(crate) fn announce(&self, seen: &Observation, plan: &Plan) {
        for note in &plan.notes {
            (self.notices)(&seen.snapshot.id, note);
        }
    }
}

/// Since when a small difference of a status waits to be written.
#[derive(Clone, Debug, Default)]
pub struct Pending(Arc<Mutex<HashMap<String, Timestamp>>>);

impl Pending {
    /// Since when the difference of this Rollout waits; it begins now if none waited.
    pub fn since(&self, uid: &str, now: Timestamp) -> Timestamp {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting.entry(uid.to_owned()).or_insert(now)
    }

    /// Nothing waits any more.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}

/// Which hash a template was found to have, by the hash that was computed from it; the latest of each Rollout.
///
/// They differ for a Rollout that another controller, or another release of one, has run before.
#[derive(Clone, Debug, Default)]
pub struct Revisions(Arc<Mutex<HashMap<String, (String, String)>>>);

impl Revisions {
    /// The hash found for the one computed.
    pub fn find(&self, uid: &str, computed: &str) -> Option<String> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(uid).filter(|(asked, _)| asked == computed).map(|(_, found)| found.clone())
    }

    /// Remembers a comparison.
    pub fn remember(&self, uid: &str, computed: &str, found: String) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(uid.to_owned(), (computed.to_owned(), found));
    }

    /// Forgets a Rollout that is gone.
    pub fn forget(&self, uid: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }
}
