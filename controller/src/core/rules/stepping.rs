//! Steps: when one is complete, what comes after it, and what is waited for.

use jiff::{SignedDuration, Timestamp};
use serin_crds::duration;
use serin_crds::names::{EventReason, PauseReason};
use serin_crds::rollout::{CanaryStep, RolloutStatus};

use super::super::because::Because;
use super::super::capacity::{self, canary_selected};
use super::super::goal;
use super::super::managed;
use super::super::plan::{Effect, Plan};
use super::super::record;
use super::super::snapshot::{Route, Snapshot};
use super::super::stage::Stage;
use super::super::steps::label;
use super::super::weight::Weight;
use super::{promote, restart, revision, runs, traffic};

/// A person who cleared the pauses of the controller is obeyed once: what could not decide is measured anew. A pause step
/// that they ended is `advance`'s.
pub(super) fn resume(s: &Snapshot) -> Option<Plan> {
    let pauses = s.step().is_some_and(|step| step.pause.is_some());
    if !s.resumed() || pauses || s.stage() == Stage::Aborted {
        return None;
    }
    let mut next = record::draft(s);
    record::acknowledge_resume(s, &mut next);
    // What has to be measured anew begins in the same turn.
    let acknowledged = Snapshot { status: next.clone(), ..s.clone() };
    let plan = runs::measure(&acknowledged).unwrap_or_else(|| Plan::wait(next, Because::Resuming).wake_at(Some(s.now)));
    Some(plan.note(EventReason::RolloutResumed, "Rollout is resumed"))
}

/// An analysis that could not decide, or that was ended before it measured, stops the Rollout until a person decides.
pub(super) fn inconclusive(s: &Snapshot) -> Option<Plan> {
    if !matches!(s.stage(), Stage::Updating(_)) || s.inconclusive() || s.resumed() {
        return None;
    }
    let step = s.step_run().filter(|run| s.status.pause_conditions.is_empty() && run.undecided());
    let step = step.filter(|run| run.step == Some(s.index()));
    let run = step.or_else(|| s.background_run().filter(|run| run.undecided()))?;
    let mut next = record::draft(s);
    record::pause(s, &mut next, PauseReason::InconclusiveAnalysisRun);
    let text = format!("Rollout is paused ({})", PauseReason::InconclusiveAnalysisRun);
    let plan = Plan::wait(next, Because::Inconclusive(run.message.clone()));
    Some(plan.note(EventReason::RolloutPaused, text))
}

/// Whether the current step is complete.
fn complete(s: &Snapshot, step: &CanaryStep) -> bool {
    if step.pause.is_some() {
        return pause_over(s, step);
    }
    if step.set_weight.is_some() {
        return goal::at_sizes(s) && weight_reached(s);
    }
    if step.set_canary_scale.is_some() {
        return goal::at_sizes(s);
    }
    if step.analysis.is_some() {
        return s.step_run().is_some_and(|run| run.step == Some(s.index()) && run.passed());
    }
    !unsupported(s, step) && managed::in_place(s)
}

/// Whether a step can't be carried out, by this version or by what the Rollout names: it waits for a person, since what comes
/// after it may rest on it.
fn unsupported(s: &Snapshot, step: &CanaryStep) -> bool {
    let CanaryStep {
        set_weight: _,
        pause: _,
        analysis: _,
        set_canary_scale: _,
        experiment,
        set_header_route,
        set_mirror_route,
        plugin,
    } = step;
    let routes = set_header_route.is_some() || set_mirror_route.is_some();
    let nowhere = s.route().is_some_and(|route| route.exposure.managed.0.is_empty());
    experiment.is_some() || plugin.is_some() || (routes && nowhere)
}

fn weight_reached(s: &Snapshot) -> bool {
    if !s.routed() || s.desired() == 0 {
        return true;
    }
    let wanted = goal::of(s).weight;
    s.route().is_some_and(|route| route.exposure.is(wanted)) && (wanted == Weight::ZERO || canary_selected(s))
}

