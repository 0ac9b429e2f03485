//! Makes one measurement: secrets, arguments, a turn at the endpoint, the question.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use serin_analysis::judge;
use serin_analysis::provider::Choice;
use serin_analysis::provider::prometheus::EmptyAnswer;
use serin_analysis::run::{Due, JudgedMeasurement};
use serin_analysis::sample::{Sample, SampleError};
use serin_analysis::secret::{self, Redactor, Secret, SecretKeys, SecretSet};
use serin_analysis::substitute::Arguments;
use serin_crds::analysis::{AnalysisRunSpec, Metric};

use super::RunContext;
use super::write::{self, SecretRefusal};

/// A measurement that has come back.
pub(super) struct Completed {
    /// Index of the metric.
    pub metric: usize,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a measurement.
pub(super) enum Outcome {
    /// It was made, or failed in a way that another attempt may mend.
    JudgedMeasurement(JudgedMeasurement),
    /// The arguments cannot be resolved: the run is over.
    Unresolved(String),
}

/// Makes one measurement; never panics, and never takes longer than the provider's own limit and a turn.
pub(super) async fn measure(
    context: RunContext,
    namespace: Arc<str>,
    spec: Arc<AnalysisRunSpec>,
    due: Due,
) -> Completed {
    let Some(metric) = spec.metrics.get(due.metric) else {
        return Completed { metric: due.metric, outcome: Outcome::Unresolved("the metric is gone".to_owned()) };
    };
    let attempt = AssertUnwindSafe(attempt(&context, &namespace, &spec, metric, due)).catch_unwind();
    let outcome = attempt.await.unwrap_or_else(|_| {
        let error = SampleError::Query("the measurement failed inside the controller; see its log".to_owned());
        Outcome::JudgedMeasurement(JudgedMeasurement::new(
            due.metric,
            due.at,
            metric,
            Sample::failed(error),
            &Redactor::default(),
        ))
    });
    Completed { metric: due.metric, outcome }
}

async fn attempt(context: &RunContext, namespace: &str, spec: &AnalysisRunSpec, metric: &Metric, due: Due) -> Outcome {
    let failed = |why: String| {
        let sample = Sample::failed(SampleError::Query(why));
        Outcome::JudgedMeasurement(JudgedMeasurement::new(due.metric, due.at, metric, sample, &Redactor::default()))
    };
    let secrets = match read_secrets(context, namespace, spec).await {
        Ok(secrets) => secrets,
        Err(why) => return failed(why),
    };
    let filled = Arguments::revealed(&spec.args, &secrets).and_then(|args| Ok((args.fill(metric)?, args.redactor())));
    let (filled, redactor) = match filled {
        Ok(filled) => filled,
        Err(error) => return Outcome::Unresolved(error.to_string()),
    };
    let sample = ask(context, &filled, due).await;
    Outcome::JudgedMeasurement(JudgedMeasurement::new(due.metric, due.at, &filled, sample, &redactor))
}

/// Reads the Secrets that arguments refer to; none are read if none are.
///
/// # Errors
/// If one could not be read for a reason that may pass.
async fn read_secrets(context: &RunContext, namespace: &str, spec: &AnalysisRunSpec) -> Result<SecretSet, String> {
    let mut secrets = SecretSet::new();
    for name in secret::needed(&spec.args) {
        let read = match write::secret(&context.client, namespace, name).await {
            Ok(secret) => {
                let text = |bytes: &[u8]| Secret::new(String::from_utf8_lossy(bytes));
                Ok(secret
                    .data
                    .unwrap_or_default()
                    .iter()
                    .map(|(key, value)| (key.clone(), text(&value.0)))
                    .collect::<SecretKeys>())
            }
            Err(SecretRefusal::Final(why)) => Err(why),
            Err(SecretRefusal::Passing(why)) => return Err(why),
        };
        secrets.insert(name, read);
    }
    Ok(secrets)
}

async fn ask(context: &RunContext, filled: &Metric, due: Due) -> Sample {
    let prometheus = match Choice::of(&filled.provider) {
        Some(Choice::Prometheus(prometheus)) => prometheus,
        Some(Choice::Unsupported(name)) => {
            return Sample::failed(SampleError::Setup(format!("the metric provider {name} is not supported")));
        }
        None => return Sample::failed(SampleError::Setup("no provider specified".to_owned())),
    };
    let empty = match (judge::judges_emptiness(filled, due.at), judge::judges_nan(filled, due.at)) {
        (true, _) => EmptyAnswer::Keep,
        (false, true) => EmptyAnswer::AskDenominator,
        (false, false) => EmptyAnswer::AskForNaNToo,
    };
    let _turn = context.endpoints.turn(prometheus.address.as_deref().unwrap_or_default()).await;
    context.prometheus.sample(prometheus, due.at, empty).await
}
