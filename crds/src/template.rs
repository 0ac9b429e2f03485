//! Whether two pod templates ask for the same pods, so that taking over a Rollout never starts a revision.
//!
//! The hash of a template changes with the libraries of whoever computed it. What does not change is what the template
//! comes to once the API server has defaulted it, and what a controller has added to it is taken off.

use serde_json::{Map, Value, json};

use crate::{
    decode::Fault,
    go::{self, Misfit, Purpose, Tree, shape, struct_kind, table},
    names::HASH_LABEL,
    rollout::AntiAffinity,
};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

/// What a pod template comes to, in 128 bits; equal ones ask for the same pods.
///
/// Small enough to be cached instead of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(u128);

/// The fingerprint of a pod template.
///
/// `ephemeral` is the annotation `rollout.argoproj.io/ephemeral-metadata` of the ReplicaSet that the template is from:
/// labels and annotations that a controller added to it, as JSON. They don't count, nor does the hash label, nor an
/// anti-affinity that a controller added.
pub fn fingerprint(template: &Value, ephemeral: Option<&str>) -> Fingerprint {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in compared(template, ephemeral).to_json().bytes() {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    Fingerprint(hash)
}

/// Whether two pod templates ask for the same pods.
pub fn equal(a: &Value, b: &Value) -> bool {
    compared(a, None) == compared(b, None)
}

/// Whether a `ReplicaSet` runs the pods that a template asks for, apart from what a controller has added to it.
///
/// Labels and annotations that the `ReplicaSet` itself says were added for a role (canary or stable) don't count.
pub fn same_revision(template: &Value, replica_set: &Value) -> bool {
    let Some(have) = replica_set.pointer("/spec/template") else { return false };
    let annotations = replica_set.pointer("/metadata/annotations");
    let added = annotations.and_then(|a| a.get(crate::names::EPHEMERAL_METADATA_ANNOTATION)).and_then(Value::as_str);
    compared(template, None) == compared(have, added)
}

/// The template as it is compared: defaulted, without unknown fields and what a controller added, quantities by amount.
pub fn defaulted(template: &Value) -> Value {
    compared(template, None).into()
}

/// Fields in a pod template that Kubernetes does not know, each with a sentence; `at` is where the template stands.
///
/// They are no faults: pods run without them, as with Argo Rollouts. But who wrote `contaners` meant something else, and
/// the CRDs let it pass, since they do not repeat the whole schema of a pod.
pub fn unknown_fields(template: &Value, at: &str) -> Vec<Fault> {
    let misfits = misfits(template, at).into_iter();
    misfits
        .filter_map(|misfit| match misfit {
            Misfit::Unknown { path, meant: Some(meant) } => Some(unknown(path, &format!("did you mean {meant}?"))),
            Misfit::Unknown { path, meant: None } => Some(unknown(path, "remove it, or correct its name")),
            Misfit::Kind { .. } => None,
        })
        .collect()
}

/// Values in a pod template for which the API server would refuse its pods, such as a number as the value of a variable.
pub fn wrong_kinds(template: &Value, at: &str) -> Vec<Fault> {
    let misfits = misfits(template, at).into_iter();
    misfits
        .filter_map(|misfit| match misfit {
            Misfit::Kind { path, value, wanted } => {
                Some(Fault::new(path, Some(&value), &format!("it must be {wanted}")))
            }
            Misfit::Unknown { .. } => None,
        })
        .collect()
}

fn misfits(template: &Value, at: &str) -> Vec<Misfit> {
    go::misfits(table(), &struct_kind("PodTemplateSpec"), template, at)
}

fn unknown(path: String, rule: &str) -> Fault {
    Fault::saying(path, &format!("is a field that Kubernetes does not know, and has no effect; {rule}"))
}

/// The template without what a controller has added to it.
pub fn without_additions(template: &Value, ephemeral: Option<&str>) -> Value {
    let mut template = template.clone();
    remove_metadata(&mut template, ephemeral);
    remove_anti_affinity(&mut template);
    template
}

/// The template with pods that avoid the nodes of another revision of their Rollout, instead of whatever was added before.
pub fn avoiding(template: &Value, affinity: &AntiAffinity, hash: &str, namespace: &str) -> Value {
    let mut template = template.clone();
    remove_anti_affinity(&mut template);
    let selector = json!({"matchExpressions": [{"key": HASH_LABEL, "operator": "In", "values": [hash]}]});
    let term = json!({"labelSelector": selector, "namespaces": [namespace], "topologyKey": "kubernetes.io/hostname"});
    let (key, term) = match &affinity.preferred_during_scheduling_ignored_during_execution {
        Some(preferred) => (PREFERRED, json!({"weight": preferred.weight, "podAffinityTerm": term})),
        None => (REQUIRED, term),
    };
    at(template, &["spec", "affinity", "podAntiAffinity", key], |terms| {
        let mut terms = if let Value::Array(terms) = terms { terms } else { Vec::new() };
        terms.push(term);
        Value::Array(terms)
    })
}

/// The object with what stands at a path changed; what is no object on the way becomes one.
fn at(object: Value, path: &[&str], change: impl FnOnce(Value) -> Value) -> Value {
    let Some((field, rest)) = path.split_first() else { return change(object) };
    let mut fields = if let Value::Object(fields) = object { fields } else { Map::new() };
    let inner = fields.remove(*field).unwrap_or_default();
    fields.insert((*field).to_owned(), at(inner, rest, change));
    Value::Object(fields)
}

/// The hash of the revision that the pods of a template avoid by what a controller added to their affinity.
pub fn avoided(affinity: &Value) -> Option<&str> {
    let anti = affinity.get("podAntiAffinity")?;
    let list = |key: &str| anti.get(key).and_then(Value::as_array).into_iter().flatten();
    let preferred = list(PREFERRED).filter_map(|term| term.get("podAffinityTerm"));
    let term = list(REQUIRED).chain(preferred).find(|term| selects_by_hash(term))?;
    let expressions = term.pointer("/labelSelector/matchExpressions")?.as_array()?;
    let by_hash = expressions.iter().find(|one| one.get("key").is_some_and(|key| key == HASH_LABEL))?;
    by_hash.pointer("/values/0")?.as_str()
}

fn compared(template: &Value, ephemeral: Option<&str>) -> Tree {
    shape(table(), &struct_kind("PodTemplateSpec"), &without_additions(template, ephemeral), Purpose::Compare)
}

fn remove_metadata(template: &mut Value, ephemeral: Option<&str>) {
    let Some(metadata) = template.get_mut("metadata").and_then(Value::as_object_mut) else {
        return;
    };
    metadata.remove("creationTimestamp");
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        labels.remove(HASH_LABEL);
    }
    // An annotation that is no JSON says nothing.
    let added: Value = ephemeral.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    for kind in ["labels", "annotations"] {
        let Some(added) = added.get(kind).and_then(Value::as_object) else {
            continue;
        };
        if let Some(present) = metadata.get_mut(kind).and_then(Value::as_object_mut) {
            present.retain(|key, _| !added.contains_key(key));
        }
    }
}

/// Removes terms that select by the hash label.
fn remove_anti_affinity(template: &mut Value) {
    let Some(anti) = template.pointer_mut("/spec/affinity/podAntiAffinity") else {
        return;
    };
    if let Some(terms) = terms(anti, REQUIRED) {
        terms.retain(|term| !selects_by_hash(term));
    }
    if let Some(terms) = terms(anti, PREFERRED) {
        terms.retain(|term| !term.get("podAffinityTerm").is_some_and(selects_by_hash));
    }
}

fn terms<'a>(anti: &'a mut Value, key: &str) -> Option<&'a mut Vec<Value>> {
    anti.get_mut(key).and_then(Value::as_array_mut)
}

fn selects_by_hash(term: &Value) -> bool {
    let expressions = term.pointer("/labelSelector/matchExpressions").and_then(Value::as_array);
    expressions.is_some_and(|list| list.iter().any(|one| one.get("key").is_some_and(|key| key == HASH_LABEL)))
}

#[cfg(test)]
mod tests;
