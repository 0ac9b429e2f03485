//! S9: what only grows never goes back.

use jiff::Timestamp;
use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, rollout_history, view};

/// Checks every write of ours to a Rollout, and the revision of every `ReplicaSet` that we write.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    let wrong = match write.key.resource.as_str() {
        "rollouts" => step_back(before, after)
            .or_else(|| revision_back(before, after))
            .or_else(|| observed_back(before, after))
            .or_else(|| time_back(before, after)),
        "replicasets" => revision_back(before, after),
        _ => None,
    };
    wrong.map_or(Ok(()), |seen| broken("S9", write, seen))
}

/// Within one attempt at one revision the step only goes up; a status that says that it is aborted may go back to the start.
fn step_back(before: &Value, after: &Value) -> Option<String> {
    let (from, to) = (rollout_history::step(before), rollout_history::step(after));
    let same = !rollout_history::restarted(before, after);
    let aborts = to == 0 && view::flag(after, "/status/abort");
    (same && to < from && !aborts).then(|| format!("the step went back from {from} to {to}"))
}

fn revision_back(before: &Value, after: &Value) -> Option<String> {
    let revision = |object| view::annotation(object, view::REVISION).parse::<i64>().ok();
    let (from, to) = (revision(before)?, revision(after)?);
    (to < from).then(|| format!("the revision went back from {from} to {to}"))
}

fn observed_back(before: &Value, after: &Value) -> Option<String> {
    let (from, to) = (view::observed_generation(before)?, view::observed_generation(after)?);
    (to < from).then(|| format!("the observed generation went back from {from} to {to}"))
}

fn time_back(before: &Value, after: &Value) -> Option<String> {
    let restarted = |object| view::instant(object, "/status/restartedAt");
    if let Some((from, to)) = back(restarted(before), restarted(after)) {
        return Some(format!("restartedAt went back from {from} to {to}"));
    }
    let old = view::conditions(before);
    let all = view::conditions(after).into_iter();
    all.flat_map(|(name, condition)| ["lastTransitionTime", "lastUpdateTime"].map(|field| (name, condition, field)))
        .find_map(|(name, condition, field)| {
            let at = |condition: &Value| view::instant(condition, &format!("/{field}"));
            let (from, to) = back(old.get(name).and_then(|old| at(old)), at(condition))?;
            Some(format!("the condition {name} had its {field} at {from} and now at {to}"))
        })
}

fn back(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<(Timestamp, Timestamp)> {
    let (from, to) = (from?, to?);
    (to < from).then_some((from, to))
}
