//! S7: nothing goes on after a bad verdict unless somebody says so.

use super::{History, Violation, WriteRecord, broken, rollout_history, view};

/// Checks every status of ours that goes a step on, or promotes, while a verdict of this attempt speaks against it.
///
/// We wrote the verdict ourselves: nothing excuses not knowing it.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("rollouts") {
        return Ok(());
    }
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    let Some(story) = history.story(&write.key) else {
        return Ok(());
    };
    let (from, to) = (rollout_history::step(before), rollout_history::step(after));
    let stable = view::text(after, "/status/stableRS");
    let promotes = stable != view::text(before, "/status/stableRS");
    if rollout_history::restarted(before, after) || (to <= from && !promotes) {
        return Ok(());
    }
    let since = history.knowledge(&write.key, write).since;
    match story.adverse.iter().find(|(_, adverse)| adverse.at <= since) {
        Some((run, adverse)) if promotes => {
            broken("S7", write, format!("{stable} became stable although run {run} said {}", adverse.phase))
        }
        Some((run, adverse)) => {
            let seen = format!("step {from} was followed by {to} although run {run} said {}", adverse.phase);
            broken("S7", write, seen)
        }
        None => Ok(()),
    }
}
