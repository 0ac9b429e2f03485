//! The tables of the server's own kinds.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{age, since};
use crate::server::{
    json::{at, integer, list, text, texts},
    select::Selector,
};

type Heading = (&'static str, i64);

/// Returns the headings after the name, with their priorities.
pub fn columns(kind: &str) -> &'static [Heading] {
    match kind {
        "Pod" => &[
            ("Ready", 0),
            ("Status", 0),
            ("Restarts", 0),
            ("Age", 0),
            ("IP", 1),
            ("Node", 1),
            ("Nominated Node", 1),
            ("Readiness Gates", 1),
        ],
        "ReplicaSet" => &[
            ("Desired", 0),
            ("Current", 0),
            ("Ready", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "Deployment" => &[
            ("Ready", 0),
            ("Up-to-date", 0),
            ("Available", 0),
            ("Age", 0),
            ("Containers", 1),
            ("Images", 1),
            ("Selector", 1),
        ],
        "Service" => &[("Type", 0), ("Cluster-IP", 0), ("External-IP", 0), ("Port(s)", 0), ("Age", 0), ("Selector", 1)],
        "Event" => &[
            ("Last Seen", 0),
            ("Type", 0),
            ("Reason", 0),
            ("Object", 0),
            ("Subobject", 1),
            ("Source", 1),
            ("Message", 0),
            ("First Seen", 1),
            ("Count", 1),
            ("Name", 1),
        ],
        "ConfigMap" => &[("Data", 0), ("Age", 0)],
        "Secret" => &[("Type", 0), ("Data", 0), ("Age", 0)],
        "Namespace" => &[("Status", 0), ("Age", 0)],
        "Lease" => &[("Holder", 0), ("Age", 0)],
        "CustomResourceDefinition" => &[("Created At", 0)],
        _ => &[("Age", 0)],
    }
}

/// Returns the cells after the name.
pub fn cells(kind: &str, object: &Value, now: Timestamp) -> Vec<Value> {
    match kind {
        "Pod" => pod(object, now),
        "ReplicaSet" => {
            let mut cells = vec![
                number(object, &["spec", "replicas"]),
                number(object, &["status", "replicas"]),
                number(object, &["status", "readyReplicas"]),
                age(object, now),
            ];
            cells.extend(template(object));
            cells
        }
        "Deployment" => {
            let (ready, all) = (number(object, &["status", "readyReplicas"]), number(object, &["spec", "replicas"]));
            let mut cells = vec![
                format!("{ready}/{all}").into(),
                number(object, &["status", "updatedReplicas"]),
                number(object, &["status", "availableReplicas"]),
                age(object, now),
            ];
            cells.extend(template(object));
            cells
        }
        "Service" => service(object, now),
        "Event" => event(object, now),
        "ConfigMap" => vec![size(object), age(object, now)],
        "Secret" => vec![text(object, &["type"]).into(), size(object), age(object, now)],
        "Namespace" => vec![text(object, &["status", "phase"]).into(), age(object, now)],
        "Lease" => vec![text(object, &["spec", "holderIdentity"]).into(), age(object, now)],
        "CustomResourceDefinition" => vec![text(object, &["metadata", "creationTimestamp"]).into()],
        _ => vec![age(object, now)],
    }
}

fn number(object: &Value, path: &[&str]) -> Value {
    integer(object, path).unwrap_or_default().into()
}

fn size(object: &Value) -> Value {
    let entries = |field: &str| at(object, &[field]).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    (entries("data") + entries("binaryData")).into()
}

fn none_if_empty(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}

/// Returns the containers, images and selector of something with a pod template.
fn template(object: &Value) -> Vec<Value> {
    let containers = list(object, &["spec", "template", "spec", "containers"]);
    let each = |field: &str| {
        let words: Vec<&str> = containers.iter().map(|container| text(container, &[field])).collect();
        Value::from(words.join(","))
    };
    let selector = at(object, &["spec", "selector"]).map(|selector| Selector::of_object(selector).to_text());
    vec![each("name"), each("image"), selector.unwrap_or_default().into()]
}

fn pod(pod: &Value, now: Timestamp) -> Vec<Value> {
    let statuses = list(pod, &["status", "containerStatuses"]);
    let ready = statuses.iter().filter(|status| status.get("ready") == Some(&Value::Bool(true))).count();
    let restarts: i64 = statuses.iter().filter_map(|status| integer(status, &["restartCount"])).sum();
    let waiting =
        statuses.iter().map(|status| text(status, &["state", "waiting", "reason"])).find(|why| !why.is_empty());
    let dying = at(pod, &["metadata", "deletionTimestamp"]).is_some();
    let status = match (dying, waiting) {
        (true, _) => "Terminating",
        (false, Some(why)) => why,
        (false, None) => text(pod, &["status", "phase"]),
    };
    vec![
        format!("{ready}/{}", list(pod, &["spec", "containers"]).len()).into(),
        status.into(),
        restarts.to_string().into(),
        age(pod, now),
        none_if_empty(text(pod, &["status", "podIP"])),
        none_if_empty(text(pod, &["spec", "nodeName"])),
        none_if_empty(text(pod, &["status", "nominatedNodeName"])),
        "<none>".into(),
    ]
}

fn service(service: &Value, now: Timestamp) -> Vec<Value> {
    let ports: Vec<String> = list(service, &["spec", "ports"])
        .iter()
        .map(|port| format!("{}/{}", number(port, &["port"]), text(port, &["protocol"])))
        .collect();
    let selector: Vec<String> =
        texts(service, &["spec", "selector"]).map(|(key, value)| format!("{key}={value}")).collect();
    vec![
        text(service, &["spec", "type"]).into(),
        none_if_empty(text(service, &["spec", "clusterIP"])),
        none_if_empty(text(service, &["spec", "externalName"])),
        none_if_empty(&ports.join(",")),
        age(service, now),
        none_if_empty(&selector.join(",")),
    ]
}

fn event(event: &Value, now: Timestamp) -> Vec<Value> {
    let when = |fields: &[&[&str]]| {
        let time = fields.iter().map(|field| text(event, field)).find(|time| !time.is_empty());
        Value::from(since(time.unwrap_or_default(), now))
    };
    let about = format!(
        "{}/{}",
        text(event, &["involvedObject", "kind"]).to_lowercase(),
        text(event, &["involvedObject", "name"])
    );
    let source = match text(event, &["source", "component"]) {
        "" => text(event, &["reportingComponent"]),
        component => component,
    };
    vec![
        when(&[&["series", "lastObservedTime"], &["lastTimestamp"], &["eventTime"]]),
        text(event, &["type"]).into(),
        text(event, &["reason"]).into(),
        about.into(),
        text(event, &["involvedObject", "fieldPath"]).into(),
        source.into(),
        text(event, &["message"]).trim().into(),
        when(&[&["firstTimestamp"], &["eventTime"]]),
        json!(integer(event, &["count"]).unwrap_or(1)),
        text(event, &["metadata", "name"]).into(),
    ]
}
