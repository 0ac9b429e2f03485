//! World: what the four steps share: the API server, the caches, the clock, and what is remembered.

use std::sync::Arc;

use serde_json::Value;

use crate::api::{Api, Call};
use crate::core::plan::Note;
use crate::core::snapshot::Identity;
use crate::memory::Memories;
use crate::meters::Meters;
use crate::report::GenerationFormat;
use crate::routers::{Kind, ObjectId};
use crate::runs::LiveVerdicts;
use crate::runtime::clock::Clock;
use crate::runtime::key::Key;
use crate::runtime::limiter::WriteLimiter;
use crate::runtime::projection::{
    AnalysisRunRow, ClusterTemplateRow, Deployments, DestinationRuleRow, IndexKey, IngressRow, PodTemplates,
    Projection, ReplicaSetRow, ReplicaSets, RolloutRow, ServiceRow, TemplateRow, VirtualServiceRow, WorkloadRow,
};
use crate::runtime::reading::Reading;
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
    /// Ingresses.
    pub ingresses: Arc<Store<IngressRow>>,
    /// `AnalysisRun`s.
    pub runs: Arc<Store<AnalysisRunRow>>,
    /// `AnalysisTemplate`s.
    pub templates: Arc<Store<TemplateRow>>,
    /// `ClusterAnalysisTemplate`s.
    pub cluster_templates: Arc<Store<ClusterTemplateRow>>,
    /// Workloads that Rollouts refer to.
    pub workloads: Workloads,
}

/// The caches of workloads that Rollouts refer to; each is empty and not believed until one does.
#[derive(Clone, Debug)]
pub struct Workloads {
    /// Deployments.
    pub deployments: Arc<Store<WorkloadRow<Deployments>>>,
    /// `ReplicaSet`s, whoever has made them.
    pub replica_sets: Arc<Store<WorkloadRow<ReplicaSets>>>,
    /// `PodTemplate`s.
    pub pod_templates: Arc<Store<WorkloadRow<PodTemplates>>>,
}

impl Workloads {
    fn new(clock: &Clock) -> Self {
        Self {
            deployments: Store::new(clock.clone()),
            replica_sets: Store::new(clock.clone()),
            pod_templates: Store::new(clock.clone()),
        }
    }

    /// Says that none of them is followed.
    pub fn leave_out(&self, why: &str) {
        self.deployments.leave_out(why);
        self.replica_sets.leave_out(why);
        self.pod_templates.leave_out(why);
    }
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
            ingresses: Store::new(clock.clone()),
            runs: Store::new(clock.clone()),
            templates: Store::new(clock.clone()),
            cluster_templates: Store::new(clock.clone()),
            workloads: Workloads::new(clock),
        }
    }

    /// Whether every kind has been listed once, or is known not to be there.
    pub fn is_settled(&self) -> bool {
        self.rollouts.is_settled()
            && self.replica_sets.is_settled()
            && self.services.is_settled()
            && self.virtual_services.is_settled()
            && self.destination_rules.is_settled()
            && self.ingresses.is_settled()
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
            "Ingress" => self.ingresses.shed(key),
            "AnalysisTemplate" => self.templates.shed(key),
            "ClusterAnalysisTemplate" => self.cluster_templates.shed(key),
            "Deployment" => self.workloads.deployments.shed(key),
            "ReplicaSet" => self.workloads.replica_sets.shed(key),
            "PodTemplate" => self.workloads.pod_templates.shed(key),
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
    /// The API server.
    pub api: Api,
    /// The caches.
    pub stores: Stores,
    /// The clock that `observe` reads.
    pub clock: Clock,
    /// Verdicts that may not have been written yet.
    pub verdicts: LiveVerdicts,
    /// What is remembered from turn to turn.
    pub memories: Memories,
    /// Version of Istio's API.
    pub istio_version: Arc<str>,
    /// How statuses say which generation they are about.
    pub generation_format: GenerationFormat,
    /// Who is told: people by events, other Rollouts by a turn.
    pub listeners: Listeners,
    /// Who was told that something cannot be read or is not there.
    pub waiters: Waiters,
    /// Who may write now.
    pub limiter: WriteLimiter,
    /// Where turns are counted.
    pub meters: Meters,
}

/// Takes an event about a Rollout; never waits.
pub type Notices = Arc<dyn Fn(&Identity, &Note) + Send + Sync>;

/// Who is told of what.
#[derive(Clone)]
pub struct Listeners {
    /// Takes an event about a Rollout.
    pub notices: Notices,
    /// Takes a Rollout that has to look again.
    pub wake: Arc<dyn Fn(Key) + Send + Sync>,
}

impl World {
    /// The path of Istio's API.
    pub(crate) fn istio_api(&self) -> String {
        format!("apis/networking.istio.io/{}", self.istio_version)
    }

    /// The path of an object that routers use.
    pub(crate) fn path_of(&self, id: &ObjectId) -> String {
        let (namespace, name) = (id.key.namespace(), id.key.name());
        match id.kind {
            Kind::VirtualService => format!("{}/namespaces/{namespace}/virtualservices/{name}", self.istio_api()),
            Kind::Ingress => format!("{}/{name}", IngressRow::PLACE.path(Some(namespace)).trim_start_matches('/')),
        }
    }

    /// An object that routers use, as the caches know it.
    pub(crate) fn object(&self, id: &ObjectId) -> Reading<Arc<Value>> {
        let body = match id.kind {
            Kind::VirtualService => self.stores.virtual_services.get(&id.key).map(|row| row.body.value()),
            Kind::Ingress => self.stores.ingresses.get(&id.key).map(|row| row.body.value()),
        };
        body.and_then(|value| match value {
            Ok(value) => Reading::Seen(Arc::new(value)),
            Err(error) => Reading::Unreadable(error.to_string()),
        })
    }

    /// The call that reads an object that routers use.
    pub(crate) fn reads(&self, id: &ObjectId) -> Call {
        Call::get(format!("{} {}", id.kind.as_str(), id.key), self.path_of(id))
    }

    /// Takes an object that routers use into the caches, as the API server answered with it.
    pub(crate) fn take_in(&self, id: &ObjectId, text: &Value) {
        match id.kind {
            Kind::VirtualService => take(&self.stores.virtual_services, text),
            Kind::Ingress => take(&self.stores.ingresses, text),
        }
    }
}

impl World {
    /// Takes any object that was read into its cache.
    pub(crate) fn take_in_any(&self, object: &Value) {
        let s = &self.stores;
        match object.get("kind").and_then(Value::as_str).unwrap_or_default() {
            "Rollout" => take(&s.rollouts, object),
            "ReplicaSet" => take(&s.replica_sets, object),
            "Service" => take(&s.services, object),
            "VirtualService" => take(&s.virtual_services, object),
            "DestinationRule" => take(&s.destination_rules, object),
            "Ingress" => take(&s.ingresses, object),
            "AnalysisRun" => take(&s.runs, object),
            "Deployment" => take(&s.workloads.deployments, object),
            // Others are never written here.
            _ => {}
        }
    }
}

fn take<K: Projection>(store: &Store<K>, object: &Value) {
    // An answer that can't be cut comes again by the watch.
    if let Ok(row) = K::from_value(object) {
        let _ = store.observe_own_write(row);
    }
}
