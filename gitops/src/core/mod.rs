//! The pure core: from what was observed to what is to be done, without time, network and memory of its own.

pub mod images;
pub mod observed;
pub mod record;
pub mod words;

use jiff::{SignedDuration, Timestamp};
use serin_crds::duration;
use serin_crds::names::{AbortCause, NoticeState, RollbackStage};
use serin_crds::rollback::{ImageChange, Rollback};

use self::observed::{Held, NoticeKey, Observed, RolloutSeen};

/// How long a proof may take where the policy does not say.
const PROOF: SignedDuration = SignedDuration::from_mins(10);
/// How long a notice is tried.
pub const NOTICE_PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// What is to be done now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// What is to be done: of one kind only, so that nothing quick waits for something slow.
    pub effects: Vec<Effect>,
    /// When to look again though nothing changes.
    pub wake: Option<Timestamp>,
}

/// Something to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A step that needs nobody else: it is only recorded.
    Record(Step),
    /// The gate is asked about a rollback.
    Ask(String),
    /// A rollback is pushed; when it was overtaken, it is only looked whether it was pushed before.
    Commit {
        /// The rollback.
        id: String,
        /// Why nothing may be pushed any more.
        overtaken: Option<String>,
    },
    /// A notice is sent.
    Send {
        /// The notice.
        key: NoticeKey,
        /// Whether it may have been sent before.
        doubtful: bool,
    },
}

/// A step that needs nobody else.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// A rollback begins.
    Begin(Box<RolloutSeen>),
    /// Nobody has to be asked.
    Ungated(String),
    /// The Rollout asks for the version that was stable.
    Synced(String),
    /// The Rollout is healthy on the version that was stable.
    Proved(String),
    /// The proof has not come in time.
    Late(String),
    /// Somebody else was faster.
    Overtaken(String, String),
}

/// Decides what is to be done.
pub fn decide(o: &Observed) -> Plan {
    let mut wake = None;
    let mut effects: Vec<Effect> = begin(o).map(|rollout| Effect::Record(Step::Begin(Box::new(rollout)))).collect();
    for rollback in o.policy.status.rollbacks.iter().filter(|rollback| !rollback.stage.is_final()) {
        let (effect, at) = next(o, rollback);
        effects.extend(effect);
        wake = earliest(wake, at);
    }
    effects.extend(notices(o));
    let held = |effect: &Effect| o.held.get(&effect.held()?).copied().filter(|until| *until > o.now);
    wake = effects.iter().filter_map(held).fold(wake, |wake, until| earliest(wake, Some(until)));
    effects.retain(|effect| held(effect).is_none());
    let first = effects.iter().map(Effect::order).min();
    effects.retain(|effect| Some(effect.order()) == first);
    Plan { effects, wake }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    one.into_iter().chain(other).min()
}

impl Effect {
    /// What is held back when it fails.
    pub fn held(&self) -> Option<Held> {
        match self {
            Self::Record(_) => None,
            Self::Ask(id) => Some(Held::Gate(id.clone())),
            Self::Commit { id, .. } => Some(Held::Commit(id.clone())),
            Self::Send { key, .. } => Some(Held::Notice(key.clone())),
        }
    }

    /// Which kind goes first: what is quick, and what the commit waits for.
    const fn order(&self) -> u8 {
        match self {
            Self::Record(_) => 0,
            Self::Ask(_) => 1,
            Self::Commit { .. } => 2,
            Self::Send { .. } => 3,
        }
    }
}

/// Rollouts whose abort is new, counts, and is known as far as it has to be.
fn begin(o: &Observed) -> impl Iterator<Item = RolloutSeen> {
    let (spec, status) = (&o.policy.spec, &o.policy.status);
    let idle = spec.suspend || !o.policy.faults.is_empty();
    let new = move |rollout: &&RolloutSeen| {
        let Some((aborted, id)) = rollout.aborted.as_ref().zip(rollout.rollback()) else { return false };
        let known = status.rollbacks.iter().any(|rollback| rollback.id == id && rollback.rollout == rollout.name);
        !idle && counts(&spec.on, &aborted.cause) && aborted.evidence.is_some() && !known && selects(o, rollout)
    };
    o.rollouts.values().filter(new).cloned()
}

/// Whether aborts of this cause count.
pub fn counts(on: &[AbortCause], cause: &AbortCause) -> bool {
    if on.is_empty() { matches!(cause, AbortCause::Analysis | AbortCause::Deadline) } else { on.contains(cause) }
}

