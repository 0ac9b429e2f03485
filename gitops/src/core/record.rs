//! Record: what came of a plan becomes the next status. Pure: the same outcomes make the same status, however often.

use jiff::Timestamp;
use serin_crds::names::{AbortCause, ConditionStatus, NoticeMoment, NoticeState, RollbackStage};
use serin_crds::rollback::{
    MOST_ROLLBACKS, NoticeRecord, Rollback, RollbackCondition, RollbackDecision, RollbackPolicyStatus, RollbackTimes,
};

use super::observed::{Evidence, NoticeKey, PolicySeen, RolloutSeen};
use super::{Step, images, words};

/// What came of an effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// A step was taken.
    Stepped(Step),
    /// The gate decided.
    Decided(String, RollbackDecision),
    /// The commit is in the branch.
    Committed(String, String),
    /// Somebody else was faster.
    Overtaken(String, String),
    /// It can't be done, whoever tries again.
    Impossible(String, String),
    /// It waits for this.
    Waits(String, String),
    /// A notice was taken, under this reference.
    Sent(NoticeKey, Option<String>),
    /// A notice was refused for good.
    Refused(NoticeKey, String),
    /// A notice was not taken, and is tried again.
    Unsent(NoticeKey, String),
}

/// The status after these outcomes.
pub fn absorb(policy: &PolicySeen, outcomes: &[Outcome], now: Timestamp) -> RollbackPolicyStatus {
    let mut next = policy.status.clone();
    next.observed_generation = Some(policy.generation);
    for outcome in outcomes {
        take_in(policy, &mut next, outcome, now);
    }
    forget_old(&mut next);
    conditions(policy, &mut next, now);
    next
}

fn take_in(policy: &PolicySeen, next: &mut RollbackPolicyStatus, outcome: &Outcome, now: Timestamp) {
    let (id, notice) = match outcome {
        Outcome::Stepped(Step::Begin(rollout)) => return begin(policy, next, rollout, now),
        Outcome::Stepped(
            Step::Ungated(id) | Step::Synced(id) | Step::Proved(id) | Step::Late(id) | Step::Overtaken(id, _),
        )
        | Outcome::Decided(id, _)
        | Outcome::Committed(id, _)
        | Outcome::Overtaken(id, _)
        | Outcome::Impossible(id, _)
        | Outcome::Waits(id, _) => (id, None),
        Outcome::Sent(key, _) | Outcome::Refused(key, _) | Outcome::Unsent(key, _) => (&key.id, Some(key)),
    };
    let Some(rollback) = next.rollbacks.iter_mut().find(|rollback| rollback.id == *id) else { return };
    match notice {
        Some(key) => told(rollback, key, outcome),
        None => go_on(policy, rollback, outcome, now),
    }
}

