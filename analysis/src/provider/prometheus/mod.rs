//! Prometheus: asks one query at one instant, and says what the answer is and how it came about.
//!
//! # Source
//! The HTTP API of Prometheus ("Instant queries", "Range queries"), and what Argo Rollouts makes of its answers.

mod answer;
mod empty;
mod memory;
mod numbers;
mod session;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jiff::Timestamp;
use serin_crds::analysis::PrometheusMetric;

use super::fetch::Fetch;
use super::login::{Aws, AwsEnvironment, Logins};
use super::promql::Queries;
use crate::expr::ResultValue;
use crate::sample::{Note, Sample, SampleError};
use answer::Answer;
use memory::Memory;
use session::Session;
use settings::Settings;

pub use numbers::{list, number};

/// The metadata key of a metric result under which its query is recorded.
pub const RESOLVED_QUERY: &str = "ResolvedPrometheusQuery";
/// The metadata key of a measurement under which Prometheus' warnings are recorded.
pub const WARNINGS: &str = "warnings";

/// What a controller is set up with for Prometheus.
#[derive(Clone, Debug, Default)]
pub struct PrometheusOptions {
    /// The address for metrics that give none (Argo: `ARGO_ROLLOUTS_PROMETHEUS_ADDRESS`).
    pub default_address: Option<String>,
    /// What is known of AWS, for metrics with `sigv4`.
    pub aws: AwsEnvironment,
}

/// What an answer without any number means to the one who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyAnswer {
    /// It is an answer: the metric's conditions have a verdict for `[]`, which Argo would give too.
    Keep,
    /// `[]` is none: if the query is a ratio, its denominator says whether there was traffic. `[NaN]` is an answer.
    AskDenominator,
    /// Neither is: no condition has a verdict for `[NaN]` either, which is what 0/0 comes to.
    AskForNaNToo,
}

/// The provider: one for the whole controller, so that connections, tokens and parsed queries are shared.
pub struct Prometheus {
    fetch: Arc<dyn Fetch>,
    default_address: Option<String>,
    memory: Memory,
    queries: Queries,
}

impl Prometheus {
    /// A provider that asks through `fetch`.
    pub fn new(fetch: Arc<dyn Fetch>, options: PrometheusOptions) -> Self {
        let logins = Logins { aws: Aws::new(options.aws), ..Logins::default() };
        let memory = Memory { logins, ..Memory::default() };
        Self { fetch, default_address: options.default_address, memory, queries: Queries::default() }
    }

    /// Takes one sample of a metric, whose arguments are filled in already, as of `at`.
    ///
    /// # Guarantees
    /// Ends within the metric's timeout for all requests together, holds no more than the limits of [`super::fetch`],
    /// and never panics, whatever is answered. No secret is in any text of the sample, except what the query itself
    /// holds.
    pub async fn sample(&self, metric: &PrometheusMetric, at: Timestamp, empty: EmptyAnswer) -> Sample {
        let settings = match Settings::of(metric, self.default_address.as_deref(), at) {
            Ok(settings) => settings,
            Err(why) => return Sample::failed(SampleError::Setup(why)),
        };
        let mut sample = match self.ask(&settings, at, empty).await {
            Ok(sample) => sample,
            Err(error) => Sample::failed(error),
        };
        let remarks = settings.remarks.iter().map(|text| Note::warning(text.clone()));
        let fault = self.queries.read(settings.query.text()).self_division.clone();
        sample.notes.extend(remarks.chain(fault.map(|fault| Note::warning(fault.text))));
        sample
    }

    async fn ask(&self, settings: &Settings, at: Timestamp, empty: EmptyAnswer) -> Result<Sample, SampleError> {
        let mut session = Session::new(self.fetch.as_ref(), settings, &self.memory, at).map_err(SampleError::Setup)?;
        let answer = session.query(&settings.query).await?;
        let ratio = self.queries.read(settings.query.text()).ratio.clone();
        if let Some(ratio) = ratio.filter(|_| answer.missing || answer.is_all_nan()) {
            return Ok(empty::explain(&mut session, settings.query.instant(at), answer, &ratio, empty).await);
        }
        Ok(answer.into_sample())
    }
}

impl Answer {
    /// Whether it has elements and each of them is NaN.
    fn is_all_nan(&self) -> bool {
        matches!(&self.value, ResultValue::Vector(values) if !values.is_empty() && values.iter().all(|v| v.is_nan()))
    }

    /// The sample of an answer that speaks for itself.
    fn into_sample(self) -> Sample {
        let sample = Sample::of(self.value, self.display);
        match self.warnings {
            Some(warnings) => sample.with_metadata(WARNINGS, warnings),
            None => sample,
        }
    }
}
