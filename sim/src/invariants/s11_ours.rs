//! S11: we write only what is ours, and only the fields that are ours.

use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, diff, view};

/// Checks what kind of object we write, whose it is, and which fields differ afterwards.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let before = history.before(write);
    let either = write.after.as_deref().or(before).unwrap_or(&Value::Null);
    let seen = match write.key.resource.as_str() {
        "events" => None,
        "leases" => lease(write),
        "rollouts" => rollout(write, before),
        "replicasets" => view::owner(either, "Rollout")
            .or_else(|| view::owner(either, "Experiment"))
            .is_none()
            .then(|| "we wrote a ReplicaSet that belongs to no Rollout".to_owned()),
        "services" => service(history, write, before),
        "virtualservices" | "destinationrules" => named(history, write, before),
        "analysisruns" => run(write, before, either),
        // The canary Ingress beside the one that its owner made.
        "experiments" | "jobs" | "ingresses" => owned(either),
        "pods" => pod(write, either),
        other => Some(format!("we wrote {other}, which is none of our business")),
    };
    seen.map_or(Ok(()), |seen| broken("S11", write, seen))
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
        let annotation = path.strip_prefix("/metadata/annotations/").is_some_and(diff::our_annotation);
        let whole = path == "/metadata/annotations" && before.pointer(path).is_none();
        path.starts_with("/status") || annotation || whole || (path == "/spec/replicas" && filled)
    };
    let path = diff::changed(before, after).into_iter().find(|path| !allowed(path))?;
    Some(format!("we changed {path} of a Rollout"))
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
    let marked = !view::annotation(before, diff::MANAGED_BY).is_empty();
    let named = history.naming(&write.key).next().is_some();
    (!named && !marked).then(|| "we wrote an object that no Rollout names".to_owned())
}

fn run(write: &WriteRecord, before: Option<&Value>, either: &Value) -> Option<String> {
    let owned = view::owner(either, "Rollout").or_else(|| view::owner(either, "Experiment")).is_some();
    let Some((old, new)) = before.zip(write.after.as_deref()) else {
        return (!owned).then(|| format!("we sent {} for an AnalysisRun that is not ours", write.verb));
    };
    let allowed = |path: &String| path.starts_with("/status") || (owned && path == "/spec/terminate");
    let path = diff::changed(old, new).into_iter().find(|path| !allowed(path))?;
    Some(format!("we changed {path} of an AnalysisRun"))
}

fn owned(object: &Value) -> Option<String> {
    let owned = ["Rollout", "Experiment", "AnalysisRun"].iter().any(|kind| view::owner(object, kind).is_some());
    (!owned).then(|| "we wrote an object that belongs to nothing of ours".to_owned())
}

fn pod(write: &WriteRecord, object: &Value) -> Option<String> {
    let ours = write.touches("eviction") || !view::label(object, view::HASH_LABEL).is_empty();
    (!ours).then(|| "we wrote a pod of no Rollout".to_owned())
}
