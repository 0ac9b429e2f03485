//! Release: our marks are taken out of what a Rollout no longer names, so that it is its owner's alone again.

use serde_json::{Value, json};
use serin_crds::names;

use super::keep;
use crate::api::{Call, CallError, Verb};
use crate::core::snapshot::{Left, LeftKind};
use crate::routers::istio::{noted, patch::Mark, subsets};
use crate::runtime::key::Key;
use crate::runtime::projection::{DestinationRuleRow, ServiceRow, VirtualServiceRow};
use crate::world::World;

impl World {
    /// Releases what is left of a Rollout that is gone.
    ///
    /// # Errors
    /// The last object that could not be released; the others were tried all the same.
    pub async fn release_all(&self, rollout: &Key, left: &[Left]) -> Result<(), CallError> {
        let mut outcome = Ok(());
        for one in left {
            match self.release(rollout, one).await {
                Ok(()) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    pub(super) async fn release(&self, rollout: &Key, left: &Left) -> Result<(), CallError> {
        let (namespace, name) = (left.namespace.as_str(), left.name.as_str());
        let key = Key::new(namespace, name);
        let released = match left.kind {
            LeftKind::Service => {
                let body = json!({
                    "metadata": {"annotations": {names::MANAGED_BY_ANNOTATION: null}},
                    "spec": {"selector": {names::HASH_LABEL: null}},
                });
                let path = format!("api/v1/namespaces/{namespace}/services/{name}");
                let call = release_call("Service", &key, path, (Verb::Merge, body));
                self.api.call::<ServiceRow>(call).await.map(|row| keep(&self.stores.services, row))
            }
            LeftKind::DestinationRule => {
                let path = format!("{}/namespaces/{namespace}/destinationrules/{name}", self.istio_api());
                let Some(rule) = self.read_left("DestinationRule", &key, &path).await? else { return Ok(()) };
                let Some(patch) = subsets::release_patch(&rule) else { return Ok(()) };
                let call = release_call("DestinationRule", &key, path, (Verb::Patch, Value::Array(patch)));
                let row = self.api.call::<DestinationRuleRow>(call).await;
                row.map(|row| keep(&self.stores.destination_rules, row))
            }
            LeftKind::VirtualService => {
                let path = format!("{}/namespaces/{namespace}/virtualservices/{name}", self.istio_api());
                let Some(route) = self.read_left("VirtualService", &key, &path).await? else { return Ok(()) };
                let Some(patch) = noted::release_patch(&route, Mark { rollout, on: &key }) else { return Ok(()) };
                let call = release_call("VirtualService", &key, path, (Verb::Patch, Value::Array(patch)));
                let row = self.api.call::<VirtualServiceRow>(call).await;
                row.map(|row| keep(&self.stores.virtual_services, row))
            }
        };
        match released {
            Err(error) if error.is_code(404) => Ok(()),
            other => other,
        }
    }

    async fn read_left(&self, kind: &str, key: &Key, path: &str) -> Result<Option<Value>, CallError> {
        match self.api.value(Call::get(format!("{kind} {key}"), path.to_owned())).await {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.is_code(404) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn release_call(kind: &str, key: &Key, path: String, (verb, body): (Verb, Value)) -> Call {
    let object = format!("{kind} {key}");
    Call { what: format!("release {object}"), verb, object, path, body }
}
