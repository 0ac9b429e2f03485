//! Health, readiness and metrics over HTTP.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use super::metrics::Registry;
use super::shutdown::Shutdown;
use super::store::{Followed, STALE_AFTER, Sync};

/// How long a client may take to send a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// How long one connection may live.
const CONNECTION: Duration = Duration::from_secs(300);
/// Connections at once; more wait.
const CONNECTIONS: usize = 64;

/// A store and whether the controller is of no use without it.
pub type Needed = (Arc<dyn Followed>, bool);

/// What the servers answer from.
#[derive(Clone)]
pub struct Pages {
    registry: Registry,
    stores: Arc<[Needed]>,
}

impl Pages {
    /// Answers from these metrics and stores; the flag of a store says whether readiness needs it.
    pub fn new(registry: Registry, stores: Vec<Needed>) -> Self {
        Self { registry, stores: stores.into() }
    }

    /// Lists what stands in the way of being ready: caches that are not filled, or that have fallen behind.
    pub fn obstacles(&self) -> Vec<String> {
        self.stores.iter().filter_map(|(store, needed)| obstacle(store.as_ref(), *needed)).collect()
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Answer> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        }
        match path {
            "/healthz" | "/livez" => text(StatusCode::OK, "ok\n"),
            "/readyz" => {
                let obstacles = self.obstacles();
                if obstacles.is_empty() {
                    return text(StatusCode::OK, "ok\n");
                }
                text(StatusCode::SERVICE_UNAVAILABLE, obstacles.join("\n") + "\n")
            }
            "/metrics" => page(StatusCode::OK, scrape(&self.registry)),
            _ => text(StatusCode::NOT_FOUND, "see /healthz, /readyz and /metrics\n"),
        }
    }
}

fn obstacle(store: &dyn Followed, needed: bool) -> Option<String> {
    let resource = store.resource();
    match store.sync() {
        Sync::Pending => Some(format!("{resource}: not listed yet")),
        Sync::Unavailable(why) => needed.then(|| format!("{resource}: {why}")),
        Sync::Following if store.silence() > STALE_AFTER => {
            Some(format!("{resource}: nothing heard for {} s", store.silence().as_secs()))
        }
        Sync::Following => None,
    }
}

type Answer = UnsyncBoxBody<Bytes, Infallible>;

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Answer> {
    page(status, Full::new(body.into()).boxed_unsync())
}

/// Writes a scrape as it is sent: between two slices everybody else goes first.
fn scrape(registry: &Registry) -> Answer {
    let slices = stream::unfold(registry.slices(), |mut slices| async {
        yield_now().await;
        let slice = slices.next()?.into_text();
        Some((Ok(Frame::data(Bytes::from(slice))), slices))
    });
    StreamBody::new(slices).boxed_unsync()
}

fn page(status: StatusCode, body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let plain = header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// Opens a port on an address; without one, on all addresses of both families.
///
/// # Errors
/// The port is taken, or the address is not ours.
pub async fn listen(address: Option<IpAddr>, port: u16) -> std::io::Result<TcpListener> {
    match address {
        Some(address) => TcpListener::bind(SocketAddr::new(address, port)).await,
        None => match TcpListener::bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)).await {
            Err(error) if error.kind() != std::io::ErrorKind::AddrInUse => {
                TcpListener::bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port)).await
            }
            bound => bound,
        },
    }
}

/// Serves the pages until the order to end is given.
pub async fn serve(listener: TcpListener, pages: Pages, stop: Shutdown) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            biased;
            () = stop.wait() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let pages = pages.clone();
                tokio::spawn(async move {
                    // A client that goes away in the middle is no fault of ours.
                    let _ = timeout(CONNECTION, converse(stream, pages)).await;
                    drop(slot);
                });
            }
            // Out of file descriptors, most likely: others need time to close theirs.
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(500)).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, pages: Pages) -> Result<(), hyper::Error> {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = pages.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(response) }
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

#[cfg(test)]
mod tests;
