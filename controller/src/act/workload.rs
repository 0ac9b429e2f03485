//! Writes of the Deployment that a Rollout refers to: its number of pods, and nothing else.

use serde_json::json;

use super::keep;
use crate::api::{Call, CallError, Object, Verb};
use crate::observe::Observation;
use crate::world::World;

impl World {
    /// Changes the size of a Deployment; rests on the version that was seen.
    pub(super) async fn scale_workload(
        &self,
        seen: &Observation,
        name: &str,
        (from, to): (i64, i64),
    ) -> Result<(), CallError> {
        let path = seen.path("apis/apps/v1", "deployments", name);
        let object = format!("Deployment {name}");
        let overtaken = || CallError::Overtaken(Object { name: object.clone(), path: path.clone() });
        let store = &self.stores.workloads.deployments;
        let known = store.last_known(&seen.key(name)).ok_or_else(overtaken)?;
        let body = json!([
            {"op": "test", "path": "/metadata/uid", "value": known.meta.uid},
            {"op": "test", "path": "/metadata/resourceVersion", "value": known.meta.version},
            {"op": "add", "path": "/spec/replicas", "value": to},
        ]);
        let what = format!("scale {object} from {from} to {to}");
        let call = Call { what, verb: Verb::Patch, object: object.clone(), path: format!("{path}/scale"), body };
        self.api.value(call).await.map_err(|error| match error {
            // The Deployment is what has to be read again, not its scale.
            CallError::Overtaken(_) => overtaken(),
            error => error,
        })?;
        // The answer shows the scale alone.
        keep(store, self.api.call(Call::get(object, path)).await?);
        Ok(())
    }
}
