//! S13: one template, one `ReplicaSet`; and none is taken from another owner.

use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, view};

/// Checks every `ReplicaSet` that we make or take over.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let Some(after) = write.after.as_deref().filter(|_| write.is("replicasets") && !write.touches("status")) else {
        return Ok(());
    };
    if let Some(before) = history.before(write) {
        let (old, new) = (controller(before), controller(after));
        return match old {
            Some(old) if new != Some(old) => broken("S13", write, format!("it was taken from {old}")),
            _ => Ok(()),
        };
    }
    let Some(key) = history.owner(&write.key.namespace, after) else {
        return Ok(());
    };
    let twin = |set: &Value| {
        let same = view::label(set, view::HASH_LABEL) == view::label(after, view::HASH_LABEL);
        same || template(set) == template(after)
    };
    match history.sets(&key).find(|(set, object)| **set != write.key && twin(object)) {
        Some((set, _)) => broken("S13", write, format!("it was made for the template that {} has already", set.name)),
        None => Ok(()),
    }
}

fn controller(object: &Value) -> Option<&str> {
    let owner =
        view::list(object, "/metadata/ownerReferences").iter().find(|owner| view::flag(owner, "/controller"))?;
    Some(view::text(owner, "/uid"))
}

/// The pod template without the label that tells it apart.
fn template(set: &Value) -> Value {
    let mut template = set.pointer("/spec/template").cloned().unwrap_or(Value::Null);
    if let Some(labels) = template.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
        labels.remove(view::HASH_LABEL);
    }
    template
}