fn pause_over(s: &Snapshot, step: &CanaryStep) -> bool {
    let running = s.status.pause_conditions.iter().find(|pause| pause.reason == PauseReason::CanaryPauseStep);
    match running {
        None => s.status.controller_pause,
        Some(pause) => pause_end(step, pause.start_time).is_some_and(|end| s.now > end),
    }
}

fn pause_end(step: &CanaryStep, start: Timestamp) -> Option<Timestamp> {
    let declared = step.pause.as_ref()?.duration.as_ref()?;
    let span = duration::pause_duration(declared).ok()?;
    start.checked_add(span).ok()
}

/// Whether steps may follow each other now.
fn may_step(s: &Snapshot) -> bool {
    let unseen = s.routed() && s.route().is_none();
    matches!(s.stage(), Stage::Updating(_)) && !s.halted() && !unseen
}

/// The step that is entered next, where the current one is complete.
pub(super) fn entering(s: &Snapshot) -> Option<usize> {
    let step = s.step().filter(|_| may_step(s))?;
    complete(s, step).then(|| s.index() + 1)
}

/// A complete step gives way to the next, which is entered by recording it; but none does while the route is missing, since
/// nobody knows what users get.
pub(super) fn advance(s: &Snapshot) -> Option<Plan> {
    let step = s.step().filter(|_| may_step(s))?;
    if step.pause.is_some() && !s.status.controller_pause && !s.paused_for(&PauseReason::CanaryPauseStep) {
        // The index was moved by somebody else: the pause starts when it is first seen.
        let mut next = record::draft(s);
        record::pause(s, &mut next, PauseReason::CanaryPauseStep);
        return Some(paused_note(Plan::wait(next, Because::StepDone(label(step))).wake_at(Some(s.now))));
    }
    let index = entering(s)?;
    let mut next = record::draft(s);
    next.current_step_index = record::step_index(s, index);
    next.canary.current_step_analysis_run_status = None;
    next.pause_conditions.retain(|pause| pause.reason != PauseReason::CanaryPauseStep);
    record::acknowledge_resume(s, &mut next);
    revision::enter_pause(s, &mut next, index);
    let made: Vec<Effect> = runs::name_step(s, &mut next, index).into_iter().collect();
    let text = format!("Rollout step {index}/{} completed ({})", s.steps().len(), label(step));
    let because = entered(s, &next, index).unwrap_or_else(|| Because::StepDone(text.clone()));
    let mut plan = Plan::act(next, because, made.clone()).wake_at(Some(s.now));
    if s.steps().get(index).is_some_and(|step| step.pause.is_some()) {
        plan = paused_note(plan);
    }
    if let Some(run) = s.step_run() {
        plan = runs::judged(plan, run);
    }
    for effect in &made {
        if let Effect::CreateRun { name, step } = effect {
            plan = runs::announce(plan, name, *step);
        }
    }
    Some(plan.note(EventReason::RolloutStepCompleted, text))
}

/// What a record waits for that enters a pause or an analysis: named with it, so that naming it costs no second write.
fn entered(s: &Snapshot, next: &RolloutStatus, index: usize) -> Option<Because> {
    if let Some(run) = &next.canary.current_step_analysis_run_status {
        return Some(Because::Analysing(run.name.clone()));
    }
    let pause = next.pause_conditions.iter().find(|pause| pause.reason == PauseReason::CanaryPauseStep)?;
    Some(Because::Paused { since: pause.start_time, until: pause_end(s.steps().get(index)?, pause.start_time) })
}

fn paused_note(plan: Plan) -> Plan {
    plan.note(EventReason::RolloutPaused, format!("Rollout is paused ({})", PauseReason::CanaryPauseStep))
}

