//! The seam between providers and the network: one request, one bounded answer.
//!
//! [`super::HttpFetch`] is the real one; the simulator answers from its own Prometheus.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode};
use reqwest::Url;

/// How many bytes of an answer are read, after decompression.
pub const BODY_LIMIT: usize = 1024 * 1024;

/// Sends one request and reads the whole answer.
///
/// # Guarantees
/// An implementation answers or fails within [`FetchRequest::deadline`], follows no redirect, and hands back at most
/// [`BODY_LIMIT`] bytes of body.
pub trait Fetch: Send + Sync {
    /// Sends `request` and returns what was answered, whatever its status.
    fn fetch(&self, request: FetchRequest) -> BoxFuture<'static, Result<FetchResponse, FetchError>>;
}

/// A request to send.
#[derive(Clone)]
pub struct FetchRequest {
    /// GET or POST.
    pub method: Method,
    /// Where to; user information in it becomes basic authentication.
    pub url: Url,
    /// Headers to send; their values may be secrets.
    pub headers: HeaderMap,
    /// The body; empty for GET.
    pub body: Bytes,
    /// How long everything may take, from name resolution to the last byte.
    pub deadline: Duration,
    /// Whether the server's certificate goes unchecked.
    pub insecure: bool,
}

impl fmt::Debug for FetchRequest {
    /// Leaves out what may be a secret: header values, the body, the query string, user information.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchRequest")
            .field("method", &self.method)
            .field("url", &display_url(&self.url))
            .field("deadline", &self.deadline)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// The status, of any class.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The decompressed body.
    pub body: Bytes,
    /// How much of the deadline was used.
    pub elapsed: Duration,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The destination is one that metrics may not reach; nothing was sent.
    #[error("{0}")]
    Refused(String),
    /// The request cannot be sent as it stands.
    #[error("{0}")]
    Invalid(String),
    /// No connection came about: name resolution, refused, unreachable, TLS.
    #[error("could not connect to {to}: {why}")]
    Connect {
        /// Scheme, host and port.
        to: String,
        /// The innermost reason.
        why: String,
    },
    /// The deadline passed.
    #[error("{to} gave no complete answer within {}", seconds(*after))]
    Timeout {
        /// Scheme, host and port.
        to: String,
        /// The deadline.
        after: Duration,
    },
    /// The body is larger than [`BODY_LIMIT`].
    #[error("the answer of {to} is larger than {limit} bytes")]
    TooLarge {
        /// Scheme, host and port.
        to: String,
        /// The limit that it exceeds.
        limit: usize,
    },
    /// The connection broke, or what came over it is no HTTP.
    #[error("the answer of {to} broke off: {why}")]
    Broken {
        /// Scheme, host and port.
        to: String,
        /// The innermost reason.
        why: String,
    },
}

/// A URL as it may be shown: without user information and query string.
pub fn display_url(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that cannot hold user information, which then have none.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_query(None);
    shown.set_fragment(None);
    shown.to_string()
}

/// Scheme, host and port of a URL, for messages.
pub fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// A duration as a person says it: `30 s`, `0.25 s`.
fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shown_request_holds_no_secret() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", http::HeaderValue::from_static("Bearer hunter2"));
        let request = FetchRequest {
            method: Method::POST,
            url: Url::parse("https://user:hunter2@prom:9090/api?token=hunter2").expect("url"),
            headers,
            body: Bytes::from_static(b"hunter2"),
            deadline: Duration::from_secs(1),
            insecure: false,
        };
        let shown = format!("{request:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains("https://prom:9090/api"), "{shown}");
    }

    #[test]
    fn a_deadline_is_told_in_seconds() {
        let timeout = FetchError::Timeout { to: "http://p:1".into(), after: Duration::from_millis(250) };
        assert_eq!(timeout.to_string(), "http://p:1 gave no complete answer within 0.25 s");
    }
}