/// Whether the policy selects a Rollout.
fn selects(o: &Observed, rollout: &RolloutSeen) -> bool {
    let selector = &o.policy.spec.selector;
    let named = selector.names.is_empty() || selector.names.contains(&rollout.name);
    let labelled = selector.match_labels.iter().all(|(label, value)| rollout.labels.get(label) == Some(value));
    let some = !selector.names.is_empty() || !selector.match_labels.is_empty();
    some && named && labelled
}

/// The next step of a rollback under way, and when to look again though nothing changes.
fn next(o: &Observed, rollback: &Rollback) -> (Option<Effect>, Option<Timestamp>) {
    let id = || rollback.id.clone();
    let record = |step: Step| (Some(Effect::Record(step)), None);
    let gone = gone_on(o.rollouts.get(&rollback.rollout), rollback);
    let faulty = !o.policy.faults.is_empty();
    match &rollback.stage {
        RollbackStage::Deciding => match gone {
            Some(why) => record(Step::Overtaken(id(), why)),
            None if faulty => (None, None),
            None if o.policy.spec.gate.is_none() => record(Step::Ungated(id())),
            None => (Some(Effect::Ask(id())), None),
        },
        RollbackStage::Committing if faulty => (None, None),
        // What was pushed before may be why the Rollout has gone on.
        RollbackStage::Committing => (Some(Effect::Commit { id: id(), overtaken: gone }), None),
        RollbackStage::Syncing | RollbackStage::Proving => proof(o, rollback),
        _ => (None, None),
    }
}

/// Why a Rollout is not where the abort left it; `None` while it is.
fn gone_on(rollout: Option<&RolloutSeen>, rollback: &Rollback) -> Option<String> {
    let Some(rollout) = rollout else { return Some("the Rollout is gone".to_owned()) };
    if rollout.rollback().as_ref() == Some(&rollback.id) {
        return None;
    }
    Some(match names(rollout, &rollback.images) {
        Named::From => "somebody tries the version again".to_owned(),
        Named::To => "the Rollout asks for the version that was stable already".to_owned(),
        Named::Other(other) => format!("somebody has gone on to {other}"),
    })
}

/// What a Rollout asks for, compared with the images of a rollback.
enum Named {
    From,
    To,
    Other(String),
}

fn names(rollout: &RolloutSeen, images: &[ImageChange]) -> Named {
    let is = |which: fn(&ImageChange) -> &String| {
        images.iter().all(|change| rollout.wanted.get(&change.container) == Some(which(change)))
    };
    if is(|change| &change.to) {
        return Named::To;
    }
    if is(|change| &change.from) {
        return Named::From;
    }
    let wanted = images.iter().filter_map(|change| rollout.wanted.get(&change.container).map(String::as_str));
    Named::Other(wanted.collect::<Vec<_>>().join(", "))
}

/// Looks whether the commit has come to the cluster, and whether it did what it should.
fn proof(o: &Observed, rollback: &Rollback) -> (Option<Effect>, Option<Timestamp>) {
    let id = || rollback.id.clone();
    let step = |step: Step| (Some(Effect::Record(step)), None);
    let Some(rollout) = o.rollouts.get(&rollback.rollout) else {
        return step(Step::Overtaken(id(), "the Rollout is gone".to_owned()));
    };
    match names(rollout, &rollback.images) {
        Named::Other(other) => return step(Step::Overtaken(id(), format!("somebody has gone on to {other}"))),
        Named::To if rollout.healthy => return step(Step::Proved(id())),
        Named::To if rollback.stage == RollbackStage::Syncing => return step(Step::Synced(id())),
        Named::To | Named::From => {}
    }
    let patience = o.policy.spec.proof.as_ref().and_then(|proof| duration::parse(proof.timeout.as_deref()?).ok());
    let due = rollback.times.committed.and_then(|at| at.checked_add(patience.unwrap_or(PROOF)).ok());
    match due {
        Some(due) if rollback.times.late.is_none() && due <= o.now => step(Step::Late(id())),
        Some(due) if rollback.times.late.is_none() => (None, Some(due)),
        _ => (None, None),
    }
}

/// Notices that were not taken yet.
fn notices(o: &Observed) -> impl Iterator<Item = Effect> {
    o.policy.status.rollbacks.iter().flat_map(|rollback| {
        let open = rollback.notices.iter().filter(|notice| notice.state == NoticeState::Sending);
        open.map(|notice| {
            let (id, name) = (rollback.id.clone(), notice.name.clone());
            let key = NoticeKey { id, name, moment: notice.moment.clone() };
            let doubtful = !o.fresh.contains(&key);
            Effect::Send { key, doubtful }
        })
    })
}

#[cfg(test)]
mod tests;
