//! The rules that the server checks of its own accord, beside schemas.

use serde_json::Value;

use crate::server::{
    json::{at, list, text, texts},
    kind::Kind,
    refusal::Cause,
    select::Selector,
};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const SERVICE: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must \
    start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const LABEL_VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', \
    and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for \
    validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

/// Returns what is wrong with the metadata of an object.
pub fn metadata(kind: &Kind, object: &Value) -> Vec<Cause> {
    let mut faults = Vec::new();
    let name = text(object, &["metadata", "name"]);
    let shown = Value::from(name);
    if kind.names.kind == "Service" && kind.builtin().is_some() {
        if !label(name) {
            faults.push(Cause::invalid("metadata.name", &shown, SERVICE));
        }
    } else if !name.split('.').all(label) {
        faults.push(Cause::invalid("metadata.name", &shown, SUBDOMAIN));
    }
    if name.len() > 253 {
        faults.push(Cause::invalid("metadata.name", &shown, "must be no more than 253 characters"));
    }
    for (_, value) in texts(object, &["metadata", "labels"]) {
        if value.len() > 63 {
            faults.push(Cause::invalid("metadata.labels", &value.into(), "must be no more than 63 characters"));
        } else if !label_value(value) {
            faults.push(Cause::invalid("metadata.labels", &value.into(), LABEL_VALUE));
        }
    }
    let size: usize = texts(object, &["metadata", "annotations"]).map(|(key, value)| key.len() + value.len()).sum();
    if size > 256 << 10 {
        faults.push(Cause {
            reason: "FieldValueTooLong",
            message: "Too long: may not be more than 262144 bytes".to_owned(),
            field: "metadata.annotations".to_owned(),
        });
    }
    let owners = list(object, &["metadata", "ownerReferences"]);
    if owners.iter().filter(|owner| owner.get("controller") == Some(&Value::Bool(true))).count() > 1 {
        let why = "Only one reference can have Controller set to true";
        faults.push(Cause::invalid("metadata.ownerReferences", &Value::from(owners.to_vec()), why));
    }
    faults
}

fn label(text: &str) -> bool {
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit();
    text.starts_with(inner) && text.ends_with(inner) && text.chars().all(|letter| inner(letter) || letter == '-')
}

fn label_value(text: &str) -> bool {
    let outer = |letter: char| letter.is_ascii_alphanumeric();
    let inner = |letter: char| outer(letter) || matches!(letter, '-' | '_' | '.');
    text.is_empty() || (text.starts_with(outer) && text.ends_with(outer) && text.chars().all(inner))
}

/// Returns what is wrong with an object of the server's own kinds.
pub fn builtin(kind: &Kind, object: &Value) -> Vec<Cause> {
    match kind.names.kind.as_str() {
        "ReplicaSet" | "Deployment" => workload(object),
        "Pod" => pod(object, "spec"),
        "Service" => service(object),
        "Lease" => lease(object),
        _ => Vec::new(),
    }
}

fn workload(object: &Value) -> Vec<Cause> {
    let mut faults = Vec::new();
    let replicas = at(object, &["spec", "replicas"]).cloned().unwrap_or_default();
    if replicas.as_i64().is_some_and(|replicas| replicas < 0) {
        faults.push(Cause::invalid("spec.replicas", &replicas, "must be greater than or equal to 0"));
    }
    let selector = at(object, &["spec", "selector"]).cloned().unwrap_or_default();
    let empty = Selector::of_object(&selector).is_empty();
    if empty {
        faults.push(Cause::required("spec.selector", ""));
    }
    let labels = at(object, &["spec", "template", "metadata", "labels"]).cloned().unwrap_or_default();
    let template = at(object, &["spec", "template"]).cloned().unwrap_or_default();
    if !empty && !Selector::of_object(&selector).matches(&template) {
        let why = "`selector` does not match template `labels`";
        faults.push(Cause::invalid("spec.template.metadata.labels", &labels, why));
    }
    faults.extend(pod(&template, "spec.template.spec"));
    faults
}

fn pod(pod: &Value, path: &str) -> Vec<Cause> {
    let mut faults = Vec::new();
    let containers = list(pod, &["spec", "containers"]);
    if containers.is_empty() {
        faults.push(Cause::required(&format!("{path}.containers"), ""));
    }
    for (place, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if text(container, &[field]).is_empty() {
                faults.push(Cause::required(&format!("{path}.containers[{place}].{field}"), ""));
            }
        }
        let name = text(container, &["name"]);
        if containers.iter().take(place).any(|other| text(other, &["name"]) == name) {
            faults.push(Cause {
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: {name:?}"),
                field: format!("{path}.containers[{place}].name"),
            });
        }
    }
    faults
}

fn service(service: &Value) -> Vec<Cause> {
    let needs = text(service, &["spec", "type"]) != "ExternalName" && text(service, &["spec", "clusterIP"]) != "None";
    if needs && list(service, &["spec", "ports"]).is_empty() {
        return vec![Cause::required("spec.ports", "")];
    }
    Vec::new()
}

fn lease(lease: &Value) -> Vec<Cause> {
    let duration = at(lease, &["spec", "leaseDurationSeconds"]);
    let wrong = duration.filter(|duration| duration.as_i64().is_some_and(|seconds| seconds <= 0));
    wrong
        .map(|wrong| Cause::invalid("spec.leaseDurationSeconds", wrong, "must be greater than 0"))
        .into_iter()
        .collect()
}

/// Returns what is wrong with the status of an object of the server's own kinds.
pub fn status(kind: &Kind, object: &Value) -> Vec<Cause> {
    if kind.names.kind != "ReplicaSet" {
        return Vec::new();
    }
    let count = |field: &str| at(object, &["status", field]).and_then(Value::as_i64).unwrap_or_default();
    let pairs = [
        ("fullyLabeledReplicas", "replicas"),
        ("readyReplicas", "replicas"),
        ("availableReplicas", "replicas"),
        ("availableReplicas", "readyReplicas"),
    ];
    let breaks = pairs.into_iter().filter(|(part, whole)| count(part) > count(whole));
    breaks
        .map(|(part, whole)| {
            let why = format!("cannot be greater than status.{whole}");
            Cause::invalid(&format!("status.{part}"), &count(part).into(), &why)
        })
        .collect()
}

/// Returns what may not change and did.
pub fn fixed(kind: &Kind, before: &Value, after: &Value) -> Vec<Cause> {
    let fields: &[&[&str]] = match (kind.builtin().is_some(), kind.names.kind.as_str()) {
        (true, "ReplicaSet" | "Deployment") => &[&["spec", "selector"]],
        (true, "Secret") => &[&["type"]],
        (true, "Pod") => &[&["spec", "nodeName"]],
        _ => &[],
    };
    let changed = |path: &&&[&str]| {
        let old = at(before, path);
        at(after, path) != old && !(old.is_none() && path.ends_with(&["nodeName"]))
    };
    let fault = |path: &&[&str]| {
        let value = at(after, path).cloned().unwrap_or_default();
        Cause::invalid(&path.join("."), &value, "field is immutable")
    };
    fields.iter().filter(changed).map(fault).collect()
}
