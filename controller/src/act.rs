//! Act: writes to the world. May write; never decides.
//!
//! Effects go out in order, each conditional on what was seen; the first failure stops the rest and the turn is
//! decided again from a fresh look. A lowering of traffic insists: it is tried again at once on what is there now.

mod manifests;

use std::sync::Arc;

use futures::future::join_all;
use serde_json::{Value, json};
use serin_crds::names;

pub(crate) use self::manifests::copied;
use crate::core::plan::{Effect, Plan};
use crate::core::weight::Weight;
use crate::observe::Observation;
use crate::routers::istio::{self, Cause, Target};
use crate::runtime::key::Key;
use crate::runtime::projection::{
    AnalysisRunRow, Projection, ReplicaSetRow, RolloutRow, ServiceRow, VirtualServiceRow,
};
use crate::world::World;

/// Why an effect was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// Somebody wrote in between: look again, decide again.
    #[error("{0} changed since it was read")]
    Conflict(String),
    /// The API server said no, or did not answer.
    #[error("could not {what}")]
    Refused {
        /// What was tried.
        what: String,
        /// What came back.
        source: kube::Error,
    },
    /// What is to be written can't be made from what was read.
    #[error("{0}")]
    Unmakeable(String),
}

/// How often a lowering is tried again at once before the turn is given back.
const INSIST: usize = 4;

/// One write, ready to be sent.
struct Call {
    what: String,
    method: &'static str,
    path: String,
    body: Value,
    patch: Option<&'static str>,
}

const MERGE: &str = "application/merge-patch+json";
const JSON_PATCH: &str = "application/json-patch+json";

impl World {
    /// Carries out the effects of a plan in order.
    ///
    /// # Guarantees
    /// Nothing is retried blindly; only a lowering of traffic looks at the route again and goes on.
    pub async fn carry_out(&self, seen: &Observation, plan: &Plan) -> Result<(), ActError> {
        for effect in &plan.effects {
            let lowers = matches!(effect, Effect::SetWeight { from, to, .. } if to < from);
            let _turn = if lowers { None } else { Some(self.limiter.after(&seen.snapshot.id.namespace).await) };
            self.carry_out_one(seen, effect).await?;
        }
        Ok(())
    }

    async fn carry_out_one(&self, seen: &Observation, effect: &Effect) -> Result<(), ActError> {
        match effect {
            Effect::CreateReplicaSet { replicas, revision } => self.create_rs(seen, *replicas, *revision).await,
            Effect::ScaleReplicaSet { name, from, to } => self.scale_rs(seen, name, (*from, *to)).await,
            Effect::SetDeadline { name, at } => {
                let at = at.map(serin_crds::time::format);
                let body = json!({"metadata": {"annotations": {names::SCALE_DOWN_DEADLINE_ANNOTATION: at}}});
                self.patch_rs(seen, name, MERGE, body).await
            }
            Effect::Renumber { name, revision } => {
                let body = json!({"metadata": {"annotations": {names::REVISION_ANNOTATION: revision.to_string()}}});
                self.patch_rs(seen, name, MERGE, body).await
            }
            Effect::DeleteReplicaSet { name } => self.delete(seen, "apis/apps/v1", "replicasets", name).await,
            Effect::DeleteRun { name } => self.delete(seen, "apis/argoproj.io/v1alpha1", "analysisruns", name).await,
            Effect::AnnotateRevision { revision } => {
                let body = json!({"metadata": {"annotations": {names::REVISION_ANNOTATION: revision.to_string()}}});
                self.patch_rollout(seen, body).await
            }
            Effect::DefaultReplicas => self.patch_rollout(seen, json!({"spec": {"replicas": 1}})).await,
            Effect::SwitchService { service, from, to } => self.switch(seen, service, from.as_deref(), to).await,
            Effect::SetSubsets { canary, stable } => self.set_subsets(seen, canary, stable).await,
            Effect::SetWeight { to, cause, .. } => self.set_weight(seen, *to, cause).await,
            Effect::CreateRun { name, step } => self.create_run(seen, name, *step).await,
            Effect::TerminateRun { name } => {
                let path = seen.path("apis/argoproj.io/v1alpha1", "analysisruns", name);
                let what = format!("end AnalysisRun {name}");
                let body = json!({"spec": {"terminate": true}});
                let call = Call { what, method: "PATCH", path, body, patch: Some(MERGE) };
                let run: AnalysisRunRow = self.call(call).await?;
                self.stores.runs.observe_own_write(run);
                Ok(())
            }
        }
    }

