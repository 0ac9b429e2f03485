//! Open Policy Agent, Slack and a webhook, played on loopback.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request that came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub path: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// Says of a moment of a request whether nothing happens any more.
pub type Hangs = Box<dyn Fn(&'static str) -> bool + Send>;

/// What all servers of a test share.
#[derive(Default)]
pub struct State {
    /// Every request.
    pub seen: Mutex<Vec<Seen>>,
    /// What OPA answers.
    pub opa: Mutex<Value>,
    /// Statuses that are answered first, whatever is asked.
    pub failures: Mutex<Vec<u16>>,
    /// What is in the channel of Slack.
    pub channel: Mutex<Vec<Value>>,
    /// Deliveries that the webhook has taken, by their keys.
    pub taken: Mutex<BTreeMap<String, Value>>,
    /// Says of each request, before and after it is carried out, whether it is never answered.
    pub hangs: Mutex<Option<Hangs>>,
    pub down: AtomicBool,
}

/// The servers, on one port.
pub struct Servers {
    pub address: SocketAddr,
    pub state: Arc<State>,
    task: JoinHandle<()>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Servers {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        *state.opa.lock().unwrap() = json!({"result": true, "decision_id": "d-1"});
        let shared = state.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = shared.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(state.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, state, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Requests whose path begins like this.
    pub fn seen(&self, path: &str) -> Vec<Seen> {
        let seen = self.state.seen.lock().unwrap();
        seen.iter().filter(|seen| seen.path.starts_with(path)).cloned().collect()
    }

    /// Texts in the channel of Slack.
    pub fn texts(&self) -> Vec<String> {
        let channel = self.state.channel.lock().unwrap();
        channel.iter().map(|message| message["text"].as_str().unwrap().to_owned()).collect()
    }
}

async fn hang_if(state: &State, moment: &'static str) {
    let hangs = state.hangs.lock().unwrap().as_ref().is_some_and(|hangs| hangs(moment));
    if hangs {
        std::future::pending::<()>().await;
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let headers = parts.headers.iter();
    let seen = Seen {
        path: parts.uri.to_string(),
        headers: headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect(),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    state.seen.lock().unwrap().push(seen.clone());
    hang_if(&state, "before").await;
    let failure = state.failures.lock().unwrap().pop();
    if let Some(status) = failure.or(state.down.load(Ordering::SeqCst).then_some(503)) {
        return Ok(response(status, &Value::Null));
    }
    let said = carry_out(&state, &seen);
    hang_if(&state, "after").await;
    Ok(response(200, &said))
}

fn carry_out(state: &State, seen: &Seen) -> Value {
    let mut channel = state.channel.lock().unwrap();
    match seen.path.split('?').next().unwrap() {
        path if path.starts_with("/v1/data/") => state.opa.lock().unwrap().clone(),
        "/slack/chat.postMessage" => {
            let mut message = seen.body.clone();
            let ts = format!("17.{:06}", channel.len() + 1);
            message["ts"] = ts.clone().into();
            channel.push(message);
            json!({"ok": true, "ts": ts})
        }
        "/slack/conversations.history" | "/slack/conversations.replies" => json!({"ok": true, "messages": *channel}),
        "/slack-hook" => {
            channel.push(seen.body.clone());
            Value::from("ok")
        }
        "/hook" => {
            let key = seen.headers.get("idempotency-key").unwrap().clone();
            state.taken.lock().unwrap().entry(key).or_insert_with(|| seen.body.clone());
            Value::Null
        }
        path => panic!("{path}"),
    }
}

fn response(status: u16, body: &Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}
