//! S4: what traffic can still reach is not taken away.

use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, view};

/// Checks every write of ours that takes a `ReplicaSet`'s last pods or deletes it.
///
/// It must not be named by a route with weight or by a Service, nor have been until so shortly ago that proxies may not know
/// yet. Somebody who asks for 0 replicas wants none.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("replicasets") || write.touches("status") {
        return Ok(());
    }
    let Some(set) = history.before(write) else {
        return Ok(());
    };
    let size = |set: &Value| view::number(set, "/spec/replicas").unwrap_or(1);
    let gone = size(set) > 0 && write.after.as_deref().is_none_or(|after| size(after) == 0);
    let Some(key) = history.owner(&write.key.namespace, set).filter(|_| gone) else {
        return Ok(());
    };
    let Some(rollout) = history.get(&key) else {
        return Ok(());
    };
    let none_wanted = history.wanted(&key, write).contains(&0);
    if none_wanted || !view::text(rollout, "/metadata/deletionTimestamp").is_empty() {
        return Ok(());
    }
    let (scene, hash) = (history.now(), view::label(set, view::HASH_LABEL));
    let shares = scene.shares(&key);
    let what = if write.after.is_some() { "was scaled to 0" } else { "was deleted" };
    if let Some(weight) = shares.get(hash).filter(|weight| **weight > 0) {
        return broken("S4", write, format!("{what} while a route gives it {weight} % of the traffic"));
    }
    if let Some(((_, route), _)) = scene.managed(&key).into_iter().find(|(_, hashes)| hashes.contains(hash)) {
        return broken("S4", write, format!("{what} while the managed route {route:?} leads to it"));
    }
    if let Some(service) = history.selecting(&write.key.namespace, hash).next() {
        return broken("S4", write, format!("{what} while the Service {} selects it", service.name));
    }
    let until = history.shelf(&write.key).and_then(super::Shelf::reached);
    match until.map(|until| write.at.duration_since(until)).filter(|since| *since < history.drain()) {
        Some(since) => broken("S4", write, format!("{what} {} ms after traffic could reach it", since.as_millis())),
        None => Ok(()),
    }
}