/// What is waited for where no rule has anything to do.
pub(super) fn wait(s: &Snapshot) -> Plan {
    let mut plan = Plan::wait(record::draft(s), waiting_for(s));
    plan = plan.wake_at(super::cleanup::next_deadline(s)).wake_at(capacity::settles_at(s)).wake_at(restart::next(s));
    if let Some(step) = s.step().filter(|_| s.stage().is_update()) {
        let pause = s.status.pause_conditions.iter().find(|pause| pause.reason == PauseReason::CanaryPauseStep);
        let end = pause.and_then(|pause| pause_end(step, pause.start_time));
        // Strictly after its end, as the contract says.
        plan = plan.wake_at(end.map(|end| capacity::later(end, SignedDuration::from_millis(1))));
    }
    plan
}

fn waiting_for(s: &Snapshot) -> Because {
    if let Some(held) = traffic::held(s).or_else(|| blind(s)) {
        return held;
    }
    if s.stage() == Stage::Aborted {
        let word = serin_crds::names::ConditionType::Progressing;
        let why = super::super::conditions::find(&s.status, &word).map(|c| c.message.clone());
        return Because::Aborted(why.unwrap_or_default());
    }
    if s.spec.paused {
        return Because::ManuallyPaused;
    }
    if s.inconclusive() {
        let run = s.step_run().or_else(|| s.background_run());
        return Because::Inconclusive(run.map(|run| run.message.clone()).unwrap_or_default());
    }
    if let Some(because) = stepping(s) {
        return because;
    }
    if let Some(because) = promote::held(s) {
        return because;
    }
    let restarting = restart::waiting(s).or_else(|| not_ready(s));
    restarting.or_else(|| super::cleanup::draining(s)).unwrap_or_else(|| finished(s))
}

/// What can't be seen of the route, where that keeps traffic from rising.
fn blind(s: &Snapshot) -> Option<Because> {
    match &s.traffic.route {
        Route::Blind(why) if !s.initial() => Some(Because::Blind(why.clone())),
        Route::Unreadable(why) => Some(Because::Unreadable(why.clone())),
        Route::Blind(_) | Route::Seen(_) | Route::Unrouted => None,
    }
}

/// Nothing is left to do: settled, if the revision is stable; else something that is not at its size is waited for.
fn finished(s: &Snapshot) -> Because {
    if !s.stage().is_update() {
        return Because::Settled;
    }
    let now = s.new_rs().map_or(0, |rs| rs.available);
    let replica_set = s.new_rs().map_or_else(|| s.revision.hash.clone(), |rs| rs.name.clone());
    Because::PodsNotReady { replica_set, available: now, wanted: s.desired() }
}

fn stepping(s: &Snapshot) -> Option<Because> {
    let step = s.step().filter(|_| matches!(s.stage(), Stage::Updating(_)))?;
    // A step may be long entered and its traffic not there again yet.
    let short = s.route().is_some_and(|route| route.exposure.falls_short(goal::entitled(s)));
    if let Some(pods) = not_ready(s).filter(|_| short) {
        return Some(pods);
    }
    if step.pause.is_some() {
        let pause = s.status.pause_conditions.iter().find(|pause| pause.reason == PauseReason::CanaryPauseStep)?;
        return Some(Because::Paused { since: pause.start_time, until: pause_end(step, pause.start_time) });
    }
    if step.analysis.is_some() {
        return s.step_run().map(|run| Because::Analysing(run.name.clone()));
    }
    if unsupported(s, step) {
        return Some(Because::UnsupportedStep(format!("step {} ({})", s.index() + 1, label(step))));
    }
    not_ready(s)
}

fn not_ready(s: &Snapshot) -> Option<Because> {
    let wanted = goal::sizes(s).canary;
    let rs = s.new_rs().filter(|rs| rs.available < wanted || rs.spec != wanted)?;
    Some(Because::PodsNotReady { replica_set: rs.name.clone(), available: rs.available, wanted })
}
