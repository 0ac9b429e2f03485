//! The document that the gate decides about; `schema/gate-input.v1.json` describes it.

use jiff::Timestamp;
use serde_json::{Value, json};
use serin_crds::rollback::Rollback;
use serin_crds::time;

use crate::core::observed::{PolicySeen, RolloutSeen};

/// Version of the document; a change that breaks rules gets another one.
pub const VERSION: &str = "v1";

/// Makes the document.
pub fn document(policy: &PolicySeen, rollout: &RolloutSeen, rollback: &Rollback, now: Timestamp) -> Value {
    let verdict = &rollback.verdict;
    let instant = |at: Option<Timestamp>| at.map(time::format);
    let earlier = policy.status.rollbacks.iter().filter(|other| other.id != rollback.id);
    let history: Vec<Value> = earlier
        .map(|other| {
            json!({
                "rollout": other.rollout, "from": other.from, "to": other.to, "stage": other.stage.as_str(),
                "aborted": instant(other.times.aborted),
            })
        })
        .collect();
    json!({
        "version": VERSION,
        "now": time::format(now),
        "policy": {"namespace": policy.namespace, "name": policy.name, "generation": policy.generation},
        "rollout": {
            "namespace": policy.namespace, "name": rollout.name, "labels": rollout.labels, "ticket": rollout.ticket,
        },
        "rollback": {
            "id": rollback.id, "revision": rollback.revision, "from": rollback.from, "to": rollback.to,
            "images": rollback.images, "began": instant(rollback.times.began), "aborted": instant(rollback.times.aborted),
        },
        "verdict": {
            "cause": verdict.cause.as_str(), "reason": verdict.reason, "run": verdict.run, "metric": verdict.metric,
            "value": verdict.value, "condition": verdict.condition,
        },
        "git": {
            "url": policy.spec.git.url, "branch": policy.spec.git.branch,
            "files": policy.spec.git.edits.iter().map(|edit| edit.file.as_str()).collect::<Vec<_>>(),
        },
        "history": history,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every path of a document, lists by their first item.
    fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                members.iter().for_each(|(key, value)| paths(value, &format!("{at}/{key}"), found));
            }
            Value::Array(items) => items.iter().take(1).for_each(|item| paths(item, &format!("{at}[]"), found)),
            _ => {
                found.insert(at.to_owned());
            }
        }
    }

    /// Every path that a schema describes.
    fn described(schema: &Value, at: &str, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            properties.iter().for_each(|(key, schema)| described(schema, &format!("{at}/{key}"), found));
        } else if schema["items"].is_object() {
            described(&schema["items"], &format!("{at}[]"), found);
        } else {
            found.insert(at.to_owned());
        }
    }

    #[test]
    fn the_schema_describes_the_document() {
        let schema: Value = serde_json::from_str(include_str!("../../schema/gate-input.v1.json")).unwrap();
        assert_eq!(schema["properties"]["version"]["const"], VERSION);
        let mut policy = PolicySeen::default();
        policy.spec.git.edits.push(serin_crds::rollback::ImageEdit::default());
        policy.status.rollbacks.push(Rollback { id: "other".into(), ..Rollback::default() });
        let images = vec![serin_crds::rollback::ImageChange::default()];
        let rollback = Rollback { images, ..Rollback::default() };
        let rollout = RolloutSeen { labels: [("a".to_owned(), "b".to_owned())].into(), ..RolloutSeen::default() };
        let (mut made, mut known) = (BTreeSet::new(), BTreeSet::new());
        paths(&document(&policy, &rollout, &rollback, Timestamp::UNIX_EPOCH), "", &mut made);
        described(&schema, "", &mut known);
        made.remove("/rollout/labels/a");
        known.remove("/rollout/labels");
        assert_eq!(made, known);
    }
}
