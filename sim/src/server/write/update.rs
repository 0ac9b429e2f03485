//! Replaces and patches objects.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    Change, Done, Order, accept,
    admit::{Part, admit, decode},
    create, rules, scale,
};
use crate::server::{
    Inner, convert,
    fields::{Difference, FieldSet, Managers, Shape, record},
    json::{at, integer, list, put, set, take, text},
    patch,
    refusal::{Cause, Refusal},
};

/// Carries out a PUT.
pub fn update(inner: &Inner, order: &Order, body: Value) -> Result<Done, Refusal> {
    let target = &order.target;
    let Some(existing) = inner.store().get(target.kind.id, &target.key()) else {
        let upsert = target.kind.builtin().is_some_and(|builtin| builtin.upsert);
        if upsert && target.subresource.is_empty() {
            return create::create(inner, order, body);
        }
        return Err(Refusal::not_found(&target.kind, &target.name));
    };
    if target.subresource == "scale" {
        return scale::replace(inner, order, &existing, &body);
    }
    let object = accept(order, body)?;
    let (uid, known) = (text(&object, &["metadata", "uid"]), text(&existing, &["metadata", "uid"]));
    if !uid.is_empty() && uid != known {
        let path = [target.kind.group(), &target.kind.names.plural, &target.namespace, &target.name];
        let path: Vec<&str> = path.into_iter().filter(|part| !part.is_empty()).collect();
        let why = format!(
            "StorageError: invalid object, Code: 4, Key: /registry/{}, ResourceVersion: 0, AdditionalErrorMsg: Precondition \
             failed: UID in precondition: {uid}, UID in object meta: {known}",
            path.join("/")
        );
        return Err(Refusal::conflict(&target.kind, &target.name, &why));
    }
    replace(inner, order, &existing, object, None)
}

/// Carries out a PATCH.
pub fn patch(inner: &Inner, order: &Order, change: &Change) -> Result<Done, Refusal> {
    let target = &order.target;
    let existing = inner.store().get(target.kind.id, &target.key());
    let existing = match (existing, change) {
        (Some(existing), _) => existing,
        (None, Change::Apply(wishes)) if target.subresource.is_empty() => {
            return apply_new(inner, order, wishes);
        }
        (None, _) => return Err(Refusal::not_found(&target.kind, &target.name)),
    };
    if target.subresource == "scale" {
        let shown = scale::scale_of(&target.kind, &existing)?;
        let patched = patched(order, &shown, change)?;
        return scale::replace(inner, order, &existing, &patched);
    }
    let shown = convert::present(&target.kind, &existing, &target.version);
    if let Change::Apply(wishes) = change {
        return apply_existing(inner, order, (&existing, &shown), wishes);
    }
    let object = accept(order, patched(order, &shown, change)?)?;
    replace(inner, order, &existing, object, None)
}

fn patched(order: &Order, shown: &Value, change: &Change) -> Result<Value, Refusal> {
    let mut object = match change {
        Change::Json(operations) => return patch::json_patch(shown, operations),
        _ if order.target.subresource == "status" => small(shown),
        _ => shown.clone(),
    };
    match change {
        Change::Strategic(_) if order.target.kind.builtin().is_none() => {
            let message = "the body of the request was in an unknown format - accepted media types include: \
                           application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml";
            return Err(Refusal::new(415, "UnsupportedMediaType", message));
        }
        Change::Strategic(changes) => patch::strategic(&mut object, changes),
        Change::Merge(changes) | Change::Apply(changes) | Change::Json(changes) => {
            if !changes.is_object() {
                let why = "json: cannot unmarshal array into Go value of type map[string]interface {}";
                return Err(Refusal::bad_request(format!("error decoding patch: {why}")));
            }
            patch::merge(&mut object, changes);
        }
    }
    Ok(object)
}

fn apply_new(inner: &Inner, order: &Order, wishes: &Value) -> Result<Done, Refusal> {
    let object = wished(order, wishes)?;
    let kind = &order.target.kind;
    if !text(&object, &["metadata", "uid"]).is_empty() {
        return Err(Refusal::conflict(kind, &order.target.name, "uid mismatch: the object does not exist"));
    }
    let mut writer = inner.writer(order, "Apply");
    writer.fields = FieldSet::of(&object, Shape::of(kind));
    let managers = Managers { entries: vec![writer] };
    create::place(inner, order, object, Some(managers))
}

