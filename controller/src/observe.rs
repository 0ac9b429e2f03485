//! Observe: reads the world. May read; never writes.
//!
//! Parts first, then the snapshot: each part answers from the caches, or from the API server where the decision needs it.
//! What can't be read is said to be so, and never taken for absent.

mod absent;
mod analyses;
mod left;
mod live;
mod pods;
mod route;
mod services;
mod spec;
mod workload;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use serin_crds::names;

pub(crate) use self::route::rule_of;
pub(crate) use self::workload::{Referent, Referred};
use crate::api::CallError;
use crate::core::goal::must_leave;
use crate::core::plan::Need;
use crate::core::snapshot::{Identity, Look, ReplicaSetSeen, Snapshot, Traffic};
use crate::routers::Router;
use crate::runtime::key::Key;
use crate::runtime::projection::RolloutRow;
use crate::runtime::reading::Reading;
use crate::world::World;

/// Why a Rollout could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// A cache can't be believed just now.
    #[error("cannot read {what}: {why}")]
    Unreadable {
        /// What was to be read.
        what: String,
        /// Why.
        why: String,
    },
    /// A live read failed.
    #[error("live read failed")]
    Live(#[from] CallError),
    /// The object can't be decoded at all.
    #[error("cannot decode {0}")]
    Undecodable(String),
}

/// A snapshot with what `act` needs besides.
pub struct Observation {
    /// What rules see.
    pub snapshot: Snapshot,
    /// What splits the traffic.
    pub routers: Vec<Arc<dyn Router>>,
    /// The Rollout as it was read.
    pub object: Arc<Value>,
    /// Version of our own last write of the Rollout in this turn.
    pub written: Mutex<Option<String>>,
}

impl Observation {
    /// The key of the Rollout.
    pub fn rollout(&self) -> Key {
        self.key(&self.snapshot.id.name)
    }

    /// The key of an object beside the Rollout.
    pub fn key(&self, name: &str) -> Key {
        Key::new(&self.snapshot.id.namespace, name)
    }

    /// The path of a collection in the Rollout's namespace.
    pub fn collection(&self, api: &str, plural: &str) -> String {
        format!("{api}/namespaces/{}/{plural}", self.snapshot.id.namespace)
    }

    /// The path of an object in the Rollout's namespace.
    pub fn path(&self, api: &str, plural: &str, name: &str) -> String {
        format!("{}/{name}", self.collection(api, plural))
    }

    /// Remembers the version of our own write of the Rollout: the next one of this turn rests on it.
    pub fn wrote(&self, version: &str) {
        *self.written.lock().unwrap_or_else(PoisonError::into_inner) = Some(version.to_owned());
    }

    /// The version that a write of the Rollout rests on: the one decided on, or that of our own write in this turn.
    pub fn version(&self) -> String {
        let own = self.written.lock().unwrap_or_else(PoisonError::into_inner).clone();
        own.unwrap_or_else(|| self.snapshot.id.resource_version.clone())
    }

    /// The name of the `ReplicaSet` of the revision that the spec describes.
    pub fn rs_name(&self) -> String {
        format!("{}-{}", self.snapshot.id.name, self.snapshot.revision.hash)
    }

    /// The reference by which what the Rollout makes belongs to it.
    pub fn owner_reference(&self) -> Value {
        let id = &self.snapshot.id;
        json!({
            "apiVersion": names::API_VERSION, "kind": "Rollout", "name": id.name, "uid": id.uid,
            "controller": true, "blockOwnerDeletion": true,
        })
    }

    /// Annotations of the Rollout that its `ReplicaSet`s have too.
    pub fn copied_annotations(&self) -> BTreeMap<String, String> {
        let annotations = self.object.pointer("/metadata/annotations").and_then(Value::as_object).into_iter().flatten();
        let text = annotations.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        text.filter(|(key, _)| is_copied(key)).collect()
    }
}

/// Whether an annotation of a Rollout is copied to what it makes.
fn is_copied(key: &str) -> bool {
    ![
        names::LAST_APPLIED_ANNOTATION,
        names::REVISION_ANNOTATION,
        names::REVISION_HISTORY_ANNOTATION,
        names::DESIRED_REPLICAS_ANNOTATION,
        names::NOTIFIED_ANNOTATION,
        names::WORKLOAD_GENERATION_ANNOTATION,
    ]
    .contains(&key)
        && !names::ARGOCD_TRACKING.contains(&key)
}

