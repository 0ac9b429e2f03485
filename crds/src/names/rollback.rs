//! Words of RollbackPolicies.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::enums::open_words;

/// Trailer of a commit: the Rollout that was rolled back, as namespace/name.
pub const TRAILER_ROLLOUT: &str = "Serin-Rollout";
/// Trailer of a commit: the revision that was aborted.
pub const TRAILER_REVISION: &str = "Serin-Revision";
/// Trailer of a commit: the rollback; no two have the same, and it is how a commit is found again.
pub const TRAILER_ROLLBACK: &str = "Serin-Rollback";
/// Trailer of a commit: what the gate called its decision.
pub const TRAILER_DECISION: &str = "Serin-Decision";
/// Annotation of a Rollout with the ticket that commits name.
pub const TICKET_ANNOTATION: &str = "serin.dev/ticket";

open_words! {
    /// Why a release was aborted.
    AbortCause {
        /// An analysis failed.
        Analysis = "Analysis",
        /// It made no progress for too long.
        Deadline = "Deadline",
        /// A person called it off.
        Person = "Person",
    }
}

open_words! {
    /// What is done where the gate gives no decision.
    Ruling {
        /// As if it had allowed the change.
        Allow = "Allow",
        /// As if it had denied the change.
        Deny = "Deny",
        /// It is asked again until it answers.
        Hold = "Hold",
    }
}

open_words! {
    /// How a change gets into the branch.
    WriteMode {
        /// It is pushed.
        Push = "Push",
        /// It is proposed, and somebody merges it.
        PullRequest = "PullRequest",
    }
}

open_words! {
    /// How far a rollback is.
    RollbackStage {
        /// The gate is asked.
        Deciding = "Deciding",
        /// The change is made and pushed.
        Committing = "Committing",
        /// The commit is in the branch; whoever syncs has not brought it into the cluster yet.
        Syncing = "Syncing",
        /// The Rollout asks for the version that was stable; it is not healthy yet.
        Proving = "Proving",
        /// The Rollout is healthy on that version.
        Proved = "Proved",
        /// The gate denied the change.
        Denied = "Denied",
        /// There was nothing to do, or somebody else was faster.
        Skipped = "Skipped",
        /// It can't be done, whoever tries again.
        Failed = "Failed",
    }
}

impl RollbackStage {
    /// Whether nothing follows.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Proved | Self::Denied | Self::Skipped | Self::Failed)
    }
}

open_words! {
    /// At what moment of a rollback people are told.
    NoticeMoment {
        /// The commit is in the branch.
        Committed = "Committed",
        /// The gate denied the change.
        Denied = "Denied",
        /// It can't be done, or there was nothing to do.
        Failed = "Failed",
        /// The proof has not come in time.
        Late = "Late",
        /// The Rollout is healthy on the version that was stable.
        Proved = "Proved",
    }
}

open_words! {
    /// How far a notice is.
    NoticeState {
        /// It is about to be sent, or was sent and the answer was never seen.
        Sending = "Sending",
        /// It was taken.
        Sent = "Sent",
        /// It was refused for good.
        Refused = "Refused",
    }
}