fn apply_existing(
    inner: &Inner,
    order: &Order,
    (existing, shown): (&Arc<Value>, &Value),
    wishes: &Value,
) -> Result<Done, Refusal> {
    let kind = &order.target.kind;
    let object = wished(order, wishes)?;
    let live = convert::store(kind, shown.clone(), &order.target.version);
    let writer = inner.writer(order, "Apply");
    let applied = patch::apply(&live, &object, writer, Shape::of(kind), order.options.force)?;
    replace(inner, order, existing, applied.object, Some(applied.managers))
}

/// Checks the wishes of an apply.
fn wished(order: &Order, wishes: &Value) -> Result<Value, Refusal> {
    if !list(wishes, &["metadata", "managedFields"]).is_empty() {
        return Err(Refusal::bad_request("metadata.managedFields must be nil"));
    }
    let mut wishes = wishes.clone();
    if text(&wishes, &["metadata", "name"]).is_empty() {
        put(&mut wishes, &["metadata", "name"], order.target.name.clone().into());
    }
    let mut object = accept(order, wishes)?;
    let split = order.target.kind.subresources.status;
    if split && order.target.subresource.is_empty() {
        take(&mut object, &["status"]);
    }
    Ok(object)
}

/// Puts `object` in place of `existing`; `owners` says who owns what, where that isn't found by comparing.
pub fn replace(
    inner: &Inner,
    order: &Order,
    existing: &Arc<Value>,
    mut object: Value,
    owners: Option<Managers>,
) -> Result<Done, Refusal> {
    let kind = &order.target.kind;
    check_version(order, existing, &object)?;
    let warnings = decode(order, &mut object, Some(existing))?;
    let part = part_of(order);
    keep_parts(order, existing, &mut object);
    keep_metadata(order, existing, &mut object)?;
    if part != Part::Status {
        inner.mutate(&kind.names.plural, &mut object);
    }
    admit(kind, &mut object, part)?;
    if part != Part::Status {
        let fixed = rules::fixed(kind, existing, &object);
        if !fixed.is_empty() {
            return Err(Refusal::invalid(kind, &order.target.name, &fixed));
        }
        count_generation(order, existing, &mut object);
    }
    // A status is compared without the rest, which can't have changed and may be large.
    let small = (part == Part::Status).then(|| small(existing));
    let known = small.as_ref().unwrap_or(existing);
    let news = match &owners {
        Some(managers) => !managers.same_but_for_time(&Managers::of(existing)),
        None => false,
    };
    if object == *known && !news {
        if !order.options.dry_run {
            inner.record(order, Some(Arc::clone(existing)), Some(Arc::clone(existing)), 200);
        }
        return Ok(Done { code: 200, object: Arc::clone(existing), warnings, gone: false });
    }
    match owners {
        Some(managers) => managers.store(&mut object),
        // An object that nobody's fields were recorded of stays so until it is applied.
        None if list(existing, &["metadata", "managedFields"]).is_empty() => {}
        None => {
            let difference = Difference::between(known, &object, Shape::of(kind));
            record(&mut object, inner.writer(order, "Update"), &difference);
        }
    }
    if let (Part::Status, Value::Object(map), Some(whole)) = (part, &mut object, existing.as_object()) {
        let rest = whole.iter().filter(|(key, _)| !SMALL.contains(&key.as_str()));
        map.extend(rest.map(|(key, value)| (key.clone(), value.clone())));
    }
    if is_finished(&object) {
        let object = Arc::new(object);
        inner.remove(order, Arc::clone(&object));
        return Ok(Done { code: 200, object, warnings, gone: true });
    }
    let object = inner.put(order, Some(Arc::clone(existing)), object, 200);
    Ok(Done { code: 200, object, warnings, gone: false })
}

