//! What a pod says of itself, and how its status is written.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::server::json::{at, list, put, text};

/// Tells whether a pod counts for its `ReplicaSet`: it has not ended and was not told to.
pub fn is_active(pod: &Value) -> bool {
    !is_dying(pod) && !matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed")
}

/// Tells whether a pod was told to end.
pub fn is_dying(pod: &Value) -> bool {
    at(pod, &["metadata", "deletionTimestamp"]).is_some()
}

/// Tells since when a pod has been ready; nothing when it isn't.
pub fn ready_since(pod: &Value) -> Option<Timestamp> {
    let conditions = list(pod, &["status", "conditions"]);
    let ready = conditions.iter().find(|condition| text(condition, &["type"]) == "Ready")?;
    if text(ready, &["status"]) != "True" {
        return None;
    }
    text(ready, &["lastTransitionTime"]).parse().ok()
}

/// How a running pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its process runs and isn't ready yet.
    Starting,
    /// It serves.
    Ready,
    /// Its process ended and is not started again yet.
    Crashed,
}

/// What a status is written from.
#[derive(Clone, Copy, Debug)]
pub struct Life<'a> {
    /// How the pod is.
    pub health: Health,
    /// How often its process was started again.
    pub restarts: i64,
    /// Its address.
    pub ip: &'a str,
    /// Now.
    pub now: &'a str,
}

/// Returns the status of a pod that runs on a node.
pub fn status(pod: &Value, life: Life<'_>) -> Value {
    let ready = life.health == Health::Ready;
    let state = match life.health {
        Health::Crashed => {
            let message = "back-off restarting failed container";
            json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}})
        }
        Health::Starting | Health::Ready => json!({"running": {"startedAt": started(pod, life)}}),
    };
    let container = |container: &Value| {
        json!({
            "name": text(container, &["name"]), "image": text(container, &["image"]), "imageID": "",
            "ready": ready, "started": life.health != Health::Crashed, "restartCount": life.restarts, "state": state,
        })
    };
    let containers: Vec<Value> = list(pod, &["spec", "containers"]).iter().map(container).collect();
    let conditions: Vec<Value> =
        [("PodScheduled", true), ("Initialized", true), ("ContainersReady", ready), ("Ready", ready)]
            .map(|(kind, holds)| condition(pod, kind, holds, life.now))
            .into();
    json!({
        "phase": "Running", "podIP": life.ip, "podIPs": [{"ip": life.ip}], "hostIP": "10.0.0.1",
        "startTime": at(pod, &["status", "startTime"]).cloned().unwrap_or_else(|| life.now.into()),
        "qosClass": "BestEffort", "conditions": conditions, "containerStatuses": containers,
    })
}

/// Tells when the process was started: at its last restart, which is now when the count has just gone up.
fn started<'a>(pod: &'a Value, life: Life<'a>) -> &'a str {
    let known = list(pod, &["status", "containerStatuses"]).first();
    let known = known.map_or("", |known| text(known, &["state", "running", "startedAt"]));
    if known.is_empty() { life.now } else { known }
}

/// A condition keeps the time of its last change.
fn condition(pod: &Value, kind: &str, holds: bool, now: &str) -> Value {
    let word = if holds { "True" } else { "False" };
    let known = list(pod, &["status", "conditions"]).iter().find(|condition| text(condition, &["type"]) == kind);
    let since =
        known.filter(|known| text(known, &["status"]) == word).map(|known| text(known, &["lastTransitionTime"]));
    let mut condition = json!({"type": kind, "status": word, "lastTransitionTime": since.unwrap_or(now)});
    if !holds {
        put(&mut condition, &["reason"], "ContainersNotReady".into());
    }
    condition
}
