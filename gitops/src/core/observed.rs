//! What a decision is made from: the policy, the Rollouts that it is about, and the time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serin_crds::Fault;
use serin_crds::names::{AbortCause, NoticeMoment};
use serin_crds::rollback::{RollbackPolicySpec, RollbackPolicyStatus, RollbackVerdict};

use super::images::Images;

/// Everything that a decision is made from.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The time of day.
    pub now: Timestamp,
    /// The policy.
    pub policy: PolicySeen,
    /// The Rollouts that are selected and aborted, and those of rollbacks under way, by name.
    pub rollouts: BTreeMap<String, RolloutSeen>,
    /// What is not tried again before a moment, because it failed.
    pub held: BTreeMap<Held, Timestamp>,
    /// Notices that nobody can have sent yet: their record was written by this process, a moment ago.
    pub fresh: BTreeSet<NoticeKey>,
}

/// The policy as it was read.
#[derive(Clone, Debug, Default)]
pub struct PolicySeen {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Generation of the spec.
    pub generation: i64,
    /// What is to be done.
    pub spec: RollbackPolicySpec,
    /// What is wrong with it; then nothing is done.
    pub faults: Vec<Fault>,
    /// What was done.
    pub status: RollbackPolicyStatus,
}

/// Something that may be held back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Asking the gate about this rollback.
    Gate(String),
    /// Pushing this rollback.
    Commit(String),
    /// Sending a notice.
    Notice(NoticeKey),
}

/// One notice of one rollback.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct NoticeKey {
    /// The rollback.
    pub id: String,
    /// Name of the notice in the spec.
    pub name: String,
    /// The moment.
    pub moment: NoticeMoment,
}

/// A Rollout, as far as the loop is about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RolloutSeen {
    /// Name.
    pub name: String,
    /// Uid.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// The ticket that commits name.
    pub ticket: Option<String>,
    /// Revision that is asked for.
    pub revision: Option<String>,
    /// Images that are asked for, by container.
    pub wanted: Images,
    /// Whether it is healthy on what is asked for.
    pub healthy: bool,
    /// The abort of the revision that is asked for.
    pub aborted: Option<Aborted>,
}

/// An abort.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Aborted {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: AbortCause,
    /// The sentence of the Rollout.
    pub reason: String,
    /// What was found out about it; only of an abort that is not recorded yet.
    pub evidence: Option<Evidence>,
}

/// What was found out about an abort.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// Images of the version that was aborted; `None` when its `ReplicaSet` is gone.
    pub from: Option<Images>,
    /// Images of the version that is stable; `None` when its `ReplicaSet` is gone.
    pub to: Option<Images>,
    /// The verdict of the run that failed.
    pub verdict: RollbackVerdict,
    /// When the release began.
    pub began: Option<Timestamp>,
}

impl RolloutSeen {
    /// What the rollback of its present abort is called.
    pub fn rollback(&self) -> Option<String> {
        let aborted = self.aborted.as_ref()?;
        Some(rollback_id(&self.uid, self.revision.as_deref(), aborted.at))
    }
}

/// What the rollback of an abort is called: of the Rollout with this uid, in this revision, at this instant.
pub fn rollback_id(uid: &str, revision: Option<&str>, aborted: Timestamp) -> String {
    let uid = uid.split('-').next().unwrap_or_default();
    format!("{uid}-{}-{}", revision.unwrap_or("0"), aborted.as_second())
}
