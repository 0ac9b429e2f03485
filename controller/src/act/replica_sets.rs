//! Writes of `ReplicaSet`s.

use jiff::Timestamp;
use serde_json::{Value, json};
use serin_crds::names;

use super::{keep, manifests};
use crate::api::{Call, CallError, Object, Verb};
use crate::observe::Observation;
use crate::routers::annotation_path;
use crate::runtime::projection::ReplicaSetRow;
use crate::world::World;

impl World {
    pub(super) async fn create_rs(&self, seen: &Observation, replicas: i64, revision: u64) -> Result<(), CallError> {
        let body = manifests::replica_set(seen, replicas, revision)?;
        let object = format!("ReplicaSet {}", seen.rs_name());
        let path = seen.collection("apis/apps/v1", "replicasets");
        let call = Call { what: format!("create {object}"), verb: Verb::Create, object, path, body };
        match self.api.call(call).await {
            Ok(rs) => {
                keep(&self.stores.replica_sets, rs);
                Ok(())
            }
            Err(CallError::Overtaken(_)) => self.own_or_collide(seen).await,
            Err(error) => Err(error),
        }
    }

    /// A `ReplicaSet` of that name exists: ours, unseen until now, or somebody else's with the same hash.
    async fn own_or_collide(&self, seen: &Observation) -> Result<(), CallError> {
        let path = seen.path("apis/apps/v1", "replicasets", &seen.rs_name());
        let object = format!("ReplicaSet {}", seen.rs_name());
        let rs: ReplicaSetRow = self.api.call(Call::get(&object, path.clone())).await?;
        let overtaken = CallError::Overtaken(Object { name: object, path });
        match &rs.meta.owner {
            // An orphan of ours is seen by the next look, and adopted.
            None => {}
            Some(owner) if *owner.uid == *seen.snapshot.id.uid => {}
            Some(_) => {
                let next = seen.snapshot.status.collision_count.unwrap_or(0) + 1;
                let body = json!({
                    "metadata": {"resourceVersion": seen.snapshot.id.resource_version},
                    "status": {"collisionCount": next},
                });
                self.patch_status(seen, body).await?;
                return Err(overtaken);
            }
        }
        keep(&self.stores.replica_sets, rs);
        Err(overtaken)
    }

    pub(super) async fn scale_rs(
        &self,
        seen: &Observation,
        name: &str,
        (from, to): (i64, i64),
    ) -> Result<(), CallError> {
        let mut body = vec![
            json!({"op": "test", "path": "/spec/replicas", "value": from}),
            json!({"op": "replace", "path": "/spec/replicas", "value": to}),
        ];
        let desired = seen.snapshot.desired().to_string();
        let path = annotation_path(names::DESIRED_REPLICAS_ANNOTATION);
        body.push(json!({"op": "add", "path": path, "value": desired}));
        let has_deadline = seen.snapshot.replica_sets.iter().any(|rs| rs.name == name && rs.deadline.is_some());
        if to == 0 && has_deadline {
            body.push(json!({"op": "remove", "path": annotation_path(names::SCALE_DOWN_DEADLINE_ANNOTATION)}));
        }
        self.patch_rs(seen, name, ("scale", Verb::Patch), Value::Array(body)).await
    }

    pub(super) async fn set_deadline(
        &self,
        seen: &Observation,
        name: &str,
        at: Option<Timestamp>,
    ) -> Result<(), CallError> {
        let at = at.map(serin_crds::time::format);
        let body = json!({"metadata": {"annotations": {names::SCALE_DOWN_DEADLINE_ANNOTATION: at}}});
        self.patch_rs(seen, name, ("annotate", Verb::Merge), body).await
    }

    pub(super) async fn renumber(&self, seen: &Observation, name: &str, revision: u64) -> Result<(), CallError> {
        let body = json!({"metadata": {"annotations": {names::REVISION_ANNOTATION: revision.to_string()}}});
        self.patch_rs(seen, name, ("annotate", Verb::Merge), body).await
    }

    pub(super) async fn set_min_ready(&self, seen: &Observation, name: &str, seconds: i64) -> Result<(), CallError> {
        let body = json!({"spec": {"minReadySeconds": seconds}});
        self.patch_rs(seen, name, ("set minReadySeconds of", Verb::Merge), body).await
    }

    pub(super) async fn set_anti_affinity(
        &self,
        seen: &Observation,
        name: &str,
        avoids: &str,
    ) -> Result<(), CallError> {
        let path = seen.path("apis/apps/v1", "replicasets", name);
        let object = self.api.value(Call::get(format!("ReplicaSet {name}"), path)).await?;
        let template = object.pointer("/spec/template").cloned().unwrap_or_default();
        let template = manifests::avoiding(seen, template, Some(avoids));
        let affinity = template.pointer("/spec/affinity").cloned().unwrap_or_default();
        let body = json!({"spec": {"template": {"spec": {"affinity": affinity}}}});
        self.patch_rs(seen, name, ("set the anti-affinity of", Verb::Merge), body).await
    }

    /// Makes a `ReplicaSet` that belongs to nobody belong to the Rollout, if it still belongs to nobody and its selector is
    /// the one that the Rollout gives.
    pub(super) async fn adopt(&self, seen: &Observation, name: &str) -> Result<(), CallError> {
        let path = seen.path("apis/apps/v1", "replicasets", name);
        let object = self.api.value(Call::get(format!("ReplicaSet {name}"), path)).await?;
        let version = object.pointer("/metadata/resourceVersion").cloned().unwrap_or_default();
        let mut owners =
            object.pointer("/metadata/ownerReferences").and_then(Value::as_array).cloned().unwrap_or_default();
        owners.push(seen.owner_reference());
        let body = json!({"metadata": {"resourceVersion": version, "ownerReferences": owners}});
        self.patch_rs(seen, name, ("adopt", Verb::Merge), body).await
    }

    pub(super) async fn delete_rs(&self, seen: &Observation, name: &str) -> Result<(), CallError> {
        let path = seen.path("apis/apps/v1", "replicasets", name);
        let uid = self.stores.replica_sets.last_known(&seen.key(name)).map(|rs| rs.meta.uid.to_string());
        gone(self.api.send(Call::delete(format!("ReplicaSet {name}"), path, &uid.unwrap_or_default())).await)
    }

    pub(super) async fn patch_rs(
        &self,
        seen: &Observation,
        name: &str,
        (what, verb): (&str, Verb),
        body: Value,
    ) -> Result<(), CallError> {
        let path = seen.path("apis/apps/v1", "replicasets", name);
        let object = format!("ReplicaSet {name}");
        let rs = self.api.call(Call { what: format!("{what} {object}"), verb, object, path, body }).await?;
        keep(&self.stores.replica_sets, rs);
        Ok(())
    }
}

/// What is gone already need not be deleted.
pub(super) fn gone(deleted: Result<String, CallError>) -> Result<(), CallError> {
    match deleted {
        Err(error) if !error.is_code(404) => Err(error),
        _ => Ok(()),
    }
}
