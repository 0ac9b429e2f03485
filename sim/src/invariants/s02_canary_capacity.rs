//! S2: traffic is raised only towards pods that can carry it.

use serde_json::Value;

use super::{History, Key, Violation, WriteRecord, broken, view};

/// Checks every write of ours that sends more traffic to a revision: by weight, by a Service's selector, or by a subset's label.
///
/// Pods that die by themselves are nobody's fault, but a raise has to look. The stable side may be raised as soon as one of
/// its pods can answer (an abort waits for nothing more), and whenever nothing else can answer either.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !["virtualservices", "services", "destinationrules"].contains(&write.key.resource.as_str()) {
        return Ok(());
    }
    for key in history.naming(&write.key) {
        let Some(rollout) = history.get(key) else {
            continue;
        };
        let (before, after) = (history.now().shares(key), history.after(write).shares(key));
        for (hash, weight) in &after {
            let old = before.get(hash).copied().unwrap_or_default();
            if *weight > old
                && let Some(wrong) = wrong(history, write, (key, rollout), (hash, *weight))
            {
                let seen = format!("the weight of {hash} was raised from {old} to {weight}, but {wrong}");
                return broken("S2", write, seen);
            }
        }
    }
    Ok(())
}

fn wrong(
    history: &History,
    write: &WriteRecord,
    (key, rollout): (&Key, &Value),
    (hash, weight): (&str, i64),
) -> Option<String> {
    let available = history.set(key, hash).map_or(0, |(set, _)| history.available(set, write.at));
    let stable = view::text(rollout, "/status/stableRS");
    let elsewhere = history
        .sets(key)
        .any(|(set, object)| view::label(object, view::HASH_LABEL) != hash && history.available(set, write.at) > 0);
    if hash == stable || stable.is_empty() {
        let none = available == 0 && elsewhere;
        return none.then(|| "it has no available pod while others have some".to_owned());
    }
    if available == 0 {
        return Some("it has no available pod".to_owned());
    }
    let asked = history.set(key, hash).and_then(|(_, set)| view::number(set, "/spec/replicas")).unwrap_or_default();
    let needed = needed(rollout, weight, asked);
    (available < needed && elsewhere).then(|| format!("{available} of its pods are available and {needed} are needed"))
}

/// The pods that a weight needs. Where the spec sizes the canary by hand, or calls fewer pods enough, that counts.
fn needed(rollout: &Value, weight: i64, asked: i64) -> i64 {
    let canary = rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null);
    let needed = view::pods_for(weight, view::replicas(rollout));
    if canary.get("replicaProgressThreshold").is_some() {
        return 1;
    }
    let by_hand = view::list(canary, "/steps").iter().any(|step| step.get("setCanaryScale").is_some());
    if by_hand { needed.min(asked).max(1) } else { needed }
}
