//! Observe: reads the world. May read; never writes.
//!
//! Caches answer everything but three questions, which are asked live: the Rollout itself before traffic rises or pods
//! go, whether what it names is really absent before that is said, and the templates of existing `ReplicaSet`s where
//! the computed hash is unknown.

mod absent;
mod analyses;
mod route;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use serin_crds::names;
use serin_crds::rollout::{Rollout, RolloutSpec, RolloutStatus};
use serin_crds::{Fault, hash, template, unsupported, validate};

use crate::act::{ActError, copied};
use crate::core::snapshot::{Identity, ReplicaSetSeen, Revision, ServiceSeen, Snapshot, Traffic};
use crate::routers::istio::Target;
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, Projection, ReplicaSetRow, RolloutRow};
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
    Live(#[from] ActError),
    /// The object can't be decoded at all.
    #[error("cannot decode {0}")]
    Undecodable(String),
}

/// A snapshot with what `act` needs besides.
pub struct Observation {
    /// What rules see.
    pub snapshot: Snapshot,
    /// The `VirtualService`s that are steered, each with its routes.
    pub targets: Vec<(Key, Target)>,
    /// The Rollout as it was read.
    pub object: Arc<Value>,
    /// Version of our own last write of the Rollout in this turn.
    pub written: Mutex<Option<String>>,
}

impl Observation {
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
        *self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(version.to_owned());
    }

    /// The version that a write of the Rollout rests on: the one decided on, or that of our own write in this turn.
    pub fn version(&self) -> String {
        let own = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
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

    /// Annotations of the Rollout that its `ReplicaSet`s carry too.
    pub fn copied_annotations(&self) -> BTreeMap<String, String> {
        let annotations: Option<BTreeMap<String, String>> =
            self.object.pointer("/metadata/annotations").and_then(|a| serde_json::from_value(a.clone()).ok());
        copied(annotations.as_ref())
    }
}

impl World {
    /// Looks at a Rollout; `None` if there is none.
    ///
    /// # Errors
    /// When a cache that the answer rests on can't be believed.
    pub async fn observe(&self, key: &Key, live: bool) -> Result<Option<Observation>, ObserveError> {
        let row = if live { self.read_live(key).await? } else { readable("Rollout", self.stores.rollouts.get(key))? };
        let Some(row) = row else { return Ok(None) };
        self.look_for_absent(&row, live).await?;
        let object = row.body.value().map_err(|e| ObserveError::Undecodable(e.to_string()))?;
        let (rollout, mut faults) = decode(&object);
        let unsupported = unsupported::fields(&rollout);
        if faults.is_empty() {
            faults.extend(validate::rollout(&rollout).into_iter().map(|fault| fault.message));
        }
        let (spec, status) = (Arc::new(rollout.spec), rollout.status);
        let owned = readable_list("ReplicaSets", self.stores.replica_sets.by_index(&IndexKey::owner(&row.meta.uid)))?;
        let revision = self.revision(&row, &spec, &status, &owned).await?;
        let id = Identity { live, unsupported, ..identity(&row, &object) };
        let mut seen = Observation {
            snapshot: Snapshot {
                now: self.clock.now(),
                id,
                spec,
                status,
                faults,
                revision,
                replica_sets: owned.iter().map(|rs| replica_set(rs)).collect(),
                traffic: Traffic::default(),
                analysis: crate::core::snapshot::Analysis::default(),
            },
            targets: Vec::new(),
            object: Arc::new(object),
            written: Mutex::new(None),
        };
        self.look_at_services(&mut seen);
        self.look_at_route(&mut seen);
        self.look_at_analyses(&mut seen);
        Ok(Some(seen))
    }