/// Takes in a step of a rollback.
fn go_on(policy: &PolicySeen, rollback: &mut Rollback, outcome: &Outcome, now: Timestamp) {
    let branch = &policy.spec.git.branch;
    let (stage, message) = match outcome {
        Outcome::Stepped(Step::Ungated(_)) => {
            (RollbackStage::Committing, format!("waits for the commit to be pushed to {branch}"))
        }
        Outcome::Decided(_, decision) => {
            rollback.times.decided = Some(now);
            rollback.decision = Some(decision.clone());
            if decision.allowed {
                (RollbackStage::Committing, format!("waits for the commit to be pushed to {branch}"))
            } else {
                (RollbackStage::Denied, words::denied(decision))
            }
        }
        Outcome::Committed(_, sha) => {
            rollback.times.committed = Some(now);
            rollback.commit = Some(sha.clone());
            let to = &rollback.to;
            (RollbackStage::Syncing, format!("waits for {branch} to be synced: the Rollout shall ask for {to}"))
        }
        Outcome::Stepped(Step::Synced(_)) => {
            rollback.times.synced = Some(now);
            (RollbackStage::Proving, format!("waits for the Rollout to be healthy on {}", rollback.to))
        }
        Outcome::Stepped(Step::Proved(_)) => {
            rollback.times.synced = rollback.times.synced.or(Some(now));
            (RollbackStage::Proved, format!("the Rollout is healthy on {}", rollback.to))
        }
        Outcome::Stepped(Step::Late(_)) => {
            rollback.times.late = Some(now);
            (rollback.stage.clone(), format!("late: {}", rollback.message))
        }
        Outcome::Stepped(Step::Overtaken(_, why)) | Outcome::Overtaken(_, why) => (RollbackStage::Skipped, why.clone()),
        Outcome::Impossible(_, why) => (RollbackStage::Failed, why.clone()),
        Outcome::Waits(_, why) => (rollback.stage.clone(), why.clone()),
        Outcome::Stepped(Step::Begin(_)) | Outcome::Sent(..) | Outcome::Refused(..) | Outcome::Unsent(..) => return,
    };
    let committed_before = rollback.commit.is_some() && !matches!(outcome, Outcome::Committed(..));
    (rollback.stage, rollback.message) = (stage, message);
    if rollback.stage.is_final() {
        rollback.times.ended = Some(now);
    }
    rollback.times.durations = durations(&rollback.times);
    let moment = match (outcome, &rollback.stage) {
        (Outcome::Committed(..), _) => NoticeMoment::Committed,
        (Outcome::Stepped(Step::Late(_)), _) => NoticeMoment::Late,
        (_, RollbackStage::Proved) => NoticeMoment::Proved,
        (_, RollbackStage::Denied) => NoticeMoment::Denied,
        // That somebody has gone on after the commit is no news to anybody.
        (_, RollbackStage::Skipped) if committed_before => return,
        (_, RollbackStage::Failed | RollbackStage::Skipped) => NoticeMoment::Failed,
        _ => return,
    };
    announce(policy, rollback, &moment, now);
}

/// Notes that people are to be told.
fn announce(policy: &PolicySeen, rollback: &mut Rollback, moment: &NoticeMoment, now: Timestamp) {
    for notice in policy.spec.notices.iter().filter(|notice| notice.on.is_empty() || notice.on.contains(moment)) {
        let (name, moment) = (notice.name.clone(), moment.clone());
        if rollback.notices.iter().any(|record| record.name == name && record.moment == moment) {
            continue;
        }
        let state = NoticeState::Sending;
        rollback.notices.push(NoticeRecord { name, moment, state, since: now, reference: None, message: None });
    }
}

fn told(rollback: &mut Rollback, key: &NoticeKey, outcome: &Outcome) {
    let fits = |record: &&mut NoticeRecord| record.name == key.name && record.moment == key.moment;
    let Some(record) = rollback.notices.iter_mut().find(fits) else { return };
    match outcome {
        Outcome::Sent(_, reference) => {
            (record.state, record.reference, record.message) = (NoticeState::Sent, reference.clone(), None);
        }
        Outcome::Refused(_, why) => (record.state, record.message) = (NoticeState::Refused, Some(why.clone())),
        Outcome::Unsent(_, why) => record.message = Some(why.clone()),
        _ => {}
    }
}

