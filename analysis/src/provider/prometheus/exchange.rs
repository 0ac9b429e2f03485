//! The requests of one sample: all of them share the metric's timeout.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;
use url::form_urlencoded;

use super::answer::{self, Answer};
use super::auth::Login;
use super::memory::Memory;
use super::numbers;
use super::settings::{Query, Settings};
use crate::provider::fetch::{Fetch, FetchError, FetchRequest, FetchResponse, display_url, origin};
use crate::sample::SampleError;

/// The content type of a form.
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Requests with the settings of one metric.
pub(super) struct Exchange<'a> {
    fetch: &'a dyn Fetch,
    settings: &'a Settings,
    memory: &'a Memory,
    login: Login<'a>,
    at: Timestamp,
    left: Duration,
}

impl<'a> Exchange<'a> {
    /// The exchange for one sample taken at `at`.
    pub fn new(
        fetch: &'a dyn Fetch,
        settings: &'a Settings,
        memory: &'a Memory,
        login: Login<'a>,
        at: Timestamp,
    ) -> Self {
        Self { fetch, settings, memory, login, at, left: settings.timeout }
    }

    /// Asks Prometheus.
    pub async fn query(&mut self, query: &Query) -> Result<Answer, SampleError> {
        let (path, form) = match query {
            Query::Instant { text, at } => ("query", form(&[("query", text), ("time", &seconds(*at))])),
            Query::Range { text, start, end, step } => {
                let step = numbers::number(step.as_secs_f64());
                (
                    "query_range",
                    form(&[("query", text), ("start", &seconds(*start)), ("end", &seconds(*end)), ("step", &step)]),
                )
            }
        };
        let mut url = self.settings.base.clone();
        url.set_path(&format!("{}/api/v1/{path}", url.path().trim_end_matches('/')));
        let mut response = self.ask(Method::POST, &url, &form).await?;
        if matches!(response.status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED) {
            response = self.ask(Method::GET, &url, &form).await?;
        }
        if response.status == StatusCode::UNAUTHORIZED {
            self.memory.tokens.forget(&self.login);
        }
        answer::read(&response, &display_url(&self.settings.base)).map_err(SampleError::Query)
    }

    /// Sends a form to Prometheus, with everything that the metric's settings add to a request.
    async fn ask(&mut self, method: Method, url: &Url, form: &str) -> Result<FetchResponse, SampleError> {
        let mut url = url.clone();
        let mut headers = HeaderMap::new();
        let body = if method == Method::GET {
            let query = match url.query() {
                Some(own) => format!("{own}&{form}"),
                None => form.to_owned(),
            };
            url.set_query(Some(&query));
            Bytes::new()
        } else {
            headers.insert(CONTENT_TYPE, FORM);
            Bytes::copy_from_slice(form.as_bytes())
        };
        self.authorize(&method, &url, &mut headers, &body).await?;
        headers.extend(self.settings.headers.clone());
        self.send(FetchRequest { method, url, headers, body, deadline: self.left, insecure: self.settings.insecure })
            .await
    }

    /// Adds what proves who asks: a token, then AWS' signature, then user and password where nothing is set yet.
    async fn authorize(
        &mut self,
        method: &Method,
        url: &Url,
        headers: &mut HeaderMap,
        body: &[u8],
    ) -> Result<(), SampleError> {
        if let Some(client) = self.login.oauth2 {
            let token = match self.memory.tokens.known(client, self.at) {
                Some(token) => token,
                None => client.obtain(self, &self.memory.tokens).await?,
            };
            headers.insert(AUTHORIZATION, token);
        }
        if let Some(aws) = &self.login.sigv4 {
            aws.sign(method, url, headers, body, self.at).map_err(SampleError::Query)?;
        }
        if let (Some(basic), false) = (&self.login.basic, headers.contains_key(AUTHORIZATION)) {
            headers.insert(AUTHORIZATION, basic.clone());
        }
        Ok(())
    }

    /// Whether a query for series has found some before, at this address.
    pub fn found_before(&self, query: &str) -> bool {
        self.memory.found.contains(&self.settings.address, query)
    }

    /// Remembers that a query for series has found some.
    pub fn found(&self, query: &str) {
        self.memory.found.insert(&self.settings.address, query);
    }

    /// The instant that the sample is of.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// Posts a form to another address than Prometheus', such as a token endpoint.
    pub async fn post(&mut self, url: Url, mut headers: HeaderMap, body: String) -> Result<FetchResponse, SampleError> {
        headers.insert(CONTENT_TYPE, FORM);
        let insecure = self.settings.insecure;
        self.send(FetchRequest { method: Method::POST, url, headers, body: body.into(), deadline: self.left, insecure })
            .await
    }

    async fn send(&mut self, request: FetchRequest) -> Result<FetchResponse, SampleError> {
        if self.left.is_zero() {
            let timeout = FetchError::Timeout { to: origin(&request.url), after: self.settings.timeout };
            return Err(SampleError::Query(timeout.to_string()));
        }
        let response = self.fetch.fetch(request).await.map_err(|error| match error {
            FetchError::Refused(why) => SampleError::Setup(why),
            // Each request knows what was left for it; users know what they set.
            FetchError::Timeout { to, .. } => {
                SampleError::Query(FetchError::Timeout { to, after: self.settings.timeout }.to_string())
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

/// An instant in seconds, as Prometheus' own client writes it.
fn seconds(at: Timestamp) -> String {
    // Whole seconds and milliseconds survive the trip through a double.
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let whole = at.as_second() as f64;
    numbers::number(whole + f64::from(at.subsec_nanosecond()) / 1e9)
}
