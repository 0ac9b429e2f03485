//! Reasons of events.

use std::fmt;

use serde::{Serialize, Serializer};

use super::enums::{AnalysisPhase, TemplatePhase};

/// Makes the enum of event reasons: variant, word, and `W` for those that are warnings.
macro_rules! event_reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal $($warning:ident)?,)+) => {
        /// Why an event is sent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EventReason {
            $($(#[$doc])* $variant,)+
        }

        impl EventReason {
            /// Every reason.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word that the event carries.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }

            /// Whether the event is of type Warning.
            pub const fn is_warning(self) -> bool {
                match self {
                    $(Self::$variant => event_reasons!(@ $($warning)?),)+
                }
            }
        }
    };
    (@ W) => { true };
    (@) => { false };
}

event_reasons! {
    /// A Rollout was seen for the first time.
    RolloutAddedToInformer = "RolloutAddedToInformer",
    /// A Rollout was deleted.
    RolloutDeleted = "RolloutDeleted",
    /// A Rollout has a new revision.
    RolloutUpdated = "RolloutUpdated",
    /// A ReplicaSet was made.
    NewReplicaSetCreated = "NewReplicaSetCreated",
    /// A ReplicaSet was found.
    FoundNewReplicaSet = "FoundNewReplicaSet",
    /// A ReplicaSet could not be made.
    ReplicaSetCreateError = "ReplicaSetCreateError" W,
    /// A ReplicaSet could not be changed.
    ReplicaSetUpdateError = "ReplicaSetUpdateError" W,
    /// A ReplicaSet was scaled.
    ScalingReplicaSet = "ScalingReplicaSet",
    /// An update began.
    RolloutNotCompleted = "RolloutNotCompleted",
    /// An update ended well.
    RolloutCompleted = "RolloutCompleted",
    /// A step was done.
    RolloutStepCompleted = "RolloutStepCompleted",
    /// A pause began.
    RolloutPaused = "RolloutPaused",
    /// A pause ended.
    RolloutResumed = "RolloutResumed",
    /// An update was called off.
    RolloutAborted = "RolloutAborted" W,
    /// An aborted update is tried again.
    RolloutRetry = "RolloutRetry",
    /// No progress for too long.
    ProgressDeadlineExceeded = "ProgressDeadlineExceeded" W,
    /// The spec cannot be carried out.
    InvalidSpec = "InvalidSpec" W,
    /// Serin: the spec has fields whose behaviour is not built yet.
    UnsupportedFields = "UnsupportedFields" W,
    /// The steps were skipped: the stable version is asked for.
    SkipSteps = "SkipSteps",
    /// A Service selects another version.
    SwitchService = "SwitchService",
    /// A Service that is referred to is wrong.
    ServiceReferenceError = "ServiceReferenceError" W,
    /// Weights were changed.
    TrafficWeightUpdated = "TrafficWeightUpdated",
    /// Weights could not be changed.
    TrafficRoutingError = "TrafficRoutingError" W,
    /// Serin: somebody else changed the weights, and they were put right.
    TrafficDriftCorrected = "TrafficDriftCorrected" W,
    /// Weights could not be verified.
    WeightVerifyError = "WeightVerifyError" W,
    /// A VirtualService was changed; the word has a space.
    UpdatedVirtualService = "Updated VirtualService",
    /// A DestinationRule was changed.
    UpdatedDestinationRule = "UpdatedDestinationRule",
    /// A VirtualService is missing.
    VirtualServiceNotFound = "VirtualServiceNotFound" W,
    /// A DestinationRule is missing.
    DestinationRuleNotFound = "DestinationRuleNotFound" W,
    /// An experiment was made.
    ExperimentCreated = "ExperimentCreated",
    /// A step plugin changed its state.
    StepPluginTransition = "StepPluginTransition",
    /// A step plugin could not be carried out.
    ReconciliationError = "ReconciliationError" W,
    /// An analysis run has not begun.
    AnalysisRunPending = "AnalysisRunPending",
    /// An analysis run has begun.
    AnalysisRunRunning = "AnalysisRunRunning",
    /// An analysis run ended well.
    AnalysisRunSuccessful = "AnalysisRunSuccessful",
    /// An analysis run ended without an answer.
    AnalysisRunInconclusive = "AnalysisRunInconclusive",
    /// An analysis run ended badly.
    AnalysisRunFailed = "AnalysisRunFailed" W,
    /// An analysis run could not be measured.
    AnalysisRunError = "AnalysisRunError" W,
    /// An analysis run of an experiment is being ended.
    AnalysisRunTerminating = "AnalysisRunTerminating",
    /// Serin: something about an analysis deserves a look, such as a query that divides a series by itself.
    AnalysisRunWarning = "AnalysisRunWarning" W,
    /// A metric ended well.
    MetricSuccessful = "MetricSuccessful",
    /// A metric ended without an answer.
    MetricInconclusive = "MetricInconclusive",
    /// A metric ended badly.
    MetricFailed = "MetricFailed" W,
    /// A metric could not be measured.
    MetricError = "MetricError" W,
    /// A template of an experiment has pods coming.
    TemplateProgressing = "TemplateProgressing",
    /// A template of an experiment is available.
    TemplateRunning = "TemplateRunning",
    /// A template of an experiment ended well.
    TemplateSuccessful = "TemplateSuccessful",
    /// A template of an experiment ended badly.
    TemplateFailed = "TemplateFailed" W,
    /// A template of an experiment could not be made.
    TemplateError = "TemplateError" W,
    /// An experiment has not begun.
    ExperimentPending = "ExperimentPending",
    /// An experiment has begun.
    ExperimentRunning = "ExperimentRunning",
    /// An experiment ended well.
    ExperimentSuccessful = "ExperimentSuccessful",
    /// An experiment ended without an answer.
    ExperimentInconclusive = "ExperimentInconclusive" W,
    /// An experiment ended badly.
    ExperimentFailed = "ExperimentFailed" W,
    /// An experiment could not be measured.
    ExperimentError = "ExperimentError" W,
}

