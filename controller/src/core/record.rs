//! The record: the next status, from the last one and what is seen.

use serin_crds::names::{PING, PONG, PauseReason};
use serin_crds::rollout::{PauseCondition, RolloutStatus, RunRef, TrafficWeights, WeightDestination};

use super::because::Because;
use super::capacity::superseded;
use super::conditions;
use super::snapshot::{RunSeen, Snapshot, WorkloadSeen};

/// The last status with everything counted and observed anew; rules change what they decide on top.
pub fn draft(s: &Snapshot) -> RolloutStatus {
    let mut next = s.status.clone();
    let sum = |of: fn(&super::snapshot::ReplicaSetSeen) -> i64| count(s.replica_sets.iter().map(of).sum());
    next.replicas = sum(|rs| rs.replicas);
    next.ready_replicas = sum(|rs| rs.ready);
    next.available_replicas = sum(|rs| rs.available);
    next.updated_replicas = count(s.new_rs().map_or(0, |rs| rs.replicas));
    next.hpa_replicas = next.replicas;
    next.selector = s.spec.selector.as_ref().map(selector_text);
    next.observed_generation.clone_from(&s.id.observed_generation);
    next.workload_observed_generation = workload_generation(s);
    next.canary.weights = weights(s);
    refresh_runs(s, &mut next);
    if s.is_stable() {
        next.promote_full = false;
    }
    next
}

/// The generation of the workload that is carried out: one that the Rollout has in its annotations already, since viewers
/// compare the two.
fn workload_generation(s: &Snapshot) -> Option<String> {
    s.spec.workload_ref.as_ref()?;
    let noted = |workload: &WorkloadSeen| workload.noted == Some(workload.generation.to_string());
    match s.revision.workload.as_ref().filter(|workload| noted(workload)) {
        Some(workload) => workload.noted.clone(),
        None => s.status.workload_observed_generation.clone(),
    }
}

fn count(value: i64) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// Ends a record: conditions, phase and message from everything else.
pub fn finish(s: &Snapshot, mut next: RolloutStatus, because: &Because) -> RolloutStatus {
    conditions::refresh(s, &mut next, because);
    let (phase, message) = conditions::phase(s, &next, because);
    next.phase = Some(phase);
    next.message = Some(message).filter(|text| !text.is_empty());
    conditions::summarize(&mut next, because, s.now);
    next
}

fn weights(s: &Snapshot) -> Option<TrafficWeights> {
    if !s.routed() {
        return None;
    }
    let Some(route) = s.route() else { return s.status.canary.weights.clone() };
    let old = s.status.canary.weights.as_ref();
    let canary_hash = match (superseded(s), old) {
        (Some(rs), _) => Some(rs.hash.clone()),
        // Until it is recorded, the revision that holds the weight is the one that was recorded with it.
        (None, Some(old)) if !s.recorded_revision() => old.canary.pod_template_hash.clone(),
        _ => Some(s.revision.hash.clone()),
    };
    let (share, total) = (route.exposure.share(), s.total_weight());
    let parts = share.parts_of(total);
    let side = |weight: i64, service: Option<&String>, hash: Option<String>| WeightDestination {
        weight: count(weight),
        service_name: service.cloned(),
        pod_template_hash: hash,
    };
    Some(TrafficWeights {
        canary: side(parts, s.canary().canary_service.as_ref(), canary_hash),
        stable: side(total - parts, s.canary().stable_service.as_ref(), s.status.stable_rs.clone()),
        additional: Vec::new(),
        verified: None,
    })
}

fn refresh_runs(s: &Snapshot, next: &mut RolloutStatus) {
    let canary = &mut next.canary;
    let slots = [&mut canary.current_step_analysis_run_status, &mut canary.current_background_analysis_run_status];
    for slot in slots.into_iter().flatten() {
        if let Some(run) = s.run(&slot.name) {
            *slot = run_ref(run);
        }
    }
}

