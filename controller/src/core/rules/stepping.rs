//! Steps: when one is complete, what comes after it, and what is waited for.

use jiff::{SignedDuration, Timestamp};
use serin_crds::duration;
use serin_crds::names::{AnalysisPhase, EventReason, PauseReason};
use serin_crds::rollout::{CanaryStep, RolloutStatus};

use super::super::because::Because;
use super::super::intent;
use super::super::plan::{Effect, Plan};
use super::super::record;
use super::super::snapshot::{RunSeen, Snapshot};
use super::super::steps::{label, weight_at};
use super::{promote, revision, runs, traffic};

/// An analysis that could not decide, or that was ended before it measured, stops the Rollout until a person decides.
pub(super) fn inconclusive(s: &Snapshot) -> Option<Plan> {
    let held = s.status.abort || s.promoted() || s.status.promote_full || s.inconclusive() || !s.recorded();
    if held {
        return None;
    }
    let resumed = s.status.controller_pause && s.status.pause_conditions.is_empty();
    let step = s.step_run().filter(|run| s.status.pause_conditions.is_empty() && undecided(run));
    let step = step.filter(|run| run.step == Some(s.index()));
    let run =
        step.or_else(|| s.background_run().filter(|run| undecided(run))).filter(|_| !resumed_after(s, resumed))?;
    let mut next = record::draft(s);
    record::pause(s, &mut next, PauseReason::InconclusiveAnalysisRun);
    let text = format!("Rollout is paused ({})", PauseReason::InconclusiveAnalysisRun);
    let plan = Plan::wait(next, Because::Inconclusive(run.message.clone()));
    Some(plan.note(EventReason::RolloutPaused, text))
}

/// A person who resumed after an undecided run gets a new one before anything is judged again.
fn resumed_after(s: &Snapshot, resumed: bool) -> bool {
    resumed && (runs::step_wanted(s).is_some() || s.canary().analysis.is_some())
}

fn undecided(run: &RunSeen) -> bool {
    run.phase == AnalysisPhase::Inconclusive || (run.phase == AnalysisPhase::Successful && run.evidence == 0)
}

/// Whether the current step is complete.
fn complete(s: &Snapshot, step: &CanaryStep) -> bool {
    if step.pause.is_some() {
        return pause_over(s, step);
    }
    if step.set_weight.is_some() {
        return intent::at_sizes(s) && weight_reached(s);
    }
    if step.analysis.is_some() {
        let passed = |run: &RunSeen| run.phase == AnalysisPhase::Successful && run.evidence > 0;
        return s.step_run().is_some_and(|run| run.step == Some(s.index()) && passed(run));
    }
    // Steps that only change how traffic is routed hold nothing up; the condition UnsupportedFields names them.
    step.experiment.is_none() && step.plugin.is_none()
}

fn weight_reached(s: &Snapshot) -> bool {
    if !s.routed() || s.desired() == 0 {
        return true;
    }
    let wanted = weight_at(s.steps(), s.index());
    s.route().is_some_and(|route| route.even && route.canary == wanted)
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

/// A complete step gives way to the next, which is entered by recording it.
pub(super) fn advance(s: &Snapshot) -> Option<Plan> {
    let step = s.step()?;
    if s.promoted() || s.initial() || s.status.abort || s.status.promote_full || s.halted() || !s.recorded() {
        return None;
    }
    if step.pause.is_some() && !s.status.controller_pause && !s.paused_for(&PauseReason::CanaryPauseStep) {
        // The index was moved by somebody else: the pause starts when it is first seen.
        let mut next = record::draft(s);
        record::pause(s, &mut next, PauseReason::CanaryPauseStep);
        return Some(paused_note(Plan::wait(next, Because::StepDone(label(step))).wake_at(Some(s.now))));
    }
    if !complete(s, step) {
        return None;
    }
    let index = s.index() + 1;
    let mut next = record::draft(s);
    next.current_step_index = record::step_index(s, index);
    next.canary.current_step_analysis_run_status = None;
    next.pause_conditions.retain(|pause| pause.reason != PauseReason::CanaryPauseStep);
    next.controller_pause = !next.pause_conditions.is_empty();
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
    plan = plan.wake_at(super::cleanup::next_deadline(s)).wake_at(intent::settles_at(s));
    if let Some(step) = s.step().filter(|_| !s.promoted()) {
        let pause = s.status.pause_conditions.iter().find(|pause| pause.reason == PauseReason::CanaryPauseStep);
        let end = pause.and_then(|pause| pause_end(step, pause.start_time));
        // Strictly after its end, as the contract says.
        plan = plan.wake_at(end.map(|end| intent::later(end, SignedDuration::from_millis(1))));
    }
    plan
}

fn waiting_for(s: &Snapshot) -> Because {
    if let Some(held) = traffic::held(s) {
        return held;
    }
    if s.status.abort {
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
    not_ready(s).or_else(|| super::cleanup::draining(s)).unwrap_or(Because::Settled)
}

fn stepping(s: &Snapshot) -> Option<Because> {
    let step = s.step().filter(|_| !s.promoted() && !s.initial() && !s.status.promote_full)?;
    // A step may be long entered and its traffic not there again yet.
    let short = s.route().is_some_and(|route| route.canary < intent::wanted_weight(s, route.canary));
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
    if step.experiment.is_some() || step.plugin.is_some() {
        return Some(Because::UnsupportedStep(format!("step {} ({})", s.index() + 1, label(step))));
    }
    not_ready(s)
}

fn not_ready(s: &Snapshot) -> Option<Because> {
    let wanted = intent::sizes(s).canary;
    let rs = s.new_rs().filter(|rs| rs.available < wanted || rs.spec != wanted)?;
    Some(Because::PodsNotReady { replica_set: rs.name.clone(), available: rs.available, wanted })
}
