//! S16: at no version do a route's weights and the subsets of its `DestinationRule` lead to nobody.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    ClusterView, History, Key, Violation, WriteRecord, broken, view,
    wiring::{Wiring, wiring},
};

/// Checks every write of ours to a `VirtualService` or a `DestinationRule`: each steered destination with weight names a subset
/// that is declared, and that selects a `ReplicaSet` with pods. What was so before is not ours to answer for.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("virtualservices") && !write.is("destinationrules") {
        return Ok(());
    }
    for key in history.naming(&write.key) {
        let Some(rollout) = history.get(key) else { continue };
        let wiring = wiring(rollout);
        if wiring.destination_rule.is_empty() {
            continue;
        }
        let empty = |scene| empty_subsets(history, write, (key, &wiring), scene);
        if let Some(subset) = empty(history.after(write)).difference(&empty(history.now())).next() {
            return broken("S16", write, format!("a route with weight leads to the subset {subset}"));
        }
    }
    Ok(())
}

fn empty_subsets(
    history: &History,
    write: &WriteRecord,
    (key, wiring): (&Key, &Wiring),
    scene: ClusterView<'_>,
) -> BTreeSet<String> {
    let rule = Key::new("destinationrules", &key.namespace, &wiring.destination_rule);
    let subsets = scene.get(&rule).map(|rule| view::list(rule, "/spec/subsets")).unwrap_or_default();
    let wrong = |destination: &Value| {
        let name = view::text(destination, "/destination/subset");
        let Some(subset) = subsets.iter().find(|one| view::text(one, "/name") == name) else {
            return Some(format!("{name}, which is not declared"));
        };
        let hash = subset.get("labels")?.get(view::HASH_LABEL)?.as_str()?;
        let available = history.set(key, hash).map_or(0, |(set, _)| history.available(set, write));
        (available == 0).then(|| format!("{name}, whose revision {hash} has no pods"))
    };
    let mut empty = BTreeSet::new();
    for entry in &wiring.routes {
        let Some(service) = scene.get(&entry.key()) else { continue };
        for (_, route) in wiring.steered(&entry.key(), service) {
            let all = view::list(route, "/route");
            let carrying = all.iter().filter(|one| wiring.steers(one) && view::weight(one, all.len() == 1) > 0);
            empty.extend(carrying.filter_map(wrong));
        }
    }
    empty
}
