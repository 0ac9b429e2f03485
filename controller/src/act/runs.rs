//! Writes of `AnalysisRun`s that a Rollout makes: they are made, told to stop, and deleted.

use serde_json::json;

use super::keep;
use super::replica_sets::gone;
use crate::api::{Call, CallError, Verb};
use crate::observe::Observation;
use crate::runtime::projection::AnalysisRunRow;
use crate::world::World;

const API: &str = "apis/argoproj.io/v1alpha1";

impl World {
    pub(super) async fn create_run(
        &self,
        seen: &Observation,
        name: &str,
        step: Option<usize>,
    ) -> Result<(), CallError> {
        let body = seen.run_body(name, step)?;
        let object = format!("AnalysisRun {name}");
        let path = seen.collection(API, "analysisruns");
        let call = Call { what: format!("create {object}"), verb: Verb::Create, object, path, body };
        match self.api.call(call).await {
            Ok(run) => keep(&self.stores.runs, run),
            Err(CallError::Overtaken(taken)) => {
                self.look_who_has(seen, name).await?;
                return Err(CallError::Overtaken(taken));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The name is taken: by a run of ours that the cache has not seen, or by one of somebody else, such as of a Rollout
    /// that had this name before.
    async fn look_who_has(&self, seen: &Observation, name: &str) -> Result<(), CallError> {
        let path = seen.path(API, "analysisruns", name);
        let run: AnalysisRunRow = match self.api.call(Call::get(format!("AnalysisRun {name}"), path)).await {
            Ok(run) => run,
            Err(error) if error.is_code(404) => return Ok(()),
            Err(error) => return Err(error),
        };
        let uid = seen.snapshot.id.uid.as_str();
        if run.meta.owner.as_ref().is_none_or(|owner| *owner.uid != *uid) {
            self.memories.occupy(uid, name);
        }
        keep(&self.stores.runs, run);
        Ok(())
    }

    pub(super) async fn terminate_run(&self, seen: &Observation, name: &str) -> Result<(), CallError> {
        let object = format!("AnalysisRun {name}");
        let path = seen.path(API, "analysisruns", name);
        let body = json!({"spec": {"terminate": true}});
        let call = Call { what: format!("terminate {object}"), verb: Verb::Merge, object, path, body };
        match self.api.call(call).await {
            Ok(run) => keep(&self.stores.runs, run),
            // A run that is gone has ended.
            Err(error) if error.is_code(404) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    pub(super) async fn delete_run(&self, seen: &Observation, name: &str) -> Result<(), CallError> {
        let path = seen.path(API, "analysisruns", name);
        let uid = self.stores.runs.last_known(&seen.key(name)).map(|run| run.meta.uid.to_string());
        gone(self.api.send(Call::delete(format!("AnalysisRun {name}"), path, &uid.unwrap_or_default())).await)
    }
}