    async fn create_rs(&self, seen: &Observation, replicas: i64, revision: u64) -> Result<(), ActError> {
        let body = manifests::replica_set(seen, replicas, revision)?;
        let path = seen.collection("apis/apps/v1", "replicasets");
        let what = format!("create ReplicaSet {}", seen.rs_name());
        let made = self.call::<ReplicaSetRow>(Call { what, method: "POST", path, body, patch: None }).await;
        match made {
            Ok(rs) => {
                self.stores.replica_sets.observe_own_write(rs);
            }
            Err(error) if is_code(&error, 409) => return self.adopt_or_collide(seen).await,
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A `ReplicaSet` of that name exists: ours, unseen until now, or somebody else's with the same hash.
    async fn adopt_or_collide(&self, seen: &Observation) -> Result<(), ActError> {
        let path = seen.path("apis/apps/v1", "replicasets", &seen.rs_name());
        let what = format!("read ReplicaSet {}", seen.rs_name());
        let rs: ReplicaSetRow = self.call(Call { what, method: "GET", path, body: Value::Null, patch: None }).await?;
        if rs.meta.owner.as_ref().is_some_and(|owner| *owner.uid == *seen.snapshot.id.uid) {
            self.stores.replica_sets.observe_own_write(rs);
            return Err(ActError::Conflict(format!("ReplicaSet {}", seen.rs_name())));
        }
        let next = seen.snapshot.status.collision_count.unwrap_or(0) + 1;
        let body = json!({
            "metadata": {"resourceVersion": seen.snapshot.id.resource_version},
            "status": {"collisionCount": next},
        });
        self.patch_status(seen, body).await?;
        Err(ActError::Conflict(format!("ReplicaSet {} (belongs to somebody else)", seen.rs_name())))
    }

    async fn scale_rs(&self, seen: &Observation, name: &str, (from, to): (i64, i64)) -> Result<(), ActError> {
        let mut body = vec![
            json!({"op": "test", "path": "/spec/replicas", "value": from}),
            json!({"op": "replace", "path": "/spec/replicas", "value": to}),
        ];
        let annotation = |key: &str| format!("/metadata/annotations/{}", key.replace('/', "~1"));
        let desired = seen.snapshot.desired().to_string();
        body.push(json!({"op": "add", "path": annotation(names::DESIRED_REPLICAS_ANNOTATION), "value": desired}));
        let has_deadline = seen.snapshot.replica_sets.iter().any(|rs| rs.name == name && rs.deadline.is_some());
        if to == 0 && has_deadline {
            body.push(json!({"op": "remove", "path": annotation(names::SCALE_DOWN_DEADLINE_ANNOTATION)}));
        }
        self.patch_rs(seen, name, JSON_PATCH, Value::Array(body)).await
    }

    async fn patch_rs(&self, seen: &Observation, name: &str, kind: &'static str, body: Value) -> Result<(), ActError> {
        let path = seen.path("apis/apps/v1", "replicasets", name);
        let what = format!("patch ReplicaSet {name}");
        let rs: ReplicaSetRow = self.call(Call { what, method: "PATCH", path, body, patch: Some(kind) }).await?;
        self.stores.replica_sets.observe_own_write(rs);
        Ok(())
    }

    async fn delete(&self, seen: &Observation, api: &str, plural: &str, name: &str) -> Result<(), ActError> {
        let path = seen.path(api, plural, name);
        let body = json!({"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"});
        let what = format!("delete {plural}/{name}");
        match self.send(Call { what, method: "DELETE", path, body, patch: None }).await {
            Err(error) if !is_code(&error, 404) => Err(error),
            _ => Ok(()),
        }
    }

    async fn patch_rollout(&self, seen: &Observation, body: Value) -> Result<(), ActError> {
        let version = json!(seen.version());
        let body =
            manifests::with(body, "metadata", |metadata| manifests::with(metadata, "resourceVersion", |_| version));
        let path = seen.path("apis/argoproj.io/v1alpha1", "rollouts", &seen.snapshot.id.name);
        let what = format!("patch Rollout {}", seen.snapshot.id.name);
        let patched: RolloutRow = self.call(Call { what, method: "PATCH", path, body, patch: Some(MERGE) }).await?;
        seen.wrote(patched.version());
        self.stores.rollouts.observe_own_write(patched);
        Ok(())
    }

    /// Writes the status; the body carries the version that it rests on.
    pub(crate) async fn patch_status(&self, seen: &Observation, body: Value) -> Result<(), ActError> {
        let base = seen.path("apis/argoproj.io/v1alpha1", "rollouts", &seen.snapshot.id.name);
        let what = format!("write the status of Rollout {}", seen.snapshot.id.name);
        let path = format!("{base}/status");
        let patched: RolloutRow = self.call(Call { what, method: "PATCH", path, body, patch: Some(MERGE) }).await?;
        seen.wrote(patched.version());
        self.stores.rollouts.observe_own_write(patched);
        Ok(())
    }

    async fn switch(&self, seen: &Observation, service: &str, from: Option<&str>, to: &str) -> Result<(), ActError> {
        let path = seen.path("api/v1", "services", service);
        let mut body = vec![];
        let at = format!("/spec/selector/{}", names::HASH_LABEL);
        if let Some(from) = from {
            body.push(json!({"op": "test", "path": at, "value": from}));
        }
        body.push(json!({"op": "add", "path": at, "value": to}));
        let current = self.stores.services.get(&seen.key(service)).seen();
        if current.as_ref().is_none_or(|svc| svc.managed_by.is_none()) {
            // A Service that nobody steered yet: a merge patch, since its annotations may be absent altogether.
            return self.hook(seen, service, to).await;
        }
        let what = format!("switch Service {service}");
        let body = Value::Array(body);
        let svc: ServiceRow = self.call(Call { what, method: "PATCH", path, body, patch: Some(JSON_PATCH) }).await?;
        self.stores.services.observe_own_write(svc);
        Ok(())
    }

    /// Takes over a Service that selected every pod until now.
    async fn hook(&self, seen: &Observation, service: &str, to: &str) -> Result<(), ActError> {
        let path = seen.path("api/v1", "services", service);
        let body = json!({
            "metadata": {"annotations": {names::MANAGED_BY_ANNOTATION: seen.snapshot.id.name}},
            "spec": {"selector": {names::HASH_LABEL: to}},
        });
        let what = format!("take over Service {service}");
        let svc: ServiceRow = self.call(Call { what, method: "PATCH", path, body, patch: Some(MERGE) }).await?;
        self.stores.services.observe_own_write(svc);
        Ok(())
    }

    async fn set_subsets(&self, seen: &Observation, canary: &str, stable: &str) -> Result<(), ActError> {
        let routing = seen.snapshot.canary().traffic_routing.as_ref().and_then(|t| t.istio.as_ref());
        let Some(rule) = routing.and_then(|istio| istio.destination_rule.as_ref()) else { return Ok(()) };
        let Some(row) = self.stores.destination_rules.get(&seen.key(&rule.name)).seen() else {
            return Err(ActError::Conflict(format!("DestinationRule {}", rule.name)));
        };
        let object = row.body.value().map_err(|e| ActError::Unmakeable(e.to_string()))?;
        let names = (rule.canary_subset_name.as_str(), rule.stable_subset_name.as_str());
        let Some(patch) = istio::subsets::hash_patch(&object, names, (canary, stable), &seen.snapshot.id.name) else {
            return Ok(());
        };
        let path = seen.path(&self.istio_api(), "destinationrules", &rule.name);
        let what = format!("patch DestinationRule {}", rule.name);
        let call = Call { what, method: "PATCH", path, body: Value::Array(patch), patch: Some(JSON_PATCH) };
        self.stores.destination_rules.observe_own_write(self.call(call).await?);
        Ok(())
    }

    async fn set_weight(&self, seen: &Observation, to: Weight, cause: &Cause) -> Result<(), ActError> {
        let writes = seen.targets.iter().map(|(key, target)| self.set_one(key, target, (to, cause)));
        join_all(writes).await.into_iter().collect()
    }

    async fn set_one(&self, key: &Key, target: &Target, (to, cause): (Weight, &Cause)) -> Result<(), ActError> {
        let (ns, name) = (key.namespace(), key.name());
        let path = format!("{}/namespaces/{ns}/virtualservices/{name}", self.istio_api());
        let mut row = self.stores.virtual_services.get(key).seen();
        for attempt in 0..INSIST {
            let Some(current) = row else { return Err(ActError::Conflict(format!("VirtualService {name}"))) };
            let object = current.body.value().map_err(|e| ActError::Unmakeable(e.to_string()))?;
            let observed = istio::observe(&object, target).map_err(|e| ActError::Unmakeable(e.to_string()))?;
            // A lowering never raises: what somebody else took lower in the meantime stays.
            let to = if *cause == Cause::Raise { to } else { to.min(observed.canary) };
            let Some(patch) = istio::weight_patch(&object, &observed, to, cause) else { return Ok(()) };
            let _turn = if *cause == Cause::Raise { None } else { Some(self.limiter.first(ns).await) };
            let what = format!("set VirtualService {ns}/{name} to weight {to}");
            let body = Value::Array(patch);
            let call = Call { what, method: "PATCH", path: path.clone(), body, patch: Some(JSON_PATCH) };
            match self.call::<VirtualServiceRow>(call).await {
                Ok(patched) => {
                    self.stores.virtual_services.observe_own_write(patched);
                    return Ok(());
                }
                Err(ActError::Conflict(_)) if *cause != Cause::Raise && attempt + 1 < INSIST => {}
                Err(error) => return Err(error),
            }
            let what = format!("read VirtualService {ns}/{name}");
            let call = Call { what, method: "GET", path: path.clone(), body: Value::Null, patch: None };
            let fresh: VirtualServiceRow = self.call(call).await?;
            row = Some(Arc::new(fresh));
        }
        Err(ActError::Conflict(format!("VirtualService {name}")))
    }

    async fn create_run(&self, seen: &Observation, name: &str, step: Option<usize>) -> Result<(), ActError> {
        let body = seen.run_body(name, step)?;
        let path = seen.collection("apis/argoproj.io/v1alpha1", "analysisruns");
        let what = format!("create AnalysisRun {name}");
        match self.call::<AnalysisRunRow>(Call { what, method: "POST", path, body, patch: None }).await {
            Ok(run) => {
                self.stores.runs.observe_own_write(run);
            }
            // It exists and the cache has not seen it: the watch brings it, and its name is looked at again.
            Err(error) if is_code(&error, 409) => return Err(ActError::Conflict(format!("AnalysisRun {name}"))),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn call<K: Projection>(&self, call: Call) -> Result<K, ActError> {
        let what = call.what.clone();
        let text = self.send(call).await?;
        K::project(&text)
            .map_err(|error| ActError::Unmakeable(format!("could not {what}: the answer can't be read: {error}")))
    }

    /// Reads one object.
    pub(crate) async fn read<K: Projection>(&self, path: &str) -> Result<K, ActError> {
        let what = format!("read {path}");
        let path = path.trim_start_matches('/').to_owned();
        self.call(Call { what, method: "GET", path, body: Value::Null, patch: None }).await
    }

    /// Reads one object whole.
    pub(crate) async fn read_value(&self, path: &str) -> Result<Value, ActError> {
        let what = format!("read {path}");
        let path = path.trim_start_matches('/').to_owned();
        let text = self.send(Call { what: what.clone(), method: "GET", path, body: Value::Null, patch: None }).await?;
        serde_json::from_str(&text).map_err(|error| ActError::Unmakeable(format!("could not {what}: {error}")))
    }

    async fn send(&self, call: Call) -> Result<String, ActError> {
        let mut uri = format!("/{}", call.path);
        if call.method != "GET" && call.method != "DELETE" {
            uri.push_str("?fieldManager=");
            uri.push_str(names::FIELD_MANAGER);
        }
        let body = if call.body.is_null() { Vec::new() } else { call.body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(call.method)
            .uri(uri)
            .header(http::header::CONTENT_TYPE, call.patch.unwrap_or("application/json"))
            .body(body)
            .map_err(|e| ActError::Unmakeable(e.to_string()))?;
        match self.client.request_text(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) if call.method == "PATCH" && is_overtaken(&status) => {
                Err(ActError::Conflict(call.what))
            }
            Err(source) => Err(ActError::Refused { what: call.what, source }),
        }
    }
}

/// Whether somebody wrote in between: a version is stale, or a test of a JSON Patch failed.
///
/// A schema or a webhook may answer 422 too; that is a refusal, which looking again does not change.
fn is_overtaken(status: &kube::core::Status) -> bool {
    status.code == 409 || (status.code == 422 && status.message.starts_with(PATCH_REFUSED))
}

/// What the API server says of a JSON Patch that does not apply to what is there.
const PATCH_REFUSED: &str = "the server rejected our request due to an error in our request";

/// Whether an error is the API server's answer with this code.
pub(crate) fn is_code(error: &ActError, code: u16) -> bool {
    matches!(error, ActError::Refused { source: kube::Error::Api(status), .. } if status.code == code)
}

/// Whether an error is an answer of the API server that asking again would not change.
pub(crate) fn is_refusal(error: &ActError) -> bool {
    matches!(error, ActError::Refused { source: kube::Error::Api(status), .. } if (400..429).contains(&status.code))
}
