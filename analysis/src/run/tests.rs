mod begun;
mod counters;
mod ends;
mod messages;
mod scheduling;
mod specs;
mod together;
mod unsupported;

use std::collections::BTreeMap;

use serde_json::{Value, json};
use serin_crds::names::AnalysisPhase::{self, Error, Failed, Inconclusive, Pending, Running, Successful};

use super::*;
use crate::expr::ResultValue;
use crate::sample::{Note, Sample, SampleError};
use crate::secret::Redactor;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn milliseconds(instant: Timestamp) -> i64 {
    instant.as_millisecond() - at(0).as_millisecond()
}

fn spec(value: Value) -> AnalysisRunSpec {
    serde_json::from_value(value).unwrap()
}

/// A metric `m` of Prometheus with these settings: successful under 1, failed over 2.
fn metric(name: &str, settings: &Value) -> Value {
    let mut metric = json!({
        "name": name,
        "successCondition": "result < 1",
        "failureCondition": "result > 2",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "errors"}},
    });
    metric.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    metric
}

/// A world in which one run lives: each letter of a round is the outcome of one metric.
struct World {
    spec: AnalysisRunSpec,
    run: Run,
    status: AnalysisRunStatus,
    now: Timestamp,
    notices: Vec<Notice>,
}

impl World {
    fn new(spec: AnalysisRunSpec) -> Self {
        let run = Run::new(&spec, Duration::from_millis(1));
        let mut world = Self { spec, run, status: AnalysisRunStatus::default(), now: at(0), notices: Vec::new() };
        world.plan();
        world
    }

    fn of(metrics: &[Value]) -> Self {
        Self::new(spec(json!({"metrics": metrics})))
    }

    fn plan(&mut self) -> Turn {
        let turn = self.run.plan(&self.status, &BTreeSet::new(), self.now);
        self.status = turn.status.clone();
        self.notices.extend(turn.notices.clone());
        turn
    }

    /// Takes in one outcome a metric: S, F, I or E; `-` for none.
    fn measure(&mut self, outcomes: &str) {
        let taken = outcomes.chars().enumerate().filter(|(_, outcome)| *outcome != '-');
        let taken = taken.map(|(metric, outcome)| self.taken(metric, sample(outcome))).collect();
        self.record(taken);
    }

    fn taken(&self, metric: usize, sample: Sample) -> JudgedMeasurement {
        let filled = self.run.resolved().unwrap().metrics[metric].metric.clone();
        JudgedMeasurement::new(metric, self.now, &filled, sample, &Redactor::default())
    }

    fn record(&mut self, taken: Vec<JudgedMeasurement>) {
        let recorded = self.run.record(&self.status, taken, self.now);
        self.status = recorded.status;
        self.notices.extend(recorded.notices);
    }

    /// Goes to the next instant at which something is due.
    fn sleep(&mut self) -> Vec<usize> {
        let turn = self.plan();
        if let Some(wake) = turn.wake.filter(|_| turn.due.is_empty()) {
            self.now = wake;
        }
        self.plan().due.into_iter().map(|due| due.metric).collect()
    }

    fn terminate(&mut self) {
        self.spec.terminate = true;
        self.run = Run::new(&self.spec, Duration::from_millis(1));
        self.plan();
    }

    fn result(&self, name: &str) -> &MetricResult {
        self.status.metric_results.iter().find(|result| result.name == name).unwrap()
    }

    fn message(&self) -> &str {
        self.status.message.as_deref().unwrap_or_default()
    }
}

fn sample(outcome: char) -> Sample {
    match outcome {
        'S' => Sample::of(ResultValue::Scalar(0.5), "0.5"),
        'F' => Sample::of(ResultValue::Scalar(3.0), "3"),
        'I' => Sample::of(ResultValue::Scalar(1.5), "1.5"),
        'E' => Sample::failed(SampleError::Query("no route to host".into())),
        other => panic!("{other} is no outcome"),
    }
}

fn word(phase: AnalysisPhase) -> char {
    match phase {
        Pending => 'P',
        Running => 'R',
        Successful => 'S',
        Failed => 'F',
        Error => 'E',
        Inconclusive => 'I',
    }
}
