//! A real HTTP server on loopback for tests, which answers what it is told to, however hostile.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use futures::stream;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A request that came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub method: Method,
    pub target: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Seen {
    /// A field of the form in the body, or of the query string where there is no body.
    pub fn field(&self, name: &str) -> Option<String> {
        let form =
            if self.body.is_empty() { self.target.split_once('?').map_or("", |(_, query)| query) } else { &self.body };
        url::form_urlencoded::parse(form.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// What to answer.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A status, headers and a body.
    Whole(u16, Vec<(&'static str, String)>, Bytes),
    /// The same chunk, over and over, this often.
    Repeated(Vec<(&'static str, String)>, Bytes, usize),
    /// A byte at a time, with this pause between.
    Drip(Bytes, Duration),
    /// Nothing, ever.
    Hang,
}

impl Reply {
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::status(200, body)
    }

    pub fn status(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Whole(status, vec![("content-type", "application/json".into())], body.into())
    }
}

/// A certificate for `localhost` that nobody trusts, good for a century, and its key; base64 of DER.
const CERTIFICATE: &str = "MIIBlTCCATugAwIBAgIUffaPTZ5a5v1Q2YxLDq8Pg1BM4fowCgYIKoZIzj0EAwIwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMTE2MD\
    E0MVoYDzIxMjYxMDI4MTYwMTQxWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARFAHuXGkrars4CIfIm\
    DmLR4+NGBC+PfdNzy0pEK84gEa88Bc6ZkGY1dP330dV0nv17y9EfnCiinTJbj3yyCaUIo2kwZzAdBgNVHQ4EFgQUW+j1swOOtqMJP+2MUAj0Is\
    /bHiMwHwYDVR0jBBgwFoAUW+j1swOOtqMJP+2MUAj0Is/bHiMwDwYDVR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZI\
    zj0EAwIDSAAwRQIhANaUtcm00mgpNu8A6cR/fTNIu1njQQ3kvivEHQ0j5uawAiAE0SJifhkT81WV7S1o5iDjZ3/nYGQ8F4+TbVFBg2/mCA==";
const KEY: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6c5OPOPWUmQe9tovx8szfF/cb1yvg8VW43WxhTdarGKhRANCAARFAHuXGkrars\
    4CIfImDmLR4+NGBC+PfdNzy0pEK84gEa88Bc6ZkGY1dP330dV0nv17y9EfnCiinTJbj3yyCaUI";

type Handler = dyn Fn(&Seen) -> Reply + Send + Sync;

/// What a server remembers.
#[derive(Default)]
struct Log {
    seen: Mutex<Vec<Seen>>,
    sent: AtomicUsize,
    connections: AtomicUsize,
}

/// A running server; it ends when dropped.
pub(crate) struct Server {
    address: SocketAddr,
    log: Arc<Log>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// A server whose answers `handler` decides.
    pub async fn start(handler: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("address");
        let log = Arc::new(Log::default());
        let handler: Arc<Handler> = Arc::new(handler);
        let task = tokio::spawn(serve(listener, handler, log.clone()));
        Self { address, log, task }
    }

    /// A server that writes these bytes to whoever connects, and closes.
    pub async fn raw(bytes: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("address");
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, log: Arc::default(), task }
    }

    /// A server behind [`CERTIFICATE`] that answers `over tls`.
    pub async fn tls() -> Self {
        let decode = |text: &str| base64::engine::general_purpose::STANDARD.decode(text).expect("base64");
        let key = PrivateKeyDer::try_from(decode(KEY)).expect("key");
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![CertificateDer::from(decode(CERTIFICATE))], key)
            .expect("certificate");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
        let address = listener.local_addr().expect("address");
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nover tls").await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, log: Arc::default(), task }
    }

    /// How many connections came in.
    pub fn connections(&self) -> usize {
        self.log.connections.load(Ordering::Relaxed)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.log.seen.lock().expect("seen").clone()
    }

    /// How many bytes of repeated chunks were handed to the connection.
    pub fn sent(&self) -> usize {
        self.log.sent.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, handler: Arc<Handler>, log: Arc<Log>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        log.connections.fetch_add(1, Ordering::Relaxed);
        connections.spawn(connection(stream, handler.clone(), log.clone()));
    }
}

async fn connection(stream: TcpStream, handler: Arc<Handler>, log: Arc<Log>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, log) = (handler.clone(), log.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let request = Seen {
                method: parts.method,
                target: parts.uri.to_string(),
                headers: parts.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            };
            let reply = handler(&request);
            log.seen.lock().expect("seen").push(request);
            Ok::<_, Infallible>(response(reply, log).await)
        }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn response(reply: Reply, log: Arc<Log>) -> Response<UnsyncBoxBody<Bytes, Infallible>> {
    let (status, headers, body) = match reply {
        Reply::Whole(status, headers, body) => (status, headers, BodyExt::boxed_unsync(Full::new(body))),
        Reply::Repeated(headers, chunk, times) => {
            let chunks = stream::unfold(0, move |n| {
                let (chunk, log) = (chunk.clone(), log.clone());
                async move {
                    log.sent.fetch_add(chunk.len(), Ordering::Relaxed);
                    (n < times).then(|| (Ok(Frame::data(chunk)), n + 1))
                }
            });
            (200, headers, BodyExt::boxed_unsync(StreamBody::new(chunks)))
        }
        Reply::Drip(bytes, pause) => {
            let bytes = stream::unfold(0, move |n| {
                let byte = bytes.get(n..=n).map(Bytes::copy_from_slice);
                async move {
                    tokio::time::sleep(pause).await;
                    byte.map(|byte| (Ok(Frame::data(byte)), n + 1))
                }
            });
            (200, Vec::new(), BodyExt::boxed_unsync(StreamBody::new(bytes)))
        }
        Reply::Hang => futures::future::pending().await,
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).expect("status");
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().expect("header"));
    }
    response
}
