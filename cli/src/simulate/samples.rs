//! Samples: what is worth showing of a release, over time.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serin_sim::scenario::Frame;

use super::Ended;
use crate::demo::objects;
use crate::view::{Measurement, Run, View};

/// How often a sample is taken.
const EVERY: SignedDuration = SignedDuration::from_secs(1);

/// The weight of the canary at an instant, in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Weight {
    pub(super) at: Timestamp,
    pub(super) percent: i64,
}

/// A metric of an analysis, with everything that was measured.
#[derive(Clone, Debug, Default)]
pub(super) struct Measured {
    pub(super) name: String,
    /// What it has to be.
    pub(super) condition: String,
    pub(super) measurements: Vec<Measurement>,
}

/// What was seen of a release.
pub(super) struct Samples {
    release: String,
    last: Option<Timestamp>,
    /// The weight whenever it changed since the release began, the oldest first.
    pub(super) weights: Vec<Weight>,
    /// Every metric by the name of its run and its own.
    runs: BTreeMap<(String, String), Measured>,
    /// How the Rollout stood in the end.
    pub(super) view: View,
    /// Whether the release was seen at all.
    begun: bool,
}

impl Samples {
    pub(super) fn new(release: &str) -> Self {
        Self {
            release: release.to_owned(),
            last: None,
            weights: Vec::new(),
            runs: BTreeMap::new(),
            view: View::default(),
            begun: false,
        }
    }

    /// Takes a sample when one is due.
    pub(super) fn see(&mut self, frame: &Frame<'_>) {
        if self.last.is_some_and(|last| frame.at.duration_since(last) < EVERY) {
            return;
        }
        self.last = Some(frame.at);
        let view = View::of(&objects(frame));
        let runs = |view: &View| view.revisions.iter().flat_map(|revision| revision.runs.clone()).collect::<Vec<_>>();
        self.begun |= view.sets().any(|set| set.images.contains(&self.release));
        if self.begun {
            let percent =
                view.sets().filter(|set| set.images.contains(&self.release)).map(|set| view.percent(set)).sum();
            if self.weights.last().is_none_or(|last| last.percent != percent) {
                self.weights.push(Weight { at: frame.at, percent });
            }
        }
        for run in runs(&view) {
            self.measured(&run);
        }
        self.view = view;
    }

    fn measured(&mut self, run: &Run) {
        for metric in &run.metrics {
            let entry = self.runs.entry((run.meta.name.clone(), metric.name.clone())).or_default();
            entry.name.clone_from(&metric.name);
            entry.condition.clone_from(&metric.condition);
            for one in &metric.measurements {
                if !entry.measurements.iter().any(|known| known.at == one.at) {
                    entry.measurements.push(one.clone());
                }
            }
        }
    }

    /// Every metric, those of all runs together.
    pub(super) fn metrics(&self) -> Vec<Measured> {
        let mut metrics: Vec<Measured> = Vec::new();
        for one in self.runs.values() {
            match metrics.iter_mut().find(|known| known.name == one.name && known.condition == one.condition) {
                Some(known) => known.measurements.extend(one.measurements.iter().cloned()),
                None => metrics.push(one.clone()),
            }
        }
        for metric in &mut metrics {
            metric.measurements.sort_by_key(|one| one.at);
        }
        metrics
    }

    /// When the release began, and when the last sample was taken.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        Some((self.weights.first()?.at, self.last?))
    }

    /// How the release ended.
    pub(super) fn ended(&self) -> Ended {
        let summary = &self.view.summary;
        match summary.state.word.as_str() {
            "Healthy" if self.begun => Ended::Promoted,
            "Degraded" => Ended::Refused,
            _ => Ended::Open,
        }
    }
}
