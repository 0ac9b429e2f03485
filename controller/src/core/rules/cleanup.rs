//! Clean-up: `ReplicaSet`s that nothing reaches any more, and history beyond its limits.

use jiff::Timestamp;
use serin_crds::names::{AnalysisPhase, EventReason, defaults};

use super::super::because::Because;
use super::super::capacity::{is_selected, kept_until, settles_at, superseded};
use super::super::goal;
use super::super::plan::{Effect, Plan};
use super::super::snapshot::{ReplicaSetSeen, RunSeen, Snapshot};
use super::super::stage::Stage;
use super::super::weight::Weight;
use super::capacity::scaled;

/// Takes down old `ReplicaSet`s, then deletes what is beyond the history limits.
pub(super) fn clean_up(s: &Snapshot) -> Option<Plan> {
    if matches!(s.stage(), Stage::Initial | Stage::Unrecorded) {
        return None;
    }
    let down = if s.routed() { routed(s) } else { basic(s) };
    if !down.is_empty() {
        let scaled_down = down.iter().filter_map(|effect| match effect {
            Effect::ScaleReplicaSet { name, to, .. } => {
                s.replica_sets.iter().find(|rs| rs.name == *name).map(|rs| scaled(rs, *to))
            }
            _ => None,
        });
        let said: Vec<String> = scaled_down.collect();
        let plan = super::act(s, Because::CleaningUp, down);
        return Some(said.into_iter().fold(plan, |plan, text| plan.note(EventReason::ScalingReplicaSet, text)));
    }
    let gone: Vec<Effect> = old_replica_sets(s).chain(old_runs(s)).collect();
    (!gone.is_empty()).then(|| super::act(s, Because::CleaningUp, gone))
}

/// Whether a Service, a subset or a share of the traffic may still reach a revision.
fn referenced(s: &Snapshot, hash: &str) -> bool {
    let unseen = s.routed() && s.route().is_none();
    let drained = superseded(s).is_some_and(|rs| rs.hash == hash) && s.share() > Weight::ZERO;
    unseen || drained || is_selected(s, hash)
}

/// With traffic routing: a delay first, counted from the moment nothing reaches it; then all at once.
fn routed(s: &Snapshot) -> Vec<Effect> {
    let usual = if s.dynamic_stable() { 0 } else { defaults::SCALE_DOWN_DELAY_SECONDS };
    let delay = i64::from(s.canary().scale_down_delay_seconds.unwrap_or(usual));
    let limit = s.canary().scale_down_delay_revision_limit.unwrap_or(i32::MAX);
    let mut others: Vec<&ReplicaSetSeen> = s.other_rs().filter(|rs| rs.spec > 0).collect();
    others.sort_by_key(|rs| std::cmp::Reverse(rs.revision));
    let mut kept = 0;
    let mut effects = Vec::new();
    for rs in others {
        if referenced(s, &rs.hash) {
            continue;
        }
        let over = kept >= limit;
        match rs.deadline {
            Some(at) if s.now < at && !over => kept += 1,
            None if delay > 0 && !over => {
                kept += 1;
                let at = kept_until(s.now, delay);
                effects.push(Effect::SetDeadline { name: rs.name.clone(), at: Some(at) });
            }
            // Without a delay, or over the limit, pods still outlive the routes by the time that proxies need.
            _ if settles_at(s).is_some() => {}
            _ => effects.push(Effect::ScaleReplicaSet { name: rs.name.clone(), from: rs.spec, to: 0 }),
        }
    }
    effects
}

/// Without traffic routing: broken pods first, then as many as availability allows, newest revision first.
fn basic(s: &Snapshot) -> Vec<Effect> {
    let floor = s.desired() - goal::limits(s).unavailable;
    let total: i64 = s.replica_sets.iter().map(|rs| rs.available).sum();
    let mut budget = (total - floor).max(0);
    let mut others: Vec<&ReplicaSetSeen> = s.other_rs().filter(|rs| rs.spec > 0).collect();
    others.sort_by_key(|rs| std::cmp::Reverse(rs.revision));
    let mut effects = Vec::new();
    for rs in others {
        let answering = rs.available.min(rs.spec);
        let kept = i64::from(goal::may_be_reached(s, rs) && answering > 0);
        let less = (answering - kept).min(budget);
        budget -= less;
        let to = answering - less;
        if to < rs.spec {
            effects.push(Effect::ScaleReplicaSet { name: rs.name.clone(), from: rs.spec, to });
        }
    }
    effects
}

fn old_replica_sets(s: &Snapshot) -> impl Iterator<Item = Effect> {
    let limit = s.spec.revision_history_limit.unwrap_or(defaults::REVISION_HISTORY_LIMIT);
    let mut others: Vec<&ReplicaSetSeen> = s.other_rs().collect();
    others.sort_by_key(|rs| rs.created);
    let beyond = others.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    let gone: Vec<Effect> = others
        .into_iter()
        .take(beyond)
        .filter(|rs| rs.spec == 0 && rs.replicas == 0 && !referenced(s, &rs.hash))
        .map(|rs| Effect::DeleteReplicaSet { name: rs.name.clone() })
        .collect();
    gone.into_iter()
}

fn old_runs(s: &Snapshot) -> impl Iterator<Item = Effect> {
    let named = |run: &RunSeen| {
        let canary = &s.status.canary;
        let slots = [&canary.current_step_analysis_run_status, &canary.current_background_analysis_run_status];
        slots.into_iter().flatten().any(|slot| slot.name == run.name)
    };
    let limits = s.spec.analysis.as_ref();
    let good = limits.and_then(|l| l.successful_run_history_limit).unwrap_or(defaults::RUN_HISTORY_LIMIT);
    let bad = limits.and_then(|l| l.unsuccessful_run_history_limit).unwrap_or(defaults::RUN_HISTORY_LIMIT);
    let mut runs: Vec<&RunSeen> = s.analysis.runs.iter().filter(|run| run.phase.is_terminal() && !named(run)).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.created));
    let (mut goods, mut bads) = (0, 0);
    let mut gone = Vec::new();
    for run in runs {
        let orphaned = !s.replica_sets.iter().any(|rs| rs.hash == run.hash);
        let (count, limit) = if run.phase == AnalysisPhase::Successful { (&mut goods, good) } else { (&mut bads, bad) };
        *count += 1;
        if orphaned || *count > limit {
            gone.push(Effect::DeleteRun { name: run.name.clone() });
        }
    }
    gone.into_iter()
}

/// The next instant at which a `ReplicaSet` may go.
pub(super) fn next_deadline(s: &Snapshot) -> Option<Timestamp> {
    let deadlines = s.replica_sets.iter().filter(|rs| rs.spec > 0).filter_map(|rs| rs.deadline);
    deadlines.filter(|at| *at > s.now).min()
}

/// The `ReplicaSet` that stays until traffic has surely left it.
pub(super) fn draining(s: &Snapshot) -> Option<Because> {
    let until = next_deadline(s)?;
    let rs = s.replica_sets.iter().find(|rs| rs.deadline == Some(until))?;
    Some(Because::Draining { replica_set: rs.name.clone(), until })
}
