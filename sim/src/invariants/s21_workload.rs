//! S21: the Deployment that a Rollout refers to gives up pods only where the Rollout's own serve in their place.

use serde_json::Value;

use super::{History, Key, Violation, WriteRecord, broken, view};

/// The Rollouts that refer to a Deployment and let it be scaled.
pub fn taking_over<'a>(history: &'a History, deployment: &Key) -> impl Iterator<Item = (&'a Key, &'a Value)> {
    let (namespace, name) = (deployment.namespace.clone(), deployment.name.clone());
    history.all("rollouts").filter(move |(key, rollout)| {
        let text = |field: &str| view::text(rollout, &format!("/spec/workloadRef/{field}")).to_owned();
        let scales = matches!(text("scaleDown").as_str(), "onsuccess" | "progressively");
        key.namespace == namespace && text("kind") == "Deployment" && text("name") == name && scales
    })
}

/// Checks every write of ours to the size of a Deployment: together with the available pods of the Rollout its pods are as
/// many as the Rollout asks for; it goes down only beside a pod that answers, and up to no more than that number.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("deployments") {
        return Ok(());
    }
    let size = |object: &Value| view::number(object, "/spec/replicas").unwrap_or_default();
    let (Some(from), Some(to)) = (history.before(write).map(size), write.after.as_deref().map(size)) else {
        return Ok(());
    };
    for (key, _) in taking_over(history, &write.key) {
        let own: i64 = history.sets(key).map(|(set, _)| history.available(set, write)).sum();
        let wanted = history.wanted(key, write);
        let (least, most) = (wanted.iter().min().copied().unwrap_or(0), wanted.iter().max().copied().unwrap_or(0));
        if to < from && (own == 0 || own + to < least) {
            let seen = format!(
                "we took it from {from} to {to} pods, while {own} of {least} pods of the Rollout are available"
            );
            return broken("S21", write, seen);
        }
        if to > from && to > most {
            return broken("S21", write, format!("we brought it up to {to} pods, while the Rollout asks for {most}"));
        }
    }
    Ok(())
}
