//! Words of manifests and status, as types.

use std::{convert::Infallible, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Makes an enum of words that keeps a word it does not know, so that one typo cannot hide a whole object.
macro_rules! open_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A word that we do not know, kept as it is.
            Other(String),
        }

        impl $name {
            /// Every word that we know.
            pub const KNOWN: &'static [&'static str] = &[$($word),+];

            /// The word itself.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    _ => Self::Other(word.to_owned()),
                }
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(word: &str) -> Result<Self, Infallible> {
                Ok(word.into())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::Other(String::new())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Ok(String::deserialize(deserializer)?.as_str().into())
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                String::json_schema(generator)
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

/// Makes an enum of words that nobody else adds to.
macro_rules! closed_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word itself.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;

            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err(UnknownWord),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                String::json_schema(generator)
            }

            fn inline_schema() -> bool {
                true
            }
        }
    };
}

pub(super) use {closed_words, open_words};

/// A word that is none of those that can stand here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown word")]
pub struct UnknownWord;

closed_words! {
    /// `status.phase` of a Rollout; Argo CD knows these four and no others.
    RolloutPhase {
        /// Fully promoted and available.
        Healthy = "Healthy",
        /// Aborted, overdue or invalid.
        Degraded = "Degraded",
        /// On its way.
        Progressing = "Progressing",
        /// Held by a person or a pause.
        Paused = "Paused",
    }
}

closed_words! {
    /// Phase of an AnalysisRun, of one of its metrics, of a measurement, or of an Experiment.
    AnalysisPhase {
        /// Not begun; also what an empty or unknown word means.
        Pending = "Pending",
        /// Begun.
        Running = "Running",
        /// Ended well.
        Successful = "Successful",
        /// Ended badly: a limit was breached.
        Failed = "Failed",
        /// Ended because it could not be measured.
        Error = "Error",
        /// Ended without an answer.
        Inconclusive = "Inconclusive",
    }
}

impl AnalysisPhase {
    /// Whether nothing more can happen.
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Running => false,
            Self::Successful | Self::Failed | Self::Error | Self::Inconclusive => true,
        }
    }
}

#[allow(clippy::derivable_impls, reason = "the macro makes the enum")]
impl Default for AnalysisPhase {
    fn default() -> Self {
        Self::Pending
    }
}

impl<'de> Deserialize<'de> for AnalysisPhase {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(crate::lenient::word(deserializer)?.unwrap_or_default())
    }
}

closed_words! {
    /// What an AnalysisRun is for: the value of the label `rollout-type`.
    RunPurpose {
        /// A step of the canary.
        Step = "Step",
        /// Beside the steps of the canary.
        Background = "Background",
        /// Before the switch of blue-green.
        PrePromotion = "PrePromotion",
        /// After the switch of blue-green.
        PostPromotion = "PostPromotion",
    }
}

open_words! {
    /// Why the controller holds a Rollout.
    PauseReason {
        /// A pause step.
        CanaryPauseStep = "CanaryPauseStep",
        /// Blue-green before its switch.
        BlueGreenPause = "BlueGreenPause",
        /// An analysis without an answer.
        InconclusiveAnalysisRun = "InconclusiveAnalysisRun",
        /// An experiment without an answer.
        InconclusiveExperiment = "InconclusiveExperiment",
    }
}

open_words! {
    /// Which pod-template hash an argument takes.
    HashValue {
        /// That of the stable version.
        Stable = "Stable",
        /// That of the new version.
        Latest = "Latest",
    }
}

open_words! {
    /// Which version an experiment's template runs.
    SpecRef {
        /// The stable version.
        Stable = "stable",
        /// The canary.
        Canary = "canary",
    }
}

open_words! {
    /// When a referenced workload is scaled down; any other word means never.
    ScaleDown {
        /// Never.
        Never = "never",
        /// When the Rollout is healthy.
        OnSuccess = "onsuccess",
        /// While the Rollout grows.
        Progressively = "progressively",
    }
}

open_words! {
    /// How a progress threshold counts.
    ThresholdKind {
        /// As a percentage.
        Percent = "Percent",
        /// As a number of pods.
        Pods = "Pods",
    }
}

open_words! {
    /// How an update ended.
    CompletionStatus {
        /// All steps were done.
        Promoted = "Promoted",
        /// Steps were skipped.
        FastPromoted = "FastPromoted",
        /// It was called off.
        Aborted = "Aborted",
        /// A newer change came.
        Superseded = "Superseded",
        /// Back to an older version, by the steps.
        RolledBack = "RolledBack",
        /// Back to an older version, at once.
        FastRolledBack = "FastRolledBack",
    }
}

open_words! {
    /// State of one template of an experiment.
    TemplatePhase {
        /// Its pods are coming.
        Progressing = "Progressing",
        /// Its pods are available.
        Running = "Running",
        /// Its time is over.
        Successful = "Successful",
        /// Its pods did not come in time.
        Failed = "Failed",
        /// It could not be made.
        Error = "Error",
    }
}
