//! Takes objects away, at once or when those who guard them let go.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Done, Order};
use crate::server::{
    Inner,
    json::{at, integer, list, put, text},
    refusal::Refusal,
};

const FOREGROUND: &str = "foregroundDeletion";
const ORPHAN: &str = "orphan";

/// What a `DeleteOptions` object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// How long a pod may take to end.
    pub grace: Option<i64>,
    /// `Background`, `Foreground` or `Orphan`; empty for the default.
    pub propagation: String,
    /// The identity that the object must have.
    pub uid: String,
    /// The version that the object must have.
    pub version: String,
}

impl Deletion {
    /// Reads a `DeleteOptions` object.
    pub fn read(options: &Value) -> Self {
        let orphans = options.get("orphanDependents") == Some(&Value::Bool(true));
        let propagation = if orphans { "Orphan" } else { text(options, &["propagationPolicy"]) };
        Self {
            grace: integer(options, &["gracePeriodSeconds"]),
            propagation: propagation.to_owned(),
            uid: text(options, &["preconditions", "uid"]).to_owned(),
            version: text(options, &["preconditions", "resourceVersion"]).to_owned(),
        }
    }
}

/// Carries out a DELETE.
pub fn delete(inner: &Inner, order: &Order, deletion: &Deletion) -> Result<Done, Refusal> {
    let target = &order.target;
    let existing = inner.store().get(target.kind.id, &target.key());
    let existing = existing.ok_or_else(|| Refusal::not_found(&target.kind, &target.name))?;
    expect(order, &existing, deletion)?;
    let grace = grace(order, &existing, deletion);
    let finalizers = finalizers(order, &existing, deletion);
    if finalizers.is_empty() && grace == 0 {
        let object = inner.remove(order, existing);
        return Ok(Done { code: 200, object, warnings: Vec::new(), gone: true });
    }
    let object = mark(inner, &existing, grace, finalizers);
    if object == *existing {
        if !order.options.dry_run {
            inner.record(order, Some(Arc::clone(&existing)), Some(Arc::clone(&existing)), 200);
        }
        return Ok(Done { code: 200, object: existing, warnings: Vec::new(), gone: false });
    }
    let object = inner.put(order, Some(existing), object, 200);
    Ok(Done { code: 200, object, warnings: Vec::new(), gone: false })
}

fn expect(order: &Order, existing: &Value, deletion: &Deletion) -> Result<(), Refusal> {
    let target = &order.target;
    for (field, what, wanted) in
        [("uid", "UID", &deletion.uid), ("resourceVersion", "ResourceVersion", &deletion.version)]
    {
        let have = text(existing, &["metadata", field]);
        if !wanted.is_empty() && wanted != have {
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({have}). The object \
                 might have been {}",
                if field == "uid" { "deleted and then recreated" } else { "modified" }
            );
            let mut refusal = Refusal::conflict(&target.kind, &target.name, &why);
            refusal.message = refusal.message.replacen(&target.kind.names.plural, &target.kind.names.kind, 1);
            put(&mut refusal.details, &["kind"], target.kind.names.kind.clone().into());
            return Err(refusal);
        }
    }
    Ok(())
}

/// Tells for how many seconds the object stays after the call; only pods on a node stay at all.
fn grace(order: &Order, existing: &Value, deletion: &Deletion) -> i64 {
    let kind = &order.target.kind;
    let ended = matches!(text(existing, &["status", "phase"]), "Succeeded" | "Failed");
    if kind.names.kind != "Pod" || kind.builtin().is_none() || text(existing, &["spec", "nodeName"]).is_empty() || ended
    {
        return 0;
    }
    let own = || integer(existing, &["spec", "terminationGracePeriodSeconds"]).unwrap_or(30);
    deletion.grace.unwrap_or_else(own).max(0)
}

fn finalizers(order: &Order, existing: &Value, deletion: &Deletion) -> Vec<Value> {
    let mut finalizers = list(existing, &["metadata", "finalizers"]).to_vec();
    if !deletion.propagation.is_empty() {
        finalizers.retain(|finalizer| finalizer != FOREGROUND && finalizer != ORPHAN);
    }
    match deletion.propagation.as_str() {
        "Foreground" => finalizers.push(FOREGROUND.into()),
        "Orphan" => finalizers.push(ORPHAN.into()),
        _ => {}
    }
    let namespace = order.target.kind.names.kind == "Namespace" && order.target.kind.builtin().is_some();
    if namespace && finalizers.is_empty() {
        finalizers.extend(list(existing, &["spec", "finalizers"]).iter().cloned());
    }
    finalizers
}

fn mark(inner: &Inner, existing: &Value, grace: i64, finalizers: Vec<Value>) -> Value {
    let mut object = existing.clone();
    let namespace = text(&object, &["kind"]) == "Namespace";
    if !finalizers.is_empty() && !namespace {
        put(&mut object, &["metadata", "finalizers"], finalizers.into());
    }
    if namespace {
        put(&mut object, &["status", "phase"], "Terminating".into());
    }
    let before = integer(existing, &["metadata", "deletionGracePeriodSeconds"]);
    let dying = at(existing, &["metadata", "deletionTimestamp"]).is_some();
    if dying && before.is_some_and(|before| before <= grace) {
        return object;
    }
    let end = inner.now().checked_add(SignedDuration::from_secs(grace)).unwrap_or(Timestamp::MAX);
    put(&mut object, &["metadata", "deletionTimestamp"], format!("{end:.0}").into());
    if !namespace {
        put(&mut object, &["metadata", "deletionGracePeriodSeconds"], grace.into());
    }
    if let Some(generation) = integer(&object, &["metadata", "generation"]).filter(|_| !dying) {
        put(&mut object, &["metadata", "generation"], (generation + 1).into());
    }
    object
}