impl World {
    /// Looks at a Rollout; `None` if there is none. What is in `asked` is read from the API server.
    ///
    /// # Errors
    /// When the Rollout itself can't be read, or a live read failed.
    pub async fn observe(&self, key: &Key, asked: &BTreeSet<Need>) -> Result<Option<Observation>, ObserveError> {
        let Some(row) = self.rollout(key, asked).await? else { return Ok(None) };
        self.look_for_absent(&row, asked.contains(&Need::Named)).await?;
        let parts =
            if asked.contains(&Need::Unreadable) { self.live_parts(&row).await } else { live::Parts::default() };
        let described = self.describe(&row)?;
        let pods = self.pods(&row, &parts);
        let revision = self.revision(&row, &described, &pods.rows).await?;
        let live = if asked.contains(&Need::Pods) { self.pods_seen(&pods.rows).await } else { None };
        let memory = crate::core::snapshot::Memory::default();
        let mut unreadable = pods.unreadable;
        let pods_unreadable = !unreadable.is_empty();
        unreadable.extend(described.unreadable.clone());
        let look = Look {
            asked: asked.clone(),
            pods_unreadable,
            unreadable,
            held: described.held.clone(),
            pods: live,
            memory,
        };
        let mut seen = Observation {
            snapshot: Snapshot {
                now: self.clock.now(),
                look,
                id: Identity {
                    unsupported: described.unsupported.clone(),
                    ..spec::identity(&row, &described.object, self.generation_format)
                },
                spec: described.spec.clone(),
                status: described.status.clone(),
                faults: described.faults.clone(),
                revision,
                replica_sets: pods.seen,
                traffic: Traffic::default(),
                analysis: crate::core::snapshot::Analysis::default(),
            },
            routers: Vec::new(),
            object: described.object.clone(),
            written: Mutex::new(None),
        };
        self.look_at_services(&mut seen, &parts);
        self.look_at_route(&mut seen, &parts);
        self.look_at_analyses(&mut seen);
        self.look_at_left(&mut seen);
        self.remember(&mut seen);
        if !seen.snapshot.look.unreadable.is_empty() {
            self.waiters.add(key.clone());
        }
        Ok(Some(seen))
    }

    async fn rollout(&self, key: &Key, asked: &BTreeSet<Need>) -> Result<Option<Arc<RolloutRow>>, ObserveError> {
        if asked.contains(&Need::Rollout) {
            return Ok(self.rollout_live(key).await?);
        }
        match self.stores.rollouts.get(key) {
            Reading::Seen(row) => Ok(Some(row)),
            Reading::Absent => Ok(None),
            // The one object that everything rests on: it is read rather than waited for, if anybody could wait on it.
            Reading::Unreadable(why) => match self.stores.rollouts.last_known(key) {
                Some(known) if known.updating => Ok(self.rollout_live(key).await?),
                _ => {
                    self.waiters.add(key.clone());
                    Err(ObserveError::Unreadable { what: "Rollout".to_owned(), why })
                }
            },
        }
    }

    /// Takes in what is remembered of earlier looks.
    fn remember(&self, seen: &mut Observation) {
        let s = &seen.snapshot;
        let uid = s.id.uid.as_str();
        let now = self.clock.monotonic();
        let unmoved = self.memories.unmoved(uid, how(s), now);
        let memory = crate::core::snapshot::Memory {
            unmoved_since: s.now.checked_sub(unmoved).ok(),
            whole: self.memories.whole(uid, whole(s)),
            best: self.memories.best(uid, &s.attempt()),
        };
        seen.snapshot.look.memory = memory;
    }
}

/// The available and the asked-for pods that serve all traffic, where they say something about how many that takes.
fn whole(s: &Snapshot) -> Option<(i64, i64)> {
    let seen = |rs: &ReplicaSetSeen| rs.observed.then_some((rs.available, rs.spec));
    let stable = seen(s.stable_rs()?)?;
    if !s.dynamic_stable() {
        return Some(stable);
    }
    // A stable side that has shrunk says nothing alone; while traffic goes back, pods of both sides are there for one share.
    if must_leave(s) {
        return None;
    }
    let canary = if s.is_stable() { (0, 0) } else { seen(s.new_rs()?)? };
    Some((stable.0 + canary.0, stable.1 + canary.1))
}

/// How routes and selectors are, as a text that changes when one of them does.
fn how(s: &Snapshot) -> String {
    let hash = |svc: &Option<crate::core::snapshot::ServiceSeen>| svc.as_ref().map(|svc| svc.hash.clone());
    let services = (hash(&s.traffic.canary_service), hash(&s.traffic.stable_service));
    let route = s.route().map(|route| (&route.exposure, &route.subsets));
    format!("{services:?}{route:?}")
}
