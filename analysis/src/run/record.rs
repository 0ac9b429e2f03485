//! Takes measurements into a status: list, counters, messages.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serin_crds::analysis::{AnalysisRunStatus, Measurement, Metric, MetricResult};
use serin_crds::names::{AnalysisPhase, EventReason};

use super::{Notice, Resolved, ResolvedMetric, assess, message, whole_seconds};
use crate::judge::{self, Judgement};
use crate::provider::{Begun, Choice};
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

/// A measurement that was begun and is not there yet. Holds no secret.
#[derive(Clone, Debug, PartialEq)]
pub struct BegunMeasurement {
    metric: usize,
    at: Timestamp,
    begun: Begun,
}

impl BegunMeasurement {
    /// Takes the secrets out of what is kept of a sample that was begun.
    ///
    /// `metric` is its index, `at` the instant that it was scheduled for.
    pub fn new(metric: usize, at: Timestamp, begun: Begun, redactor: &Redactor) -> Self {
        let clean = |(key, value): (String, String)| (redactor.clean(&key), redactor.clean(&value));
        let metadata = begun.metadata.into_iter().map(clean).collect();
        Self { metric, at, begun: Begun { metadata, resume_at: begun.resume_at } }
    }
}

/// A measurement that the status of its run no longer holds.
#[derive(Clone, Debug, PartialEq)]
pub struct DroppedMeasurement {
    /// The index of its metric.
    pub metric: usize,
    /// Which sample of its metric it was, counted from 1.
    pub nth: u32,
    /// When it was begun, if that is known.
    pub at: Option<Timestamp>,
    /// What its provider finds it by.
    pub begun: Begun,
}

/// The measurement of a metric that was begun and is not there yet, if there is one.
pub fn begun(status: &AnalysisRunStatus, metric: &str) -> Option<Begun> {
    let last = assess::result(status, metric)?.measurements.last()?;
    let is_open = last.finished_at.is_none() && !last.phase.is_terminal();
    is_open.then(|| Begun { metadata: last.metadata.clone(), resume_at: last.resume_at })
}

/// Which sample of its metric the one that is not finished is, or the next one, counted from 1.
pub fn next_nth(status: &AnalysisRunStatus, metric: &str) -> u32 {
    assess::result(status, metric).map_or(1, |result| finished(result).saturating_add(1))
}

/// How many samples of a metric have been finished, errors included.
fn finished(result: &MetricResult) -> u32 {
    u32::try_from(result.count.max(0).saturating_add(result.error.max(0))).unwrap_or(0)
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
    // The question as it was asked, with `{{args.name}}` in the place of secrets.
    if let Some((key, question)) = Choice::of(&metric.metric.provider).and_then(Choice::asked).filter(|_| taken.asked) {
        result.metadata.entry(key.to_owned()).or_insert_with(|| question.to_owned());
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
        Some(unfinished) => {
            let started_at = unfinished.started_at.or(measurement.started_at);
            *unfinished = Measurement { started_at, ..measurement };
        }
        None => result.measurements.push(measurement),
    }
}

/// Takes in that a measurement was begun, or was looked at and is not there yet, unless its metric has ended.
pub(super) fn begin(resolved: &Resolved, status: &mut AnalysisRunStatus, taken: BegunMeasurement) {
    let BegunMeasurement { metric, at, begun: Begun { metadata, resume_at } } = taken;
    let Some(metric) = resolved.metrics.get(metric) else {
        return;
    };
    let result = find_or_add(resolved, metric, status);
    if result.phase.is_terminal() {
        return;
    }
    match result.measurements.last_mut().filter(|last| last.finished_at.is_none()) {
        Some(unfinished) => (unfinished.metadata, unfinished.resume_at) = (metadata, resume_at),
        None => result.measurements.push(Measurement {
            phase: AnalysisPhase::Running,
            started_at: Some(whole_seconds(at)),
            metadata,
            resume_at,
            ..Measurement::default()
        }),
    }
}

/// Closes the measurements that were begun and are not there when the run ends; they count for nothing.
pub(super) fn close(status: &mut AnalysisRunStatus, now: Timestamp) {
    let open = status.metric_results.iter_mut().filter_map(|result| result.measurements.last_mut());
    for measurement in open.filter(|last| last.finished_at.is_none() && !last.phase.is_terminal()) {
        measurement.phase = AnalysisPhase::Inconclusive;
        measurement.message = Some("the run ended before this measurement was there".to_owned());
        measurement.finished_at = Some(whole_seconds(now));
        measurement.resume_at = None;
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
pub(super) fn trim(resolved: &Resolved, status: &mut AnalysisRunStatus) -> Vec<DroppedMeasurement> {
    let mut dropped = Vec::new();
    for (index, metric) in resolved.metrics.iter().enumerate() {
        let result = status.metric_results.iter_mut().find(|result| result.name == metric.metric.name);
        let Some(result) = result else { continue };
        let kept = result.measurements.iter().filter(|measurement| measurement.finished_at.is_some()).count();
        let before = finished(result).saturating_sub(u32::try_from(kept).unwrap_or(u32::MAX));
        let extra = result.measurements.len().saturating_sub(metric.keep);
        dropped.extend((before.saturating_add(1)..).zip(result.measurements.drain(..extra)).map(
            |(nth, measurement)| {
                let begun = Begun { metadata: measurement.metadata, resume_at: None };
                DroppedMeasurement { metric: index, nth, at: measurement.started_at, begun }
            },
        ));
    }
    dropped
}
