//! Names and labels of the runs of a Rollout, and the status that they begin with.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serin_crds::analysis::{AnalysisRunSpec, AnalysisRunStatus};
use serin_crds::names::{self, AnalysisPhase, RunPurpose};

use super::whole_seconds;
use crate::template::MergedSpec;

/// What a run is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The step of this index waits for it.
    Step(usize),
    /// It runs beside the steps.
    Background,
    /// Blue-green waits for it before the switch.
    PrePromotion,
    /// Blue-green waits for it after the switch.
    PostPromotion,
}

impl Purpose {
    /// The word of the label.
    pub fn word(self) -> RunPurpose {
        match self {
            Self::Step(_) => RunPurpose::Step,
            Self::Background => RunPurpose::Background,
            Self::PrePromotion => RunPurpose::PrePromotion,
            Self::PostPromotion => RunPurpose::PostPromotion,
        }
    }
}

/// Names a run; where the name is taken by another run, `.1`, `.2` and so on are tried after it.
pub fn name(rollout: &str, hash: &str, revision: &str, purpose: Purpose) -> String {
    let name = format!("{rollout}-{hash}-{revision}");
    match purpose {
        Purpose::Step(index) => format!("{name}-{index}"),
        Purpose::Background => name,
        Purpose::PrePromotion => format!("{name}-pre"),
        Purpose::PostPromotion => format!("{name}-post"),
    }
}

/// What the labels of a run say.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// Pod-template hash of the version that is looked at.
    pub hash: &'a str,
    /// What the run is for.
    pub purpose: Purpose,
    /// Instance id of the Rollout, if it has one.
    pub instance_id: Option<&'a str>,
    /// `analysisRunMetadata.labels`.
    pub metadata: Option<&'a BTreeMap<String, String>>,
    /// `selector.matchLabels` of the Rollout.
    pub selector: Option<&'a BTreeMap<String, String>>,
}

/// The labels of a run: ours, then those of the spec, then those of the selector, each overriding the former.
pub fn labels(identity: Identity<'_>) -> BTreeMap<String, String> {
    let Identity { hash, purpose, instance_id, metadata, selector } = identity;
    let mut labels = BTreeMap::from([
        (names::HASH_LABEL.to_owned(), hash.to_owned()),
        (names::ROLLOUT_TYPE_LABEL.to_owned(), purpose.word().to_string()),
    ]);
    if let Purpose::Step(index) = purpose {
        labels.insert(names::STEP_INDEX_LABEL.to_owned(), index.to_string());
    }
    if let Some(id) = instance_id {
        labels.insert(names::INSTANCE_ID_LABEL.to_owned(), id.to_owned());
    }
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
