//! S5: what was aborted stays back until somebody says otherwise.

use jiff::Timestamp;
use serde_json::Value;

use super::{History, Key, RACE, Violation, WriteRecord, broken, view};

/// Checks every write of ours that sends more traffic to a revision whose abort, or whose failure, is durable.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !["virtualservices", "services", "destinationrules"].contains(&write.key.resource.as_str()) {
        return Ok(());
    }
    for key in history.naming(&write.key) {
        let (Some(rollout), Some(story)) = (history.get(key), history.story(key)) else {
            continue;
        };
        let canary = view::text(rollout, "/status/currentPodHash");
        if canary.is_empty() || canary == view::text(rollout, "/status/stableRS") || story.overrides.all {
            continue;
        }
        let failed = story.adverse.iter().filter(|(_, adverse)| adverse.phase != "Inconclusive");
        let failed = failed.map(|(name, adverse)| (adverse.at, format!("run {name} said {}", adverse.phase)));
        let aborted = story.aborted.map(|at| (at, "it was aborted".to_owned()));
        let Some((since, why)) = aborted.into_iter().chain(failed).min() else {
            continue;
        };
        if write.at.duration_since(since) <= RACE {
            continue;
        }
        let share = |scene: super::ClusterView<'_>| scene.shares(key).get(canary).copied().unwrap_or_default();
        let (from, to) = (share(history.now()), share(history.after(write)));
        if to > from {
            let seen = format!("the weight of {canary} was raised from {from} to {to} after {why} at {since}");
            return broken("S5", write, seen);
        }
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
    let wiring = view::wiring(rollout);
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
    for (space, name, _) in &wiring.virtual_services {
        let object = history.get(&Key::new("virtualservices", space, name));
        let routes = object.map(|object| view::list(object, "/spec/http")).unwrap_or_default();
        let managed = |route: &&Value| wiring.managed_routes.iter().any(|own| own == view::text(route, "/name"));
        if let Some(route) = routes.iter().find(managed) {
            let route = view::text(route, "/name");
            faults.push(format!("it is aborted, and {name} still has the managed route {route:?}"));
        }
    }
    faults
}
