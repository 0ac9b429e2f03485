//! S17: a pause lasts as long as it says, and so do the delays before old pods go.

use jiff::SignedDuration;
use serde_json::Value;

use super::{History, RolloutHistory, Violation, WriteRecord, broken, rollout_history, view, wiring::wiring};

/// Times in objects are whole seconds.
const ROUNDED: SignedDuration = SignedDuration::from_secs(1);

/// How long old pods stay where the spec does not say.
const USUAL_DELAY: i64 = 30;

/// Checks every status of ours that leaves a pause step, and every write that takes a `ReplicaSet`'s last pods; by the time
/// of the API server, which nobody sets. The write that begins the wait is on its way for as long as a race allows.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    let wrong = match write.key.resource.as_str() {
        "rollouts" => pause(history, write),
        "replicasets" => delay(history, write),
        _ => None,
    };
    wrong.map_or(Ok(()), |seen| broken("S17", write, seen))
}

fn pause(history: &History, write: &WriteRecord) -> Option<String> {
    let (before, after) = (history.before(write)?, write.after.as_deref()?);
    let story = history.story(&write.key)?;
    let (from, to) = (rollout_history::step(before), rollout_history::step(after));
    if to <= from || rollout_history::restarted(before, after) || story.overrides.all || released(story, from) {
        return None;
    }
    let step = view::list(before, "/spec/strategy/canary/steps").get(usize::try_from(from).ok()?)?;
    let duration = step.get("pause").map(|pause| pause.get("duration").cloned().unwrap_or(Value::Null))?;
    let Some(since) = story.pause.filter(|pause| pause.step == from) else {
        return Some(format!("the pause of step {from} is over before it was ever recorded"));
    };
    let Some(duration) = span(&duration) else {
        return Some(format!("the pause of step {from} was to last until a person ends it"));
    };
    let lasted = write.at.duration_since(since.since);
    (lasted + ROUNDED + history.race() < duration)
        .then(|| format!("the pause of step {from} lasted {lasted:#} and was to last {duration:#}"))
}

fn released(story: &RolloutHistory, step: i64) -> bool {
    story.overrides.resumed == Some(step) || story.overrides.steps.contains(&step)
}

/// A duration as steps write it: whole seconds, or text in Go's form, of which whole seconds count.
fn span(value: &Value) -> Option<SignedDuration> {
    let seconds = match value {
        Value::Number(seconds) => seconds.as_i64(),
        Value::String(text) => text.parse().ok().or_else(|| Some(text.parse::<SignedDuration>().ok()?.as_secs())),
        _ => None,
    };
    seconds.map(SignedDuration::from_secs)
}

fn delay(history: &History, write: &WriteRecord) -> Option<String> {
    let set = history.before(write)?;
    let size = |set: &Value| view::number(set, "/spec/replicas").unwrap_or(1);
    let gone = size(set) > 0 && write.after.as_deref().is_none_or(|after| size(after) == 0);
    let key = history.owner(&write.key.namespace, set).filter(|_| gone)?;
    let (rollout, story) = (history.get(&key)?, history.story(&key)?);
    let canary = rollout.pointer("/spec/strategy/canary")?;
    let wiring = wiring(rollout);
    let leaving = !view::text(rollout, "/metadata/deletionTimestamp").is_empty();
    if !wiring.routed || wiring.dynamic_stable || leaving || history.wanted(&key, write).contains(&0) {
        return None;
    }
    let hash = view::label(set, view::HASH_LABEL);
    let aborted = story.aborted.is_some() && hash == view::text(rollout, "/status/currentPodHash");
    let field = if aborted {
        "abortScaleDownDelaySeconds"
    } else if rollout_history::promoted(rollout) && canary.get("scaleDownDelayRevisionLimit").is_none() {
        "scaleDownDelaySeconds"
    } else {
        return None;
    };
    let delay = SignedDuration::from_secs(view::number(canary, &format!("/{field}")).unwrap_or(USUAL_DELAY));
    let until = history.shelf(&write.key)?.reached()?;
    let lasted = write.at.duration_since(until);
    (lasted + ROUNDED + history.race() < delay)
        .then(|| format!("its pods went {lasted:#} after their traffic, and {field} is {delay:#}"))
}
