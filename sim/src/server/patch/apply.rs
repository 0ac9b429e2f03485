//! Server-side apply: the writer states all it wants; what others own is theirs unless it insists.

use serde_json::{Map, Value, json};

use crate::server::{
    fields::{Difference, Entry, FieldSet, ListKind, Managers, Shape, item_name},
    refusal::Refusal,
};

/// What an apply comes to.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The object with the wishes merged in.
    pub object: Value,
    /// Who owns what afterwards.
    pub managers: Managers,
}

/// Merges the wishes of `writer` into `live`.
///
/// # Errors
/// 409 that names each field in which others wrote something else, unless `force` is set.
pub fn apply(live: &Value, wishes: &Value, writer: Entry, shape: Shape<'_>, force: bool) -> Result<Applied, Refusal> {
    let mut managers = Managers::of(live);
    if managers.entries.is_empty() {
        let fields = FieldSet::of(live, shape);
        managers.entries.push(Entry {
            manager: "before-first-apply".to_owned(),
            operation: "Update".to_owned(),
            subresource: String::new(),
            fields,
            ..writer.clone()
        });
    }
    let stated = FieldSet::of(wishes, shape);
    let mut object = live.clone();
    merge(&mut object, wishes, shape);
    let mut dropped = FieldSet::default();
    for entry in managers.entries.iter().filter(|entry| entry.same_writer(&writer)) {
        dropped.add(&entry.fields);
    }
    dropped.subtract(&stated);
    for entry in managers.entries.iter().filter(|entry| !entry.same_writer(&writer)) {
        dropped.release(&entry.fields);
    }
    prune(&mut object, &dropped, &stated, shape);
    let changed = Difference::between(live, &object, shape).changed;
    let others = || managers.entries.iter().filter(|entry| !entry.same_writer(&writer));
    let conflicts: Vec<(&Entry, Vec<String>)> = others()
        .map(|entry| (entry, entry.fields.common(&changed).paths()))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    if !force && !conflicts.is_empty() {
        return Err(refuse(&conflicts));
    }
    for entry in managers.entries.iter_mut().filter(|entry| !entry.same_writer(&writer)) {
        entry.fields.subtract(&changed);
    }
    let before = managers.entries.iter().find(|entry| entry.same_writer(&writer));
    // One who changes nothing leaves no time.
    let known = before.map(|entry| entry.time.clone()).unwrap_or_default();
    let time = if object == *live { known } else { writer.time.clone() };
    managers.replace(Entry { fields: stated, time, ..writer });
    Ok(Applied { object, managers })
}

fn refuse(conflicts: &[(&Entry, Vec<String>)]) -> Refusal {
    let count: usize = conflicts.iter().map(|(_, paths)| paths.len()).sum();
    let mut causes = Vec::new();
    let mut said = Vec::new();
    for (entry, paths) in conflicts {
        let sub = if entry.subresource.is_empty() {
            String::new()
        } else {
            format!(" with subresource {:?}", entry.subresource)
        };
        let using = if entry.operation == "Apply" { String::new() } else { format!(" using {}", entry.api_version) };
        let who = format!("conflict with {:?}{sub}{using}", entry.manager);
        let many = who.replacen("conflict", "conflicts", 1);
        for path in paths {
            causes.push(json!({"reason": "FieldManagerConflict", "message": who, "field": path}));
        }
        said.push(match paths.as_slice() {
            [one] if count == 1 => format!("{who}: {one}"),
            paths => format!("{many}:\n- {}", paths.join("\n- ")),
        });
    }
    let plural = if count == 1 { "" } else { "s" };
    let message = format!("Apply failed with {count} conflict{plural}: {}", said.join("\n"));
    Refusal { details: json!({"causes": causes}), ..Refusal::new(409, "Conflict", message) }
}

fn merge(target: &mut Value, wishes: &Value, shape: Shape<'_>) {
    match (&mut *target, wishes) {
        (Value::Object(target), Value::Object(wishes)) if !shape.atomic_map() => {
            for (key, wish) in wishes {
                match target.get_mut(key) {
                    Some(place) => merge(place, wish, shape.child(key)),
                    None => drop(target.insert(key.clone(), wish.clone())),
                }
            }
        }
        (Value::Array(target), Value::Array(wishes)) => merge_list(target, wishes, shape),
        _ => *target = wishes.clone(),
    }
}

fn merge_list(target: &mut Vec<Value>, wishes: &[Value], shape: Shape<'_>) {
    let sample = if wishes.is_empty() { target.as_slice() } else { wishes };
    match shape.list(sample) {
        ListKind::Atomic => *target = wishes.to_vec(),
        ListKind::Set => {
            for wish in wishes {
                if !target.contains(wish) {
                    target.push(wish.clone());
                }
            }
        }
        ListKind::Keyed(keys) => {
            for wish in wishes {
                let name = item_name(wish, &keys);
                match target.iter_mut().find(|item| item_name(item, &keys) == name) {
                    Some(item) => merge(item, wish, shape.item()),
                    None => target.push(wish.clone()),
                }
            }
        }
    }
}

/// Takes away what the writer owned and no longer wants, where nobody else owns it.
fn prune(target: &mut Value, dropped: &FieldSet, stated: &FieldSet, shape: Shape<'_>) {
    let nothing = FieldSet::default();
    let goes = |name: &String, below: &FieldSet| below.here && !stated.below.contains_key(name);
    match target {
        Value::Object(map) => prune_map(map, dropped, stated, shape),
        Value::Array(items) => {
            let kind = match shape.list(items) {
                ListKind::Atomic => return,
                ListKind::Set => None,
                ListKind::Keyed(keys) => Some(keys),
            };
            let name_of = |item: &Value| match &kind {
                None => format!("v:{item}"),
                Some(keys) => item_name(item, keys),
            };
            items.retain(|item| {
                let name = name_of(item);
                !dropped.below.get(&name).is_some_and(|below| goes(&name, below))
            });
            for item in items {
                let name = name_of(item);
                if let Some(below) = dropped.below.get(&name) {
                    prune(item, below, stated.below.get(&name).unwrap_or(&nothing), shape.item());
                }
            }
        }
        _ => {}
    }
}

fn prune_map(map: &mut Map<String, Value>, dropped: &FieldSet, stated: &FieldSet, shape: Shape<'_>) {
    let nothing = FieldSet::default();
    for (name, below) in &dropped.below {
        let Some(key) = name.strip_prefix("f:") else {
            continue;
        };
        let still = stated.below.get(name);
        if below.here && still.is_none() {
            map.remove(key);
            continue;
        }
        if let Some(value) = map.get_mut(key) {
            prune(value, below, still.unwrap_or(&nothing), shape.child(key));
            let emptied = value.as_object().is_some_and(Map::is_empty) || value.as_array().is_some_and(Vec::is_empty);
            if emptied && still.is_none() {
                map.remove(key);
            }
        }
    }
}
