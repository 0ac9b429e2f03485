//! Abort: an order, a verdict, a mark or a deadline takes the traffic back. Nothing stands in front of it.

use serin_crds::names::{AnalysisPhase, ConditionReason, ConditionStatus, ConditionType, EventReason};

use super::super::because::Because;
use super::super::conditions::{self, Wanted};
use super::super::intent;
use super::super::plan::{Effect, Plan};
use super::super::record;
use super::super::snapshot::{RunSeen, Snapshot};
use super::super::weight::Weight;
use crate::routers::istio::Cause;

/// Takes the revision back.
///
/// # Guarantees
/// The weight is lowered in the same turn, together with the record and without waiting for it; it never rises.
pub(super) fn abort(s: &Snapshot) -> Option<Plan> {
    if s.promoted() || s.initial() {
        return drop_order(s);
    }
    if s.status.abort && s.status.aborted_at.is_some() && recorded(s) {
        return None;
    }
    let why = reason(s)?;
    let mut next = record::draft(s);
    next.abort = true;
    next.aborted_at = Some(next.aborted_at.unwrap_or(s.now));
    next.pause_conditions.clear();
    next.controller_pause = false;
    next.current_step_index = record::step_index(s, 0);
    next.canary.current_step_analysis_run_status = None;
    next.canary.current_background_analysis_run_status = None;
    let text = message(s, &why);
    let word = ConditionReason::RolloutAborted;
    let wanted = Wanted::new(ConditionType::Progressing, ConditionStatus::False, word, &text);
    conditions::set(&mut next, wanted, s.now);
    let said = if why.is_empty() { "a person asked for it".to_owned() } else { why.clone() };
    let effects = lowering(s, &said).into_iter().collect();
    let mut plan = Plan::act(next, Because::Aborting(said), effects).note(EventReason::RolloutAborted, text).told();
    for run in [s.step_run(), s.background_run()].into_iter().flatten().filter(|run| failed(run)) {
        plan = super::runs::judged(plan, run);
    }
    Some(plan.wake_at(Some(s.now)))
}

/// The write that takes as much traffic off the canary as may be taken now.
fn lowering(s: &Snapshot, why: &str) -> Option<Effect> {
    let route = s.route()?;
    let (to, _) = intent::abort_weight(s, route.canary);
    let cause = Cause::Abort { hash: s.revision.hash.clone(), reason: why.to_owned() };
    (to < route.canary).then_some(Effect::SetWeight { from: route.canary, to, cause })
}

fn recorded(s: &Snapshot) -> bool {
    conditions::has_reason(&s.status, &ConditionType::Progressing, ConditionReason::RolloutAborted)
}

fn message(s: &Snapshot, why: &str) -> String {
    let revision = s.new_rs().map_or(s.id.revision, |rs| rs.revision);
    let colon = if why.is_empty() { "" } else { ": " };
    format!("Rollout aborted update to revision {revision}{colon}{why}")
}

/// Why the revision is aborted; empty text where a person ordered it; `None` where nothing asks for it.
fn reason(s: &Snapshot) -> Option<String> {
    if s.status.abort {
        return Some(String::new());
    }
    if !s.recorded() {
        return None;
    }
    if let Some((hash, why)) = s.route().and_then(|route| route.aborted.as_ref())
        && *hash == s.revision.hash
    {
        return Some(why.clone());
    }
    if s.status.promote_full {
        return None;
    }
    if let Some(run) = s.step_run().filter(|run| failed(run) && s.status.pause_conditions.is_empty()) {
        return Some(verdict("Step-based", run));
    }
    if let Some(run) = s.background_run().filter(|run| failed(run) && !s.inconclusive()) {
        return Some(verdict("Background", run));
    }
    if s.spec.progress_deadline_abort && conditions::overdue(s) {
        let name = s.new_rs().map_or(s.revision.hash.as_str(), |rs| rs.name.as_str());
        return Some(format!("ReplicaSet \"{name}\" has timed out progressing."));
    }
    None
}

fn failed(run: &RunSeen) -> bool {
    matches!(run.phase, AnalysisPhase::Failed | AnalysisPhase::Error)
}

fn verdict(kind: &str, run: &RunSeen) -> String {
    let colon = if run.message.is_empty() { "" } else { ": " };
    format!("{kind} analysis phase error/failed{colon}{}", run.message)
}

/// An abort with nothing in progress changes nothing.
fn drop_order(s: &Snapshot) -> Option<Plan> {
    if !s.status.abort || !s.recorded() {
        return None;
    }
    let mut next = record::draft(s);
    next.abort = false;
    next.aborted_at = None;
    Some(Plan::wait(next, Because::Settled))
}

/// What follows once the traffic is off an aborted revision: the canary Service goes to the stable pods,
/// analyses end, and its pods get the instant at which they may go.
pub(super) fn finish_abort(s: &Snapshot) -> Option<Plan> {
    if !s.status.abort || s.promoted() || s.initial() {
        return None;
    }
    let why = conditions::find(&s.status, &ConditionType::Progressing).map(|c| c.message.clone()).unwrap_or_default();
    let because = Because::Aborted(why);
    let ended: Vec<Effect> =
        super::runs::unfinished(s).map(|run| Effect::TerminateRun { name: run.name.clone() }).collect();
    if !ended.is_empty() {
        return Some(super::act(s, because, ended));
    }
    if let Some(route) = s.route() {
        if route.canary > Weight::ZERO {
            return None;
        }
        let stable = s.stable_rs().filter(|rs| rs.available > 0 || s.desired() == 0);
        if let (Some(service), Some(stable)) = (&s.traffic.canary_service, stable)
            && service.hash.as_deref() != Some(&stable.hash)
        {
            let effect = Effect::SwitchService {
                service: service.name.clone(),
                from: service.hash.clone(),
                to: stable.hash.clone(),
            };
            return Some(super::act(s, because, vec![effect]).told());
        }
    }
    deadline(s).map(|effect| super::act(s, because, vec![effect]))
}

/// The deadline of an aborted canary, set once stable is whole.
fn deadline(s: &Snapshot) -> Option<Effect> {
    let delay = s.canary().abort_scale_down_delay_seconds.unwrap_or(30);
    let rs = s.new_rs().filter(|rs| rs.spec > 0 && rs.deadline.is_none())?;
    if !s.routed() || delay <= 0 || s.halted() || s.stable_available() < s.desired() {
        return None;
    }
    let at = intent::seconds_later(s.now, i64::from(delay));
    Some(Effect::SetDeadline { name: rs.name.clone(), at: Some(at) })
}
