//! What a metric provider hands back for one metric at one instant.
//!
//! A sample is raw: it carries what was measured, or why nothing could be, and never an opinion.
//! [`crate::judge`] turns it into the outcome of a measurement.

use std::collections::BTreeMap;

use crate::expr::ResultValue;

/// One answer of a metric provider, before any condition has looked at it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What conditions see as `result`, or why there is none.
    pub result: Result<ResultValue, SampleError>,
    /// The text that is recorded as the measurement's `value`; empty when there is no result.
    pub display: String,
    /// What is recorded as the measurement's `metadata` (for example Prometheus' warnings).
    pub metadata: BTreeMap<String, String>,
    /// What a reader should know about how the value came about.
    pub notes: Vec<Note>,
}

impl Sample {
    /// Wraps a result and the text to record for it.
    pub fn of(result: ResultValue, display: impl Into<String>) -> Self {
        Self { result: Ok(result), display: display.into(), metadata: BTreeMap::new(), notes: Vec::new() }
    }

    /// Wraps the reason why there is no result.
    pub fn failed(error: SampleError) -> Self {
        Self { result: Err(error), display: String::new(), metadata: BTreeMap::new(), notes: Vec::new() }
    }

    /// Adds a remark.
    #[must_use]
    pub fn with_note(mut self, note: Note) -> Self {
        self.notes.push(note);
        self
    }

    /// Adds an entry of measurement metadata.
    #[must_use]
    pub fn with_metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }
}

/// A remark about how a sample came about, such as
/// `no 5xx series; 1,240 requests in the denominator`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The remark: a clause without a full stop.
    pub text: String,
    /// Whether somebody should change something; such notes become warning events.
    pub warning: bool,
}

impl Note {
    /// A remark that asks nothing of anybody.
    pub fn remark(text: impl Into<String>) -> Self {
        Self { text: text.into(), warning: false }
    }

    /// A remark about something that should be changed.
    pub fn warning(text: impl Into<String>) -> Self {
        Self { text: text.into(), warning: true }
    }
}

/// Why a provider has no result. Either kind makes the measurement an `Error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// The provider could not be set up from the metric's settings (bad address, negative timeout, ...).
    /// No query was sent, so none is recorded as the resolved one.
    #[error("{0}")]
    Setup(String),
    /// The query was tried and failed (transport, status, time limit, unusable answer).
    #[error("{0}")]
    Query(String),
}
