//! Conditions and phase: what Argo CD, `kubectl wait` and people read first.
//!
//! # Source
//! Behaviour contract 6.1 and 6.2.

use jiff::{SignedDuration, Timestamp};
use serin_crds::names::{ConditionReason, ConditionStatus, ConditionType, RolloutPhase, defaults};
use serin_crds::rollout::{RolloutCondition, RolloutStatus};

use super::because::Because;
use super::capacity::superseded;
use super::snapshot::{Best, Route, Snapshot};
use super::weight::Weight;

const RECONCILING: &str = "Reconciling";

/// The condition by which a Rollout says what it waits for, since when, and what would end it.
///
/// It is true while an update is under way; its reason and message say what is waited for in any phase.
pub fn waiting() -> ConditionType {
    ConditionType::Other(RECONCILING.to_owned())
}

/// One condition as it should be.
pub(super) struct Wanted {
    pub(super) kind: ConditionType,
    pub(super) status: ConditionStatus,
    pub(super) reason: String,
    pub(super) message: String,
}

impl Wanted {
    pub(super) fn new(
        kind: ConditionType,
        status: impl Into<ConditionStatus>,
        reason: ConditionReason,
        message: &str,
    ) -> Self {
        Self { kind, status: status.into(), reason: reason.as_str().to_owned(), message: message.to_owned() }
    }
}

/// Finds a condition.
pub fn find<'a>(status: &'a RolloutStatus, kind: &ConditionType) -> Option<&'a RolloutCondition> {
    status.conditions.iter().find(|condition| condition.kind == *kind)
}

/// Whether a condition stands with this reason.
pub fn has_reason(status: &RolloutStatus, kind: &ConditionType, reason: ConditionReason) -> bool {
    find(status, kind).is_some_and(|condition| condition.reason == reason.as_str())
}

/// Sets a condition as the contract says: replaced only if status or reason differ, moved to the end then;
/// the transition time stays while the status does.
pub(super) fn set(status: &mut RolloutStatus, wanted: Wanted, now: Timestamp) {
    let old = find(status, &wanted.kind).cloned();
    if let Some(old) = &old {
        let message_matters = matches!(wanted.kind, ConditionType::InvalidSpec | ConditionType::UnsupportedFields)
            || wanted.kind == waiting();
        let same = old.status == wanted.status && old.reason == wanted.reason;
        if same && (!message_matters || old.message == wanted.message) {
            return;
        }
    }
    let transition = match &old {
        // A wait lasts as long as its reason, in whatever phase.
        Some(old) if wanted.kind == waiting() && old.reason == wanted.reason => old.last_transition_time,
        Some(old) if old.status == wanted.status && wanted.kind != waiting() => old.last_transition_time,
        _ => now,
    };
    status.conditions.retain(|condition| condition.kind != wanted.kind);
    status.conditions.push(RolloutCondition {
        kind: wanted.kind,
        status: wanted.status,
        last_update_time: now,
        last_transition_time: transition,
        reason: wanted.reason,
        message: wanted.message,
    });
}

/// Removes a condition.
pub(super) fn remove(status: &mut RolloutStatus, kind: &ConditionType) {
    status.conditions.retain(|condition| condition.kind != *kind);
}

/// Whether the Rollout is healthy in the sense of the `Healthy` condition: nothing left to do, old pods gone.
pub(super) fn healthy(s: &Snapshot, next: &RolloutStatus) -> bool {
    let desired = i32::try_from(s.desired()).unwrap_or(i32::MAX);
    let steps = i32::try_from(s.steps().len()).unwrap_or(i32::MAX);
    next.updated_replicas == desired
        && next.available_replicas == desired
        && next.replicas == desired
        && next.stable_rs.is_some()
        && next.stable_rs == next.current_pod_hash
        && (steps == 0 || next.current_step_index == Some(steps))
}

