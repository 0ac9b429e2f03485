//! Makes one measurement: secrets, arguments, a turn at the endpoint, the question.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use serin_analysis::provider::{Begun, Progress, Question, RunName};
use serin_analysis::run::{BegunMeasurement, DroppedMeasurement, Due, JudgedMeasurement};
use serin_analysis::sample::{Sample, SampleError};
use serin_analysis::secret::{self, Redactor, Secret, SecretKeys, SecretSet};
use serin_analysis::substitute::Arguments;
use serin_crds::analysis::{AnalysisRunSpec, Metric};

use super::RunContext;
use super::write::{self, SecretRefusal};
use crate::runtime::key::Key;

/// How long a provider may take to remove what a sample left behind.
const CLEAN_UP: Duration = Duration::from_secs(10);

/// The run that a measurement is made for.
#[derive(Clone)]
pub(super) struct Subject {
    /// Namespace and name.
    pub key: Key,
    /// Uid.
    pub uid: Arc<str>,
    /// Its spec.
    pub spec: Arc<AnalysisRunSpec>,
}

impl Subject {
    fn question<'a>(&'a self, metric: &'a Metric, at: Timestamp, nth: u32) -> Question<'a> {
        let run = RunName { namespace: self.key.namespace(), name: self.key.name(), uid: &self.uid };
        Question { metric, at, run, nth }
    }
}

/// A measurement to make.
pub(super) struct Task {
    /// Which metric, and the instant that it was scheduled for.
    pub due: Due,
    /// Which sample of its metric it is, counted from 1.
    pub nth: u32,
    /// What is known of it, if it was begun before.
    pub begun: Option<Begun>,
}

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
    Judged(JudgedMeasurement),
    /// It was begun, and has to be looked at again.
    Begun(BegunMeasurement),
    /// The arguments cannot be resolved: the run is over.
    Unresolved(String),
}

/// Makes one measurement; never panics, and never takes longer than the provider's own limit and a turn.
pub(super) async fn measure(context: RunContext, subject: Subject, task: Task) -> Completed {
    let due = task.due;
    let Some(metric) = subject.spec.metrics.get(due.metric) else {
        return Completed { metric: due.metric, outcome: Outcome::Unresolved("the metric is gone".to_owned()) };
    };
    let attempt = AssertUnwindSafe(attempt(&context, &subject, metric, &task)).catch_unwind();
    let outcome = attempt.await.unwrap_or_else(|_| {
        failed(metric, due, "the measurement failed inside the controller; see its log".to_owned())
    });
    Completed { metric: due.metric, outcome }
}

fn failed(metric: &Metric, due: Due, why: String) -> Outcome {
    let sample = Sample::failed(SampleError::Query(why));
    Outcome::Judged(JudgedMeasurement::new(due.metric, due.at, metric, sample, &Redactor::default()))
}

async fn attempt(context: &RunContext, subject: &Subject, metric: &Metric, task: &Task) -> Outcome {
    let Task { due, nth, begun } = task;
    let args = &subject.spec.args;
    let secrets = match read_secrets(context, subject).await {
        Ok(secrets) => secrets,
        Err(why) => return failed(metric, *due, why),
    };
    let filled = Arguments::revealed(args, &secrets).and_then(|args| Ok((args.fill(metric)?, args.redactor())));
    let (filled, redactor) = match filled {
        Ok(filled) => filled,
        Err(error) => return Outcome::Unresolved(error.to_string()),
    };
    let _turn = context.endpoints.turn(&context.providers.endpoint(&filled)).await;
    let question = subject.question(&filled, context.clock.on_the_wall(due.at), *nth);
    let progress = match begun {
        None => context.providers.start(question).await,
        Some(begun) => context.providers.resume(question, begun).await,
    };
    match progress {
        Progress::Finished(sample) => {
            Outcome::Judged(JudgedMeasurement::new(due.metric, due.at, &filled, sample, &redactor))
        }
        Progress::Begun(begun) => Outcome::Begun(BegunMeasurement::new(due.metric, due.at, begun, &redactor)),
    }
}

/// Removes what a sample left behind, as far as that can be done in time. Its metric has no secrets in it.
pub(super) async fn clean_up(context: RunContext, subject: Subject, metric: Metric, dropped: DroppedMeasurement) {
    let DroppedMeasurement { nth, at, begun, .. } = dropped;
    let question = subject.question(&metric, at.unwrap_or(Timestamp::UNIX_EPOCH), nth);
    let begun = Some(&begun).filter(|begun| !begun.metadata.is_empty());
    let cleaned = AssertUnwindSafe(context.providers.clean_up(question, begun)).catch_unwind();
    if !matches!(tokio::time::timeout(CLEAN_UP, cleaned).await, Ok(Ok(()))) {
        let metric = &metric.name;
        tracing::warn!(run = %subject.key, metric, nth, "could not remove what a measurement left behind");
    }
}

/// Reads the Secrets that arguments refer to; none are read if none are.
///
/// # Errors
/// If one could not be read for a reason that may pass.
async fn read_secrets(context: &RunContext, subject: &Subject) -> Result<SecretSet, String> {
    let mut secrets = SecretSet::new();
    for name in secret::needed(&subject.spec.args) {
        let read = match write::secret(&context.client, subject.key.namespace(), name).await {
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
