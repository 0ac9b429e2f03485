//! Writes of pods: the labels and annotations of the role that they have, and evictions.

use std::collections::BTreeMap;

use futures::{StreamExt, stream};
use serde_json::{Map, Value, json};
use serin_crds::names;
use serin_crds::rollout::PodTemplateMetadata;

use crate::api::{Call, CallError, Verb};
use crate::core::role;
use crate::observe::Observation;
use crate::world::World;

/// How many pods are written at the same time.
const AT_ONCE: usize = 10;

impl World {
    /// Gives the pods of a `ReplicaSet` the metadata of their role: those that run, then its template, then those that were
    /// made in between. What says that it is done is written with the template, so that a crash before begins it anew.
    pub(super) async fn set_role(
        &self,
        seen: &Observation,
        name: &str,
        (from, to): (&PodTemplateMetadata, &PodTemplateMetadata),
    ) -> Result<(), CallError> {
        let own = own_metadata(seen, name);
        let metadata = json!({
            "labels": change(&from.labels, &to.labels, own.get("labels")),
            "annotations": change(&from.annotations, &to.annotations, own.get("annotations")),
        });
        self.label_pods(seen, name, &metadata).await?;
        let said = (!role::is_empty(to)).then(|| json!(to).to_string());
        let body = json!({
            "metadata": {"annotations": {names::EPHEMERAL_METADATA_ANNOTATION: said}},
            "spec": {"template": {"metadata": metadata}},
        });
        self.patch_rs(seen, name, ("label the pods of", Verb::Merge), body).await?;
        self.label_pods(seen, name, &metadata).await
    }

    async fn label_pods(&self, seen: &Observation, replica_set: &str, metadata: &Value) -> Result<(), CallError> {
        let Some(rs) = self.stores.replica_sets.last_known(&seen.key(replica_set)) else { return Ok(()) };
        let pods = self.pods_live(&[rs]).await?;
        let pods = pods.iter().filter(|pod| pod.pointer("/metadata/deletionTimestamp").is_none());
        let lacking = pods.filter(|pod| !has(pod, metadata)).filter_map(|pod| name_of(pod).map(str::to_owned));
        let writes = lacking.map(|name| {
            let path = seen.path("api/v1", "pods", &name);
            let object = format!("Pod {name}");
            let body = json!({"metadata": metadata});
            let call = Call { what: format!("label {object}"), verb: Verb::Merge, object, path, body };
            async move { super::replica_sets::gone(self.api.send(call).await) }
        });
        let mut outcome = Ok(());
        let mut written = stream::iter(writes.collect::<Vec<_>>()).buffer_unordered(AT_ONCE);
        while let Some(one) = written.next().await {
            outcome = outcome.and(one);
        }
        outcome
    }

    /// Evicts pods; one that a disruption budget keeps is said, after the others were tried.
    pub(super) async fn evict(&self, seen: &Observation, pods: &[(String, String)]) -> Result<(), CallError> {
        let mut outcome = Ok(());
        for (name, uid) in pods {
            let path = format!("{}/eviction", seen.path("api/v1", "pods", name));
            let object = format!("Pod {name}");
            let body = json!({
                "apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": name, "namespace": seen.snapshot.id.namespace},
                "deleteOptions": {"preconditions": {"uid": uid}},
            });
            let call = Call { what: format!("evict {object}"), verb: Verb::Create, object, path, body };
            match super::replica_sets::gone(self.api.send(call).await) {
                // Another pod of that name, or one that is being deleted: the next look shows it.
                Ok(()) | Err(CallError::Overtaken(_)) => {}
                Err(error) if error.is_refusal() => outcome = Err(error),
                Err(error) => return Err(error),
            }
        }
        outcome
    }
}

fn name_of(pod: &Value) -> Option<&str> {
    pod.pointer("/metadata/name")?.as_str()
}

/// The metadata that the template of the spec itself gives to the pods of a `ReplicaSet`, where it is that revision's: a role
/// that ends leaves it as it was.
fn own_metadata<'a>(seen: &'a Observation, name: &str) -> &'a Value {
    let template = seen.snapshot.spec.template.as_ref().filter(|_| name == seen.rs_name());
    template.and_then(|template| template.get("metadata")).unwrap_or(&Value::Null)
}

/// The merge patch from the keys of one role to those of another.
fn change(from: &BTreeMap<String, String>, to: &BTreeMap<String, String>, own: Option<&Value>) -> Map<String, Value> {
    let ended = from.keys().filter(|key| !to.contains_key(*key));
    let ended = ended.map(|key| (key.clone(), own.and_then(|own| own.get(key)).cloned().unwrap_or_default()));
    ended.chain(to.iter().map(|(key, value)| (key.clone(), json!(value)))).collect()
}

/// Whether a pod is as a merge patch of its metadata would leave it.
fn has(pod: &Value, metadata: &Value) -> bool {
    let kinds = metadata.as_object().into_iter().flatten();
    let mut keys = kinds.flat_map(|(kind, keys)| keys.as_object().into_iter().flatten().map(move |pair| (kind, pair)));
    keys.all(|(kind, (key, value))| {
        let have = pod.get("metadata").and_then(|m| m.get(kind)).and_then(|m| m.get(key)).unwrap_or(&Value::Null);
        have == value
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn keys_of_an_earlier_role_go_and_what_the_template_says_itself_comes_back() {
        let own = json!({"tier": "web"});
        let changed = change(
            &labels(&[("role", "canary"), ("tier", "new"), ("x", "1")]),
            &labels(&[("role", "stable")]),
            Some(&own),
        );
        assert_eq!(Value::Object(changed), json!({"role": "stable", "tier": "web", "x": null}));
    }

    #[test]
    fn a_pod_that_is_as_wanted_is_not_written() {
        let pod = json!({"metadata": {"labels": {"role": "stable", "app": "web"}}});
        let check =
            |labels: Value, expect| assert_eq!(has(&pod, &json!({"labels": labels, "annotations": {}})), expect);
        check(json!({"role": "stable", "x": null}), true);
        check(json!({"role": "canary"}), false);
        check(json!({"app": null}), false);
    }
}
