//! Conditions of Rollouts and Experiments: types, states and reasons.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::enums::{UnknownWord, closed_words, open_words};

open_words! {
    /// What a condition is about.
    ConditionType {
        /// Enough pods can answer.
        Available = "Available",
        /// Promoted, complete and available, with no old pods left.
        Healthy = "Healthy",
        /// The wanted version is the stable one.
        Completed = "Completed",
        /// Held by a person or a pause.
        Paused = "Paused",
        /// On its way, or why not.
        Progressing = "Progressing",
        /// Pods cannot be made or removed.
        ReplicaFailure = "ReplicaFailure",
        /// The spec cannot be carried out.
        InvalidSpec = "InvalidSpec",
        /// Serin: the spec has fields whose behaviour is not built yet.
        UnsupportedFields = "UnsupportedFields",
    }
}

open_words! {
    /// Whether a condition holds.
    ConditionStatus {
        /// It holds.
        True = "True",
        /// It does not.
        False = "False",
        /// Nobody knows.
        Unknown = "Unknown",
    }
}

impl From<bool> for ConditionStatus {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

closed_words! {
    /// Why a condition is as it is.
    ConditionReason {
        /// Available, always.
        AvailableReason = "AvailableReason",
        /// Healthy, always.
        RolloutHealthy = "RolloutHealthy",
        /// Completed, always.
        RolloutCompleted = "RolloutCompleted",
        /// Paused, always; Progressing while a pause holds.
        RolloutPaused = "RolloutPaused",
        /// Progressing: a ReplicaSet was made.
        NewReplicaSetCreated = "NewReplicaSetCreated",
        /// Progressing: a ReplicaSet was found.
        FoundNewReplicaSet = "FoundNewReplicaSet",
        /// Progressing: pods came or went.
        ReplicaSetUpdated = "ReplicaSetUpdated",
        /// Progressing: a promoted version lost pods.
        ReplicaSetNotAvailable = "ReplicaSetNotAvailable",
        /// Progressing: done.
        NewReplicaSetAvailable = "NewReplicaSetAvailable",
        /// Progressing: a pause ended.
        RolloutResumed = "RolloutResumed",
        /// Progressing: tried again after an abort.
        RolloutRetry = "RolloutRetry",
        /// Progressing: called off.
        RolloutAborted = "RolloutAborted",
        /// Progressing: no progress for too long.
        ProgressDeadlineExceeded = "ProgressDeadlineExceeded",
        /// Progressing: a ReplicaSet could not be made.
        ReplicaSetCreateError = "ReplicaSetCreateError",
        /// Progressing of an Experiment: done.
        ExperimentCompleted = "ExperimentCompleted",
        /// InvalidSpec, always.
        InvalidSpec = "InvalidSpec",
        /// Serin: UnsupportedFields, always.
        UnsupportedFields = "UnsupportedFields",
    }
}
