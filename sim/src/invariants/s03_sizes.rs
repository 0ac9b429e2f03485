//! S3: no revision gets smaller than what its traffic needs, and no more pods are made than the spec allows.

use serde_json::Value;

use super::{
    History, Key, Violation, WriteRecord, broken, view,
    wiring::{Wiring, wiring},
};

/// A write that changes the size of a `ReplicaSet`.
struct Resize<'a> {
    history: &'a History,
    write: &'a WriteRecord,
    key: Key,
    rollout: &'a Value,
    wiring: Wiring,
    hash: &'a str,
    from: i64,
    to: i64,
}

/// Checks every write of ours that changes the size of a `ReplicaSet`, the deletion of one included.
///
/// With routing, the stable one stays whole until the release is over, or with `dynamicStableScale` keeps its live share
/// less `maxUnavailable`; every other one keeps the share that it has, or has had until so shortly ago that proxies may not
/// know better. Without routing pods are the weights: the pods that are left must reach the least that the spec allows,
/// and all together stay within `maxSurge`.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("replicasets") || write.touches("status") {
        return Ok(());
    }
    let size = |set: Option<&Value>| set.and_then(|set| view::number(set, "/spec/replicas")).unwrap_or_default();
    let (before, after) = (history.before(write), write.after.as_deref());
    let Some(set) = before.or(after) else { return Ok(()) };
    let Some(key) = history.owner(&write.key.namespace, set) else {
        return Ok(());
    };
    let Some(rollout) = history.get(&key) else {
        return Ok(());
    };
    let hash = view::label(set, view::HASH_LABEL);
    let (wiring, from, to) = (wiring(rollout), size(before), size(after));
    if hash.is_empty() || from == to || !view::text(rollout, "/metadata/deletionTimestamp").is_empty() {
        return Ok(());
    }
    let resize = Resize { history, write, key, rollout, wiring, hash, from, to };
    let wrong = if to > from { resize.too_many() } else { resize.too_few() };
    wrong.map_or(Ok(()), |seen| broken("S3", write, seen))
}

impl Resize<'_> {
    fn wanted(&self) -> Vec<i64> {
        let wanted = self.history.wanted(&self.key, self.write);
        if wanted.is_empty() { vec![view::replicas(self.rollout)] } else { wanted }
    }

    fn too_many(&self) -> Option<String> {
        let Self { hash, from, to, .. } = self;
        let most = self.wanted().into_iter().max()?;
        let surge = if self.wiring.routed { 0 } else { view::max_surge(self.rollout, most) };
        if *to > most + surge && !self.by_hand() {
            return Some(format!("{hash} went from {from} to {to} pods, and {most} are asked for"));
        }
        if self.wiring.routed {
            return None;
        }
        let sets = self.history.sets(&self.key).filter(|(key, _)| **key != self.write.key);
        let others: i64 = sets.map(|(_, set)| view::number(set, "/spec/replicas").unwrap_or_default()).sum();
        let (all, cap) = (others + to, most + surge);
        (all > cap).then(|| format!("{hash} went from {from} to {to} pods, {all} in all, and {cap} are the most"))
    }

    /// Says whether the spec sizes the canary by hand.
    fn by_hand(&self) -> bool {
        let steps = view::list(self.rollout, "/spec/strategy/canary/steps");
        steps.iter().any(|step| step.get("setCanaryScale").is_some())
    }

    fn too_few(&self) -> Option<String> {
        let Self { hash, from, to, .. } = self;
        let wanted = self.wanted().into_iter().min()?;
        let least = if self.wiring.routed { self.least_with_routing(wanted) } else { self.least_without(wanted) };
        (*to < least).then(|| format!("{hash} went from {from} to {to} pods, and {least} are its least"))
    }

    fn least_with_routing(&self, wanted: i64) -> i64 {
        let spare = view::max_unavailable(self.rollout);
        let now = self.history.now().shares(&self.key).get(self.hash).copied();
        if self.hash == view::text(self.rollout, "/status/stableRS") {
            let (share, spare) = if self.wiring.dynamic_stable { (now.unwrap_or(100), spare) } else { (100, 0) };
            return view::pods_for(share, wanted) - spare;
        }
        let until =
            self.history.shelf(&self.write.key).map(|shelf| shelf.share_since(self.write.at - self.history.drain()));
        let share = now.unwrap_or_default().max(until.unwrap_or_default());
        // Pods that do not answer are not missed.
        (view::pods_for(share, wanted) - spare).min(self.history.available(&self.write.key, self.write))
    }

    fn least_without(&self, wanted: i64) -> i64 {
        let answering = |(set, object): (&Key, &Value)| {
            let size = view::number(object, "/spec/replicas").unwrap_or_default();
            self.history.available(set, self.write).min(size)
        };
        let others = self.history.sets(&self.key).filter(|(set, _)| **set != self.write.key);
        let least = wanted - view::max_unavailable(self.rollout) - others.map(answering).sum::<i64>();
        // Pods that do not answer are not missed.
        least.min(self.history.available(&self.write.key, self.write))
    }
}