/// Writes every condition that follows from a record and its reason.
pub(super) fn refresh(s: &Snapshot, next: &mut RolloutStatus, because: &Because) {
    let now = s.now;
    invalid(s, next);
    let desired = i32::try_from(s.desired()).unwrap_or(i32::MAX);
    let available = next.available_replicas >= desired;
    let text =
        if available { "Rollout has minimum availability" } else { "Rollout does not have minimum availability" };
    set(next, Wanted::new(ConditionType::Available, available, ConditionReason::AvailableReason, text), now);

    let paused = s.spec.paused || !next.pause_conditions.is_empty();
    let is_healthy = healthy(s, next);
    if is_healthy || find(next, &ConditionType::Healthy).is_some() {
        let is_healthy = is_healthy && !paused;
        let text = if is_healthy { "Rollout is healthy" } else { "Rollout is not healthy" };
        set(next, Wanted::new(ConditionType::Healthy, is_healthy, ConditionReason::RolloutHealthy, text), now);
    }
    let completed = next.stable_rs.is_some() && next.stable_rs == next.current_pod_hash;
    let word = ConditionReason::RolloutCompleted;
    set(next, Wanted::new(ConditionType::Completed, completed, word, word.as_str()), now);
    if !next.abort {
        let word = ConditionReason::RolloutPaused;
        set(next, Wanted::new(ConditionType::Paused, paused, word, "Rollout is paused"), now);
    }
    progressing(s, next, paused, is_healthy);
    refused(s, next, because);
    replica_failure(s, next);
    unsupported(s, next);
}

/// Says the phase in the conditions that tools know who know no Rollouts (kstatus: Helm, Flux, kpt, `kubectl wait`), and in
/// `Reconciling` what is waited for, since when, and what would end it.
pub(super) fn summarize(next: &mut RolloutStatus, because: &Because, now: Timestamp) {
    let phase = next.phase.unwrap_or(RolloutPhase::Progressing);
    let (ready, stalled, text) = match phase {
        RolloutPhase::Healthy => (true, false, "Every pod runs the desired version and is available"),
        RolloutPhase::Degraded => (false, true, "The desired version is not running; status.message says why"),
        RolloutPhase::Paused => (false, false, "The update is paused; the condition Reconciling says until when"),
        RolloutPhase::Progressing => {
            (false, false, "An update is in progress; the condition Reconciling says what is next")
        }
    };
    let about = |kind: &str, status: bool, message: &str| Wanted {
        kind: ConditionType::Other(kind.to_owned()),
        status: status.into(),
        reason: phase.to_string(),
        message: message.to_owned(),
    };
    set(next, about("Ready", ready, text), now);
    // By convention it is there only while it is true.
    if stalled {
        set(next, about("Stalled", true, text), now);
    } else {
        remove(next, &ConditionType::Other("Stalled".to_owned()));
    }
    let wanted =
        Wanted { reason: because.code().to_owned(), ..about(RECONCILING, !ready && !stalled, &because.sentence()) };
    set(next, wanted, now);
}

/// Why the spec, or what it names, can't be used; `None` where it can.
pub(super) fn faults(s: &Snapshot) -> Option<String> {
    let blind = match &s.traffic.route {
        Route::Blind(why) => Some(why.as_str()),
        Route::Seen(_) | Route::Unrouted | Route::Unreadable(_) => None,
    };
    // A first revision splits nothing: the order in which manifests are applied must not matter.
    let blind = blind.filter(|_| !s.initial());
    let faults: Vec<&str> = s.faults.iter().map(String::as_str).chain(blind).collect();
    (!faults.is_empty()).then(|| format!("The Rollout \"{}\" is invalid: {}", s.id.name, faults.join("; ")))
}

fn invalid(s: &Snapshot, next: &mut RolloutStatus) {
    match faults(s) {
        None => remove(next, &ConditionType::InvalidSpec),
        Some(text) => {
            let wanted =
                Wanted::new(ConditionType::InvalidSpec, ConditionStatus::True, ConditionReason::InvalidSpec, &text);
            set(next, wanted, s.now);
        }
    }
}

