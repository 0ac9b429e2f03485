//! Analysis runs with what they measured.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    Icon, Meta, Objects, State,
    json::{annotation, instant, label, list, number, number_or_text, text},
};

/// An analysis run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Run {
    /// Its name and age.
    pub meta: Meta,
    /// Its phase.
    pub state: State,
    /// Why it is in this phase; may be empty.
    pub message: String,
    /// The revision that it judges.
    pub revision: i64,
    /// The step that it belongs to, counted from 0; nothing in the background.
    pub step: Option<usize>,
    /// How its measurements came out.
    pub counts: Counts,
    /// Its metrics, in the order of the spec.
    pub metrics: Vec<Metric>,
    /// Jobs that measure.
    pub jobs: Vec<Job>,
}

/// How measurements came out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Good ones.
    pub successful: i64,
    /// Bad ones.
    pub failed: i64,
    /// Neither good nor bad.
    pub inconclusive: i64,
    /// Not measured at all.
    pub error: i64,
}

/// A metric of an analysis run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its phase; empty before its first measurement.
    pub state: State,
    /// What it has to be, such as `result < 0.05`, or must not be: `not result > 1`; empty when any answer will do.
    pub condition: String,
    /// How its measurements came out.
    pub counts: Counts,
    /// Failures that are allowed; nothing when any number is.
    pub failure_limit: Option<i64>,
    /// The last measurements, the oldest first.
    pub measurements: Vec<Measurement>,
}

impl Metric {
    /// Failures that are left before the metric fails; nothing without a limit.
    pub fn failures_left(&self) -> Option<i64> {
        self.failure_limit.map(|limit| (limit - self.counts.failed).max(0))
    }
}

/// One measurement.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measurement {
    /// How it came out.
    pub state: State,
    /// What was measured, as the status has it.
    pub value: String,
    /// When it ended.
    pub at: Option<Timestamp>,
}

/// A Job that measures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Job {
    /// Its name.
    pub name: String,
    /// How its measurement stands.
    pub state: State,
    /// When it began.
    pub started: Option<Timestamp>,
}

/// The runs of a Rollout, in the order in which they began.
pub(super) fn of(objects: &Objects<'_>) -> Vec<Run> {
    let rollout = Meta::of(objects.rollout);
    let mut runs: Vec<Run> = objects.runs.iter().filter(|run| rollout.owns(run)).map(|run| Run::of(run)).collect();
    runs.sort_by(|a, b| (a.meta.created, &b.meta.name).cmp(&(b.meta.created, &a.meta.name)));
    runs
}

impl Run {
    fn of(run: &Value) -> Self {
        let results = list(run, "/status/metricResults");
        let mut total = Counts::default();
        for result in results {
            total.add(Counts::of(result));
        }
        let result = |name: &str| results.iter().find(|result| text(result, "/name") == name).unwrap_or(&Value::Null);
        let metric = |spec: &Value| Metric::of(spec, result(text(spec, "/name")));
        Self {
            meta: Meta::of(run),
            state: phase(text(run, "/status/phase")),
            message: text(run, "/status/message").to_owned(),
            revision: annotation(run, serin_crds::names::REVISION_ANNOTATION).parse().unwrap_or_default(),
            step: label(run, "step-index").parse().ok(),
            counts: total,
            metrics: list(run, "/spec/metrics").iter().map(metric).collect(),
            jobs: results.iter().flat_map(jobs).collect(),
        }
    }
}

impl Counts {
    fn of(result: &Value) -> Self {
        let count = |field| number(result, field);
        Self {
            successful: count("/successful"),
            failed: count("/failed"),
            inconclusive: count("/inconclusive"),
            error: count("/error"),
        }
    }

    const fn add(&mut self, other: Self) {
        self.successful += other.successful;
        self.failed += other.failed;
        self.inconclusive += other.inconclusive;
        self.error += other.error;
    }
}

impl Metric {
    fn of(spec: &Value, result: &Value) -> Self {
        let condition = match (text(spec, "/successCondition"), text(spec, "/failureCondition")) {
            ("", "") => String::new(),
            ("", failure) => format!("not {failure}"),
            (success, _) => success.to_owned(),
        };
        let measurement = |one: &Value| Measurement {
            state: phase(text(one, "/phase")),
            value: text(one, "/value").to_owned(),
            at: instant(one, "/finishedAt"),
        };
        Self {
            name: text(spec, "/name").to_owned(),
            state: phase(text(result, "/phase")),
            condition,
            counts: Counts::of(result),
            failure_limit: Some(number_or_text(spec.get("failureLimit")).unwrap_or_default())
                .filter(|limit| *limit >= 0),
            measurements: list(result, "/measurements").iter().map(measurement).collect(),
        }
    }
}

fn jobs(result: &Value) -> impl Iterator<Item = Job> {
    list(result, "/measurements").iter().filter_map(|one| {
        let name = text(one, "/metadata/job-name");
        let job =
            || Job { name: name.to_owned(), state: phase(text(one, "/phase")), started: instant(one, "/startedAt") };
        (!name.is_empty()).then(job)
    })
}

fn phase(word: &str) -> State {
    let icon = match word {
        "Successful" => Icon::Ok,
        "Failed" => Icon::Bad,
        "Error" => Icon::Warning,
        "Inconclusive" => Icon::Unknown,
        "Running" => Icon::Progressing,
        "Pending" => Icon::Waiting,
        _ => Icon::None,
    };
    State::new(word, icon)
}
