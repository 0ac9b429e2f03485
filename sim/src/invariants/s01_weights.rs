//! S1: weights that we write are whole, not negative, and sum to the total; both sides change in one write.

use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, view};

/// Checks every version of a `VirtualService` that we write with other weights than before.
///
/// A route that we leave as somebody else wrote it is theirs to answer for.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let Some(after) = write.after.as_deref().filter(|_| write.is("virtualservices")) else {
        return Ok(());
    };
    for key in history.naming(&write.key) {
        let Some(rollout) = history.get(key) else {
            continue;
        };
        let wiring = view::wiring(rollout);
        let total = view::number(rollout, "/spec/strategy/canary/trafficRouting/maxTrafficWeight").unwrap_or(100);
        let ours = |(space, name, _): &&(String, String, Vec<String>)| {
            *space == write.key.namespace && *name == write.key.name
        };
        for (_, _, named) in wiring.virtual_services.iter().filter(ours) {
            let steered = |service: &Value| -> Vec<Value> {
                let routes = view::list(service, "/spec/http");
                let at = view::steered(service, named, &wiring.managed_routes);
                at.iter().filter_map(|at| routes.get(*at)).cloned().collect()
            };
            let before = history.before(write).map(steered).unwrap_or_default();
            for (at, route) in steered(after).iter().enumerate() {
                if before.get(at).is_some_and(|old| weights(old) == weights(route)) {
                    continue;
                }
                if let Some(wrong) = wrong(route, total) {
                    return broken("S1", write, format!("route {:?} {wrong}", view::text(route, "/name")));
                }
            }
        }
    }
    Ok(())
}

fn weights(route: &Value) -> Vec<Option<&Value>> {
    view::list(route, "/route").iter().map(|destination| destination.get("weight")).collect()
}

fn wrong(route: &Value, total: i64) -> Option<String> {
    let destinations = view::list(route, "/route");
    let mut sum = 0;
    for destination in destinations {
        let weight = destination.get("weight");
        if let Some(odd) = weight.filter(|weight| weight.as_i64().is_none_or(|weight| weight < 0)) {
            return Some(format!("has the weight {odd}, which is no whole number from 0 up"));
        }
        sum += view::weight(destination, destinations.len() == 1);
    }
    (sum != total).then(|| format!("has weights that sum to {sum}, not to {total}"))
}
