//! Api: calls to the API server. Knows paths, patches and errors; decides nothing and remembers nothing.

use std::time::Duration;

use serde_json::{Value, json};
use serin_crds::names;

use crate::runtime::client::{TooLong, is_timeout};
use crate::runtime::projection::Projection;

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Somebody wrote in between: look again, decide again.
    #[error("{0} changed since it was read")]
    Overtaken(Object),
    /// The API server said no, or did not answer.
    #[error("could not {what}")]
    Failed {
        /// What was tried.
        what: String,
        /// What came back.
        source: kube::Error,
    },
    /// What is to be written can't be made from what was read, or what came back can't be read.
    #[error("{0}")]
    Unmakeable(String),
}

/// The cause that the API server gives where a disruption budget keeps a pod.
const BUDGET: &str = "DisruptionBudget";

/// An object, as messages name it and as the API server finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Kind and name.
    pub name: String,
    /// Path.
    pub path: String,
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

impl CallError {
    /// Whether it is the API server's answer with this code.
    pub fn is_code(&self, code: u16) -> bool {
        self.status().is_some_and(|status| status.code == code)
    }

    /// Whether no answer came in time: it may have been carried out or not.
    pub fn is_unanswered(&self) -> bool {
        matches!(self, Self::Failed { source, .. } if is_timeout(source))
    }

    /// Whether it may have been carried out all the same.
    pub fn is_doubtful(&self) -> bool {
        !matches!(self, Self::Overtaken(_)) && !self.is_refusal()
    }

    /// Whether it is an answer that asking again would not change.
    pub fn is_refusal(&self) -> bool {
        self.status().is_some_and(|status| match status.code {
            408 => false,
            // Too many requests; or too few pods, which asking again does not change.
            429 => status.details.iter().flat_map(|details| &details.causes).any(|why| why.reason == BUDGET),
            code => (400..500).contains(&code),
        })
    }

    /// What the API server said, if it said anything.
    pub fn status(&self) -> Option<&kube::core::Status> {
        match self {
            Self::Failed { source: kube::Error::Api(status), .. } => Some(status),
            Self::Failed { .. } | Self::Overtaken(_) | Self::Unmakeable(_) => None,
        }
    }
}

/// How a body changes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Reads.
    Get,
    /// Makes.
    Create,
    /// Changes by a JSON merge patch.
    Merge,
    /// Changes by a JSON Patch.
    Patch,
    /// Removes.
    Delete,
}

/// One call, ready to be sent.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it does, as messages say it: `scale ReplicaSet web-1`.
    pub what: String,
    /// How.
    pub verb: Verb,
    /// Kind and name of the object.
    pub object: String,
    /// Path, without a slash before it.
    pub path: String,
    /// Body; null where there is none.
    pub body: Value,
}

impl Call {
    /// Reads an object.
    pub fn get(object: impl Into<String>, path: impl Into<String>) -> Self {
        let object = object.into();
        Self { what: format!("read {object}"), verb: Verb::Get, object, path: path.into(), body: Value::Null }
    }

    /// Deletes exactly the object that was seen.
    pub fn delete(object: impl Into<String>, path: impl Into<String>, uid: &str) -> Self {
        let object = object.into();
        let preconditions = if uid.is_empty() { json!({}) } else { json!({"uid": uid}) };
        let body = json!({
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
            "preconditions": preconditions,
        });
        Self { what: format!("delete {object}"), verb: Verb::Delete, object, path: path.into(), body }
    }
}

/// The API server, for calls.
#[derive(Clone)]
pub struct Api {
    /// The client.
    pub client: kube::Client,
}

impl Api {
    /// Sends a call and reads the answer as what a kind is cut to.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub async fn call<K: Projection>(&self, call: Call) -> Result<K, CallError> {
        let what = call.what.clone();
        let text = self.send(call).await?;
        K::project(&text)
            .map_err(|error| CallError::Unmakeable(format!("could not {what}: the answer can't be read: {error}")))
    }

    /// Sends a call and reads the answer whole.
    ///
    /// # Errors
    /// As [`Api::send`].
    pub async fn value(&self, call: Call) -> Result<Value, CallError> {
        let what = call.what.clone();
        let text = self.send(call).await?;
        serde_json::from_str(&text).map_err(|error| CallError::Unmakeable(format!("could not {what}: {error}")))
    }

    /// Sends a call, reads the answer whole, and gives it up when it does not come in time.
    ///
    /// # Errors
    /// As [`Api::send`]; [`CallError::is_unanswered`] when it took too long.
    pub async fn value_within(&self, limit: Duration, call: Call) -> Result<Value, CallError> {
        let what = call.what.clone();
        let late = |_| CallError::Failed { what, source: kube::Error::Service(TooLong(limit).into()) };
        tokio::time::timeout(limit, self.value(call)).await.map_err(late)?
    }

    /// Sends a call once; nothing is tried again here.
    ///
    /// # Errors
    /// Overtaken where a version or a test did not hold; else what the API server said, or that it said nothing.
    pub async fn send(&self, call: Call) -> Result<String, CallError> {
        let path = call.path.trim_start_matches('/');
        let mut uri = format!("/{path}");
        let (method, content) = match call.verb {
            Verb::Get => ("GET", "application/json"),
            Verb::Create => ("POST", "application/json"),
            Verb::Merge => ("PATCH", "application/merge-patch+json"),
            Verb::Patch => ("PATCH", "application/json-patch+json"),
            Verb::Delete => ("DELETE", "application/json"),
        };
        if !matches!(call.verb, Verb::Get | Verb::Delete) {
            uri.push_str("?fieldManager=");
            uri.push_str(names::FIELD_MANAGER);
        }
        let body = if call.body.is_null() { Vec::new() } else { call.body.to_string().into_bytes() };
        let request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header(http::header::CONTENT_TYPE, content)
            .body(body)
            .map_err(|e| CallError::Unmakeable(e.to_string()))?;
        match self.client.request_text(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) if is_overtaken(call.verb, &status) => {
                Err(CallError::Overtaken(Object { name: call.object, path: path.to_owned() }))
            }
            Err(source) => Err(CallError::Failed { what: call.what, source }),
        }
    }
}

/// Whether somebody wrote in between: a version is stale, a name is taken, or a test of a JSON Patch failed.
///
/// A schema or a webhook may answer 422 too; that is a refusal, which looking again does not change.
fn is_overtaken(verb: Verb, status: &kube::core::Status) -> bool {
    match verb {
        Verb::Get => false,
        Verb::Create | Verb::Merge | Verb::Delete => status.code == 409,
        Verb::Patch => status.code == 409 || (status.code == 422 && status.message.starts_with(PATCH_REFUSED)),
    }
}

/// What the API server says of a JSON Patch that does not apply to what is there.
const PATCH_REFUSED: &str = "the server rejected our request due to an error in our request";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_keeps_a_pod_is_a_refusal_and_a_busy_server_is_none() {
        let check = |status: Value, expect: bool| {
            let status: kube::core::Status = serde_json::from_value(status).unwrap();
            let source = kube::Error::Api(Box::new(status));
            assert_eq!(CallError::Failed { what: String::new(), source }.is_refusal(), expect);
        };
        check(json!({"code": 429, "details": {"causes": [{"reason": "DisruptionBudget"}]}}), true);
        check(json!({"code": 429, "details": {"retryAfterSeconds": 1}}), false);
        check(json!({"code": 403}), true);
        check(json!({"code": 408}), false);
        check(json!({"code": 503}), false);
    }
}
