//! The workload that a Rollout refers to: where its pod template comes from.

use std::sync::Arc;

use serde_json::Value;

use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection, RolloutRow, Workload, WorkloadRow};
use crate::runtime::reading::Reading;
use crate::runtime::store::Store;
use crate::world::World;

/// What a Rollout refers to, as it can be seen now.
#[derive(Clone, Debug)]
pub(crate) enum Referred {
    /// Seen.
    Seen(Box<Referent>),
    /// There is none; this is what it would be.
    Absent(String),
    /// It can't be read just now: what, and why.
    Unreadable(String),
}

/// A workload that gives a Rollout its pod template.
#[derive(Clone, Debug)]
pub(crate) struct Referent {
    /// Kind and name, for sentences.
    pub(crate) name: String,
    /// UID and version: what is derived from it holds for these.
    pub(crate) version: String,
    /// `metadata.generation`.
    pub(crate) generation: i64,
    /// `spec.replicas`.
    pub(crate) replicas: Option<i64>,
    /// Its pod template; null where it has none.
    pub(crate) template: Value,
    /// Its selector; null where it has none.
    pub(crate) selector: Value,
}

impl Referred {
    /// What tells one state of it from another.
    pub(crate) fn version(&self) -> &str {
        match self {
            Self::Seen(referent) => &referent.version,
            Self::Absent(_) => "absent",
            Self::Unreadable(why) => why,
        }
    }
}

impl World {
    /// The workload that a Rollout refers to; `None` where it refers to none.
    pub(crate) fn referred(&self, rollout: &RolloutRow) -> Option<Referred> {
        let workloads = &self.stores.workloads;
        rollout.refs.iter().find_map(|index| match index {
            IndexKey::Ref("Deployment", key) => Some(look(&workloads.deployments, key)),
            IndexKey::Ref("ReplicaSet", key) => Some(look(&workloads.replica_sets, key)),
            IndexKey::Ref("PodTemplate", key) => Some(look(&workloads.pod_templates, key)),
            _ => None,
        })
    }
}

fn look<W: Workload>(store: &Arc<Store<WorkloadRow<W>>>, key: &Key) -> Referred {
    let name = format!("{} {}", W::PLACE.kind, key.name());
    let row = match store.get(key) {
        Reading::Seen(row) => row,
        Reading::Absent => return Referred::Absent(name),
        Reading::Unreadable(why) => return Referred::Unreadable(format!("{name}: {why}")),
    };
    match row.body.value() {
        Ok(body) => Referred::Seen(Box::new(Referent {
            version: format!("{} {}", row.meta.uid, row.version()),
            generation: row.meta.generation,
            replicas: row.replicas,
            template: body.get("template").cloned().unwrap_or_default(),
            selector: body.get("selector").cloned().unwrap_or_default(),
            name,
        })),
        Err(error) => Referred::Unreadable(format!("{name}: {error}")),
    }
}
