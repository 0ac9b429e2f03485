//! S8: an order that the API server took is in the next status that we write, and we never undo what a person did.

use serde_json::Value;

use super::{History, Order, RolloutHistory, Violation, WriteRecord, broken, rollout_history, view};

/// Checks every write of ours to a Rollout against what people changed since our last one.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("rollouts") {
        return Ok(());
    }
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    if let Some(field) = reverted_spec(before, after) {
        return broken("S8", write, format!("we changed spec.{field}, which belongs to people"));
    }
    let Some(story) = history.story(&write.key) else {
        return Ok(());
    };
    if !write.touches("status") || rollout_history::restarted(before, after) {
        return Ok(());
    }
    match story.orders.iter().find_map(|order| ignored(order, story, before, after)) {
        Some(seen) => broken("S8", write, seen),
        None => Ok(()),
    }
}

/// A field of the spec that differs; `replicas` may be filled in where there was none.
fn reverted_spec(before: &Value, after: &Value) -> Option<String> {
    let empty = serde_json::Map::new();
    let spec = |object: &'_ Value| object.get("spec").and_then(Value::as_object).unwrap_or(&empty).clone();
    let (old, new) = (spec(before), spec(after));
    let changed = |name: &&String| old.get(*name) != new.get(*name);
    let filled = |name: &&String| name.as_str() == "replicas" && old.get(*name).is_none_or(Value::is_null);
    old.keys().chain(new.keys()).find(|name| changed(name) && !filled(name)).cloned()
}

fn ignored(order: &Order, story: &RolloutHistory, before: &Value, after: &Value) -> Option<String> {
    let done = rollout_history::promoted(before) || rollout_history::promoted(after);
    let (aborted, full) = (view::flag(after, "/status/abort"), view::flag(after, "/status/promoteFull"));
    let phase = view::text(after, "/status/phase");
    match order {
        Order::Abort if !aborted && !done => Some("an abort was ordered, and our next status has none".to_owned()),
        Order::Retry if aborted && story.adverse.is_empty() => {
            Some("a retry was ordered, and our next status aborts again without a new verdict".to_owned())
        }
        Order::Pause if view::flag(before, "/spec/paused") && phase != "Paused" && phase != "Degraded" => {
            Some(format!("a pause was ordered, and our next status says {phase:?}"))
        }
        Order::PromoteFull if (!full || aborted) && !done => {
            Some("a full promotion was ordered, and our next status does not carry it out".to_owned())
        }
        Order::Resume(cleared) => {
            let again = rollout_history::pauses(after).into_iter().find(|pause| cleared.contains(pause))?;
            Some(format!(
                "the pause {} of {} was ended by a person, and our next status has it again",
                again.0, again.1
            ))
        }
        Order::Skip { from, to }
            if rollout_history::step(after) == *from && rollout_history::step(before) == *to && !aborted =>
        {
            Some(format!("a person went from step {from} to {to}, and our next status goes back"))
        }
        _ => None,
    }
}
