//! Stage: where a Rollout stands, computed once from what is recorded and what the spec describes.

use std::fmt;

use super::snapshot::Snapshot;

/// Where a Rollout stands. Rules match on it, so that none repeats the conditions of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is being deleted.
    Deleting,
    /// Nothing is recorded yet, or nothing has ever been stable.
    Initial,
    /// The spec describes a revision that is not recorded: another template, or other steps.
    Unrecorded,
    /// The recorded revision is the stable one.
    Stable,
    /// A person ordered the recorded revision to become stable without its remaining steps.
    FullPromotion,
    /// The recorded revision was stable so lately that it needs no steps: `rollbackWindow` holds it.
    Rollback,
    /// The recorded revision was aborted, or is to be.
    Aborted,
    /// The recorded revision walks its steps; the number is the index of the step that it is at.
    Updating(usize),
}

impl Stage {
    /// Computes the stage of a snapshot.
    pub fn of(s: &Snapshot) -> Self {
        if s.id.deleting {
            return Self::Deleting;
        }
        if s.status.stable_rs.as_deref().unwrap_or_default().is_empty() {
            return Self::Initial;
        }
        if !s.recorded() {
            return Self::Unrecorded;
        }
        if s.is_stable() {
            return Self::Stable;
        }
        // An abort that was carried out before the full promotion was ordered gives way to it; `retry` clears it.
        if s.status.abort {
            return Self::Aborted;
        }
        if s.status.promote_full {
            return Self::FullPromotion;
        }
        if s.within_window() { Self::Rollback } else { Self::Updating(s.index()) }
    }

    /// Whether a revision that is not stable is on its way, by steps or without them.
    pub fn is_update(self) -> bool {
        matches!(self, Self::Updating(_)) || self.is_without_steps()
    }

    /// Whether a revision is on its way that takes over as soon as all its pods answer.
    pub fn is_without_steps(self) -> bool {
        matches!(self, Self::FullPromotion | Self::Rollback)
    }
}

/// One try at one revision: what is remembered of a try holds for that try alone.
///
/// A revision that comes back later has a new number, so that nothing of its former try is held against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The revision's number when it was tried.
    pub revision: u64,
    /// Its pod-template hash.
    pub hash: String,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.revision, self.hash)
    }
}

impl Attempt {
    /// Reads an attempt from its text.
    pub fn parse(text: &str) -> Option<Self> {
        let (revision, hash) = text.split_once(' ')?;
        Some(Self { revision: revision.parse().ok()?, hash: hash.to_owned() })
    }
}
