//! What whoever watches a scenario is shown.

use jiff::Timestamp;
use serde_json::Value;

use super::Observation;
use crate::{
    invariants::view::{self, list, number, text},
    transcript::Transcript,
};

/// The world at one instant, as far as a watcher is concerned. Nothing is computed before somebody asks.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// When.
    pub at: Timestamp,
    /// What happened so far.
    pub transcript: &'a Transcript,
    pub(super) seen: &'a Observation,
}

/// One picture of a release.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Picture {
    /// `status.phase` and `status.message`.
    pub phase: (String, String),
    /// The current step, counted from 0, and the number of steps.
    pub step: (i64, usize),
    /// The current step in words; empty after the last.
    pub doing: String,
    /// Percent of traffic of the canary, where routes say so.
    pub weight: Option<i64>,
    /// The stable version.
    pub stable: Version,
    /// The version being released; the same as the stable one when there is none.
    pub canary: Version,
    /// What is being measured, or was measured last.
    pub metrics: Vec<Metric>,
}

/// One side of a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Version {
    /// The pod-template hash.
    pub hash: String,
    /// The image.
    pub image: String,
    /// Pods asked for.
    pub wanted: i64,
    /// Pods available.
    pub available: i64,
}

/// One metric of an analysis.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its phase.
    pub phase: String,
    /// The last value measured, as the status has it.
    pub value: String,
    /// The condition that it has to meet.
    pub condition: String,
    /// Measurements taken.
    pub measured: i64,
    /// Failures so far.
    pub failed: i64,
    /// Failures allowed; negative when there is no limit.
    pub limit: i64,
}

impl Metric {
    /// Failures that are left before the metric fails; none when there is no limit.
    pub fn failures_left(&self) -> Option<i64> {
        (self.limit >= 0).then(|| (self.limit - self.failed).max(0))
    }
}

impl Frame<'_> {
    /// Draws the picture.
    pub fn picture(&self) -> Picture {
        let seen = self.seen;
        let rollout = &seen.rollout;
        let steps = list(rollout, "/spec/strategy/canary/steps");
        let index = number(rollout, "/status/currentStepIndex").unwrap_or_default();
        let current = usize::try_from(index).ok().and_then(|at| steps.get(at));
        Picture {
            phase: (text(rollout, "/status/phase").to_owned(), text(rollout, "/status/message").to_owned()),
            step: (index, steps.len()),
            doing: current.map(describe).unwrap_or_default(),
            weight: seen.weights().into_iter().max(),
            stable: version(seen, seen.stable()),
            canary: version(seen, seen.current()),
            metrics: latest_run(seen).map(metrics).unwrap_or_default(),
        }
    }
}

fn version(seen: &Observation, hash: &str) -> Version {
    let sum = |pointer: &str| {
        let own = seen.own_sets().filter(|set| view::label(set, view::HASH_LABEL) == hash);
        own.map(|set| number(set, pointer).unwrap_or_default()).sum()
    };
    Version {
        hash: hash.to_owned(),
        image: seen.image(hash).unwrap_or_default().to_owned(),
        wanted: sum("/spec/replicas"),
        available: sum("/status/availableReplicas"),
    }
}

/// The run of the current revision that began last.
fn latest_run(seen: &Observation) -> Option<&Value> {
    let own = seen.runs.iter().filter(|run| view::label(run, view::HASH_LABEL) == seen.current());
    own.max_by_key(|run| text(run, "/metadata/creationTimestamp"))
}

fn metrics(run: &Value) -> Vec<Metric> {
    let result = |name: &str| list(run, "/status/metricResults").iter().find(|one| text(one, "/name") == name);
    let one = |metric: &Value| {
        let nothing = Value::Null;
        let name = text(metric, "/name");
        let result = result(name).unwrap_or(&nothing);
        let last = list(result, "/measurements").last().unwrap_or(&nothing);
        let count = |pointer: &str| number(result, pointer).unwrap_or_default();
        let condition = match text(metric, "/successCondition") {
            "" => format!("not {}", text(metric, "/failureCondition")),
            success => success.to_owned(),
        };
        Metric {
            name: name.to_owned(),
            phase: text(result, "/phase").to_owned(),
            value: text(last, "/value").to_owned(),
            condition,
            measured: count("/count"),
            failed: count("/failed"),
            limit: limit(metric.get("failureLimit")),
        }
    };
    list(run, "/spec/metrics").iter().map(one).collect()
}

/// A limit is a number, or a number in text.
fn limit(value: Option<&Value>) -> i64 {
    match value {
        Some(Value::Number(number)) => number.as_i64().unwrap_or_default(),
        Some(Value::String(text)) => text.parse().unwrap_or_default(),
        _ => 0,
    }
}

fn describe(step: &Value) -> String {
    let Some((name, value)) = step.as_object().and_then(|fields| fields.iter().next()) else {
        return String::new();
    };
    match value {
        Value::Number(number) => format!("{name} {number}"),
        Value::Object(fields) => {
            match fields.get("duration").map(|span| span.as_str().map_or(span.to_string(), str::to_owned)) {
                Some(span) => format!("{name} {span}"),
                None => name.clone(),
            }
        }
        _ => name.clone(),
    }
}
