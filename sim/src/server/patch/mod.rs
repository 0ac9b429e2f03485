//! The four ways to change an object without sending all of it.

mod apply;
mod json_patch;
mod strategic;

pub use self::{apply::apply, json_patch::json_patch, strategic::strategic};

use serde_json::Value;

use super::json::object;

/// Merges `patch` into `target` by RFC 7386: objects are merged, null takes away, anything else replaces.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    let target = object(target);
    for (key, change) in changes {
        if change.is_null() {
            target.remove(key);
        } else {
            merge(target.entry(key.clone()).or_insert(Value::Null), change);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn merge_patches_merge_objects_and_replace_the_rest() {
        let check = |before: Value, patch: Value, after: Value| {
            let mut target = before;
            merge(&mut target, &patch);
            assert_eq!(target, after);
        };
        check(json!({"a": 1, "b": {"c": 2}}), json!({"b": {"d": 3}}), json!({"a": 1, "b": {"c": 2, "d": 3}}));
        check(json!({"a": 1, "b": 2}), json!({"a": null}), json!({"b": 2}));
        check(json!({"a": [1, 2]}), json!({"a": [3]}), json!({"a": [3]}));
        check(json!({}), json!({"a": {"b": null, "c": 1}}), json!({"a": {"c": 1}}));
        check(json!({"a": 1}), json!({"a": {"b": 1}}), json!({"a": {"b": 1}}));
    }
}
