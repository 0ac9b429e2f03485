//! What a RollbackPolicy has done: the last rollbacks, each with all that a restart needs to go on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lenient;
use crate::names::{AbortCause, ConditionStatus, NoticeMoment, NoticeState, RollbackStage};

/// Most rollbacks that a status keeps; those under way are never dropped.
pub const MOST_ROLLBACKS: usize = 20;

/// What a RollbackPolicy has done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackPolicyStatus {
    /// Generation of the spec that was seen last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Ready: whether the spec can be carried out. Working: whether a rollback is under way.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<RollbackCondition>,
    /// The last rollbacks, newest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rollbacks: Vec<Rollback>,
}

/// One condition of a RollbackPolicy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackCondition {
    /// What the condition is about.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// When its status changed last.
    #[serde(with = "crate::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::time::Wire"))]
    pub last_transition_time: Timestamp,
    /// One word for machines.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// Generation of the spec that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// One rollback: an aborted release on its way into Git.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct Rollback {
    /// Which abort of which revision of which Rollout; no two are the same.
    pub id: String,
    /// Name of the Rollout.
    pub rollout: String,
    /// The revision that was aborted.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub revision: Option<String>,
    /// What was aborted: a tag where only that changed, else whole images.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// What was stable.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// The images that differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<ImageChange>,
    /// Why it was aborted.
    pub verdict: RollbackVerdict,
    /// How far it is.
    pub stage: RollbackStage,
    /// What it waits for, or how it ended.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// What the gate decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<RollbackDecision>,
    /// The commit that is in the branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// When each arrow of the loop was walked.
    pub times: RollbackTimes,
    /// Who was told what.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<NoticeRecord>,
}

/// The image of a container, in the version that was aborted and in the one that was stable.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct ImageChange {
    /// The container.
    pub container: String,
    /// The image that was aborted.
    pub from: String,
    /// The image that was stable.
    pub to: String,
}

/// Why a release was aborted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackVerdict {
    /// Analysis, Deadline or Person.
    pub cause: AbortCause,
    /// The sentence of the Rollout.
    pub reason: String,
    /// The AnalysisRun that failed.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub run: Option<String>,
    /// The metric that failed.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub metric: Option<String>,
    /// Its last value, as it was measured.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub value: Option<String>,
    /// The condition that the value did not meet.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub condition: Option<String>,
}

/// What the gate decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackDecision {
    /// Whether Git may be changed.
    pub allowed: bool,
    /// What the gate calls the decision.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub id: Option<String>,
    /// Revision of the rules, where the gate tells it.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub revision: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<String>,
}

/// When each arrow of the loop was walked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct RollbackTimes {
    /// The release began.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub began: Option<Timestamp>,
    /// The traffic was taken off the new version.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub aborted: Option<Timestamp>,
    /// The gate decided.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub decided: Option<Timestamp>,
    /// The commit was pushed.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub committed: Option<Timestamp>,
    /// The Rollout asked for the version that was stable.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub synced: Option<Timestamp>,
    /// The proof was late.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub late: Option<Timestamp>,
    /// It ended.
    #[serde(skip_serializing_if = "Option::is_none", with = "crate::time::option")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::time::Wire>"))]
    pub ended: Option<Timestamp>,
    /// From the abort to the end of each arrow, in words such as 41s: decision, commit, sync, proof.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub durations: String,
}

/// One notice of a rollback.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, rename_all = "camelCase")]
pub struct NoticeRecord {
    /// Name of the notice in the spec.
    pub name: String,
    /// The moment that it is about.
    pub moment: NoticeMoment,
    /// How far it is.
    pub state: NoticeState,
    /// When it was first about to be sent.
    #[serde(with = "crate::time")]
    #[cfg_attr(feature = "schema", schemars(with = "crate::time::Wire"))]
    pub since: Timestamp,
    /// What the other side calls it; of Slack, the message by which its thread is known.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub reference: Option<String>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "lenient::text")]
    pub message: Option<String>,
}
