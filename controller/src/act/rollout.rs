//! Writes of the Rollout itself: two annotations or fields of its own, and its status.

use serde_json::{Value, json};
use serin_crds::names;

use super::{keep, manifests};
use crate::api::{Call, CallError, Object, Verb};
use crate::observe::Observation;
use crate::runtime::projection::{Projection as _, RolloutRow};
use crate::world::World;

const API: &str = "apis/argoproj.io/v1alpha1";

impl World {
    pub(super) async fn annotate_revision(&self, seen: &Observation, revision: u64) -> Result<(), CallError> {
        let body = json!({"metadata": {"annotations": {names::REVISION_ANNOTATION: revision.to_string()}}});
        self.patch_rollout(seen, body).await
    }

    pub(super) async fn note_workload(&self, seen: &Observation, generation: &str) -> Result<(), CallError> {
        let body = json!({"metadata": {"annotations": {names::WORKLOAD_GENERATION_ANNOTATION: generation}}});
        self.patch_rollout(seen, body).await
    }

    pub(super) async fn default_replicas(&self, seen: &Observation) -> Result<(), CallError> {
        self.patch_rollout(seen, json!({"spec": {"replicas": 1}})).await
    }

    async fn patch_rollout(&self, seen: &Observation, body: Value) -> Result<(), CallError> {
        let version = json!(seen.version());
        let body =
            manifests::with(body, "metadata", |metadata| manifests::with(metadata, "resourceVersion", |_| version));
        let path = seen.path(API, "rollouts", &seen.snapshot.id.name);
        self.write_rollout(seen, "patch", path, body).await
    }

    /// Writes the status; the body names the version that it rests on.
    pub(crate) async fn patch_status(&self, seen: &Observation, body: Value) -> Result<(), CallError> {
        let path = format!("{}/status", seen.path(API, "rollouts", &seen.snapshot.id.name));
        self.write_rollout(seen, "write the status of", path, body).await
    }

    async fn write_rollout(&self, seen: &Observation, what: &str, path: String, body: Value) -> Result<(), CallError> {
        let object = format!("Rollout {}", seen.snapshot.id.name);
        let call = Call { what: format!("{what} {object}"), verb: Verb::Merge, object, path, body };
        let patched: RolloutRow = self.api.call(call).await.map_err(|error| match error {
            // The status is read with the Rollout; reading it alone is another right, which the role does not give.
            CallError::Overtaken(Object { name, .. }) => {
                CallError::Overtaken(Object { name, path: seen.path(API, "rollouts", &seen.snapshot.id.name) })
            }
            error => error,
        })?;
        seen.wrote(patched.version());
        keep(&self.stores.rollouts, patched);
        Ok(())
    }
}
