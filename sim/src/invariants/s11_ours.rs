//! S11: we write only what is ours, and only the fields that are ours.

use serde_json::Value;

use super::{History, Key, Violation, WriteRecord, broken, diff, s21_workload, view};

/// Checks what kind of object we write, whose it is, and which fields differ afterwards.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let before = history.before(write);
    let either = write.after.as_deref().or(before).unwrap_or(&Value::Null);
    let seen = match write.key.resource.as_str() {
        "events" => event(either),
        "leases" => lease(write),
        "rollouts" => rollout(write, before),
        "replicasets" => set(history, write, before, either),
        "services" => service(history, write, before),
        "virtualservices" | "destinationrules" => named(history, write, before),
        "analysisruns" => run(history, write, before, either),
        // The canary Ingress beside the one that its owner made.
        "experiments" | "jobs" | "ingresses" => owned(history, write, either),
        "pods" => pod(history, write, either),
        "deployments" => workload(history, write),
        other => Some(format!("we wrote {other}, which is none of our business")),
    };
    seen.map_or(Ok(()), |seen| broken("S11", write, seen))
}

fn event(event: &Value) -> Option<String> {
    let kind = [view::text(event, "/regarding/kind"), view::text(event, "/involvedObject/kind")].concat();
    let ours = ["Rollout", "AnalysisRun", "Experiment"].contains(&kind.as_str());
    (!ours).then(|| format!("we sent an event about a {kind}"))
}

fn lease(write: &WriteRecord) -> Option<String> {
    let ours = ["argo-rollouts", "serin"].iter().any(|prefix| write.key.name.starts_with(prefix));
    (!ours).then(|| "we wrote a Lease that is not ours".to_owned())
}

fn rollout(write: &WriteRecord, before: Option<&Value>) -> Option<String> {
    let (Some(before), Some(after)) = (before, write.after.as_deref()) else {
        return Some(format!("we sent {} for a Rollout", write.verb));
    };
    let filled = before.pointer("/spec/replicas").is_none();
    let allowed = |path: &str| {
        path.starts_with("/status") || diff::annotations(path, before) || (path == "/spec/replicas" && filled)
    };
    let path = diff::changed(before, after).into_iter().find(|path| !allowed(path))?;
    Some(format!("we changed {path} of a Rollout"))
}

/// Says whether an object is controlled by something of ours that is there, and by no other of its name.
fn controlled(history: &History, namespace: &str, object: &Value) -> bool {
    let kinds = [("Rollout", "rollouts"), ("Experiment", "experiments"), ("AnalysisRun", "analysisruns")];
    let owner = view::list(object, "/metadata/ownerReferences").iter().find(|owner| view::flag(owner, "/controller"));
    let Some(owner) = owner else { return false };
    let resource = kinds.iter().find(|(kind, _)| *kind == view::text(owner, "/kind")).map(|(_, resource)| *resource);
    let Some(resource) = resource else { return false };
    let there = history.get(&Key::new(resource, namespace, view::text(owner, "/name")));
    // An owner that is gone, or made again, no longer owns; a log may begin without its uid.
    there.is_some_and(|there| view::text(there, "/metadata/uid") == view::text(owner, "/uid"))
}

/// What of a `ReplicaSet` follows its Rollout.
const FOLLOWS: [&str; 7] = [
    "/spec/replicas",
    "/spec/minReadySeconds",
    "/spec/template/metadata",
    "/spec/template/spec/affinity",
    "/metadata/annotations",
    "/metadata/labels",
    "/metadata/ownerReferences",
];

fn set(history: &History, write: &WriteRecord, before: Option<&Value>, either: &Value) -> Option<String> {
    let ours = controlled(history, &write.key.namespace, either);
    let taken = before.is_some_and(|before| view::list(before, "/metadata/ownerReferences").is_empty());
    let kept = before.is_none_or(|before| taken || controlled(history, &write.key.namespace, before));
    if !ours || !kept {
        return Some("we wrote a ReplicaSet that belongs to no Rollout of ours".to_owned());
    }
    let allowed = |path: &str| FOLLOWS.iter().any(|field| path == *field || path.starts_with(&format!("{field}/")));
    let path = diff::changed(before?, write.after.as_deref()?).into_iter().find(|path| !allowed(path))?;
    Some(format!("we changed {path} of a ReplicaSet"))
}

fn service(history: &History, write: &WriteRecord, before: Option<&Value>) -> Option<String> {
    named(history, write, before).or_else(|| {
        let (old, new) = (diff::bare_service(before?), diff::bare_service(write.after.as_deref()?));
        let path = diff::changed(&old, &new).into_iter().next()?;
        Some(format!("we changed {path} of a Service"))
    })
}

/// Objects of others are ours to touch while a Rollout names them, or while they still bear our mark.
fn named(history: &History, write: &WriteRecord, before: Option<&Value>) -> Option<String> {
    let (Some(before), Some(_)) = (before, write.after.as_deref()) else {
        return Some(format!("we sent {} for an object that others make", write.verb));
    };
    let marked = diff::marked(before);
    let named = history.naming(&write.key).next().is_some();
    (!named && !marked).then(|| "we wrote an object that no Rollout names".to_owned())
}

fn run(history: &History, write: &WriteRecord, before: Option<&Value>, either: &Value) -> Option<String> {
    let Some((old, new)) = before.zip(write.after.as_deref()) else {
        return owned(history, write, either);
    };
    let owned = controlled(history, &write.key.namespace, either);
    let allowed = |path: &String| path.starts_with("/status") || (owned && path == "/spec/terminate");
    let path = diff::changed(old, new).into_iter().find(|path| !allowed(path))?;
    Some(format!("we changed {path} of an AnalysisRun"))
}

fn owned(history: &History, write: &WriteRecord, object: &Value) -> Option<String> {
    let ours = controlled(history, &write.key.namespace, object);
    (!ours).then(|| format!("we sent {} for an object that belongs to nothing of ours", write.verb))
}

/// The size of a Deployment is ours where a Rollout refers to it and lets it be scaled; nothing else of it ever is.
fn workload(history: &History, write: &WriteRecord) -> Option<String> {
    if !write.touches("scale") {
        return Some("we wrote a Deployment, whose size alone is our business".to_owned());
    }
    let named = s21_workload::taking_over(history, &write.key).next().is_some();
    (!named).then(|| "we scaled a Deployment that no Rollout lets us scale".to_owned())
}

/// Pods are ours to evict, and to label while one of our `ReplicaSets` owns them.
fn pod(history: &History, write: &WriteRecord, pod: &Value) -> Option<String> {
    let set = view::owner(pod, "ReplicaSet").map(|name| Key::new("replicasets", &write.key.namespace, name));
    let ours = set.and_then(|set| history.get(&set)).is_some_and(|set| controlled(history, &write.key.namespace, set));
    (!ours).then(|| "we wrote a pod of no Rollout".to_owned())
}
