//! The service that runs in a pod: answers, fails, dawdles and counts as it was told.
//!
//! Every answer names the pod and its version, so that a client can tell an application's 5xx from a proxy's, and who
//! answered.

mod behaviour;
mod metrics;

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::Parser;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{rt::TokioIo, server::graceful::GracefulShutdown};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

pub use self::behaviour::{Behaviour, Flaps, Ready};
use self::{behaviour::Chance, metrics::Metrics};

/// The header that names the pod in every answer of the service itself.
pub const POD_HEADER: &str = "x-serin-pod";
/// The header that carries the version (the image's tag).
pub const VERSION_HEADER: &str = "x-serin-version";
/// The header that carries the pod-template hash.
pub const HASH_HEADER: &str = "x-serin-hash";
/// The path that takes a new behaviour as JSON.
pub const BEHAVIOUR_PATH: &str = "/serin/behaviour";
/// The path that answers 200 when the pod is ready.
pub const READY_PATH: &str = "/ready";

/// What the service is told when it starts.
#[derive(Debug, Clone, Parser)]
pub struct Flags {
    /// The address to listen on.
    #[arg(long)]
    pub listen: SocketAddr,
    /// The pod's name.
    #[arg(long)]
    pub pod: String,
    /// The version: the image's tag.
    #[arg(long)]
    pub version: String,
    /// The pod-template hash; may be empty.
    #[arg(long, default_value = "")]
    pub hash: String,
    /// The behaviour, as JSON.
    #[arg(long, default_value = "{}")]
    pub behaviour: String,
}

struct Service {
    flags: Flags,
    started: Instant,
    behaviour: Mutex<Behaviour>,
    chance: Chance,
    metrics: Metrics,
    leaving: watch::Receiver<bool>,
}

/// Serves until SIGTERM, then for the drain time, then ends with the last answer. At SIGINT it ends at once, but for the
/// answers that it has begun.
///
/// # Errors
/// When the address can't be listened on, or the behaviour is not JSON of its kind.
pub async fn serve(flags: Flags) -> io::Result<()> {
    let behaviour: Behaviour = serde_json::from_str(&flags.behaviour)?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(flags.listen).await?;
    let (leave, leaving) = watch::channel(false);
    let service = Arc::new(Service {
        chance: Chance::seeded(&flags.pod),
        metrics: Metrics::default(),
        started: Instant::now(),
        behaviour: Mutex::new(behaviour),
        flags,
        leaving,
    });
    let open = GracefulShutdown::new();
    let until = async {
        terminate.recv().await;
        leave.send_replace(true);
        tokio::time::sleep(Duration::from_millis(service.behaviour().drain_ms)).await;
    };
    tokio::select! {
        () = until => {}
        _ = interrupt.recv() => {}
        () = take(&listener, &service, &open) => {}
        () = crash(&service) => std::process::exit(70),
    }
    drop(listener);
    let _ = tokio::time::timeout(Duration::from_secs(10), open.shutdown()).await;
    Ok(())
}

async fn take(listener: &TcpListener, service: &Arc<Service>, open: &GracefulShutdown) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let service = Arc::clone(service);
        let answer = service_fn(move |request| {
            let service = Arc::clone(&service);
            async move { Ok::<_, Infallible>(service.answer(request).await) }
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            let _ = connection.await;
        });
    }
}

async fn crash(service: &Service) {
    loop {
        let after = service.behaviour().crash_after_ms;
        if after.is_some_and(|after| service.started.elapsed() >= Duration::from_millis(after)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

impl Service {
    fn behaviour(&self) -> Behaviour {
        self.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (_, READY_PATH) => self.signed(self.readiness(), "ready?\n"),
            (_, "/metrics") => {
                let mut response = self.signed(StatusCode::OK, self.metrics.text(&self.flags.version));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/plain; version=0.0.4"));
                response
            }
            (&Method::POST, BEHAVIOUR_PATH) => self.learn(request).await,
            _ => self.application().await,
        }
    }

    fn readiness(&self) -> StatusCode {
        if self.behaviour().ready_at(self.started.elapsed()) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
    }

    async fn learn(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Ok(body) = request.into_body().collect().await else {
            return self.signed(StatusCode::BAD_REQUEST, "the behaviour was cut off\n");
        };
        match serde_json::from_slice(&body.to_bytes()) {
            Ok(fresh) => {
                *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = fresh;
                self.signed(StatusCode::OK, "learned\n")
            }
            Err(error) => self.signed(StatusCode::BAD_REQUEST, format!("{error}\n")),
        }
    }

    async fn application(&self) -> Response<Full<Bytes>> {
        let began = Instant::now();
        let behaviour = self.behaviour();
        tokio::time::sleep(behaviour.latency(&self.chance)).await;
        let status =
            if self.chance.hits(behaviour.error_rate) { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        self.metrics.count(status.as_u16(), began.elapsed());
        self.signed(status, format!("{} {}\n", self.flags.pod, self.flags.version))
    }

    fn signed(&self, status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(body.into()));
        *response.status_mut() = status;
        let names =
            [(POD_HEADER, &self.flags.pod), (VERSION_HEADER, &self.flags.version), (HASH_HEADER, &self.flags.hash)];
        for (name, value) in names {
            if let Ok(value) = header::HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        if *self.leaving.borrow() {
            response.headers_mut().insert(header::CONNECTION, header::HeaderValue::from_static("close"));
        }
        response
    }
}
