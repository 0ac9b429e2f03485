//! The gate in front of Prometheus: lets queries through, or fails in the ways that a Prometheus can.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::json;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{
    WorldError, http_client,
    network::{PROMETHEUS, PROMETHEUS_BEHIND},
};

/// How Prometheus answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Mode {
    /// As it is.
    Through,
    /// Connections are refused.
    Down,
    /// As it is, but this late.
    Slow(Duration),
    /// Takes the query and never answers.
    Hang,
    /// With no series.
    Empty,
    /// With one sample of this value; may be NaN or infinite.
    Value(f64),
    /// With exactly this.
    Answer(Answer),
}

/// An answer word by word: what a hostile or broken server sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Headers, such as `content-type` or `content-encoding`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

/// One answered query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// When the answer was handed to the network.
    pub at: Timestamp,
    /// The body of the question: a form with the query in it.
    pub question: String,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The first kilobyte of the answer.
    pub answer: String,
}

/// The gate. It closes when this value is dropped.
#[derive(Debug)]
pub struct Gate {
    mode: watch::Sender<Mode>,
    answered: Arc<Mutex<Vec<Answered>>>,
    task: JoinHandle<()>,
}

impl Gate {
    /// Opens the gate on Prometheus' usual address.
    pub(super) async fn open() -> Result<Self, WorldError> {
        let (mode, seen) = watch::channel(Mode::Through);
        let answered = Arc::default();
        let listener = TcpListener::bind(PROMETHEUS).await.map_err(WorldError::io("listening as Prometheus"))?;
        let door = Door { mode: seen, answered: Arc::clone(&answered) };
        let task = tokio::spawn(door.keep(listener));
        Ok(Self { mode, answered, task })
    }

    /// Changes how Prometheus answers, from the next query on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// The queries that were answered so far, in order.
    pub fn answered(&self) -> Vec<Answered> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Door {
    mode: watch::Receiver<Mode>,
    answered: Arc<Mutex<Vec<Answered>>>,
}

impl Door {
    async fn keep(mut self, first: TcpListener) {
        let mut listener = Some(first);
        loop {
            if *self.mode.borrow_and_update() == Mode::Down {
                listener = None;
                if self.mode.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let open = match listener.take() {
                Some(open) => Ok(open),
                None => TcpListener::bind(PROMETHEUS).await,
            };
            let Ok(open) = open else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            tokio::select! {
                changed = self.mode.changed() => if changed.is_err() { return },
                Ok((stream, _)) = open.accept() => {
                    let _ = stream.set_nodelay(true);
                    tokio::spawn(self.clone().serve(stream));
                }
            }
            listener = Some(open);
        }
    }

    /// Serves one connection until it ends, or until Prometheus is down.
    async fn serve(self, stream: tokio::net::TcpStream) {
        let mut down = self.mode.clone();
        let answer = service_fn(|request| {
            let door = self.clone();
            async move { Ok::<_, Infallible>(door.answer(request).await) }
        });
        let served = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        tokio::select! {
            _ = served => {}
            _ = down.wait_for(|mode| *mode == Mode::Down) => {}
        }
    }

    async fn answer(self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map(http_body_util::Collected::to_bytes);
        let body = body.unwrap_or_default();
        let question = match head.uri.query() {
            Some(query) if body.is_empty() => query.to_owned(),
            _ => String::from_utf8_lossy(&body).into_owned(),
        };
        let mode = self.mode.borrow().clone();
        let answer = match mode {
            Mode::Through | Mode::Down => through(&head, body).await,
            Mode::Slow(by) => {
                tokio::time::sleep(by).await;
                through(&head, body).await
            }
            Mode::Hang => std::future::pending().await,
            Mode::Empty => vector(&json!([])),
            Mode::Value(value) => {
                let now = Timestamp::now().as_millisecond();
                let sample = json!([now / 1000, spell(value)]);
                vector(&json!([{"metric": {}, "value": sample}]))
            }
            Mode::Answer(answer) => word_by_word(answer),
        };
        let head = answer.body().slice(..answer.body().len().min(1024));
        let status = answer.status().as_u16();
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).push(Answered {
            at: Timestamp::now(),
            question,
            status,
            answer: String::from_utf8_lossy(&head).into_owned(),
        });
        answer.map(Full::new)
    }
}

/// A number as Prometheus writes it.
fn spell(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        _ => value.to_string(),
    }
}

fn vector(result: &serde_json::Value) -> Response<Bytes> {
    let body = json!({"status": "success", "data": {"resultType": "vector", "result": result}});
    word_by_word(Answer {
        status: 200,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: body.to_string().into(),
    })
}

fn word_by_word(answer: Answer) -> Response<Bytes> {
    let mut builder = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        builder = builder.header(name, value);
    }
    builder.body(answer.body).unwrap_or_else(|error| broken(&error))
}

async fn through(head: &http::request::Parts, body: Bytes) -> Response<Bytes> {
    match forward(head, body).await {
        Ok(response) => response,
        Err(error) => broken(&error),
    }
}

async fn forward(head: &http::request::Parts, body: Bytes) -> Result<Response<Bytes>, reqwest::Error> {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut request =
        http_client()?.request(head.method.clone(), format!("http://{PROMETHEUS_BEHIND}{path}")).body(body);
    if let Some(kind) = head.headers.get(header::CONTENT_TYPE) {
        request = request.header(header::CONTENT_TYPE, kind);
    }
    let answer = request.send().await?;
    let status = answer.status();
    let kind = answer.headers().get(header::CONTENT_TYPE).cloned();
    let mut response = Response::new(answer.bytes().await?);
    *response.status_mut() = status;
    if let Some(kind) = kind {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    Ok(response)
}

fn broken(error: &dyn std::fmt::Display) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("the gate can't pass this on: {error}\n")));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response
}
