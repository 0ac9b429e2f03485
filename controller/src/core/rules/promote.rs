//! Promotion: the revision becomes stable, with evidence or by a named order.

use serin_crds::names::EventReason;

use super::super::because::Because;
use super::super::capacity::canary_selected;
use super::super::plan::{Need, Plan};
use super::super::record;
use super::super::snapshot::{RouteSeen, Snapshot};
use super::super::stage::Stage;
use super::super::weight::Weight;

/// Makes the revision stable.
///
/// # Guarantees
/// Every step is complete (or a person asked for the full promotion, or the rollback window holds it), all pods answer, the route is seen at the weight
/// that was written, and a background analysis has measured at least once.
pub(super) fn promote(s: &Snapshot) -> Option<Plan> {
    let why = due(s)?;
    if !s.stage().is_without_steps() && !measured(s) {
        return None;
    }
    let mut next = record::draft(s);
    record::clear_attempt(&mut next);
    next.stable_rs = Some(s.revision.hash.clone());
    record::swap_services(s, &mut next);
    next.current_step_index = record::step_index(s, s.steps().len());
    let revision = s.new_rs().map_or(s.id.revision, |rs| rs.revision);
    let text = format!("Rollout completed update to revision {revision} ({}): {why}", s.revision.hash);
    let plan = Plan::wait(next, Because::Promoting(why)).wake_at(Some(s.now)).needing(Need::Rollout);
    Some(plan.note(EventReason::RolloutCompleted, text))
}

/// Why the revision is due to become stable; `None` where it is not.
fn due(s: &Snapshot) -> Option<String> {
    let stage = s.stage();
    let served = s.new_rs().is_some_and(|rs| rs.observed && rs.spec == s.desired() && rs.available >= s.desired());
    if !stage.is_update() || s.halted() || !served {
        return None;
    }
    let weighed = |route: &RouteSeen| route.exposure.is(Weight::FULL) && canary_selected(s);
    let moved = s.desired() == 0 || s.route().is_some_and(weighed);
    match stage {
        Stage::FullPromotion | Stage::Rollback if s.swaps_services() && !moved => return None,
        Stage::FullPromotion => return Some("Full promotion requested".to_owned()),
        Stage::Rollback => return Some("Rollback within window".to_owned()),
        _ => {}
    }
    let steps = s.steps().len();
    if s.index() < steps {
        return None;
    }
    // Without steps nothing is exposed before the revision is stable.
    let arrived = !s.routed() || (s.route().is_some() && (steps == 0 || moved));
    arrived.then(|| format!("Completed all {steps} canary steps"))
}

/// Whether the background analysis, if there is one that could begin, has measured at least once.
fn measured(s: &Snapshot) -> bool {
    let never = super::runs::background_start(s).is_none_or(|start| start >= s.steps().len().max(1));
    s.analysis.background.is_none() || never || s.background_run().is_some_and(|run| run.evidence > 0)
}

/// Why a revision that has done everything else is not stable yet.
pub(super) fn held(s: &Snapshot) -> Option<Because> {
    due(s).filter(|_| !s.stage().is_without_steps() && !measured(s))?;
    let named = s.background_run().map_or_else(|| "of the background analysis".to_owned(), |run| run.name.clone());
    Some(Because::NoEvidence(named))
}
