//! Strategic merge patch, for the server's own kinds: keyed lists are merged item by item.

use serde_json::{Map, Value};

use crate::server::fields::{ListKind, Shape};

const ORDER: &str = "$setElementOrder/";
const DROP: &str = "$deleteFromPrimitiveList/";

/// Merges `patch` into `target`.
pub fn strategic(target: &mut Value, patch: &Value) {
    merge(target, patch, Shape::native());
}

fn merge(target: &mut Value, patch: &Value, shape: Shape<'_>) {
    match (&mut *target, patch) {
        (Value::Object(target), Value::Object(changes)) => merge_map(target, changes, shape),
        (Value::Array(target), Value::Array(changes)) => merge_list(target, changes, shape),
        _ => *target = clean(patch),
    }
}

fn merge_map(target: &mut Map<String, Value>, changes: &Map<String, Value>, shape: Shape<'_>) {
    match changes.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            target.clear();
            target.extend(changes.iter().filter(|(key, _)| *key != "$patch").map(|(k, v)| (k.clone(), clean(v))));
            return;
        }
        Some("delete") => return target.clear(),
        _ => {}
    }
    if let Some(kept) = changes.get("$retainKeys").and_then(Value::as_array) {
        target.retain(|key, _| kept.iter().any(|kept| kept.as_str() == Some(key)));
    }
    for (key, change) in changes.iter().filter(|(key, _)| !key.starts_with('$')) {
        if change.is_null() {
            target.remove(key);
        } else if let Some(place) = target.get_mut(key) {
            merge(place, change, shape.child(key));
        } else {
            target.insert(key.clone(), clean(change));
        }
    }
    for (key, values) in changes {
        if let Some(Value::Array(items)) = key.strip_prefix(DROP).and_then(|field| target.get_mut(field)) {
            items.retain(|item| !values.as_array().is_some_and(|values| values.contains(item)));
        }
        if let Some((field, Value::Array(items))) =
            key.strip_prefix(ORDER).and_then(|field| Some((field, target.get_mut(field)?)))
        {
            order(items, values, shape.child(field));
        }
    }
}

fn merge_list(target: &mut Vec<Value>, changes: &[Value], shape: Shape<'_>) {
    let sample = if target.is_empty() { changes } else { target.as_slice() };
    match shape.list(sample) {
        ListKind::Atomic => *target = changes.iter().map(clean).collect(),
        ListKind::Set => {
            for change in changes {
                if !target.contains(change) {
                    target.push(change.clone());
                }
            }
        }
        ListKind::Keyed(keys) => {
            let key = keys.first().copied().unwrap_or("name");
            if changes.iter().any(|change| change.get("$patch").and_then(Value::as_str) == Some("replace")) {
                target.clear();
            }
            for change in changes {
                merge_item(target, change, key, shape);
            }
        }
    }
}

fn merge_item(target: &mut Vec<Value>, change: &Value, key: &str, shape: Shape<'_>) {
    let Some(name) = change.get(key) else { return };
    let place = target.iter().position(|item| item.get(key) == Some(name));
    let deletes = change.get("$patch").and_then(Value::as_str) == Some("delete");
    match place {
        Some(place) if deletes => drop(target.remove(place)),
        Some(place) => {
            if let Some(item) = target.get_mut(place) {
                merge(item, change, shape.item());
            }
        }
        None if !deletes => target.push(clean(change)),
        None => {}
    }
}

/// Sorts the items that are named in the order given; the others keep their places after them.
fn order(items: &mut [Value], wanted: &Value, shape: Shape<'_>) {
    let Some(wanted) = wanted.as_array() else {
        return;
    };
    let key = match shape.list(items) {
        ListKind::Keyed(keys) => keys.first().copied(),
        _ => None,
    };
    let rank = |item: &Value| {
        let same = |want: &Value| key.map_or(want == item, |key| want.get(key) == item.get(key));
        wanted.iter().position(same).unwrap_or(usize::MAX)
    };
    items.sort_by_key(rank);
}

/// Returns `patch` without its directives and without what it takes away.
fn clean(patch: &Value) -> Value {
    match patch {
        Value::Object(map) => {
            let kept = map.iter().filter(|(key, value)| !key.starts_with('$') && !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), clean(value))).collect())
        }
        Value::Array(items) => {
            let deletes = |item: &Value| item.get("$patch").is_some();
            Value::Array(items.iter().filter(|item| !deletes(item)).map(clean).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "the tables read better")]
    fn check(mut before: Value, patch: Value, after: Value) {
        strategic(&mut before, &patch);
        assert_eq!(before, after, "{patch}");
    }

    #[test]
    fn keyed_lists_are_merged_item_by_item() {
        check(
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}),
            json!({"containers": [{"name": "b", "image": "2"}]}),
            json!({"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "2"}]}),
        );
        check(
            json!({"containers": [{"name": "a"}, {"name": "b"}]}),
            json!({"containers": [{"name": "a", "$patch": "delete"}]}),
            json!({"containers": [{"name": "b"}]}),
        );
        check(
            json!({"ports": [{"port": 80, "targetPort": 1}]}),
            json!({"ports": [{"port": 80, "targetPort": 2}, {"port": 81}], "$setElementOrder/ports": [{"port": 81}, {"port": 80}]}),
            json!({"ports": [{"port": 81}, {"port": 80, "targetPort": 2}]}),
        );
    }

    #[test]
    fn other_lists_are_replaced_and_directives_are_obeyed() {
        check(json!({"args": ["a", "b"]}), json!({"args": ["c"]}), json!({"args": ["c"]}));
        check(
            json!({"selector": {"a": "1"}}),
            json!({"selector": {"b": "2"}}),
            json!({"selector": {"a": "1", "b": "2"}}),
        );
        check(json!({"x": {"a": 1}}), json!({"x": {"$patch": "replace", "b": 2}}), json!({"x": {"b": 2}}));
        check(
            json!({"finalizers": ["a", "b"]}),
            json!({"$deleteFromPrimitiveList/finalizers": ["a"]}),
            json!({"finalizers": ["b"]}),
        );
        check(json!({"s": {"a": 1, "b": 2}}), json!({"s": {"$retainKeys": ["b"], "b": 3}}), json!({"s": {"b": 3}}));
    }
}