/// Refuses an update that rests on another version than the one that is there.
fn check_version(order: &Order, existing: &Value, object: &Value) -> Result<(), Refusal> {
    let kind = &order.target.kind;
    let version = text(object, &["metadata", "resourceVersion"]);
    if version.is_empty() && kind.builtin().is_none() {
        let why = "must be specified for an update";
        let cause = Cause::invalid("metadata.resourceVersion", &Value::from(0), why);
        return Err(Refusal::unstorable(kind, &order.target.name, &cause));
    }
    if !matches!(version, "" | "0") && version != text(existing, &["metadata", "resourceVersion"]) {
        return Err(Refusal::stale(kind, &order.target.name));
    }
    Ok(())
}

fn part_of(order: &Order) -> Part {
    match (order.target.subresource.as_str(), order.target.kind.subresources.status) {
        ("status", _) => Part::Status,
        (_, true) => Part::Main,
        (_, false) => Part::Whole,
    }
}

/// What a status write deals with.
const SMALL: [&str; 4] = ["apiVersion", "kind", "metadata", "status"];

/// Returns the object without what a status write can't touch.
fn small(object: &Value) -> Value {
    let kept = SMALL.iter().filter_map(|key| Some(((*key).to_owned(), object.get(*key)?.clone())));
    Value::Object(kept.collect())
}

/// Takes from the existing object what this path may not write.
fn keep_parts(order: &Order, existing: &Value, object: &mut Value) {
    match part_of(order) {
        Part::Whole => {}
        Part::Main => set(object, &["status"], existing.get("status").cloned()),
        Part::Status => {
            let metadata = take(object, &["metadata"]).filter(|_| order.target.kind.builtin().is_some());
            let status = take(object, &["status"]);
            *object = small(existing);
            set(object, &["status"], status);
            if metadata.is_some() {
                set(object, &["metadata"], metadata);
            }
        }
    }
}

/// Takes from the existing object the metadata that nobody may change.
fn keep_metadata(order: &Order, existing: &Value, object: &mut Value) -> Result<(), Refusal> {
    let kind = &order.target.kind;
    let uid = text(object, &["metadata", "uid"]);
    let known = text(existing, &["metadata", "uid"]);
    if !uid.is_empty() && uid != known {
        let cause = Cause::invalid("metadata.uid", &uid.into(), "field is immutable");
        return Err(Refusal::invalid(kind, &order.target.name, &[cause]));
    }
    for field in [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "generation",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "resourceVersion",
        "managedFields",
    ] {
        set(object, &["metadata", field], at(existing, &["metadata", field]).cloned());
    }
    let dying = at(existing, &["metadata", "deletionTimestamp"]).is_some();
    let old = list(existing, &["metadata", "finalizers"]);
    let added: Vec<String> = list(object, &["metadata", "finalizers"])
        .iter()
        .filter(|finalizer| !old.contains(finalizer))
        .map(ToString::to_string)
        .collect();
    if dying && !added.is_empty() {
        let why = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        return Err(Refusal::invalid(kind, &order.target.name, &[Cause::forbidden("metadata.finalizers", &why)]));
    }
    Ok(())
}

fn count_generation(order: &Order, existing: &Value, object: &mut Value) {
    let kind = &order.target.kind;
    let changed = if let Some(builtin) = kind.builtin() {
        builtin.generation && existing.get("spec") != object.get("spec")
    } else {
        let split = kind.subresources.status;
        let counted = |key: &&String| *key != "metadata" && !(split && *key == "status");
        let (old, new) = (existing.as_object(), object.as_object());
        let keys = old.into_iter().chain(new).flat_map(Map::keys);
        keys.filter(counted).any(|key| existing.get(key) != object.get(key))
    };
    if changed {
        let generation = integer(existing, &["metadata", "generation"]).unwrap_or_default() + 1;
        put(object, &["metadata", "generation"], generation.into());
    }
}

/// Tells whether the object only waited for its last finalizer to go.
fn is_finished(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some()
        && list(object, &["metadata", "finalizers"]).is_empty()
        && (text(object, &["kind"]) != "Namespace" || list(object, &["spec", "finalizers"]).is_empty())
        && integer(object, &["metadata", "deletionGracePeriodSeconds"]).unwrap_or_default() == 0
}
