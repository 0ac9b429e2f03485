//! What the server promises, seen through the real client.

mod apply;
mod client;
mod creates;
mod kubectl;
mod life;
mod reads;
mod watch_faults;
mod watches;
mod writes;

use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::SimServer;

/// A server whose clock moves with tokio's, with a small Rollout, an `AnalysisRun` without subresources, and Istio.
pub fn server() -> SimServer {
    let epoch: jiff::Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let start = super::store::now();
    let server = SimServer::new(move || epoch + jiff::SignedDuration::try_from(start.elapsed()).unwrap());
    server.register_crd(rollouts()).unwrap();
    server.register_crd(runs()).unwrap();
    server.register_istio();
    server
}

fn rollouts() -> Value {
    crd(
        "Rollout",
        "rollouts",
        "ro",
        &json!({
            "subresources": {"status": {}, "scale": {
                "specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.HPAReplicas",
                "labelSelectorPath": ".status.selector",
            }},
            "additionalPrinterColumns": [
                {"name": "Desired", "type": "integer", "jsonPath": ".spec.replicas"},
                {"name": "Current", "type": "integer", "jsonPath": ".status.replicas"},
                {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
            ],
            "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
                "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
                "spec": {"type": "object", "properties": {
                    "replicas": {"type": "integer", "minimum": 0},
                    "paused": {"type": "boolean"},
                    "mode": {"type": "string", "enum": ["fast", "slow"]},
                    "limit": {"x-kubernetes-int-or-string": true, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                    "steps": {"type": "array", "items": {"type": "object", "properties": {
                        "setWeight": {"type": "integer", "minimum": 0, "maximum": 100},
                        "pause": {"type": "object", "properties": {"duration": {"x-kubernetes-int-or-string": true}}},
                    }}},
                    "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                    "ports": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
                        "items": {"type": "object", "required": ["name"], "properties": {
                            "name": {"type": "string"}, "port": {"type": "integer"}}}},
                }},
                "status": {"type": "object", "properties": {
                    "phase": {"type": "string"}, "replicas": {"type": "integer"}, "abort": {"type": "boolean"},
                    "HPAReplicas": {"type": "integer"}, "selector": {"type": "string"},
                }},
            }}},
        }),
    )
}

fn runs() -> Value {
    crd(
        "AnalysisRun",
        "analysisruns",
        "ar",
        &json!({
            "additionalPrinterColumns": [{"name": "Status", "type": "string", "jsonPath": ".status.phase"}],
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
        }),
    )
}

fn crd(kind: &str, plural: &str, short: &str, version: &Value) -> Value {
    let mut version = version.clone();
    version["name"] = "v1alpha1".into();
    version["served"] = true.into();
    version["storage"] = true.into();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.argoproj.io")},
        "spec": {
            "group": "argoproj.io", "scope": "Namespaced", "versions": [version],
            "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural, "singular": kind.to_lowercase(),
                "shortNames": [short]},
        },
    })
}

pub fn rollout(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": 3},
    })
}

pub const ROLLOUTS: &str = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts";
pub const MERGE: &str = "application/merge-patch+json";
pub const JSON: &str = "application/json-patch+json";
pub const STRATEGIC: &str = "application/strategic-merge-patch+json";
pub const APPLY: &str = "application/apply-patch+yaml";

/// An answer: its status, its headers, and its body as JSON (null when it is none).
pub struct Said {
    pub code: u16,
    pub headers: http::HeaderMap,
    pub body: Value,
}

/// Sends one request as `user` and reads the whole answer.
pub async fn send(server: &SimServer, request: Request<Vec<u8>>) -> Said {
    let (parts, body) = request.into_parts();
    let response = server.door("tester").answer(Request::from_parts(parts, body.into())).await.unwrap();
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Said {
        code: parts.status.as_u16(),
        headers: parts.headers,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}

pub async fn call(server: &SimServer, method: Method, path: &str, body: Value) -> Said {
    typed(server, method, path, "application/json", body).await
}

pub async fn typed(server: &SimServer, method: Method, path: &str, of: &str, body: Value) -> Said {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let request = Request::builder().method(method).uri(path).header("content-type", of).body(body).unwrap();
    send(server, request).await
}

pub async fn get(server: &SimServer, path: &str) -> Said {
    call(server, Method::GET, path, Value::Null).await
}

pub async fn patch(server: &SimServer, path: &str, of: &str, body: Value) -> Said {
    typed(server, Method::PATCH, path, of, body).await
}

/// Creates `object` at `path` and expects that to work.
pub async fn made(server: &SimServer, path: &str, object: Value) -> Value {
    let said = call(server, Method::POST, path, object).await;
    assert_eq!(said.code, 201, "{}", said.body);
    said.body
}

/// Checks the code and, of a refusal, the reason.
pub fn expect(said: &Said, code: u16, reason: &str) {
    assert_eq!((said.code, said.body["reason"].as_str().unwrap_or_default()), (code, reason), "{}", said.body);
}
