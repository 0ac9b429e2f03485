//! Requests over real HTTP: one pool of connections per way of connecting, and limits that the other side can't lift.

mod proxies;
#[cfg(test)]
mod tests;
mod tls;

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use futures::future::{BoxFuture, FutureExt};
use http::header;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response};

pub use proxies::Proxies;

use super::egress::{Admission, Egress};
use super::fetch::{BODY_LIMIT, Fetch, FetchError, FetchRequest, FetchResponse, origin};

/// What a caller may choose about [`HttpFetch`].
#[derive(Clone, Debug, Default)]
pub struct HttpOptions {
    /// Where requests may go.
    pub egress: Egress,
    /// Proxies. They resolve names themselves, so that behind them addresses are not looked at; what is listed, and
    /// literal addresses, are. The environment is never asked.
    pub proxies: Proxies,
}

/// [`Fetch`] over HTTP/1.1 with rustls.
///
/// # Guarantees
/// Redirects are not followed, no proxy is taken from the environment, a name is resolved once and the connection goes
/// to an address that [`Egress`] has seen, and at most [`BODY_LIMIT`] decompressed bytes are held.
pub struct HttpFetch {
    options: Arc<HttpOptions>,
    clients: Arc<Clients>,
}

/// The four ways of connecting, each with its own pool, built when first needed.
#[derive(Default)]
struct Clients {
    open: OnceLock<Result<Client, String>>,
    open_insecure: OnceLock<Result<Client, String>>,
    listed: OnceLock<Result<Client, String>>,
    listed_insecure: OnceLock<Result<Client, String>>,
}

impl HttpFetch {
    /// A fetcher with its own connection pools.
    pub fn new(options: HttpOptions) -> Self {
        Self { options: Arc::new(options), clients: Arc::default() }
    }
}

impl Fetch for HttpFetch {
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, FetchError>> {
        let (options, clients) = (self.options.clone(), self.clients.clone());
        async move { clients.send(&options, request).await }.boxed()
    }
}

impl Clients {
    async fn send(&self, options: &HttpOptions, request: FetchRequest) -> Result<FetchResponse, FetchError> {
        let FetchRequest { method, url, headers, body, deadline, insecure } = request;
        let admission = options.egress.admit(&url).map_err(FetchError::Refused)?;
        let client = self.client(options, admission, insecure)?;
        let call = Call { to: origin(&url), deadline, began: Instant::now() };
        if deadline.is_zero() {
            return Err(call.timeout());
        }
        let sending = client.request(method, url).headers(headers).body(body).send();
        let exchange = async {
            let response = sending.await.map_err(|error| call.failure(&error))?;
            call.read(response).await
        };
        tokio::time::timeout(deadline, exchange).await.unwrap_or_else(|_| Err(call.timeout()))
    }

    /// The client for one way of connecting.
    fn client(&self, options: &HttpOptions, admission: Admission, insecure: bool) -> Result<&Client, FetchError> {
        let slot = match (admission, insecure) {
            (Admission::Open, false) => &self.open,
            (Admission::Open, true) => &self.open_insecure,
            (Admission::Listed, false) => &self.listed,
            (Admission::Listed, true) => &self.listed_insecure,
        };
        slot.get_or_init(|| build(options, admission, insecure))
            .as_ref()
            .map_err(|why| FetchError::Invalid(why.clone()))
    }
}

/// Builds a client; the text says why there is none.
fn build(options: &HttpOptions, admission: Admission, insecure: bool) -> Result<Client, String> {
    let tls = tls::config(insecure).map_err(|error| format!("could not set up TLS: {error}"))?;
    let mut builder = Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("serin/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(30))
        .pool_idle_timeout(Duration::from_secs(90))
        .pool_max_idle_per_host(4);
    if admission == Admission::Open {
        builder = builder.dns_resolver(Arc::new(Fenced(options.egress.clone(), options.proxies.hosts())));
    }
    let builder =
        options.proxies.set(builder).map_err(|error| format!("could not set up a proxy: {}", innermost(&error)))?;
    builder.build().map_err(|error| format!("could not set up an HTTP client: {}", innermost(&error)))
}

/// Resolves names, and hands out only addresses that may be connected to, except for the hosts that are named beside.
struct Fenced(Egress, Vec<String>);

impl Resolve for Fenced {
    fn resolve(&self, name: Name) -> Resolving {
        let egress = self.0.clone();
        let is_proxy = self.1.iter().any(|host| host.eq_ignore_ascii_case(name.as_str()));
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if is_proxy {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            let mut refusal = None;
            let mut allowed = Vec::with_capacity(found.len());
            for address in found {
                match egress.admit_address(address.ip()) {
                    Ok(()) => allowed.push(address),
                    Err(why) => refusal = Some(why),
                }
            }
            match refusal {
                // A name with an allowed and a refused address is a rebinding attempt or a mistake; either way the
                // allowed ones are safe to use.
                Some(why) if allowed.is_empty() => Err(Box::new(RefusedAddress(why)) as _),
                _ => Ok(Box::new(allowed.into_iter()) as Addrs),
            }
        })
    }
}

/// All addresses of a name are refused.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct RefusedAddress(String);

/// One exchange under way.
struct Call {
    to: String,
    deadline: Duration,
    began: Instant,
}

impl Call {
    /// Reads the body up to the limit.
    async fn read(&self, mut response: Response) -> Result<FetchResponse, FetchError> {
        let too_large = || FetchError::TooLarge { to: self.to.clone(), limit: BODY_LIMIT };
        // With a compressed body the length is unknown here, and counted below.
        if response.content_length().is_some_and(|length| length > BODY_LIMIT as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            if body.len().saturating_add(chunk.len()) > BODY_LIMIT {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        let mut headers = std::mem::take(response.headers_mut());
        headers.remove(header::SET_COOKIE);
        Ok(FetchResponse { status: response.status(), headers, body: Bytes::from(body), elapsed: self.began.elapsed() })
    }

    fn timeout(&self) -> FetchError {
        FetchError::Timeout { to: self.to.clone(), after: self.deadline }
    }

    /// Sorts an error of the client into ours.
    fn failure(&self, error: &reqwest::Error) -> FetchError {
        if let Some(refused) = refusal(error) {
            return FetchError::Refused(refused);
        }
        let why = innermost(error);
        match error {
            _ if error.is_timeout() => self.timeout(),
            _ if error.is_connect() => FetchError::Connect { to: self.to.clone(), why },
            _ if error.is_builder() => FetchError::Invalid(why),
            _ => FetchError::Broken { to: self.to.clone(), why },
        }
    }
}

/// The refusal of [`Fenced`] inside an error, if that is its cause.
fn refusal(error: &reqwest::Error) -> Option<String> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<RefusedAddress>() {
            return Some(refused.to_string());
        }
        source = cause.source();
    }
    None
}

/// The text of the innermost cause; the outer ones repeat the URL, which may hold a secret.
fn innermost(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else {
        return if error.is_builder() { "the request is malformed".into() } else { "unexpected end".into() };
    };
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}
