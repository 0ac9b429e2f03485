//! JSON Patch (RFC 6902) as the API server applies it: any operation that fails refuses the whole patch with 422.

use serde_json::Value;

use crate::server::refusal::Refusal;

/// The most operations that one patch may hold.
const LIMIT: usize = 10_000;

/// Applies `operations` to `target`, all or none.
///
/// # Errors
/// 400 when the patch can't be read, 413 when it is too long, 422 when an operation can't be carried out.
pub fn json_patch(target: &Value, operations: &Value) -> Result<Value, Refusal> {
    let operations = operations.as_array().ok_or_else(|| {
        Refusal::bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp",
        )
    })?;
    if operations.len() > LIMIT {
        let message = format!("The allowed maximum operations in a JSON patch is {LIMIT}, got {}", operations.len());
        return Err(Refusal::new(413, "RequestEntityTooLarge", message));
    }
    let mut result = target.clone();
    for operation in operations {
        step(&mut result, operation).ok_or_else(Refusal::unprocessable_patch)?;
    }
    Ok(result)
}

fn step(target: &mut Value, operation: &Value) -> Option<()> {
    let path = pointer(operation.get("path")?.as_str()?)?;
    let value = operation.get("value").cloned();
    match operation.get("op")?.as_str()? {
        "add" => add(target, &path, value?),
        "remove" => remove(target, &path).map(drop),
        "replace" => replace(target, &path, value?),
        "move" => {
            let from = pointer(operation.get("from")?.as_str()?)?;
            let moved = remove(target, &from)?;
            add(target, &path, moved)
        }
        "copy" => {
            let from = pointer(operation.get("from")?.as_str()?)?;
            let copied = find(target, &from)?.clone();
            add(target, &path, copied)
        }
        "test" => {
            let expected = value.unwrap_or(Value::Null);
            if path.is_empty() {
                return (*target == expected).then_some(());
            }
            let (last, parents) = path.split_last()?;
            find(target, parents).filter(|parent| parent.is_object() || parent.is_array())?;
            let found = find(target, parents).and_then(|parent| child(parent, last));
            (found.map_or(Value::Null, |found| found.clone()) == expected).then_some(())
        }
        _ => None,
    }
}

fn pointer(path: &str) -> Option<Vec<String>> {
    if path.is_empty() {
        return Some(Vec::new());
    }
    let keys = path.strip_prefix('/')?.split('/');
    Some(keys.map(|key| key.replace("~1", "/").replace("~0", "~")).collect())
}

fn find<'a>(target: &'a mut Value, path: &[String]) -> Option<&'a mut Value> {
    path.iter().try_fold(target, |target, key| child(target, key))
}

fn child<'a>(target: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match target {
        Value::Object(map) => map.get_mut(key),
        Value::Array(items) => {
            let place = place(key, items.len())?;
            items.get_mut(place)
        }
        _ => None,
    }
}

/// Reads an index; one below zero counts from the end, as the server's library does.
fn place(key: &str, length: usize) -> Option<usize> {
    let place: isize = key.parse().ok()?;
    if place < 0 { length.checked_sub(place.unsigned_abs()) } else { usize::try_from(place).ok() }
}

fn add(target: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, parents)) = path.split_last() else {
        *target = value;
        return Some(());
    };
    match find(target, parents)? {
        Value::Object(map) => drop(map.insert(last.clone(), value)),
        Value::Array(items) if last == "-" => items.push(value),
        Value::Array(items) => {
            let place = place(last, items.len() + 1).filter(|place| *place <= items.len())?;
            items.insert(place, value);
        }
        _ => return None,
    }
    Some(())
}

/// Replaces what is there; a field that isn't there is added, as the server's library does.
fn replace(target: &mut Value, path: &[String], value: Value) -> Option<()> {
    let Some((last, parents)) = path.split_last() else {
        *target = value;
        return Some(());
    };
    match find(target, parents)? {
        Value::Object(map) => drop(map.insert(last.clone(), value)),
        array @ Value::Array(_) => *child(array, last)? = value,
        _ => return None,
    }
    Some(())
}

fn remove(target: &mut Value, path: &[String]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    match find(target, parents)? {
        Value::Object(map) => map.remove(last),
        Value::Array(items) => {
            let place = place(last, items.len()).filter(|place| *place < items.len())?;
            Some(items.remove(place))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[allow(clippy::needless_pass_by_value, reason = "the tables read better")]
    fn check(before: Value, operations: Value, expect: Result<Value, u16>) {
        assert_eq!(json_patch(&before, &operations).map_err(|refusal| refusal.code), expect, "{operations}");
    }

    #[test]
    fn operations_are_carried_out_in_order() {
        check(json!({"a": 1}), json!([{"op": "add", "path": "/b", "value": 2}]), Ok(json!({"a": 1, "b": 2})));
        check(json!({"a": [1]}), json!([{"op": "add", "path": "/a/-", "value": 2}]), Ok(json!({"a": [1, 2]})));
        check(json!({"a": [1]}), json!([{"op": "add", "path": "/a/0", "value": 2}]), Ok(json!({"a": [2, 1]})));
        check(json!({"a": [1, 2]}), json!([{"op": "remove", "path": "/a/-1"}]), Ok(json!({"a": [1]})));
        check(json!({"a/b": 1}), json!([{"op": "replace", "path": "/a~1b", "value": 2}]), Ok(json!({"a/b": 2})));
        check(json!({"a": 1}), json!([{"op": "replace", "path": "/b", "value": 2}]), Ok(json!({"a": 1, "b": 2})));
        check(json!({"a": 1}), json!([{"op": "move", "from": "/a", "path": "/b"}]), Ok(json!({"b": 1})));
        check(json!({"a": 1}), json!([{"op": "copy", "from": "/a", "path": "/b"}]), Ok(json!({"a": 1, "b": 1})));
        check(json!({"a": 1}), json!([{"op": "test", "path": "/a", "value": 1}]), Ok(json!({"a": 1})));
        check(json!({"a": 1}), json!([{"op": "test", "path": "/b", "value": null}]), Ok(json!({"a": 1})));
    }

    #[test]
    fn an_operation_that_cannot_be_carried_out_refuses_the_whole_patch() {
        check(json!({"a": 1}), json!([{"op": "test", "path": "/a", "value": 2}]), Err(422));
        check(json!({"a": 1}), json!([{"op": "test", "path": "/b", "value": 2}]), Err(422));
        check(json!({"a": 1}), json!([{"op": "test", "path": "/b/c", "value": null}]), Err(422));
        check(json!({"a": 1}), json!([{"op": "remove", "path": "/b"}]), Err(422));
        check(json!({"a": [1]}), json!([{"op": "replace", "path": "/a/1", "value": 2}]), Err(422));
        check(json!({"a": [1]}), json!([{"op": "replace", "path": "/b/c", "value": 2}]), Err(422));
        check(json!({"a": 1}), json!([{"op": "add", "path": "/b/c", "value": 2}]), Err(422));
        check(json!({"a": [1]}), json!([{"op": "add", "path": "/a/2", "value": 2}]), Err(422));
        check(json!({"a": 1}), json!([{"op": "burn", "path": "/a"}]), Err(422));
        check(json!({"a": 1}), json!({"op": "add"}), Err(400));
    }
}
