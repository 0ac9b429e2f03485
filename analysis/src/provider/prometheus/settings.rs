//! The settings of a metric, checked: where to ask, what, how long to wait, what to send along.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::Url;
use serin_crds::analysis::{PrometheusMetric, RangeQuery};

use crate::provider::exchange::{self, Terms};

/// Where the settings stand.
const PATH: &str = "provider.prometheus";

/// How long to wait when a metric doesn't say.
const DEFAULT_TIMEOUT: i64 = 30;
/// The longest wait; nobody is served by a longer one.
const LONGEST_TIMEOUT: i64 = 24 * 60 * 60;

/// Checked settings.
pub(super) struct Settings {
    /// The address with its path prefix, without trailing slash.
    pub base: Url,
    /// What to ask.
    pub query: Query,
    /// How requests are sent.
    pub terms: Terms,
    /// What a user should know about the settings.
    pub remarks: Vec<String>,
}

/// A query for an instant or a range.
pub(super) enum Query {
    /// The values at one instant.
    Instant { text: String, at: Timestamp },
    /// The values at each step of a range.
    Range { text: String, start: Timestamp, end: Timestamp, step: SignedDuration },
}

impl Query {
    /// The `PromQL` text.
    pub fn text(&self) -> &str {
        match self {
            Self::Instant { text, .. } | Self::Range { text, .. } => text,
        }
    }

    /// The instant at which further questions about the same data are asked.
    pub fn instant(&self, now: Timestamp) -> Timestamp {
        match self {
            Self::Instant { .. } => now,
            Self::Range { end, .. } => *end,
        }
    }
}

impl Settings {
    /// Checks the settings of a metric whose arguments are filled in.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub fn of(metric: &PrometheusMetric, default_address: Option<&str>, at: Timestamp) -> Result<Self, String> {
        let PrometheusMetric { address, query, authentication, timeout, insecure, headers, range_query } = metric;
        let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
        let address = given(address).or_else(|| default_address.filter(|text| !text.is_empty()).map(str::to_owned));
        let address = address.ok_or("prometheus address is not configured")?;
        let base = base(&address)?;
        let text = given(query).ok_or("provider.prometheus.query is empty; give it a PromQL query")?;
        let timeout = match timeout.unwrap_or(DEFAULT_TIMEOUT) {
            negative if negative < 0 => return Err("prometheus timeout should not be negative".into()),
            seconds => Duration::from_secs(seconds.min(LONGEST_TIMEOUT).unsigned_abs()),
        };
        let query = match range_query {
            None => Query::Instant { text, at },
            Some(range) => range_of(range, text, at)?,
        };
        let mut remarks = Vec::new();
        let headers = exchange::headers(headers, PATH, &["content-type"], &mut remarks)?;
        let authentication = authentication.clone().unwrap_or_default();
        let terms = Terms { path: PATH, timeout, insecure: *insecure, headers, authentication, address };
        Ok(Self { base, query, terms, remarks })
    }
}

/// The URL that an address stands for.
fn base(address: &str) -> Result<Url, String> {
    let not_a_url = || "prometheus address is not is url format".to_owned();
    let (scheme, rest) = address.split_once("://").ok_or_else(not_a_url)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if scheme.is_empty() || host.is_empty() || address.trim() != address {
        return Err(not_a_url());
    }
    let mut url = Url::parse(address).map_err(|_| not_a_url())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!(
            "prometheus address is not is url format: it starts with {}, not http or https",
            url.scheme()
        ));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url.set_fragment(None);
    Ok(url)
}

fn range_of(range: &RangeQuery, text: String, at: Timestamp) -> Result<Query, String> {
    let time = |name: &str, expression: &Option<String>| {
        let failed = |why: String| format!("failed to parse rangeQuery.{name} as time: {why}");
        let expression = expression.as_deref().filter(|text| !text.is_empty());
        let expression = expression.ok_or_else(|| failed("it is empty; give it an expression such as now()".into()))?;
        crate::expr::eval_time(expression, at).map_err(|why| failed(why.to_string()))
    };
    let start = time("start", &range.start)?;
    let end = time("end", &range.end)?;
    let failed = |why: &str| format!("failed to parse rangeQuery.step as duration: {why}");
    let given = range.step.as_deref().unwrap_or_default();
    let step = serin_crds::duration::parse(given).map_err(|why| failed(&why.to_string()))?;
    if step <= SignedDuration::ZERO {
        return Err(failed("it must be longer than nothing"));
    }
    if end < start {
        return Err("rangeQuery.end is before rangeQuery.start".into());
    }
    Ok(Query::Range { text, start, end, step })
}
