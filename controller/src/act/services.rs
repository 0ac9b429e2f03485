//! Writes of what selects pods: Services, and subsets of a `DestinationRule`.

use serde_json::{Value, json};
use serin_crds::names;

use super::keep;
use crate::api::{Call, CallError, Object, Verb};
use crate::observe::{Observation, rule_of};
use crate::routers::istio;
use crate::runtime::projection::ServiceRow;
use crate::world::World;

impl World {
    pub(super) async fn switch(
        &self,
        seen: &Observation,
        service: &str,
        from: Option<&str>,
        to: &str,
    ) -> Result<(), CallError> {
        let path = seen.path("api/v1", "services", service);
        let object = format!("Service {service}");
        let managed = [&seen.snapshot.traffic.canary_service, &seen.snapshot.traffic.stable_service];
        let managed = managed.into_iter().flatten().any(|svc| svc.name == service && svc.managed);
        let call = if managed {
            let at = format!("/spec/selector/{}", names::HASH_LABEL);
            let test = from.map(|from| json!({"op": "test", "path": at, "value": from}));
            let body = test.into_iter().chain([json!({"op": "add", "path": at, "value": to})]).collect();
            Call { what: format!("switch {object}"), verb: Verb::Patch, object, path, body: Value::Array(body) }
        } else {
            // A Service that nobody steered yet: a merge patch, since its annotations may be absent altogether.
            let body = json!({
                "metadata": {"annotations": {names::MANAGED_BY_ANNOTATION: seen.snapshot.id.name}},
                "spec": {"selector": {names::HASH_LABEL: to}},
            });
            Call { what: format!("take over {object}"), verb: Verb::Merge, object, path, body }
        };
        let svc: ServiceRow = self.api.call(call).await?;
        keep(&self.stores.services, svc);
        Ok(())
    }

    pub(super) async fn set_subsets(&self, seen: &Observation, canary: &str, stable: &str) -> Result<(), CallError> {
        let Some(rule) = rule_of(seen) else { return Ok(()) };
        let object = format!("DestinationRule {}", rule.name);
        let path = seen.path(&self.istio_api(), "destinationrules", &rule.name);
        let Some(row) = self.stores.destination_rules.last_known(&seen.key(&rule.name)) else {
            return Err(CallError::Overtaken(Object { name: object, path }));
        };
        let known = row.body.value().map_err(|e| CallError::Unmakeable(e.to_string()))?;
        let names = (rule.canary_subset_name.as_str(), rule.stable_subset_name.as_str());
        let Some(patch) = istio::subsets::hash_patch(&known, names, (canary, stable), &seen.snapshot.id.name) else {
            return Ok(());
        };
        let what = format!("patch {object}");
        let call = Call { what, verb: Verb::Patch, object, path, body: Value::Array(patch) };
        keep(&self.stores.destination_rules, self.api.call(call).await?);
        Ok(())
    }
}
