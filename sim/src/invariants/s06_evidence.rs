//! S6: a revision becomes stable only on evidence, or because somebody said so.

use serde_json::Value;

use super::{History, Key, Violation, WriteRecord, broken, view};

/// Checks every status of ours that names another stable revision.
///
/// Required are the analysis of each step of the present list and the background analysis: ended well, or for the
/// background run still good, on at least one measurement of ours that counts. What others write into a run proves nothing,
/// nor does a dry run, unless nothing else was asked for. Not required: the very first revision, a way back inside the
/// rollback window, what a person skipped, and everything after a person's promote-full.
pub fn check(history: &History, write: &WriteRecord) -> Result<(), Box<Violation>> {
    if !write.is("rollouts") {
        return Ok(());
    }
    let (Some(before), Some(after)) = (history.before(write), write.after.as_deref()) else {
        return Ok(());
    };
    let (was, is) = (view::text(before, "/status/stableRS"), view::text(after, "/status/stableRS"));
    if was.is_empty() || is.is_empty() || was == is || exempt(history, &write.key, before, (was, is)) {
        return Ok(());
    }
    let Some(story) = history.story(&write.key) else {
        return Ok(());
    };
    if story.overrides.all {
        return Ok(());
    }
    let steps = view::list(before, "/spec/strategy/canary/steps");
    for (at, _) in steps.iter().enumerate().filter(|(_, step)| !view::list(step, "/analysis/templates").is_empty()) {
        let index = i64::try_from(at).unwrap_or(i64::MAX);
        if !story.passed.contains(&index) && !story.overrides.steps.contains(&index) {
            let of = steps.len();
            let seen = format!("{is} became stable, but the analysis of step {} of {of} has no good verdict", at + 1);
            return broken("S6", write, seen);
        }
    }
    // A background analysis that would begin behind the last step is asked for by nobody.
    let start = view::number(before, "/spec/strategy/canary/analysis/startingStep").unwrap_or_default();
    let begins = start < i64::try_from(steps.len().max(1)).unwrap_or(i64::MAX);
    let required = begins && !view::list(before, "/spec/strategy/canary/analysis/templates").is_empty();
    if required && !story.background && !skipped_all(story.overrides.steps.len(), steps.len()) {
        let seen = format!("{is} became stable, but its background analysis has measured nothing good");
        return broken("S6", write, seen);
    }
    Ok(())
}

/// Says whether a person skipped every step: the background analysis then had no time in which to measure.
const fn skipped_all(skipped: usize, steps: usize) -> bool {
    steps > 0 && skipped >= steps
}

/// Says whether nothing has to be proved: there is no stable version to lose any more, or the new one was stable so lately
/// that the rollback window holds it.
fn exempt(history: &History, key: &Key, rollout: &Value, (was, is): (&str, &str)) -> bool {
    let (Some((_, old)), Some((_, new))) = (history.set(key, was), history.set(key, is)) else {
        return history.set(key, was).is_none();
    };
    let window = view::number(rollout, "/spec/rollbackWindow/revisions").unwrap_or_default();
    let born = |set: &Value| view::instant(set, "/metadata/creationTimestamp");
    let between = history.sets(key).filter(|(_, set)| born(set) > born(new) && born(set) < born(old)).count();
    born(new) < born(old) && i64::try_from(between).is_ok_and(|between| between < window)
}
