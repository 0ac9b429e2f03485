//! Role: the labels and annotations that pods have while they are the canary or the stable side.

use serin_crds::rollout::PodTemplateMetadata;

use super::snapshot::Snapshot;

/// What the pods of a revision are given for the role that it has now; nothing where it has none.
///
/// # Source
/// Behaviour contract 2.11.
pub fn metadata(s: &Snapshot, hash: &str) -> PodTemplateMetadata {
    let canary = s.canary();
    let given = if s.status.stable_rs.as_deref() == Some(hash) || s.initial() {
        &canary.stable_metadata
    } else if s.revision.hash == hash {
        &canary.canary_metadata
    } else {
        &None
    };
    given.clone().unwrap_or_default()
}

/// Whether nothing is given.
pub fn is_empty(metadata: &PodTemplateMetadata) -> bool {
    metadata.labels.is_empty() && metadata.annotations.is_empty()
}
