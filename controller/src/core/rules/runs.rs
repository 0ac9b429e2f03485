//! Measure: the analyses that the step needs exist; those that nobody needs any more end.

use std::sync::Arc;

use serin_crds::analysis::AnalysisRunSpec;
use serin_crds::names::{AnalysisPhase, EventReason};
use serin_crds::rollout::{RolloutStatus, RunRef};

use super::super::because::Because;
use super::super::plan::{Effect, Plan};
use super::super::record;
use super::super::snapshot::{RunSeen, Snapshot};
use super::super::stage::Stage;

/// Whether any analysis may run for the recorded revision.
fn active(s: &Snapshot) -> bool {
    matches!(s.stage(), Stage::Updating(_))
}

/// The step at which the background analysis begins, if there is one.
pub(super) fn background_start(s: &Snapshot) -> Option<usize> {
    let start = s.canary().analysis.as_ref()?.starting_step.unwrap_or(0);
    Some(usize::try_from(start).unwrap_or(0))
}

/// The step whose analysis is current and not held by a pause.
pub(super) fn step_wanted(s: &Snapshot) -> Option<(usize, &Arc<AnalysisRunSpec>)> {
    let wanted = active(s) && s.status.pause_conditions.is_empty();
    let found = s.analysis.steps.iter().find(|(index, _)| *index == s.index() && wanted)?;
    Some((found.0, &found.1))
}

fn background_wanted(s: &Snapshot) -> Option<&Arc<AnalysisRunSpec>> {
    let reached = s.index() >= background_start(s)?;
    s.analysis.background.as_ref().filter(|_| active(s) && reached && !s.inconclusive())
}

/// Creates what is needed and ends what is not.
pub(super) fn measure(s: &Snapshot) -> Option<Plan> {
    let mut next = record::draft(s);
    let mut effects = Vec::new();
    if step_wanted(s).is_some() && needs_new(s, s.step_run()) {
        let created = name_step(s, &mut next, s.index());
        effects.extend(created);
    }
    if background_wanted(s).is_some() && needs_new(s, s.background_run()) {
        let name = free_name(s, None);
        effects.extend(create(s, &name, None));
        next.canary.current_background_analysis_run_status = Some(reference(s, &name));
    }
    if active(s) && s.canary().analysis.is_none() {
        next.canary.current_background_analysis_run_status = None;
    }
    let named = [
        next.canary.current_step_analysis_run_status.as_ref(),
        next.canary.current_background_analysis_run_status.as_ref(),
    ];
    let named = named.into_iter().flatten().map(|run| run.name.clone());
    // A run is made just before its step is recorded; one that stands alone, since the record failed, is about to be named.
    let entered = super::stepping::entering(s).map(|index| free_name(s, Some(index)));
    let kept: Vec<String> = named.chain(entered).collect();
    let ended = unfinished(s).filter(|run| !active(s) || !kept.contains(&run.name));
    effects.extend(ended.map(|run| Effect::TerminateRun { name: run.name.clone() }));
    if effects.is_empty() {
        return None;
    }
    let made = effects.iter().find_map(|effect| match effect {
        Effect::CreateRun { name, .. } => Some(name.clone()),
        _ => None,
    });
    let because = made.map_or(Because::CleaningUp, Because::Analysing);
    let plan = Plan::act(next, because, effects.clone());
    Some(effects.iter().fold(plan, |plan, effect| match effect {
        Effect::CreateRun { name, step } => announce(plan, name, *step),
        _ => plan,
    }))
}

/// Tells that a run was made.
pub(super) fn announce(plan: Plan, name: &str, step: Option<usize>) -> Plan {
    let kind = if step.is_some() { "Step" } else { "Background" };
    let text = format!("{kind} Analysis Run '{name}' Status New: 'Running' Previous: 'NoPreviousStatus'");
    plan.note(EventReason::AnalysisRunRunning, text)
}

/// Tells what a run came to.
pub(super) fn judged(plan: Plan, run: &RunSeen) -> Plan {
    let kind = if run.step.is_some() { "Step" } else { "Background" };
    let text = format!("{kind} Analysis Run '{}' Status New: '{}' Previous: 'Running'", run.name, run.phase);
    plan.note(EventReason::analysis_run(run.phase), text)
}

/// Names the run of the step at `index` in a record; makes it unless it exists.
pub(super) fn name_step(s: &Snapshot, next: &mut RolloutStatus, index: usize) -> Option<Effect> {
    s.analysis.steps.iter().find(|(at, _)| *at == index)?;
    let name = free_name(s, Some(index));
    next.canary.current_step_analysis_run_status = Some(reference(s, &name));
    create(s, &name, Some(index))
}

fn reference(s: &Snapshot, name: &str) -> RunRef {
    match s.run(name) {
        Some(run) => record::run_ref(run),
        None => RunRef { name: name.to_owned(), status: AnalysisPhase::Running, message: None },
    }
}

fn create(s: &Snapshot, name: &str, step: Option<usize>) -> Option<Effect> {
    s.run(name).is_none().then(|| Effect::CreateRun { name: name.to_owned(), step })
}

/// A run is needed where none is named or left; `resume` takes the name of an undecided one away.
fn needs_new(s: &Snapshot, current: Option<&RunSeen>) -> bool {
    current.is_none_or(|run| run.step.is_some_and(|step| step != s.index()))
}

/// The name of the next run: the contract's, with `.1`, `.2` ... where finished ones stand in the way.
/// An unfinished one with the same spec is the one that a crash left unrecorded; it is taken.
fn free_name(s: &Snapshot, step: Option<usize>) -> String {
    let revision = s.new_rs().map_or(s.id.revision, |rs| rs.revision);
    let suffix = step.map(|index| format!("-{index}")).unwrap_or_default();
    let base = format!("{}-{}-{revision}{suffix}", s.id.name, s.revision.hash);
    let usable = |name: &str| {
        !s.analysis.occupied.contains(name)
            && s.run(name).is_none_or(|run| !run.phase.is_terminal() && !run.terminating && run.current_spec)
    };
    if usable(&base) {
        return base;
    }
    let numbered = (1..).map(|n: u32| format!("{base}.{n}"));
    numbered.into_iter().find(|name| usable(name)).unwrap_or(base)
}

/// Runs that have not ended and were not told to.
pub(super) fn unfinished(s: &Snapshot) -> impl Iterator<Item = &RunSeen> {
    s.analysis.runs.iter().filter(|run| !run.phase.is_terminal() && !run.terminating)
}