fn progressing(s: &Snapshot, next: &mut RolloutStatus, paused: bool, is_healthy: bool) {
    let kind = ConditionType::Progressing;
    let rs = s.new_rs().map_or_else(|| s.revision.hash.clone(), |rs| rs.name.clone());
    let was = find(next, &kind).map(|c| c.reason.clone()).unwrap_or_default();
    let is = |reason: ConditionReason| was == reason.as_str();
    let completed = next.stable_rs.is_some() && next.stable_rs == next.current_pod_hash;
    let wanted = if next.abort {
        return; // The rule that aborts writes RolloutAborted with its message; it stays until a retry.
    } else if is(ConditionReason::RolloutAborted) && next.aborted_at.is_none() && !completed {
        Wanted::new(kind, ConditionStatus::Unknown, ConditionReason::RolloutRetry, "Retrying Rollout after abort")
    } else if paused && !completed {
        Wanted::new(kind, ConditionStatus::Unknown, ConditionReason::RolloutPaused, "Rollout is paused")
    } else if is(ConditionReason::RolloutPaused) && !completed {
        Wanted::new(kind, ConditionStatus::Unknown, ConditionReason::RolloutResumed, "Rollout is resumed")
    } else if is_healthy {
        let text = format!("ReplicaSet \"{rs}\" has successfully progressed.");
        Wanted::new(kind, true, ConditionReason::NewReplicaSetAvailable, &text)
    } else if timed_out(s, next) {
        let text = format!("ReplicaSet \"{rs}\" has timed out progressing.");
        Wanted::new(kind, false, ConditionReason::ProgressDeadlineExceeded, &text)
    } else if completed && is(ConditionReason::NewReplicaSetAvailable) {
        if next.available_replicas >= i32::try_from(s.desired()).unwrap_or(i32::MAX) {
            return;
        }
        let text = format!("ReplicaSet \"{rs}\" is progressing.");
        Wanted::new(kind, true, ConditionReason::ReplicaSetNotAvailable, &text)
    } else if is(ConditionReason::ProgressDeadlineExceeded) && !progressed(s, next) {
        return;
    } else {
        let text = format!("ReplicaSet \"{rs}\" is progressing.");
        Wanted::new(kind, true, ConditionReason::ReplicaSetUpdated, &text)
    };
    set(next, wanted, s.now);
    if progressed(s, next)
        && let Some(condition) = next.conditions.iter_mut().find(|c| c.kind == ConditionType::Progressing)
    {
        condition.last_update_time = s.now;
    }
}

/// Whether a record is further than this attempt has ever been, so that the progress deadline starts again.
///
/// Pods that come and go are no progress: only what was never reached before is.
fn progressed(s: &Snapshot, next: &RolloutStatus) -> bool {
    let (before, best, now) = (&s.status, &s.look.memory.best, reached(s, next));
    now.updated > best.updated
        || now.ready > best.ready
        || now.available > best.available
        || best.old.is_some_and(|fewest| now.old.is_some_and(|old| old < fewest))
        || next.stable_rs != before.stable_rs
        || next.current_step_index != before.current_step_index
        || next.current_step_hash != before.current_step_hash
        || next.current_pod_hash != before.current_pod_hash
}

/// How far an attempt is: its own pods, and those that it replaces.
pub fn reached(s: &Snapshot, next: &RolloutStatus) -> Best {
    let count = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    let new = s.new_rs();
    Best {
        updated: next.updated_replicas,
        ready: new.map_or(0, |rs| count(rs.ready)),
        available: new.map_or(0, |rs| count(rs.available)),
        old: Some(next.replicas - next.updated_replicas),
    }
}

/// When the progress deadline passes, if its clock runs.
pub fn deadline(s: &Snapshot) -> Option<Timestamp> {
    if !clock_runs(s, &s.status) {
        return None;
    }
    let since = find(&s.status, &ConditionType::Progressing)?.last_update_time;
    let seconds = s.spec.progress_deadline_seconds.unwrap_or(defaults::PROGRESS_DEADLINE_SECONDS);
    since.checked_add(SignedDuration::from_secs(i64::from(seconds))).ok()
}

/// Whether the progress deadline has passed in this snapshot.
pub fn overdue(s: &Snapshot) -> bool {
    deadline(s).is_some_and(|at| s.now > at)
}

fn timed_out(s: &Snapshot, next: &RolloutStatus) -> bool {
    !progressed(s, next) && clock_runs(s, next) && overdue(s)
}

