//! Cluster: calls to the API server. Knows paths; decides nothing.

use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use serin_analysis::secret::{Secret, SecretKeys};
use serin_controller::runtime::key::Key;
use serin_crds::analysis::SecretKeyRef;
use serin_crds::names::HASH_LABEL;
use serin_crds::rollback::RollbackPolicyStatus;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Somebody wrote in between: look again, decide again.
    #[error("the RollbackPolicy changed since it was read")]
    Overtaken,
    /// The API server said no, or did not answer.
    #[error("could not {what}: {why}")]
    Failed {
        /// What was tried.
        what: &'static str,
        /// What came back.
        why: String,
    },
}

/// The API server.
#[derive(Clone)]
pub struct Cluster {
    /// The client, whose writes pass the gate of the one that leads.
    pub client: kube::Client,
}

const ARGO: &str = "/apis/argoproj.io/v1alpha1/namespaces";
const SERIN: &str = "/apis/serin.dev/v1alpha1/namespaces";

impl Cluster {
    /// Reads a policy; `None` when it is gone.
    pub async fn policy(&self, key: &Key) -> Result<Option<Value>, CallError> {
        self.get("read the RollbackPolicy", &format!("{SERIN}/{}/rollbackpolicies/{}", key.namespace(), key.name()))
            .await
    }

    /// Reads a Rollout; `None` when it is gone.
    pub async fn rollout(&self, key: &Key) -> Result<Option<Value>, CallError> {
        self.get("read the Rollout", &format!("{ARGO}/{}/rollouts/{}", key.namespace(), key.name())).await
    }

    /// Lists the `ReplicaSet`s of these pod-template hashes.
    pub async fn replica_sets(&self, namespace: &str, hashes: &[&str]) -> Result<Vec<Value>, CallError> {
        let path = format!("/apis/apps/v1/namespaces/{namespace}/replicasets");
        self.list("list ReplicaSets", &path, hashes).await
    }

    /// Lists the `AnalysisRun`s of this pod-template hash.
    pub async fn runs(&self, namespace: &str, hash: &str) -> Result<Vec<Value>, CallError> {
        self.list("list AnalysisRuns", &format!("{ARGO}/{namespace}/analysisruns"), &[hash]).await
    }

    /// Reads the keys of a Secret; the inner error says why there are none, in words for users.
    pub async fn secret(&self, namespace: &str, name: &str) -> Result<Result<SecretKeys, String>, CallError> {
        use k8s_openapi::api::core::v1::Secret as Stored;
        let api: kube::Api<Stored> = kube::Api::namespaced(self.client.clone(), namespace);
        match api.get(name).await {
            Ok(stored) => {
                let text = |bytes: &[u8]| Secret::new(String::from_utf8_lossy(bytes));
                let data = stored.data.unwrap_or_default();
                Ok(Ok(data.iter().map(|(key, value)| (key.clone(), text(&value.0))).collect()))
            }
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(Err(format!("there is no Secret {name}"))),
            Err(kube::Error::Api(status)) if status.code == 403 => Ok(Err(format!(
                "the Secret {name} may not be read; its namespace is not among gitops.secretNamespaces of the chart"
            ))),
            Err(error) => Err(failed("read a Secret", &error)),
        }
    }

    /// Reads one key of a Secret; the inner error says why there is none, in words for users.
    pub async fn secret_key(
        &self,
        namespace: &str,
        reference: &SecretKeyRef,
    ) -> Result<Result<Secret, String>, CallError> {
        let SecretKeyRef { name, key } = reference;
        let keys = match self.secret(namespace, name).await? {
            Ok(keys) => keys,
            Err(why) => return Ok(Err(why)),
        };
        Ok(keys.get(key).cloned().ok_or_else(|| format!("the Secret {name} has no key {key}")))
    }

    /// Writes a status, unless somebody has written the policy since this version.
    pub async fn write(&self, key: &Key, version: &str, status: &RollbackPolicyStatus) -> Result<(), CallError> {
        let what = "write the status of the RollbackPolicy";
        let path = format!("{SERIN}/{}/rollbackpolicies/{}/status", key.namespace(), key.name());
        let body = json!({ "metadata": {"resourceVersion": version}, "status": status });
        let request = Request::patch(format!("{path}?fieldManager=serin-gitops"))
            .header(CONTENT_TYPE, "application/merge-patch+json")
            .body(body.to_string().into_bytes());
        let request = request.map_err(|error| CallError::Failed { what, why: error.to_string() })?;
        match self.client.request::<Value>(request).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if status.code == 409 => Err(CallError::Overtaken),
            Err(error) => Err(failed(what, &error)),
        }
    }

    /// Makes an event; one that is there already, or that nobody takes, is no harm.
    pub async fn tell(&self, namespace: &str, event: &Value) {
        let path = format!("/api/v1/namespaces/{namespace}/events");
        let request = Request::post(path).header(CONTENT_TYPE, "application/json").body(event.to_string().into_bytes());
        let Ok(request) = request else { return };
        if let Err(error) = self.client.request::<Value>(request).await {
            tracing::debug!(%error, "an event was not taken");
        }
    }

    async fn get(&self, what: &'static str, path: &str) -> Result<Option<Value>, CallError> {
        let request = Request::get(path).body(Vec::new());
        let request = request.map_err(|error| CallError::Failed { what, why: error.to_string() })?;
        match self.client.request::<Value>(request).await {
            Ok(object) => Ok(Some(object)),
            Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
            Err(error) => Err(failed(what, &error)),
        }
    }

    async fn list(&self, what: &'static str, path: &str, hashes: &[&str]) -> Result<Vec<Value>, CallError> {
        let labels = format!("{HASH_LABEL} in ({})", hashes.join(","));
        let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("labelSelector", &labels).finish();
        let found = self.get(what, &format!("{path}?{query}")).await?.unwrap_or_default();
        Ok(found.get("items").and_then(Value::as_array).cloned().unwrap_or_default())
    }
}

fn failed(what: &'static str, error: &kube::Error) -> CallError {
    let why = match error {
        kube::Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => serin_controller::runtime::watch::chain(other),
    };
    CallError::Failed { what, why }
}
