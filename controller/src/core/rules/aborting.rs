//! Abort: an order, a verdict, a mark or a deadline takes the traffic off the canary. Nothing stands in front of it.

use serin_crds::names::{ConditionReason, ConditionStatus, ConditionType, EventReason};

use super::super::because::Because;
use super::super::capacity::{drained, kept_until};
use super::super::conditions::{self, Wanted};
use super::super::plan::{Effect, Move, Need, Plan, Way};
use super::super::record;
use super::super::snapshot::{RunSeen, Snapshot};
use super::super::stage::Stage;
use super::traffic;

/// Aborts the recorded attempt.
///
/// # Guarantees
/// The weight is lowered in the same turn, together with the record and without waiting for it; it never rises.
pub(super) fn abort(s: &Snapshot) -> Option<Plan> {
    if s.stage() == Stage::Stable {
        return drop_order(s);
    }
    if s.initial() || s.is_stable() || !s.recorded_revision() || carried_out(s) {
        return None;
    }
    let why = reason(s)?;
    let mut next = record::draft(s);
    next.abort = true;
    next.aborted_at = Some(next.aborted_at.unwrap_or(s.now));
    next.pause_conditions.clear();
    next.controller_pause = false;
    next.promote_full = false;
    next.current_step_index = record::step_index(s, 0);
    next.canary.current_step_analysis_run_status = None;
    let text = message(s, &why);
    let word = ConditionReason::RolloutAborted;
    let wanted = Wanted::new(ConditionType::Progressing, ConditionStatus::False, word, &text);
    conditions::set(&mut next, wanted, s.now);
    let said = if why.is_empty() { "a person asked for it".to_owned() } else { why };
    let effects = lowering(s, &said);
    let mut plan = Plan::act(next, Because::Aborting(said), effects).note(EventReason::RolloutAborted, text).told();
    plan = traffic::tell_routes(s, plan, &[]);
    plan.together = true;
    for run in [s.step_run(), s.background_run()].into_iter().flatten().filter(|run| run.failed()) {
        plan = super::runs::judged(plan, run);
    }
    // A route that no cache can be believed about is read, not waited for.
    if !s.look.unreadable.is_empty() && !s.look.asked.contains(&Need::Unreadable) {
        plan = plan.needing(Need::Unreadable);
    }
    Some(plan.wake_at(Some(s.now)))
}

/// The writes that take as much traffic off the canary as may be taken now.
fn lowering(s: &Snapshot, why: &str) -> Vec<Effect> {
    let Some(route) = s.route() else { return Vec::new() };
    let (from, (to, _)) = (route.exposure.share(), drained(s));
    if !route.exposure.exceeds(to) && route.exposure.managed.is_none() {
        return Vec::new();
    }
    let way = Way::Abort { attempt: s.attempt(), reason: why.to_owned() };
    let lowered = Effect::Move(Move { from, to: to.min(from), managed: Vec::new(), way });
    traffic::stable_repair(s).into_iter().chain([lowered]).collect()
}

/// Whether the abort of the recorded attempt is recorded as carried out.
fn carried_out(s: &Snapshot) -> bool {
    s.status.abort
        && s.status.aborted_at.is_some()
        && conditions::has_reason(&s.status, &ConditionType::Progressing, ConditionReason::RolloutAborted)
}

fn message(s: &Snapshot, why: &str) -> String {
    let colon = if why.is_empty() { "" } else { ": " };
    format!("Rollout aborted update to revision {}{colon}{why}", s.attempt().revision)
}

/// Why the attempt was aborted, as its record says it.
pub(super) fn recorded_reason(s: &Snapshot) -> String {
    let said = conditions::find(&s.status, &ConditionType::Progressing).map(|c| c.message.as_str());
    let why = said.and_then(|said| said.strip_prefix(&message(s, ""))?.strip_prefix(": "));
    why.unwrap_or("a person asked for it").to_owned()
}

/// Why the attempt is aborted; empty text where a person ordered it; `None` where nothing asks for it.
pub(super) fn reason(s: &Snapshot) -> Option<String> {
    if s.status.abort {
        return Some(String::new());
    }
    let marked = s.route().and_then(|route| route.aborted.as_ref());
    if let Some((_, why)) = marked.filter(|(attempt, _)| *attempt == s.attempt() && s.status.aborted_at.is_none()) {
        return Some(why.clone());
    }
    if s.status.promote_full {
        return None;
    }
    if let Some(run) = s.step_run().filter(|run| run.failed() && s.status.pause_conditions.is_empty()) {
        return Some(verdict("Step-based", run));
    }
    if let Some(run) = s.background_run().filter(|run| run.failed() && !s.inconclusive()) {
        return Some(verdict("Background", run));
    }
    if s.spec.progress_deadline_abort && conditions::overdue(s) {
        let name = s.new_rs().map_or(s.revision.hash.as_str(), |rs| rs.name.as_str());
        return Some(format!("ReplicaSet \"{name}\" has timed out progressing."));
    }
    None
}

fn verdict(kind: &str, run: &RunSeen) -> String {
    let colon = if run.message.is_empty() { "" } else { ": " };
    format!("{kind} analysis phase error/failed{colon}{}", run.message)
}

/// An abort with nothing in progress changes nothing.
fn drop_order(s: &Snapshot) -> Option<Plan> {
    if !s.status.abort {
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
    if s.stage() != Stage::Aborted {
        return None;
    }
    let why = conditions::find(&s.status, &ConditionType::Progressing).map(|c| c.message.clone()).unwrap_or_default();
    let because = Because::Aborted(why);
    let ended: Vec<Effect> =
        super::runs::unfinished(s).map(|run| Effect::TerminateRun { name: run.name.clone() }).collect();
    if !ended.is_empty() {
        return Some(super::act(s, because, ended));
    }
    if s.route().map_or(s.routed(), |route| route.exposure.reaches_canary()) {
        return None;
    }
    let stable = s.stable_rs().filter(|rs| rs.available > 0 || s.desired() == 0);
    if let (Some(service), Some(stable)) = (&s.traffic.canary_service, stable)
        && service.hash.as_deref() != Some(&stable.hash)
    {
        let to = stable.hash.clone();
        let effect = Effect::SwitchService { service: service.name.clone(), from: service.hash.clone(), to };
        return Some(super::act(s, because, vec![effect]).told());
    }
    deadline(s).map(|effect| super::act(s, because, vec![effect]))
}

/// The deadline of an aborted canary, set once nothing holds its traffic any more and somebody else serves it.
fn deadline(s: &Snapshot) -> Option<Effect> {
    let given = s.canary().abort_scale_down_delay_seconds;
    let delay = given.unwrap_or(if s.dynamic_stable() { 0 } else { 30 });
    let rs = s.new_rs().filter(|rs| rs.spec > 0 && rs.deadline.is_none())?;
    let served = s.stable_available() > 0 || s.desired() == 0;
    if !s.routed() || delay <= 0 || !served || drained(s).1.is_some() {
        return None;
    }
    Some(Effect::SetDeadline { name: rs.name.clone(), at: Some(kept_until(s.now, i64::from(delay))) })
}
