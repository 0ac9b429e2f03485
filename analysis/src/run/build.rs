//! Names and labels of the runs of a Rollout, and the status that they begin with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serin_crds::analysis::{AnalysisRunSpec, AnalysisRunStatus};
use serin_crds::names::{self, AnalysisPhase, RunPurpose};

use super::whole_seconds;
use crate::template::MergedSpec;

/// What a run is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose<'a> {
    /// It runs beside the steps.
    Background,
    /// The step of this index waits for it.
    Step(usize),
    /// Blue-green waits for it before the switch.
    PrePromotion,
    /// Blue-green waits for it after the switch.
    PostPromotion,
    /// An Experiment has an analysis of this name.
    Experiment(&'a str),
}

impl Purpose<'_> {
    /// The word of the label; none for the run of an Experiment, which carries none.
    pub fn word(self) -> Option<RunPurpose> {
        match self {
            Self::Background => Some(RunPurpose::Background),
            Self::Step(_) => Some(RunPurpose::Step),
            Self::PrePromotion => Some(RunPurpose::PrePromotion),
            Self::PostPromotion => Some(RunPurpose::PostPromotion),
            Self::Experiment(_) => None,
        }
    }
}

/// Names a run of the Rollout or Experiment `owner`; where the name is taken by another run, `.1`, `.2` and so on are
/// tried after it. Hash and revision are those of the version that a Rollout looks at.
pub fn name(owner: &str, hash: &str, revision: &str, purpose: Purpose<'_>) -> String {
    let of_version = format!("{owner}-{hash}-{revision}");
    match purpose {
        Purpose::Background => of_version,
        Purpose::Step(index) => format!("{of_version}-{index}"),
        Purpose::PrePromotion => format!("{of_version}-pre"),
        Purpose::PostPromotion => format!("{of_version}-post"),
        Purpose::Experiment(analysis) => format!("{owner}-{analysis}"),
    }
}

/// What the labels of a run say.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Pod-template hash of the version that is looked at.
    pub hash: &'a str,
    /// What the run is for.
    pub purpose: Purpose<'a>,
    /// Instance id of the Rollout, if it has one.
    pub instance_id: Option<&'a str>,
    /// `analysisRunMetadata.labels`.
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// `selector.matchLabels` of the Rollout.
    pub selector: Option<&'a BTreeMap<String, String>>,
}

/// The labels of a run: ours, then those of the spec, then those of the selector, each overriding the former.
///
/// The run of an Experiment says neither which version it looks at nor what it is for, and has no labels of a selector.
pub fn labels(identity: Identity<'_>) -> BTreeMap<String, String> {
    let Identity { hash, purpose, instance_id, metadata, selector } = identity;
    let mut labels = BTreeMap::new();
    let mut put = |key: &str, value: String| labels.insert(key.to_owned(), value);
    if let Some(word) = purpose.word() {
        put(names::HASH_LABEL, hash.to_owned());
        put(names::ROLLOUT_TYPE_LABEL, word.to_string());
    }
    if let Purpose::Step(index) = purpose {
        put(names::STEP_INDEX_LABEL, index.to_string());
    }
    if let Some(id) = instance_id {
        put(names::INSTANCE_ID_LABEL, id.to_owned());
    }
    let selector = selector.filter(|_| purpose.word().is_some());
    for more in [metadata, selector].into_iter().flatten() {
        labels.extend(more.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    labels
}

/// The status that a run is created with, so that it needs no write to begin.
pub fn initial_status(now: Timestamp) -> AnalysisRunStatus {
    AnalysisRunStatus {
        phase: AnalysisPhase::Running,
        started_at: Some(whole_seconds(now)),
        dry_run_summary: Some(serin_crds::analysis::RunSummary::default()),
        ..AnalysisRunStatus::default()
    }
}

/// Whether an existing run asks for the same, so that it can be taken over instead of being made again.
pub fn same_demand(existing: &AnalysisRunSpec, wanted: &MergedSpec) -> bool {
    existing.metrics == wanted.metrics
        && existing.args == wanted.args
        && existing.dry_run == wanted.dry_run
        && existing.measurement_retention == wanted.measurement_retention
}