impl EventReason {
    /// The reason that says how an analysis run stands.
    pub const fn analysis_run(phase: AnalysisPhase) -> Self {
        match phase {
            AnalysisPhase::Pending => Self::AnalysisRunPending,
            AnalysisPhase::Running => Self::AnalysisRunRunning,
            AnalysisPhase::Successful => Self::AnalysisRunSuccessful,
            AnalysisPhase::Failed => Self::AnalysisRunFailed,
            AnalysisPhase::Error => Self::AnalysisRunError,
            AnalysisPhase::Inconclusive => Self::AnalysisRunInconclusive,
        }
    }

    /// The reason that says how a metric ended; none before its end.
    pub const fn metric(phase: AnalysisPhase) -> Option<Self> {
        match phase {
            AnalysisPhase::Pending | AnalysisPhase::Running => None,
            AnalysisPhase::Successful => Some(Self::MetricSuccessful),
            AnalysisPhase::Failed => Some(Self::MetricFailed),
            AnalysisPhase::Error => Some(Self::MetricError),
            AnalysisPhase::Inconclusive => Some(Self::MetricInconclusive),
        }
    }

    /// The reason that says how an experiment stands.
    pub const fn experiment(phase: AnalysisPhase) -> Self {
        match phase {
            AnalysisPhase::Pending => Self::ExperimentPending,
            AnalysisPhase::Running => Self::ExperimentRunning,
            AnalysisPhase::Successful => Self::ExperimentSuccessful,
            AnalysisPhase::Failed => Self::ExperimentFailed,
            AnalysisPhase::Error => Self::ExperimentError,
            AnalysisPhase::Inconclusive => Self::ExperimentInconclusive,
        }
    }

    /// The reason that says how a template of an experiment stands; none for a word that we do not know.
    pub const fn template(phase: &TemplatePhase) -> Option<Self> {
        match phase {
            TemplatePhase::Progressing => Some(Self::TemplateProgressing),
            TemplatePhase::Running => Some(Self::TemplateRunning),
            TemplatePhase::Successful => Some(Self::TemplateSuccessful),
            TemplatePhase::Failed => Some(Self::TemplateFailed),
            TemplatePhase::Error => Some(Self::TemplateError),
            TemplatePhase::Other(_) => None,
        }
    }
}

impl fmt::Display for EventReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for EventReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
