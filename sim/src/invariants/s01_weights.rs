//! S1: weights that we write are whole, not negative, and sum to the total; both sides change in one write.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    History, Violation, WriteRecord, broken, view,
    wiring::{Place, wiring},
};

/// Checks every version of a `VirtualService` that we write with other weights than before, in HTTP, TLS and TCP routes.
///
/// A route that we leave as somebody else wrote it is theirs to answer for.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let Some(after) = write.after.as_deref().filter(|_| write.is("virtualservices")) else {
        return Ok(());
    };
    for rollout in history.naming(&write.key).filter_map(|key| history.get(key)) {
        let wiring = wiring(rollout);
        let total = view::number(rollout, "/spec/strategy/canary/trafficRouting/maxTrafficWeight").unwrap_or(100);
        let places = |service| {
            let steered = wiring.steered(&write.key, service).into_iter();
            steered.map(|(place, route)| (wiring.lasting(service, place), route)).collect()
        };
        let before: BTreeMap<Place, &Value> = history.before(write).map(places).unwrap_or_default();
        for (place, route) in wiring.steered(&write.key, after) {
            if before.get(&wiring.lasting(after, place)).is_some_and(|old| weights(old) == weights(route)) {
                continue;
            }
            if let Some(wrong) = wrong(route, total) {
                let (kind, at) = place;
                return broken("S1", write, format!("{kind} route {at} {:?} {wrong}", view::text(route, "/name")));
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
