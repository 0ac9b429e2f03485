//! Role: what pods have while they are the canary or the stable side: labels, annotations, and nodes that they avoid.

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

/// The revision whose nodes the pods of the revision that the spec describes should avoid: the stable one, while an update is
/// on its way and the spec asks for it.
///
/// # Source
/// Behaviour contract 2.11.
pub fn avoids(s: &Snapshot) -> Option<&str> {
    s.canary().anti_affinity.as_ref()?;
    s.status.stable_rs.as_deref().filter(|hash| !hash.is_empty() && *hash != s.revision.hash)
}

/// Whether nothing is given.
pub fn is_empty(metadata: &PodTemplateMetadata) -> bool {
    metadata.labels.is_empty() && metadata.annotations.is_empty()
}
