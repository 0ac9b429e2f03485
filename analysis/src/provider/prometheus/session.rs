//! The questions of one sample to one Prometheus.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;

use super::answer::{self, Answer};
use super::memory::Memory;
use super::numbers;
use super::settings::{Query, Settings};
use crate::provider::exchange::{Exchange, FORM, form};
use crate::provider::fetch::{Fetch, FetchResponse, display_url};
use crate::sample::SampleError;

/// Questions with the settings of one metric.
pub(super) struct Session<'a> {
    exchange: Exchange<'a>,
    settings: &'a Settings,
    memory: &'a Memory,
}

impl<'a> Session<'a> {
    /// The session for one sample taken at `at`.
    ///
    /// # Errors
    /// A sentence that says what is missing for its login.
    pub fn new(
        fetch: &'a dyn Fetch,
        settings: &'a Settings,
        memory: &'a Memory,
        at: Timestamp,
    ) -> Result<Self, String> {
        let exchange = Exchange::new(fetch, &settings.terms, &memory.logins, at)?;
        Ok(Self { exchange, settings, memory })
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
            self.exchange.turned_away();
        }
        answer::read(&response, &display_url(&self.settings.base)).map_err(SampleError::Query)
    }

    /// Sends a form to Prometheus.
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
        self.exchange.request(method, url, headers, body).await
    }

    /// Whether a query for series has found some before, at this address.
    pub fn found_before(&self, query: &str) -> bool {
        self.memory.found.contains(&self.settings.terms.address, query)
    }

    /// Remembers that a query for series has found some.
    pub fn found(&self, query: &str) {
        self.memory.found.insert(&self.settings.terms.address, query);
    }
}

/// An instant in seconds, as Prometheus' own client writes it.
fn seconds(at: Timestamp) -> String {
    // Whole seconds and milliseconds survive the trip through a double.
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
    let whole = at.as_second() as f64;
    numbers::number(whole + f64::from(at.subsec_nanosecond()) / 1e9)
}
