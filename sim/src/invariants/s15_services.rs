//! S15: a Service is never turned from pods that answer to none.

use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, view};

/// Checks every write of ours that makes a Service select another revision.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("services") {
        return Ok(());
    }
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    let (old, new) = (selected(before), selected(after));
    if old == new || new.is_empty() {
        return Ok(());
    }
    let sets: Vec<_> = history.all("replicasets").filter(|(key, _)| key.namespace == write.key.namespace).collect();
    let of = |hash: &str| -> i64 {
        let own = sets.iter().filter(|(_, set)| hash.is_empty() || view::label(set, view::HASH_LABEL) == hash);
        own.map(|(key, _)| history.available(key, write)).sum()
    };
    if of(new) == 0 && of(old) > 0 {
        let before = if old.is_empty() { "everything".to_owned() } else { old.to_owned() };
        let seen =
            format!("it selects {new}, which has no available pod, and selected {before}, which has {}", of(old));
        return broken("S15", write, seen);
    }
    Ok(())
}

fn selected(service: &Value) -> &str {
    service.pointer("/spec/selector").and_then(|all| all.get(view::HASH_LABEL)?.as_str()).unwrap_or_default()
}
