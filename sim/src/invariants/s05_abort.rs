//! S5: what was aborted stays back until somebody says otherwise.

use jiff::Timestamp;
use serde_json::Value;

use super::{History, Key, RolloutHistory, Violation, WriteRecord, broken, rollout_history, view, wiring::wiring};

/// Checks every write of ours that sends more traffic, in any route or by a managed one, to a revision whose abort or failure is durable, or that
/// is neither the stable nor the desired one; and that no status of ours takes an abort back.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if write.is("rollouts") {
        return taken_back(history, write);
    }
    if !["virtualservices", "services", "destinationrules"].contains(&write.key.resource.as_str()) {
        return Ok(());
    }
    for key in history.naming(&write.key) {
        let (Some(rollout), Some(story)) = (history.get(key), history.story(key)) else {
            continue;
        };
        let (before, after) = (history.now().routes(key), history.after(write).routes(key));
        for (route, hash) in history.after(write).managed_anew(&history.now(), key) {
            if let Some(why) = barred(history, write, (key, rollout), (story, &hash)) {
                return broken("S5", write, format!("the managed route {route:?} leads to {hash} after {why}"));
            }
        }
        for (place, shares) in &after {
            for (hash, to) in shares {
                let from = before.get(place).and_then(|old| old.get(hash)).copied().unwrap_or_default();
                if *to <= from {
                    continue;
                }
                if let Some(why) = barred(history, write, (key, rollout), (story, hash)) {
                    return broken(
                        "S5",
                        write,
                        format!("the weight of {hash} was raised from {from} to {to} after {why}"),
                    );
                }
            }
        }
    }
    Ok(())
}

/// Why a revision may not be raised.
fn barred(
    history: &History,
    write: &WriteRecord,
    (key, rollout): (&Key, &Value),
    (story, hash): (&RolloutHistory, &str),
) -> Option<String> {
    let current = view::text(rollout, "/status/currentPodHash");
    let stable = view::text(rollout, "/status/stableRS");
    if hash == stable || current.is_empty() || stable.is_empty() {
        return None;
    }
    if hash != current {
        return Some(format!("{current} had taken its place"));
    }
    let knowledge = history.knowledge(key, write);
    let aborted = story.aborted.filter(|abort| abort.ours || !knowledge.lacks(abort.version, abort.at));
    if let Some(abort) = aborted {
        return Some(format!("it was aborted at {}", abort.at));
    }
    let failed =
        story.adverse.iter().find(|(_, adverse)| adverse.phase != "Inconclusive" && adverse.at <= knowledge.since);
    failed.map(|(name, adverse)| format!("run {name} said {} at {}", adverse.phase, adverse.at))
}

/// An abort ends with a retry, a full promotion or another revision, not with a status of ours.
fn taken_back(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    let (was, is) = (view::flag(before, "/status/abort"), view::flag(after, "/status/abort"));
    let same = view::text(before, "/status/currentPodHash") == view::text(after, "/status/currentPodHash");
    let over = rollout_history::promoted(before) || rollout_history::promoted(after);
    let full = history.story(&write.key).is_some_and(|story| story.overrides.all);
    if was && !is && same && !over && !full {
        return broken("S5", write, "our status takes back an abort that nobody took back".to_owned());
    }
    Ok(())
}

/// Checks what has to be true of an aborted Rollout when nothing moves any more.
pub fn at_rest(history: &History, at: Timestamp) -> Vec<Violation> {
    let aborted = history.rollouts().filter_map(|key| Some((key, history.get(key)?, history.story(key)?)));
    let aborted = aborted.filter(|(_, _, story)| story.aborted.is_some());
    let wrong = aborted.flat_map(|(key, rollout, _)| {
        let faults = left_over(history, key, rollout);
        faults.into_iter().map(move |seen| Violation { at, invariant: "S5", object: key.clone(), seen })
    });
    wrong.collect()
}

fn left_over(history: &History, key: &Key, rollout: &Value) -> Vec<String> {
    let wiring = wiring(rollout);
    let canary = view::text(rollout, "/status/currentPodHash");
    let mut faults = Vec::new();
    if let Some(weight) = history.now().shares(key).get(canary).filter(|weight| **weight > 0) {
        faults.push(format!("it is aborted, and the canary {canary} still has weight {weight}"));
    }
    let service = Key::new("services", &key.namespace, &wiring.canary_service);
    let selects = history.get(&service).and_then(|service| service.pointer("/spec/selector"));
    let selects = selects.and_then(|selector| selector.get(view::HASH_LABEL)?.as_str());
    if selects.is_some_and(|hash| hash != view::text(rollout, "/status/stableRS")) {
        faults.push(format!("it is aborted, and the Service {} still selects the canary", service.name));
    }
    for entry in &wiring.routes {
        let object = history.get(&entry.key());
        let routes = object.map(|object| view::list(object, "/spec/http")).unwrap_or_default();
        if let Some(route) = routes.iter().find(|route| wiring.owns(route)) {
            let route = view::text(route, "/name");
            faults.push(format!("it is aborted, and {} still has the managed route {route:?}", entry.name));
        }
    }
    faults
}
