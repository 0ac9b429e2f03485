//! S3: the stable version keeps what its share of the traffic needs.

use serde_json::Value;

use super::{History, Key, Violation, WriteRecord, broken, view};

/// Checks every write of ours that makes the stable `ReplicaSet` smaller.
///
/// With routing it stays whole until the release is over, or with `dynamicStableScale` keeps its live share less
/// `maxUnavailable`. Without routing pods are the weights: what is left of it and what others have available must reach
/// the least that the spec allows.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("replicasets") || write.touches("status") {
        return Ok(());
    }
    let size = |set: Option<&Value>| set.and_then(|set| view::number(set, "/spec/replicas")).unwrap_or_default();
    let (from, to) = (size(history.before(write)), size(write.after.as_deref()));
    if to >= from {
        return Ok(());
    }
    let Some(set) = history.before(write) else {
        return Ok(());
    };
    let Some(key) = history.owner(&write.key.namespace, set) else {
        return Ok(());
    };
    let Some(rollout) = history.get(&key) else {
        return Ok(());
    };
    let hash = view::label(set, view::HASH_LABEL);
    if hash.is_empty() || hash != view::text(rollout, "/status/stableRS") {
        return Ok(());
    }
    let wanted = history.story(&key).and_then(|story| story.replicas.believable(write.at).min().copied());
    let wanted = wanted.unwrap_or_else(|| view::replicas(rollout));
    let least = least(history, write, (&key, rollout), (hash, wanted));
    if to >= least {
        return Ok(());
    }
    broken("S3", write, format!("the stable version went from {from} to {to} pods, and {least} are its least"))
}

fn least(history: &History, write: &WriteRecord, (key, rollout): (&Key, &Value), (hash, wanted): (&str, i64)) -> i64 {
    let canary = rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null);
    let spare = view::max_unavailable(rollout);
    if canary.get("trafficRouting").is_none() {
        let others = history.sets(key).filter(|(_, set)| view::label(set, view::HASH_LABEL) != hash);
        let answering = |(set, object): (&Key, &Value)| {
            history.available(set, write.at).min(view::number(object, "/spec/replicas").unwrap_or_default())
        };
        return wanted - spare - others.map(answering).sum::<i64>();
    }
    if !view::flag(canary, "/dynamicStableScale") {
        return wanted;
    }
    let weight = history.now().shares(key).get(hash).copied().unwrap_or(100);
    view::pods_for(weight, wanted) - spare
}
