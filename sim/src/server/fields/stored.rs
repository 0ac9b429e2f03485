//! Changes field sets in the form in which they are stored, so that a small write needn't read large sets.
//!
//! In that form `{}` is a place that is in the set, and a place with others below it is in the set when it holds `"."`.

use serde_json::{Map, Value};

use super::FieldSet;

const HERE: &str = ".";

/// Adds the places of `other` to a stored set.
pub fn add(set: &mut Map<String, Value>, other: &FieldSet) {
    for (name, below) in &other.below {
        let Some(Value::Object(mine)) = set.get_mut(name) else {
            set.insert(name.clone(), below.write());
            continue;
        };
        let mut here = below.here || mine.is_empty() || mine.contains_key(HERE);
        add(mine, below);
        here &= !mine.is_empty();
        if here {
            mine.insert(HERE.to_owned(), Value::Object(Map::new()));
        }
        if mine.len() == 1 && mine.contains_key(HERE) {
            mine.clear();
        }
    }
}

/// Takes the places of `other` away from a stored set; with `deep`, all that is below them as well.
pub fn subtract(set: &mut Map<String, Value>, other: &FieldSet, deep: bool) {
    for (name, below) in &other.below {
        let Some(Value::Object(mine)) = set.get_mut(name) else {
            continue;
        };
        let leaf = mine.is_empty();
        if below.here && (deep || leaf) {
            set.remove(name);
            continue;
        }
        if below.here {
            mine.remove(HERE);
        }
        subtract(mine, below, deep);
        let here = mine.contains_key(HERE);
        if mine.len() == usize::from(here) && !leaf {
            mine.clear();
            if !here {
                set.remove(name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Change = (fn(&mut Map<String, Value>, &FieldSet), fn(&mut FieldSet, &FieldSet));

    #[test]
    fn stored_sets_change_as_sets_do() {
        let sets = [
            json!({}),
            json!({"f:a": {}}),
            json!({"f:a": {"f:b": {}}}),
            json!({"f:a": {".": {}, "f:b": {}}}),
            json!({"f:a": {".": {}, "f:b": {".": {}, "f:c": {}}, "f:d": {}}, "f:e": {}}),
            json!({"f:a": {"f:b": {"f:c": {}}}, "f:e": {"f:x": {}}}),
        ];
        let changes: [Change; 3] = [
            (add, FieldSet::add),
            (|set, other| subtract(set, other, false), FieldSet::subtract),
            (|set, other| subtract(set, other, true), FieldSet::cut),
        ];
        for left in &sets {
            for right in &sets {
                for (place, (stored, plain)) in changes.iter().enumerate() {
                    let (mut have, mut want) = (left.as_object().unwrap().clone(), FieldSet::read(left));
                    let other = FieldSet::read(right);
                    stored(&mut have, &other);
                    plain(&mut want, &other);
                    assert_eq!(FieldSet::read(&Value::Object(have)), want, "{place}: {left} and {right}");
                }
            }
        }
    }
}
