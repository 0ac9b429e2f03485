//! An API server in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;

/// What goes wrong with the next write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Trouble {
    /// Somebody else changes a label just before.
    Race,
    /// The server answers 500 and has not written.
    Refuse,
    /// The server writes and never answers.
    Swallow,
    /// The server writes and answers 500.
    Lie,
}

/// One write that arrived: milliseconds since the start, phase, number of measurements.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Write {
    pub at: u64,
    pub body: Value,
}

#[derive(Default)]
pub(super) struct ApiState {
    pub objects: BTreeMap<String, Value>,
    version: u64,
    pub writes: Vec<Write>,
    pub reads: Vec<String>,
    pub troubles: VecDeque<Trouble>,
    pub latency: Duration,
    pub secrets: BTreeMap<String, Result<Value, u16>>,
    pub watchers: Option<mpsc::UnboundedSender<Sent>>,
}

pub(super) enum Sent {
    Saw(Value),
    Gone(String),
}

#[derive(Clone)]
pub(super) struct Api(pub Arc<Mutex<ApiState>>, Instant);

impl Api {
    pub fn new(start: Instant) -> Self {
        Self(Arc::default(), start)
    }

    pub fn with<T>(&self, look: impl FnOnce(&mut ApiState) -> T) -> T {
        look(&mut self.0.lock().unwrap())
    }

    /// Changes an object as somebody else would.
    pub fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        self.with(|api| {
            let version = api.next();
            let object = api.objects.get_mut(name).unwrap();
            change(object);
            object["metadata"]["resourceVersion"] = json!(version);
            let object = object.clone();
            api.notify(Sent::Saw(object));
        });
    }

    pub fn delete(&self, name: &str) {
        self.with(|api| {
            let object = api.objects.remove(name).unwrap();
            api.notify(Sent::Gone(object["metadata"]["uid"].as_str().unwrap().to_owned()));
        });
    }

    pub async fn answer(self, request: Request<Body>) -> Response<Body> {
        let latency = self.with(|api| api.latency);
        tokio::time::sleep(latency).await;
        let (parts, body) = request.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let path: Vec<&str> = parts.uri.path().split('/').collect();
        let name = path.last().unwrap().to_string();
        let (status, object) = if path.contains(&"secrets") {
            self.secret(&name)
        } else if parts.method == Method::GET {
            self.with(|api| {
                api.reads.push(format!("run {name}"));
                api.objects.get(&name).map_or(not_found(&name), |object| (200, object.clone()))
            })
        } else if parts.method == Method::DELETE {
            let found = self.with(|api| api.objects.get(&name).cloned());
            if found.is_some() {
                self.delete(&name);
            }
            found.map_or(not_found(&name), |object| (200, object))
        } else {
            self.patch(&name, serde_json::from_slice(&body).unwrap()).await
        };
        Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Body::from(serde_json::to_vec(&object).unwrap()))
            .unwrap()
    }

    fn secret(&self, name: &str) -> (u16, Value) {
        self.with(|api| {
            api.reads.push(format!("secret {name}"));
            match api.secrets.get(name) {
                None => failure(404, &format!("secrets \"{name}\" not found")),
                Some(Err(code)) => failure(*code, "etcdserver: request timed out"),
                Some(Ok(data)) => (200, json!({"metadata": {"name": name}, "data": data})),
            }
        })
    }

    async fn patch(&self, name: &str, patch: Value) -> (u16, Value) {
        let trouble = self.with(|api| api.troubles.pop_front());
        match trouble {
            Some(Trouble::Race) => self.edit(name, |object| {
                object["metadata"]["labels"]["touched"] = json!("yes");
            }),
            Some(Trouble::Refuse) => return failure(500, "etcdserver: leader changed"),
            _ => {}
        }
        let at = u64::try_from(self.1.elapsed().as_millis()).unwrap();
        let answer = self.with(|api| {
            let Some(object) = api.objects.get(name) else {
                return not_found(name);
            };
            if object["metadata"]["resourceVersion"] != patch["metadata"]["resourceVersion"] {
                return failure(409, "the object has been modified");
            }
            let mut object = object.clone();
            json_patch::merge(&mut object, &patch);
            object["metadata"]["resourceVersion"] = json!(api.next());
            api.writes.push(Write { at, body: patch });
            api.objects.insert(name.to_owned(), object.clone());
            api.notify(Sent::Saw(object.clone()));
            (200, object)
        });
        match trouble {
            Some(Trouble::Swallow) => std::future::pending().await,
            Some(Trouble::Lie) => failure(500, "etcdserver: request timed out"),
            _ => answer,
        }
    }
}

impl ApiState {
    fn next(&mut self) -> String {
        self.version += 1;
        (100 + self.version).to_string()
    }

    fn notify(&self, sent: Sent) {
        if let Some(watchers) = &self.watchers {
            watchers.send(sent).ok();
        }
    }
}

fn not_found(name: &str) -> (u16, Value) {
    failure(404, &format!("\"{name}\" not found"))
}

fn failure(code: u16, message: &str) -> (u16, Value) {
    (code, json!({"kind": "Status", "status": "Failure", "code": code, "message": message, "reason": "Test"}))
}