/// How the status names a run.
pub fn run_ref(run: &RunSeen) -> RunRef {
    RunRef {
        name: run.name.clone(),
        status: run.phase,
        message: Some(run.message.clone()).filter(|text| !text.is_empty()),
    }
}

/// Records a pause of the controller's own.
pub fn pause(s: &Snapshot, next: &mut RolloutStatus, reason: PauseReason) {
    next.controller_pause = true;
    next.pause_conditions.push(PauseCondition { reason, start_time: s.now });
}

/// Takes in that a person resumed: undecided runs are over, so that what is needed is measured anew.
pub fn acknowledge_resume(s: &Snapshot, next: &mut RolloutStatus) {
    next.controller_pause = !next.pause_conditions.is_empty();
    let canary = &mut next.canary;
    for slot in [&mut canary.current_step_analysis_run_status, &mut canary.current_background_analysis_run_status] {
        if slot.as_ref().and_then(|named| s.run(&named.name)).is_some_and(RunSeen::undecided) {
            *slot = None;
        }
    }
}

/// Clears everything that belongs to one attempt at one revision.
pub fn clear_attempt(next: &mut RolloutStatus) {
    next.pause_conditions.clear();
    next.controller_pause = false;
    next.abort = false;
    next.aborted_at = None;
    next.promote_full = false;
    next.canary.current_step_analysis_run_status = None;
    next.canary.current_background_analysis_run_status = None;
    next.canary.current_experiment = None;
    next.canary.step_plugin_statuses.clear();
}

/// The two Services of `pingPong` swap roles: the one that leads to the revision that becomes stable is the stable one.
pub fn swap_services(s: &Snapshot, next: &mut RolloutStatus) {
    if s.canary().ping_pong.is_some() {
        let ping = next.canary.stable_ping_pong.as_deref() == Some(PING);
        next.canary.stable_ping_pong = Some(if ping { PONG } else { PING }.to_owned());
    }
}

/// The step index as status carries it: absent without steps.
pub fn step_index(s: &Snapshot, index: usize) -> Option<i32> {
    if s.steps().is_empty() { None } else { i32::try_from(index).ok() }
}

/// Whether two records differ in something that people, tools or a restart need at once;
/// counters and sentences may wait a moment, since the next transition mostly carries them.
pub fn differs_materially(a: &RolloutStatus, b: &RolloutStatus) -> bool {
    core(a) != core(b)
}

fn core(status: &RolloutStatus) -> RolloutStatus {
    let mut core = status.clone();
    core.replicas = 0;
    core.updated_replicas = 0;
    core.ready_replicas = 0;
    core.available_replicas = 0;
    core.hpa_replicas = 0;
    core.message = None;
    // A run tells about itself; the Rollout repeats it with its next transition.
    for slot in
        [&mut core.canary.current_step_analysis_run_status, &mut core.canary.current_background_analysis_run_status]
            .into_iter()
            .flatten()
    {
        slot.message = None;
        if !slot.status.is_terminal() {
            slot.status = serin_crds::names::AnalysisPhase::Running;
        }
    }
    // Weights are seen in the route itself; they are recorded with the transition that they belong to.
    core.canary.weights = None;
    core.conditions
        .retain(|c| c.kind != conditions::waiting() && c.kind != serin_crds::names::ConditionType::Available);
    for condition in &mut core.conditions {
        condition.last_update_time = jiff::Timestamp::UNIX_EPOCH;
    }
    core
}

/// A label selector as the scale subresource carries it.
pub fn selector_text(selector: &k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector) -> String {
    let mut parts: Vec<String> =
        selector.match_labels.iter().flatten().map(|(key, value)| format!("{key}={value}")).collect();
    for e in selector.match_expressions.iter().flatten() {
        let values = e.values.clone().unwrap_or_default().join(",");
        parts.push(match e.operator.as_str() {
            "In" => format!("{} in ({values})", e.key),
            "NotIn" => format!("{} notin ({values})", e.key),
            "Exists" => e.key.clone(),
            _ => format!("!{}", e.key),
        });
    }
    parts.join(",")
}
