//! Promotion: the revision becomes stable, with evidence or by a named order.

use serin_crds::names::EventReason;

use super::super::because::Because;
use super::super::plan::{Basis, Plan};
use super::super::record;
use super::super::snapshot::Snapshot;
use super::super::weight::Weight;

/// Makes the revision stable.
///
/// # Guarantees
/// Every step is complete (or a person asked for the full promotion), all pods answer, the route is seen at the weight
/// that was written, and a background analysis has measured at least once.
pub(super) fn promote(s: &Snapshot) -> Option<Plan> {
    let why = due(s)?;
    if !s.status.promote_full && !measured(s) {
        return None;
    }
    let mut next = record::draft(s);
    record::clear_attempt(&mut next);
    next.stable_rs = Some(s.revision.hash.clone());
    next.current_step_index = record::step_index(s, s.steps().len());
    let revision = s.new_rs().map_or(s.id.revision, |rs| rs.revision);
    let text = format!("Rollout completed update to revision {revision} ({}): {why}", s.revision.hash);
    let mut plan = Plan::wait(next, Because::Promoting(why)).wake_at(Some(s.now));
    plan.needs = Basis::Current;
    Some(plan.note(EventReason::RolloutCompleted, text))
}

/// Why the revision is due to become stable; `None` where it is not.
fn due(s: &Snapshot) -> Option<String> {
    let settled = s.promoted() || s.initial() || s.status.abort || s.halted() || !s.recorded();
    if settled || s.new_available() < s.desired() || s.new_rs().is_none_or(|rs| rs.spec != s.desired()) {
        return None;
    }
    if s.status.promote_full {
        return Some("Full promotion requested".to_owned());
    }
    let steps = s.steps().len();
    if s.index() < steps {
        return None;
    }
    let arrived =
        !s.routed() || steps == 0 || s.desired() == 0 || s.route().is_some_and(|r| r.even && r.canary == Weight::FULL);
    arrived.then(|| format!("Completed all {steps} canary steps"))
}

/// Whether the background analysis, if there is one, has measured at least once.
fn measured(s: &Snapshot) -> bool {
    s.analysis.background.is_none() || s.background_run().is_some_and(|run| run.evidence > 0)
}

/// Why a revision that has done everything else is not stable yet.
pub(super) fn held(s: &Snapshot) -> Option<Because> {
    due(s).filter(|_| !measured(s))?;
    s.background_run().map(|run| Because::NoEvidence(run.name.clone()))
}
