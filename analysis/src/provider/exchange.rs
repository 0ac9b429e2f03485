//! The requests of one sample: all of them share the metric's timeout.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use jiff::Timestamp;
use reqwest::Url;
use serin_crds::analysis::{Authentication, Header};
use url::form_urlencoded;

use super::fetch::{Fetch, FetchError, FetchRequest, FetchResponse, origin};
use super::login::{Login, Logins};
use super::quote::quote;
use crate::sample::SampleError;

/// The content type of a form.
pub(super) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Headers that belong to the connection and not to the metric.
const NOT_SENT: [&str; 11] = [
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// How the requests of one metric are sent.
pub(super) struct Terms {
    /// Where the settings stand, such as `provider.prometheus`.
    pub path: &'static str,
    /// How long all requests together may take.
    pub timeout: Duration,
    /// Whether certificates go unchecked.
    pub insecure: bool,
    /// Headers of the metric; they win over those that authentication sets.
    pub headers: HeaderMap,
    /// How to log in.
    pub authentication: Authentication,
    /// The address as the metric gives it.
    pub address: String,
}

/// Checks the headers of a metric; `path` is where its settings stand, `own` are headers that its provider sets itself.
///
/// # Errors
/// A sentence that says what to change.
pub(super) fn headers(
    given: &[Header],
    path: &str,
    own: &[&str],
    remarks: &mut Vec<String>,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (i, header) in given.iter().enumerate() {
        let path = format!("{path}.headers[{i}]");
        let name = HeaderName::from_bytes(header.key.as_bytes())
            .map_err(|_| format!("{path}.key is {:?}; it must be the name of an HTTP header", quote(&header.key)))?;
        // The value may be a secret and is not told.
        let mut value = HeaderValue::from_bytes(header.value.as_bytes())
            .map_err(|_| format!("{path}.value (of {name}) must not hold line breaks or other control characters"))?;
        if NOT_SENT.iter().chain(own).any(|other| *other == name.as_str()) {
            remarks.push(format!("{path}.key is {name}, which belongs to the connection and is not sent"));
            continue;
        }
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Requests with the settings of one metric.
pub(super) struct Exchange<'a> {
    fetch: &'a dyn Fetch,
    terms: &'a Terms,
    logins: &'a Logins,
    login: Arc<Login<'a>>,
    at: Timestamp,
    left: Duration,
}

impl<'a> Exchange<'a> {
    /// The exchange for one sample taken at `at`.
    ///
    /// # Errors
    /// A sentence that says what is missing for its login.
    pub fn new(fetch: &'a dyn Fetch, terms: &'a Terms, logins: &'a Logins, at: Timestamp) -> Result<Self, String> {
        let login = Arc::new(Login::of(terms)?);
        Ok(Self { fetch, terms, logins, login, at, left: terms.timeout })
    }

    /// Sends a request, with everything that the metric's settings add to one.
    pub async fn request(
        &mut self,
        method: Method,
        url: Url,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<FetchResponse, SampleError> {
        self.authorize(&method, &url, &mut headers, &body).await?;
        headers.extend(self.terms.headers.clone());
        self.send(FetchRequest { method, url, headers, body, deadline: self.left, insecure: self.terms.insecure }).await
    }

    /// Adds what proves who asks: a token, then AWS' signature, then user and password where nothing is set yet.
    async fn authorize(
        &mut self,
        method: &Method,
        url: &Url,
        headers: &mut HeaderMap,
        body: &[u8],
    ) -> Result<(), SampleError> {
        let logins = self.logins;
        if let Some(client) = self.login.oauth2 {
            let token = match logins.tokens.known(client, self.at) {
                Some(token) => token,
                None => client.obtain(self, &logins.tokens).await?,
            };
            headers.insert(AUTHORIZATION, token);
        }
        let login = self.login.clone();
        if let Some(signer) = &login.sigv4 {
            signer.sign(self, &logins.aws, (method, url, body), headers).await?;
        }
        if let (Some(basic), false) = (&self.login.basic, headers.contains_key(AUTHORIZATION)) {
            headers.insert(AUTHORIZATION, basic.clone());
        }
        Ok(())
    }

    /// Notes that a request was turned away: the token that it carried is not used again.
    pub fn turned_away(&self) {
        self.logins.tokens.forget(&self.login);
    }

    /// The instant that the sample is of.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Where the settings stand, such as `provider.prometheus`.
    pub fn path(&self) -> &'static str {
        self.terms.path
    }

    /// Posts a form to another address than the metric's, such as a token endpoint.
    pub async fn post(&mut self, url: Url, mut headers: HeaderMap, body: String) -> Result<FetchResponse, SampleError> {
        headers.insert(CONTENT_TYPE, FORM);
        let insecure = self.terms.insecure;
        self.send(FetchRequest { method: Method::POST, url, headers, body: body.into(), deadline: self.left, insecure })
            .await
    }

    async fn send(&mut self, request: FetchRequest) -> Result<FetchResponse, SampleError> {
        if self.left.is_zero() {
            let timeout = FetchError::Timeout { to: origin(&request.url), after: self.terms.timeout };
            return Err(SampleError::Query(timeout.to_string()));
        }
        let response = self.fetch.fetch(request).await.map_err(|error| match error {
            FetchError::Refused(why) => SampleError::Setup(why),
            // Each request knows what was left for it; users know what they set.
            FetchError::Timeout { to, .. } => {
                SampleError::Query(FetchError::Timeout { to, after: self.terms.timeout }.to_string())
            }
            other => SampleError::Query(other.to_string()),
        })?;
        self.left = self.left.saturating_sub(response.elapsed);
        Ok(response)
    }
}

/// A form in the encoding of URLs.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
