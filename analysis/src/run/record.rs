//! Takes measurements into a status: list, counters, messages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serin_crds::analysis::{AnalysisRunStatus, Measurement, Metric, MetricResult};
use serin_crds::names::{AnalysisPhase, EventReason};

use super::{Notice, Resolved, ResolvedMetric, message, whole_seconds};
use crate::judge::{self, Judgement};
use crate::provider::prometheus::RESOLVED_QUERY;
use crate::sample::{Note, Sample, SampleError};
use crate::secret::Redactor;

/// Most bytes that the values of all stored measurements of a run may take.
const LARGEST_VALUES: usize = 256 * 1024;

/// Most bytes that one stored value takes.
const LARGEST_VALUE: usize = 16 * 1024;

/// A finished measurement of one metric. Holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedMeasurement {
    metric: usize,
    at: Timestamp,
    judged: Judgement,
    value: Option<String>,
    metadata: BTreeMap<String, String>,
    notes: Vec<Note>,
    asked: bool,
}

impl JudgedMeasurement {
    /// Judges a sample of a metric, and takes the secrets out of everything that is kept.
    ///
    /// `metric` is its index, `at` the instant that it was scheduled for, `filled` the metric with its secrets.
    pub fn new(metric: usize, at: Timestamp, filled: &Metric, sample: Sample, redactor: &Redactor) -> Self {
        let asked = !matches!(sample.result, Err(SampleError::Setup(_)));
        let judged = judge::judge(filled, &sample, at).redacted(redactor);
        let clean = |text: &str| redactor.clean(text);
        let value = Some(sample.display).filter(|value| !value.is_empty());
        Self {
            metric,
            at,
            value: value.map(|value| if is_numbers(&value) { value } else { clean(&value) }),
            metadata: sample.metadata.iter().map(|(key, value)| (clean(key), clean(value))).collect(),
            notes: sample
                .notes
                .into_iter()
                .map(|note| Note { text: clean(&note.text), warning: note.warning })
                .collect(),
            judged,
            asked,
        }
    }

    /// How it was judged.
    pub fn judgement(&self) -> &Judgement {
        &self.judged
    }
}

/// Whether a value is nothing but numbers, in which a secret such as `1` is no secret.
fn is_numbers(value: &str) -> bool {
    let inside = value.strip_prefix('[').and_then(|value| value.strip_suffix(']')).unwrap_or(value);
    inside.is_empty() || inside.split(',').all(|number| number.trim().parse::<f64>().is_ok())
}

/// Takes in one measurement, unless its metric has ended already.
pub(super) fn record(
    resolved: &Resolved,
    status: &mut AnalysisRunStatus,
    taken: JudgedMeasurement,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) {
    let Some(metric) = resolved.metrics.get(taken.metric) else {
        return;
    };
    let largest = (LARGEST_VALUES / resolved.metrics.len().max(1) / metric.keep.max(1)).clamp(64, LARGEST_VALUE);
    let result = find_or_add(resolved, metric, status);
    if result.phase.is_terminal() {
        return;
    }
    if let Some(query) = asked_query(metric).filter(|_| taken.asked && !result.metadata.contains_key(RESOLVED_QUERY)) {
        result.metadata.insert(RESOLVED_QUERY.to_owned(), query);
    }
    for note in taken.notes.iter().filter(|note| note.warning) {
        let message = message::cut(format!("Metric '{}': {}", result.name, note.text));
        notices.push(Notice { reason: EventReason::AnalysisRunWarning, message });
    }
    count(result, taken.judged.phase);
    result.message = Some(message::metric(metric, result, &taken.judged, &taken.notes));
    let measurement = Measurement {
        phase: taken.judged.phase,
        message: own_message(&taken).filter(|text| !text.is_empty()).map(message::cut),
        started_at: Some(whole_seconds(taken.at)),
        finished_at: Some(whole_seconds(now)),
        value: taken.value.map(|value| message::cut_to(value, largest)),
        metadata: taken.metadata,
        resume_at: None,
    };
    match result.measurements.last_mut().filter(|last| last.finished_at.is_none()) {
        Some(unfinished) => *unfinished = measurement,
        None => result.measurements.push(measurement),
    }
}

/// What is said of the measurement itself: the error as it is; else the judgement where it is not a plain success.
fn own_message(taken: &JudgedMeasurement) -> Option<String> {
    let Judgement { phase, sentence, .. } = &taken.judged;
    if *phase == AnalysisPhase::Successful && taken.notes.is_empty() {
        return None;
    }
    if *phase == AnalysisPhase::Error {
        return Some(sentence.clone());
    }
    let texts = [sentence.as_str()].into_iter().chain(taken.notes.iter().map(|note| note.text.as_str()));
    Some(texts.collect::<Vec<_>>().join("; "))
}

/// The query as it was asked, with `{{args.name}}` in the place of secrets.
fn asked_query(metric: &ResolvedMetric) -> Option<String> {
    metric.metric.provider.prometheus.as_ref()?.query.clone()
}

/// The result of a metric; results are kept in the order of the spec.
fn find_or_add<'a>(
    resolved: &Resolved,
    metric: &ResolvedMetric,
    status: &'a mut AnalysisRunStatus,
) -> &'a mut MetricResult {
    let results = &mut status.metric_results;
    let name = &metric.metric.name;
    let index = results.iter().position(|result| result.name == *name).unwrap_or_else(|| {
        let order = |name: &str| resolved.metrics.iter().position(|metric| metric.metric.name == name);
        let place = order(name);
        let index = results.iter().position(|result| order(&result.name) > place).unwrap_or(results.len());
        let phase = AnalysisPhase::Running;
        results.insert(index, MetricResult { name: name.clone(), phase, ..MetricResult::default() });
        index
    });
    #[allow(clippy::indexing_slicing, reason = "the index was found or inserted above")]
    let result = &mut results[index];
    result.dry_run = metric.dry_run;
    result
}

fn count(result: &mut MetricResult, phase: AnalysisPhase) {
    let add = |counter: &mut i32| *counter = counter.saturating_add(1);
    match phase {
        AnalysisPhase::Successful => {
            add(&mut result.successful);
            add(&mut result.count);
            add(&mut result.consecutive_success);
            result.consecutive_error = 0;
        }
        AnalysisPhase::Failed => {
            add(&mut result.failed);
            add(&mut result.count);
            result.consecutive_error = 0;
            result.consecutive_success = 0;
        }
        AnalysisPhase::Inconclusive => {
            add(&mut result.inconclusive);
            add(&mut result.count);
            result.consecutive_error = 0;
            result.consecutive_success = 0;
        }
        AnalysisPhase::Error | AnalysisPhase::Pending | AnalysisPhase::Running => {
            add(&mut result.error);
            add(&mut result.consecutive_error);
            result.consecutive_success = 0;
        }
    }
}

/// Drops the oldest measurements beyond what is kept.
pub(super) fn trim(resolved: &Resolved, status: &mut AnalysisRunStatus) {
    for metric in &resolved.metrics {
        let result = status.metric_results.iter_mut().find(|result| result.name == metric.metric.name);
        if let Some(result) = result {
            let extra = result.measurements.len().saturating_sub(metric.keep);
            result.measurements.drain(..extra);
        }
    }
}
