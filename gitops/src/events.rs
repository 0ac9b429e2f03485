//! Events: tells at a Rollout how its rollback goes; best effort, after the record.

use jiff::Timestamp;
use serde_json::{Value, json};
use serin_crds::names::RollbackStage;
use serin_crds::rollback::{Rollback, RollbackPolicyStatus};
use serin_crds::time;

use crate::core::observed::Observed;

/// Longest part of an event's name that comes from its Rollout.
const LONGEST_NAME: usize = 150;

/// The events of what a status says that the one before did not.
pub fn of(observed: &Observed, after: &RollbackPolicyStatus, now: Timestamp) -> Vec<Value> {
    let before = &observed.policy.status.rollbacks;
    let stage = |id: &str| before.iter().find(|rollback| rollback.id == id).map(|rollback| &rollback.stage);
    let new = after.rollbacks.iter().filter(|rollback| stage(&rollback.id) != Some(&rollback.stage));
    new.filter_map(|rollback| event(observed, rollback, now)).collect()
}

fn event(observed: &Observed, rollback: &Rollback, now: Timestamp) -> Option<Value> {
    let (reason, kind) = match rollback.stage {
        RollbackStage::Syncing => ("RollbackCommitted", "Normal"),
        RollbackStage::Proved => ("RollbackProved", "Normal"),
        RollbackStage::Skipped => ("RollbackSkipped", "Normal"),
        RollbackStage::Denied => ("RollbackDenied", "Warning"),
        RollbackStage::Failed => ("RollbackFailed", "Warning"),
        _ => return None,
    };
    let Rollback { id, rollout, from, to, message, .. } = rollback;
    let uid = observed.rollouts.get(rollout).map(|rollout| rollout.uid.as_str()).unwrap_or_default();
    let namespace = &observed.policy.namespace;
    let commit = rollback.commit.as_deref().map(|sha| format!(", commit {sha}")).unwrap_or_default();
    let name: String = rollout.chars().take(LONGEST_NAME).collect();
    let at = time::format(now);
    Some(json!({
        "apiVersion": "v1", "kind": "Event",
        // One name for one moment: told again, it is the same event.
        "metadata": {"namespace": namespace, "name": format!("{name}.{id}.{}", reason.to_lowercase())},
        "involvedObject": {
            "apiVersion": serin_crds::names::API_VERSION, "kind": "Rollout", "namespace": namespace, "name": rollout,
            "uid": uid,
        },
        "reason": reason, "type": kind, "message": format!("{from} to {to} in Git{commit}: {message}"),
        "source": {"component": "serin-gitops"}, "firstTimestamp": at, "lastTimestamp": at, "count": 1,
    }))
}