    async fn read_live(&self, key: &Key) -> Result<Option<Arc<RolloutRow>>, ObserveError> {
        let path = format!("{}/{}", RolloutRow::PLACE.path(Some(key.namespace())), key.name());
        match self.read::<RolloutRow>(&path).await {
            Ok(row) => {
                self.stores.rollouts.observe_own_write(row.clone());
                Ok(Some(Arc::new(row)))
            }
            Err(error) if crate::act::is_code(&error, 404) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Which revision the spec describes.
    ///
    /// The computed hash, if a `ReplicaSet` carries it; else one whose template means the same; else a new one.
    /// Taking over from another controller so starts no revision.
    async fn revision(
        &self,
        row: &RolloutRow,
        spec: &RolloutSpec,
        status: &RolloutStatus,
        owned: &[Arc<ReplicaSetRow>],
    ) -> Result<Revision, ObserveError> {
        let step_hash = hash::steps(&spec.strategy.canary.as_ref().map(|c| c.steps.clone()).unwrap_or_default());
        let Some(wanted) = spec.template.as_ref() else {
            return Ok(Revision { hash: status.current_pod_hash.clone().unwrap_or_default(), step_hash });
        };
        let computed = hash::pod_template(wanted, status.collision_count);
        let carried = |hash: &str| owned.iter().any(|rs| &*rs.hash == hash);
        if carried(&computed) || owned.is_empty() {
            return Ok(Revision { hash: computed, step_hash });
        }
        if let Some(known) = self.revisions.find(&row.meta.uid, &computed) {
            return Ok(Revision { hash: known, step_hash });
        }
        let mut found = None;
        let mut oldest: Vec<&Arc<ReplicaSetRow>> = owned.iter().collect();
        oldest.sort_by_key(|rs| rs.meta.created);
        for rs in oldest {
            let path = format!("{}/{}", ReplicaSetRow::PLACE.path(Some(row.meta.key.namespace())), rs.meta.key.name());
            let object = self.read_value(&path).await?;
            if object.pointer("/spec/template").is_some_and(|have| template::equal(wanted, have)) {
                found = Some(rs.hash.to_string());
                break;
            }
        }
        let hash = found.unwrap_or_else(|| computed.clone());
        self.revisions.remember(&row.meta.uid, &computed, hash.clone());
        Ok(Revision { hash, step_hash })
    }

    fn look_at_services(&self, seen: &mut Observation) {
        let canary = seen.snapshot.canary();
        let (canary, stable) = (canary.canary_service.clone(), canary.stable_service.clone());
        seen.snapshot.traffic.canary_service = self.service(seen, "canaryService", canary);
        seen.snapshot.traffic.stable_service = self.service(seen, "stableService", stable);
    }

    fn service(&self, seen: &mut Observation, field: &str, name: Option<String>) -> Option<ServiceSeen> {
        let name = name.filter(|name| !name.is_empty())?;
        let path = format!("spec.strategy.canary.{field}");
        match self.stores.services.get(&seen.key(&name)) {
            Reading::Seen(svc) => {
                let managed = svc.managed_by.as_deref();
                if let Some(other) = managed.filter(|other| *other != seen.snapshot.id.name) {
                    let text = format!("{path}: Service \"{name}\" is managed by another Rollout ({other})");
                    seen.snapshot.faults.push(text);
                }
                let labels = seen.snapshot.spec.template.as_ref().and_then(|t| t.pointer("/metadata/labels")).cloned();
                for (key, value) in svc.selector.iter().filter(|(key, _)| &**key != names::HASH_LABEL) {
                    let have = labels.as_ref().and_then(|l| l.get(&**key)).and_then(Value::as_str);
                    if have != Some(value) {
                        let have = have.map_or_else(|| "no such label".to_owned(), |have| format!("{have:?}"));
                        let text = format!(
                            "{path}: Service \"{name}\" has unmatch label \"{key}\" in rollout: its selector asks for {value:?}, the pod template has {have}; make them agree"
                        );
                        seen.snapshot.faults.push(text);
                    }
                }
                let hash = svc.selected_hash().map(str::to_owned);
                Some(ServiceSeen { name, hash, managed: managed.is_some() })
            }
            Reading::Absent => {
                seen.snapshot.faults.push(format!("{path}: Service \"{name}\" not found; create it"));
                None
            }
            Reading::Unreadable(why) => {
                seen.snapshot.faults.push(format!("{path}: Service \"{name}\" can't be read: {why}"));
                None
            }
        }
    }
}

fn readable<T>(what: &str, reading: Reading<T>) -> Result<Option<T>, ObserveError> {
    match reading {
        Reading::Seen(thing) => Ok(Some(thing)),
        Reading::Absent => Ok(None),
        Reading::Unreadable(why) => Err(ObserveError::Unreadable { what: what.to_owned(), why }),
    }
}

fn readable_list<T>(what: &str, reading: Reading<Vec<T>>) -> Result<Vec<T>, ObserveError> {
    Ok(readable(what, reading)?.unwrap_or_default())
}

/// Decodes as much as can be decoded: a spec with a field of the wrong type still has a status that must be obeyed.
fn decode(object: &Value) -> (Rollout, Vec<String>) {
    match serin_crds::decode::<Rollout>(object.clone()) {
        Ok(rollout) => (rollout, Vec::new()),
        Err(fault) => {
            let status = object.get("status").cloned().unwrap_or_default();
            let status = serde_json::from_value::<RolloutStatus>(status).unwrap_or_default();
            (Rollout { status, ..Rollout::default() }, vec![text_of(fault)])
        }
    }
}

fn text_of(fault: Fault) -> String {
    if fault.message.contains(&fault.path) { fault.message } else { format!("{}: {}", fault.path, fault.message) }
}

fn identity(row: &RolloutRow, object: &Value) -> Identity {
    let annotation =
        |key: &str| object.pointer("/metadata/annotations").and_then(|a| a.get(key)).and_then(Value::as_str);
    Identity {
        namespace: row.meta.key.namespace().to_owned(),
        name: row.meta.key.name().to_owned(),
        uid: row.meta.uid.to_string(),
        resource_version: row.meta.version.to_string(),
        generation: row.meta.generation,
        revision: annotation(names::REVISION_ANNOTATION).and_then(|text| text.parse().ok()).unwrap_or(0),
        deleting: row.meta.deleted.is_some(),
        ..Identity::default()
    }
}

fn replica_set(rs: &ReplicaSetRow) -> ReplicaSetSeen {
    ReplicaSetSeen {
        name: rs.meta.key.name().to_owned(),
        hash: rs.hash.to_string(),
        revision: rs.revision.get().unwrap_or(0),
        spec: i64::from(rs.replicas),
        replicas: i64::from(rs.status.replicas),
        ready: i64::from(rs.status.ready),
        available: i64::from(rs.status.available),
        deadline: rs.scale_down_deadline.get(),
        created: rs.meta.created.unwrap_or_default(),
        failure: rs.status.replica_failure.as_ref().map(|m| ("FailedCreate".to_owned(), m.to_string())),
    }
}
