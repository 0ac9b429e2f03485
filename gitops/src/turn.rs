//! Turn: the straight line: observe, decide, act, report; again while there is something to do.

use serin_controller::runtime::key::Key;
use serin_controller::runtime::queue::After;
use serin_crds::names::NoticeState;
use serin_crds::rollback::RollbackPolicyStatus;

use crate::act::act;
use crate::cluster::CallError;
use crate::core::observed::{Held, NoticeKey};
use crate::core::record::{Outcome, absorb};
use crate::core::{Effect, decide};
use crate::events;
use crate::observe::{Turn, observe, readable};
use crate::world::World;

/// Most rounds of one turn; then others get theirs.
const ROUNDS: usize = 12;

/// Takes the turn of a policy.
pub async fn turn(world: &World, key: &Key) -> After {
    if let Err(why) = readable(world, key) {
        return After::Retry(why);
    }
    for _ in 0..ROUNDS {
        match round(world, key).await {
            Ok(Some(after)) => return after,
            // Overtaken: what came of it is kept, and written on top of what somebody else has written.
            Ok(None) | Err(CallError::Overtaken) => {}
            Err(error) => return After::Retry(error.to_string()),
        }
    }
    After::Again
}

/// One round; `None` when there may be more to do.
async fn round(world: &World, key: &Key) -> Result<Option<After>, CallError> {
    let Some(mut turn) = observe(world, key).await? else {
        world.memories.forget(key);
        return Ok(Some(After::Rest));
    };
    let unsaved = world.memories.with(key, |memory| {
        (turn.observed.held, turn.observed.fresh) = (memory.held(), memory.fresh.clone());
        memory.unsaved.clone()
    });
    if !unsaved.is_empty() {
        report(world, key, &turn, &unsaved).await?;
        return Ok(None);
    }
    let plan = decide(&turn.observed);
    if plan.effects.is_empty() {
        // What is wrong with the spec, or is not any more, is told too.
        report(world, key, &turn, &[]).await?;
        return Ok(Some(plan.wake.map_or(After::Rest, After::WakeAt)));
    }
    if let Err(error) = world.gate.check() {
        return Ok(Some(After::Retry(error.to_string())));
    }
    for effect in &plan.effects {
        if let Effect::Send { key: notice, .. } = effect {
            world.memories.with(key, |memory| memory.fresh.remove(notice));
        }
    }
    let outcomes = act(world, &turn.observed, &plan).await;
    remember(world, key, &turn, &outcomes);
    report(world, key, &turn, &outcomes).await?;
    Ok(None)
}

/// Keeps outcomes until they are written, and holds back what failed.
fn remember(world: &World, key: &Key, turn: &Turn, outcomes: &[Outcome]) {
    let now = world.clock.now();
    let stage = |id: &str| turn.observed.policy.status.rollbacks.iter().find(|rollback| rollback.id == id);
    world.memories.with(key, |memory| {
        for outcome in outcomes {
            match outcome {
                Outcome::Waits(id, why) => {
                    let decided = stage(id).is_some_and(|rollback| rollback.stage.as_str() != "Deciding");
                    let held = if decided { Held::Commit(id.clone()) } else { Held::Gate(id.clone()) };
                    world.meters.failed(if decided { "commit" } else { "gate" });
                    tracing::warn!(policy = %key, rollback = %id, %why, "waits");
                    memory.failed(held, now);
                }
                Outcome::Unsent(notice, why) => {
                    world.meters.failed("notice");
                    tracing::warn!(policy = %key, rollback = %notice.id, notice = %notice.name, %why, "not sent");
                    memory.failed(Held::Notice(notice.clone()), now);
                }
                Outcome::Decided(id, _) => memory.succeeded(&Held::Gate(id.clone())),
                Outcome::Committed(id, _) | Outcome::Overtaken(id, _) | Outcome::Impossible(id, _) => {
                    memory.succeeded(&Held::Commit(id.clone()));
                }
                Outcome::Sent(notice, _) | Outcome::Refused(notice, _) => {
                    memory.succeeded(&Held::Notice(notice.clone()));
                }
                Outcome::Stepped(_) => {}
            }
        }
        memory.unsaved = outcomes.to_vec();
    });
}

/// Report: one status write, unless it would say what is there already.
async fn report(world: &World, key: &Key, turn: &Turn, outcomes: &[Outcome]) -> Result<(), CallError> {
    let policy = &turn.observed.policy;
    let next = absorb(policy, outcomes, world.clock.now());
    let changed = next != policy.status;
    if changed {
        world.cluster.write(key, &turn.version, &next).await?;
    }
    let new = sending(&next).filter(|notice| !sending(&policy.status).any(|old| old == *notice));
    world.memories.with(key, |memory| {
        memory.unsaved.clear();
        memory.fresh.extend(new);
    });
    if changed {
        tell(key, &policy.status, &next);
        world.meters.written((&policy.namespace, &policy.name), &policy.status, &next);
        for event in events::of(&turn.observed, &next, world.clock.now()) {
            world.cluster.tell(&policy.namespace, &event).await;
        }
    }
    Ok(())
}

/// Notices that are about to be sent.
fn sending(status: &RollbackPolicyStatus) -> impl Iterator<Item = NoticeKey> {
    status.rollbacks.iter().flat_map(|rollback| {
        let open = rollback.notices.iter().filter(|record| record.state == NoticeState::Sending);
        open.map(|record| {
            let (name, moment) = (record.name.clone(), record.moment.clone());
            NoticeKey { id: rollback.id.clone(), name, moment }
        })
    })
}

/// Logs how rollbacks have gone on.
fn tell(key: &Key, before: &RollbackPolicyStatus, after: &RollbackPolicyStatus) {
    for rollback in &after.rollbacks {
        let old = before.rollbacks.iter().find(|old| old.id == rollback.id);
        if old.map(|old| &old.stage) != Some(&rollback.stage) {
            let (rollout, from, to) = (&rollback.rollout, &rollback.from, &rollback.to);
            tracing::info!(policy = %key, rollout, from, to, stage = %rollback.stage, "{}", rollback.message);
        }
    }
}
