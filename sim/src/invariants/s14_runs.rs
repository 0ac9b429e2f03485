//! S14: at most one analysis run goes on for a step, or beside the steps, of one revision.

use serde_json::Value;

use super::{History, Violation, WriteRecord, broken, view};

/// Checks every analysis run that we make for a Rollout.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let new = write.is("analysisruns") && history.before(write).is_none();
    let Some(run) = write.after.as_deref().filter(|_| new) else {
        return Ok(());
    };
    let Some(owner) = owner(run) else { return Ok(()) };
    let place =
        |run: &Value| [view::HASH_LABEL, "rollout-type", "step-index"].map(|label| view::label(run, label).to_owned());
    let live = |other: &Value| {
        let ended = ["Successful", "Failed", "Error", "Inconclusive"].contains(&view::text(other, "/status/phase"));
        !ended && !view::flag(other, "/spec/terminate")
    };
    let twins = history.all("analysisruns").filter(|(key, _)| key.namespace == write.key.namespace);
    let twin = twins
        .filter(|(_, other)| self::owner(other) == Some(owner) && place(other) == place(run))
        .find(|(_, other)| live(other));
    match twin {
        Some((key, _)) => broken("S14", write, format!("it was made while {} still goes on for the same", key.name)),
        None => Ok(()),
    }
}

fn owner(run: &Value) -> Option<&str> {
    let owner =
        view::list(run, "/metadata/ownerReferences").iter().find(|owner| view::text(owner, "/kind") == "Rollout");
    owner.map(|owner| view::text(owner, "/uid"))
}
