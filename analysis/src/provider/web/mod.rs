//! Web: asks any address for JSON over HTTP, and hands the part of it that counts to the conditions.
//!
//! # Source
//! What Argo Rollouts makes of such metrics: GET unless told otherwise, ten seconds, the first match of a path as
//! `kubectl` writes it, and a body that is no JSON as a string.

mod path;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;
use serin_crds::analysis::WebMetric;

use super::exchange::{self, Exchange, Terms};
use super::fetch::{Fetch, FetchResponse, display_url, origin};
use super::login::{Aws, AwsEnvironment, Logins};
use crate::expr::ResultValue;
use crate::sample::{Note, Sample, SampleError};
use path::Path;

/// Where the settings stand.
const PATH: &str = "provider.web";

/// How long to wait when a metric doesn't say, in seconds.
const DEFAULT_TIMEOUT: u64 = 10;

/// The longest wait, in seconds; nobody is served by a longer one.
const LONGEST_TIMEOUT: u64 = 24 * 60 * 60;

/// The provider: one for the whole controller, so that connections and tokens are shared.
pub(super) struct Web {
    fetch: Arc<dyn Fetch>,
    logins: Logins,
}

impl Web {
    /// A provider that asks through `fetch`.
    pub fn new(fetch: Arc<dyn Fetch>, aws: AwsEnvironment) -> Self {
        Self { fetch, logins: Logins { aws: Aws::new(aws), ..Logins::default() } }
    }

    /// Takes one sample of a metric, whose arguments are filled in already.
    ///
    /// # Guarantees
    /// Ends within the metric's timeout for all requests together, holds no more than the limits of [`super::fetch`],
    /// and never panics, whatever is answered. No secret is in any text of the sample, except what the answer holds.
    pub async fn sample(&self, metric: &WebMetric, at: Timestamp) -> Sample {
        let settings = match Settings::of(metric) {
            Ok(settings) => settings,
            Err(why) => return Sample::failed(SampleError::Setup(why)),
        };
        let mut sample = self.ask(&settings, at).await.unwrap_or_else(Sample::failed);
        sample.notes.extend(settings.remarks.into_iter().map(Note::warning));
        sample
    }

    async fn ask(&self, settings: &Settings, at: Timestamp) -> Result<Sample, SampleError> {
        let exchange = Exchange::new(self.fetch.as_ref(), &settings.terms, &self.logins, at);
        let mut exchange = exchange.map_err(SampleError::Setup)?;
        let Settings { method, url, content_type, body, path, .. } = settings;
        let mut headers = HeaderMap::new();
        headers.extend(content_type.clone().map(|value| (CONTENT_TYPE, value)));
        let response = exchange.request(method.clone(), url.clone(), headers, body.clone()).await?;
        if response.status == StatusCode::UNAUTHORIZED {
            exchange.turned_away();
        }
        read(&response, url, path).map_err(SampleError::Query)
    }
}

/// Whom a metric asks.
pub(super) fn endpoint(metric: &WebMetric) -> String {
    Url::parse(&metric.url).map_or_else(|_| metric.url.clone(), |url| origin(&url))
}

/// Checked settings.
struct Settings {
    method: Method,
    url: Url,
    content_type: Option<HeaderValue>,
    body: Bytes,
    path: Path,
    terms: Terms,
    remarks: Vec<String>,
}

impl Settings {
    /// Checks the settings of a metric whose arguments are filled in.
    ///
    /// # Errors
    /// A sentence that says what to change.
    fn of(metric: &WebMetric) -> Result<Self, String> {
        let WebMetric { method, url, headers, timeout_seconds, json_path, insecure, authentication, .. } = metric;
        let method = method_of(method.as_deref())?;
        let (content_type, body) = body_of(metric, &method)?;
        let address = url.clone();
        let url = Url::parse(url).map_err(|why| format!("{PATH}.url is no URL: {why}"))?;
        let path = Path::of(json_path.as_deref().unwrap_or_default());
        let path = path.map_err(|why| format!("{PATH}.jsonPath cannot be used: {why}"))?;
        let given = timeout_seconds.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
        let timeout = Duration::from_secs(given.unwrap_or(DEFAULT_TIMEOUT).min(LONGEST_TIMEOUT));
        let mut remarks = Vec::new();
        let mut headers = exchange::headers(headers, PATH, &[], &mut remarks)?;
        if content_type.is_some() {
            headers.remove(CONTENT_TYPE);
        }
        let authentication = authentication.clone().unwrap_or_default();
        let terms = Terms { path: PATH, timeout, insecure: *insecure, headers, authentication, address };
        Ok(Self { method, url, content_type, body, path, terms, remarks })
    }
}

fn method_of(given: Option<&str>) -> Result<Method, String> {
    match given.unwrap_or_default() {
        "" | "GET" => Ok(Method::GET),
        "POST" => Ok(Method::POST),
        "PUT" => Ok(Method::PUT),
        other => Err(format!("{PATH}.method is {other:?}; it must be GET, POST or PUT")),
    }
}

/// What is sent, and as what.
fn body_of(metric: &WebMetric, method: &Method) -> Result<(Option<HeaderValue>, Bytes), String> {
    let text = metric.body.as_deref().filter(|body| !body.is_empty());
    let json = metric.json_body.as_ref().filter(|body| !body.is_null());
    match (text, json) {
        (Some(_), Some(_)) => Err("use either Body or JSONBody; both cannot exists for WebMetric payload".to_owned()),
        (None, None) => Ok((None, Bytes::new())),
        _ if method == Method::GET => {
            Err("Body/JSONBody can only be used with POST or PUT WebMetric Method types".to_owned())
        }
        (Some(text), None) => Ok((None, Bytes::copy_from_slice(text.as_bytes()))),
        (None, Some(json)) => Ok((Some(HeaderValue::from_static("application/json")), json.to_string().into())),
    }
}

/// Reads the answer.
///
/// # Errors
/// A sentence that says what was answered instead.
fn read(response: &FetchResponse, url: &Url, path: &Path) -> Result<Sample, String> {
    let FetchResponse { status, body, .. } = response;
    if !status.is_success() {
        let from = display_url(url);
        let advice = match *status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "; check the metric's authentication",
            status if status.is_redirection() => "; redirects are not followed, so give the address that it leads to",
            _ => "",
        };
        return Err(format!("received non 2xx response code: {} (from {from}{advice})", status.as_u16()));
    }
    let Ok(answer) = serde_json::from_slice::<Value>(body) else {
        let text = String::from_utf8_lossy(body).into_owned();
        return Ok(Sample::of(ResultValue::Json(text.clone().into()), text));
    };
    let missing = |why: &str| format!("Could not find JSONPath in body: {why}");
    let found = path.first(&answer).map_err(|why| missing(&why))?;
    let found = found.ok_or_else(|| missing("it leads to nothing in the answer"))?;
    Ok(Sample::of(ResultValue::Json(found.clone()), found.to_string()))
}
