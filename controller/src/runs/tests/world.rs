//! An API server and a Prometheus in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use serin_analysis::provider::prometheus::PrometheusOptions;
use serin_analysis::provider::{Fetch, FetchError, FetchRequest, FetchResponse, Prometheus};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::*;
use crate::runs::{Endpoints, Executor, RunContext, Sighted, Told, Verdict, VerdictBoard};
use crate::runtime::clock::Clock;
use crate::runtime::key::Key;

pub(super) const EPOCH: &str = "2026-01-01T00:00:00Z";

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
    watchers: Option<mpsc::UnboundedSender<Sent>>,
}

enum Sent {
    Saw(Value),
    Gone(String),
}

#[derive(Clone)]
pub(super) struct Api(pub Arc<Mutex<ApiState>>, Instant);

impl Api {
    fn with<T>(&self, look: impl FnOnce(&mut ApiState) -> T) -> T {
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

    async fn answer(self, request: Request<Body>) -> Response<Body> {
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
            Some(Trouble::Race) => self.edit(name, |object| object["metadata"]["labels"]["touched"] = json!("yes")),
            Some(Trouble::Refuse) => return failure(500, "etcdserver: leader changed"),
            _ => {}
        }
        let at = u64::try_from(self.1.elapsed().as_millis()).unwrap();
        let answer = self.with(|api| {
            let Some(object) = api.objects.get(name) else { return not_found(name) };
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

/// What the fake Prometheus answers.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Value(f64),
    After(Duration, f64),
    Fail,
    Panic,
}

type Script = Arc<dyn Fn(&str, usize) -> Reply + Send + Sync>;

#[derive(Default)]
pub(super) struct Asked {
    /// Milliseconds since the start, and the query.
    pub log: Vec<(u64, String)>,
    pub now: usize,
    pub most: usize,
}

#[derive(Clone)]
pub(super) struct FakePrometheus {
    script: Script,
    pub asked: Arc<Mutex<Asked>>,
    start: Instant,
}

impl Fetch for FakePrometheus {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, FetchError>> {
        let this = self.clone();
        async move {
            let text = String::from_utf8_lossy(&request.body).into_owned();
            let query = text.split('&').find_map(|pair| pair.strip_prefix("query=")).unwrap_or_default().to_owned();
            let reply = {
                let mut asked = this.asked.lock().unwrap();
                let nth = asked.log.iter().filter(|(_, other)| *other == query).count();
                asked.log.push((u64::try_from(this.start.elapsed().as_millis()).unwrap(), query.clone()));
                asked.now += 1;
                asked.most = asked.most.max(asked.now);
                (this.script)(&query, nth)
            };
            let value = match reply {
                Reply::Value(value) => Some(value),
                Reply::After(delay, value) => {
                    tokio::time::sleep(delay).await;
                    Some(value)
                }
                Reply::Fail => None,
                Reply::Panic => panic!("seeded"),
            };
            this.asked.lock().unwrap().now -= 1;
            let value = value.ok_or(FetchError::Connect { to: "http://p".into(), why: "refused".into() })?;
            let body = json!({"status": "success", "data": {"resultType": "scalar", "result": [1, value.to_string()]}});
            Ok(FetchResponse {
                status: StatusCode::OK,
                headers: http::HeaderMap::new(),
                body: serde_json::to_vec(&body).unwrap().into(),
                elapsed: Duration::ZERO,
            })
        }
        .boxed()
    }
}

pub(super) struct World {
    pub api: Api,
    pub prometheus: FakePrometheus,
    pub executor: Arc<Executor>,
    pub board: VerdictBoard,
    pub called: Arc<Mutex<Vec<(u64, Key)>>>,
    pub told: Arc<Mutex<Vec<Told>>>,
    pub gate: Arc<Mutex<bool>>,
    pub context: RunContext,
    start: Instant,
}

impl World {
    pub fn new(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::with(script, Endpoints::default())
    }

    pub fn with(script: impl Fn(&str, usize) -> Reply + Send + Sync + 'static, endpoints: Endpoints) -> Self {
        let start = Instant::now();
        let api = Api(Arc::default(), start);
        let service = {
            let api = api.clone();
            tower::service_fn(move |request: Request<Body>| {
                let api = api.clone();
                async move { Ok::<_, std::convert::Infallible>(api.answer(request).await) }
            })
        };
        let called: Arc<Mutex<Vec<(u64, Key)>>> = Arc::default();
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let gate = Arc::new(Mutex::new(true));
        let prometheus = FakePrometheus { script: Arc::new(script), asked: Arc::default(), start };
        let calls = called.clone();
        let board = VerdictBoard::new(move |rollout| {
            calls.lock().unwrap().push((u64::try_from(start.elapsed().as_millis()).unwrap(), rollout.clone()));
        });
        let (events, is_open) = (told.clone(), gate.clone());
        let context = RunContext {
            client: kube::Client::new(service, "default"),
            clock: Clock::anchored(EPOCH.parse().unwrap()),
            prometheus: Arc::new(Prometheus::new(Arc::new(prometheus.clone()), PrometheusOptions::default())),
            endpoints,
            verdicts: board.clone(),
            gate: Arc::new(move || *is_open.lock().unwrap()),
            tell: Arc::new(move |told| events.lock().unwrap().push(told)),
        };
        let executor = Arc::new(Executor::new(context.clone()));
        let world = Self { api, prometheus, executor, board, called, told, gate, context, start };
        world.watch(Duration::ZERO);
        world
    }

    /// Passes on what the API server does to the executor, late by `lag`.
    pub fn watch(&self, lag: Duration) {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        self.api.with(|api| api.watchers = Some(sender));
        let executor = self.executor.clone();
        tokio::spawn(async move {
            while let Some(sent) = receiver.recv().await {
                tokio::time::sleep(lag).await;
                match sent {
                    Sent::Saw(object) => executor.saw(Sighted::of(object).unwrap()),
                    Sent::Gone(uid) => executor.gone(&uid),
                }
            }
        });
    }

    pub fn create(&self, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        self.api.with(|api| {
            api.objects.insert(name.clone(), object);
        });
        self.api.edit(&name, |_| {});
    }

    /// Lets time pass up to this many milliseconds after the start.
    pub async fn at(&self, milliseconds: u64) {
        tokio::time::sleep_until(self.start + Duration::from_millis(milliseconds) + SETTLE).await;
    }

    pub fn status(&self, name: &str) -> Value {
        self.api.with(|api| api.objects[name]["status"].clone())
    }

    pub fn phase(&self, name: &str) -> String {
        self.status(name)["phase"].as_str().unwrap_or_default().to_owned()
    }

    /// When writes arrived, in milliseconds since the start.
    pub fn writes(&self) -> Vec<u64> {
        self.api.with(|api| api.writes.iter().map(|write| write.at).collect())
    }

    /// When questions were asked, in milliseconds since the start.
    pub fn asked(&self) -> Vec<u64> {
        self.prometheus.asked.lock().unwrap().log.iter().map(|(at, _)| *at).collect()
    }

    pub fn verdict(&self, name: &str) -> Verdict {
        self.board.get(&format!("uid-{name}")).unwrap()
    }
}

/// A metric that is fine up to 1 and fails above.
pub(super) fn metric(name: &str, settings: &Value) -> Value {
    let mut metric = json!({
        "name": name,
        "successCondition": "result <= 1",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": name}},
    });
    metric.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    metric
}

/// A run of the Rollout `web` that was made with a status.
pub(super) fn run(name: &str, metrics: &[Value]) -> Value {
    let started: Timestamp = EPOCH.parse().unwrap();
    json!({
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisRun",
        "metadata": {
            "name": name, "namespace": "shop", "uid": format!("uid-{name}"), "labels": {},
            "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": "u", "controller": true}],
        },
        "spec": {"metrics": metrics},
        "status": serin_analysis::run::initial_status(started),
    })
}