fn clock_runs(s: &Snapshot, status: &RolloutStatus) -> bool {
    let waits_by_design =
        s.step().is_some_and(|step| step.pause.is_some() || step.analysis.is_some() || step.experiment.is_some())
            && !s.is_stable();
    // Old pods that wait for their delay make a finished update not late; they say nothing of one that is on its way.
    let draining = s.is_stable() && s.other_rs().any(|rs| rs.deadline.is_some() && rs.spec > 0);
    let stopped = has_reason(status, &ConditionType::Progressing, ConditionReason::RolloutAborted)
        || has_reason(status, &ConditionType::Progressing, ConditionReason::RolloutPaused)
        || has_reason(status, &ConditionType::Progressing, ConditionReason::NewReplicaSetAvailable);
    let paused = s.spec.paused || !status.pause_conditions.is_empty();
    !(waits_by_design || draining || stopped || paused || status.abort || healthy(s, status))
}

fn replica_failure(s: &Snapshot, next: &mut RolloutStatus) {
    let failing = s.new_rs().into_iter().chain(&s.replica_sets).find_map(|rs| rs.failure.as_ref());
    match failing {
        None => remove(next, &ConditionType::ReplicaFailure),
        Some((reason, message)) => {
            let wanted = Wanted {
                kind: ConditionType::ReplicaFailure,
                status: ConditionStatus::True,
                reason: reason.clone(),
                message: message.clone(),
            };
            set(next, wanted, s.now);
        }
    }
}

fn unsupported(s: &Snapshot, next: &mut RolloutStatus) {
    let kind = ConditionType::UnsupportedFields;
    if s.id.unsupported.is_empty() {
        return remove(next, &kind);
    }
    let text = format!("kept, but not acted on by this version: {}", s.id.unsupported.join(", "));
    set(next, Wanted::new(kind, true, ConditionReason::UnsupportedFields, &text), s.now);
}

/// Says that the API server refuses the new `ReplicaSet`, as Argo Rollouts does.
fn refused(s: &Snapshot, next: &mut RolloutStatus, because: &Because) {
    let Because::Refused { .. } = because else { return };
    if s.new_rs().is_none() && !next.abort {
        let (kind, word) = (ConditionType::Progressing, ConditionReason::ReplicaSetCreateError);
        set(next, Wanted::new(kind, ConditionStatus::False, word, &because.sentence()), s.now);
    }
}

/// The phase and its message: the first rule of the contract that matches.
pub(super) fn phase(s: &Snapshot, next: &RolloutStatus, because: &Because) -> (RolloutPhase, String) {
    let phase = match because {
        Because::Unsupported(_) if !(s.recorded_revision() && s.is_stable()) => Some(RolloutPhase::Degraded),
        Because::Refused { .. } | Because::NoEffect(_) | Because::Contended(_) => Some(RolloutPhase::Progressing),
        _ => None,
    };
    if let Some(phase) = phase.filter(|_| !next.abort) {
        return (phase, format!("{}: {}", because.code(), because.sentence()));
    }
    for condition in &next.conditions {
        if condition.kind == ConditionType::InvalidSpec {
            return (RolloutPhase::Degraded, format!("InvalidSpec: {}", condition.message));
        }
        let word = condition.reason.as_str();
        if [ConditionReason::RolloutAborted, ConditionReason::ProgressDeadlineExceeded]
            .iter()
            .any(|r| r.as_str() == word)
        {
            return (RolloutPhase::Degraded, format!("{word}: {}", condition.message));
        }
    }
    if s.spec.paused {
        return (RolloutPhase::Paused, "manually paused".to_owned());
    }
    if let Some(pause) = next.pause_conditions.first() {
        return (RolloutPhase::Paused, pause.reason.to_string());
    }
    if s.spec.restart_at.is_some() && s.spec.restart_at != next.restarted_at {
        return (RolloutPhase::Progressing, "rollout is restarting".to_owned());
    }
    let desired = i32::try_from(s.desired()).unwrap_or(i32::MAX);
    let completed = next.stable_rs.is_some() && next.stable_rs == next.current_pod_hash;
    let message = if next.updated_replicas < desired {
        "more replicas need to be updated"
    } else if next.available_replicas < next.updated_replicas {
        "updated replicas are still becoming available"
    } else if !s.routed() && next.replicas > next.updated_replicas {
        "old replicas are pending termination"
    } else if !completed {
        "waiting for all steps to complete"
    } else if superseded(s).is_some() && s.share() > Weight::ZERO {
        "waiting for traffic to come back to the stable version"
    } else {
        return (RolloutPhase::Healthy, String::new());
    };
    (RolloutPhase::Progressing, message.to_owned())
}
