//! S12: what others wrote in a `VirtualService` or a `DestinationRule` is the same before and after.

use serde_json::Value;

use super::{
    History, Key, Violation, WriteRecord, broken, diff, view,
    wiring::{Place, Wiring, wiring},
};

/// Checks every write of ours to an object of Istio: with our weights, routes, labels and annotations taken out on both
/// sides, nothing may differ, order included.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    let mask: fn(&Value, &Wiring, &WriteRecord) -> Value = match write.key.resource.as_str() {
        "virtualservices" => masked_service,
        "destinationrules" => masked_rule,
        _ => return Ok(()),
    };
    let wirings: Vec<_> = history.naming(&write.key).filter_map(|key| history.get(key)).map(wiring).collect();
    let masked = |object: &Value| {
        let object = without_added(history, &write.key, diff::bare(object));
        wirings.iter().fold(object, |object, one| mask(&object, one, write))
    };
    match diff::changed(&masked(before), &masked(after)).into_iter().next() {
        Some(path) => broken("S12", write, format!("we changed {path}, which others wrote")),
        None => Ok(()),
    }
}

/// A `VirtualService` without the routes that we have added: they are ours to take away whoever names it now.
fn without_added(history: &History, key: &Key, mut service: Value) -> Value {
    if let Some(routes) = service.pointer_mut("/spec/http").and_then(Value::as_array_mut) {
        routes.retain(|route| !history.added(key, route));
    }
    service
}

fn masked_service(service: &Value, wiring: &Wiring, write: &WriteRecord) -> Value {
    let mut masked = service.clone();
    let steered: Vec<Place> = wiring.steered(&write.key, service).into_iter().map(|(place, _)| place).collect();
    for (kind, at) in steered {
        let route = masked.pointer_mut(&format!("/spec/{kind}/{at}/route")).and_then(Value::as_array_mut);
        for destination in route.into_iter().flatten() {
            if wiring.steers(destination)
                && let Some(fields) = destination.as_object_mut()
            {
                fields.remove("weight");
            }
        }
    }
    if let Some(routes) = masked.pointer_mut("/spec/http").and_then(Value::as_array_mut) {
        routes.retain(|route| !wiring.owns(route));
    }
    masked
}

fn masked_rule(rule: &Value, wiring: &Wiring, write: &WriteRecord) -> Value {
    let mut masked = rule.clone();
    if wiring.destination_rule != write.key.name {
        return masked;
    }
    let subsets = masked.pointer_mut("/spec/subsets").and_then(Value::as_array_mut);
    for subset in subsets.into_iter().flatten().filter_map(Value::as_object_mut) {
        let name = subset.get("name").and_then(Value::as_str).unwrap_or_default();
        if name != wiring.canary_subset && name != wiring.stable_subset {
            continue;
        }
        let Some(labels) = subset.get_mut("labels").and_then(Value::as_object_mut) else {
            continue;
        };
        labels.remove(view::HASH_LABEL);
        if labels.is_empty() {
            subset.remove("labels");
        }
    }
    masked
}