fn begin(policy: &PolicySeen, next: &mut RollbackPolicyStatus, rollout: &RolloutSeen, now: Timestamp) {
    let (Some(aborted), Some(id)) = (&rollout.aborted, rollout.rollback()) else { return };
    if next.rollbacks.iter().any(|rollback| rollback.id == id) {
        return;
    }
    let Some(Evidence { from, to, verdict, began }) = aborted.evidence.clone() else { return };
    let changes = match (&from, &to) {
        (Some(from), Some(to)) => images::differences(from, to),
        _ => Vec::new(),
    };
    let (from_title, to_title) = images::titles(&changes);
    let mut rollback = Rollback {
        id,
        rollout: rollout.name.clone(),
        revision: rollout.revision.clone(),
        from: from_title,
        to: to_title,
        images: changes,
        verdict,
        stage: RollbackStage::Deciding,
        message: "waits for the gate".to_owned(),
        times: RollbackTimes { began, aborted: Some(aborted.at), ..RollbackTimes::default() },
        ..Rollback::default()
    };
    if rollback.images.is_empty() {
        let gone = "the ReplicaSet of one of the two versions is gone, so its images are not known";
        let same = "the versions differ in other things than images; take the release back in Git by hand";
        let known = from.is_some() && to.is_some();
        rollback.stage = if known { RollbackStage::Skipped } else { RollbackStage::Failed };
        rollback.message = String::from(if known { same } else { gone });
        rollback.times.ended = Some(now);
        announce(policy, &mut rollback, &NoticeMoment::Failed, now);
    }
    next.rollbacks.insert(0, rollback);
}

/// Whether all is done and told.
fn is_over(rollback: &Rollback) -> bool {
    rollback.stage.is_final() && rollback.notices.iter().all(|notice| notice.state != NoticeState::Sending)
}

/// Forgets the oldest that are over; what is under way is never forgotten.
fn forget_old(next: &mut RollbackPolicyStatus) {
    while next.rollbacks.len() > MOST_ROLLBACKS {
        let Some(oldest) = next.rollbacks.iter().rposition(is_over) else { return };
        next.rollbacks.remove(oldest);
    }
}

fn conditions(policy: &PolicySeen, next: &mut RollbackPolicyStatus, now: Timestamp) {
    let faults: Vec<&str> = policy.faults.iter().map(|fault| fault.message.as_str()).collect();
    let ready = if faults.is_empty() {
        ("Ready", true, "Valid", "the policy can be carried out".to_owned())
    } else {
        ("Ready", false, "Invalid", faults.join("\n"))
    };
    let open: Vec<String> = next
        .rollbacks
        .iter()
        .filter(|rollback| !rollback.stage.is_final())
        .map(|rollback| format!("{} {}: {}", rollback.rollout, rollback.from, rollback.message))
        .collect();
    let working = if open.is_empty() {
        ("Working", false, "Idle", "nothing is to be done".to_owned())
    } else {
        ("Working", true, "UnderWay", open.join("\n"))
    };
    let before = std::mem::take(&mut next.conditions);
    next.conditions = [ready, working]
        .into_iter()
        .map(|(kind, holds, reason, message)| {
            let status = ConditionStatus::from(holds);
            let known = before.iter().find(|condition| condition.kind == kind && condition.status == status);
            RollbackCondition {
                kind: kind.to_owned(),
                status,
                last_transition_time: known.map_or(now, |known| known.last_transition_time),
                reason: reason.to_owned(),
                message,
                observed_generation: Some(policy.generation),
            }
        })
        .collect();
}

/// From the abort to the end of each arrow.
fn durations(times: &RollbackTimes) -> String {
    let Some(aborted) = times.aborted else { return String::new() };
    let proved = times.ended.filter(|_| times.synced.is_some());
    let arrows = [("decision", times.decided), ("commit", times.committed), ("sync", times.synced), ("proof", proved)];
    let span = |(name, at): (&str, Option<Timestamp>)| at.map(|at| format!("{name} {}", words::span(aborted, at)));
    arrows.into_iter().filter_map(span).collect::<Vec<_>>().join(", ")
}

/// Reads why a Rollout was aborted out of its sentence.
pub fn cause(sentence: &str) -> (AbortCause, String) {
    let reason = sentence.split_once(": ").filter(|(head, _)| head.starts_with("Rollout aborted update to revision"));
    match reason {
        None => (AbortCause::Person, "a person asked for it".to_owned()),
        Some((_, why)) if why.contains("has timed out progressing") => (AbortCause::Deadline, words::line(why)),
        Some((_, why)) => (AbortCause::Analysis, words::line(why)),
    }
}
