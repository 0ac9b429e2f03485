//! Reconcile: the straight line of one turn: observe, decide, act, report; then sleep until something changes.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::api::{Call, CallError, Object};
use crate::core::plan::{Effect, Need, Note};
use crate::core::{Because, Plan, decide, hindered};
use crate::observe::{Observation, ObserveError};
use crate::report::Reported;
use crate::runtime::clock::later;
use crate::runtime::key::Key;
use crate::world::World;

/// How many turns one reconcile may take before others get theirs.
const TURNS: usize = 12;

/// How often a turn is decided again at once because somebody wrote in between.
const OVERTAKEN: usize = 3;

/// How long a copy that was current counts as read live.
const FRESH: SignedDuration = SignedDuration::from_secs(1);

/// Why a reconcile ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The world could not be read.
    #[error("could not observe")]
    Observe(#[from] ObserveError),
    /// The world could not be written.
    #[error("could not act")]
    Act(#[from] CallError),
}

/// How a turn ended.
#[derive(Debug)]
enum Turn {
    /// Something changed: look again.
    Changed,
    /// Somebody else wrote an object in between: look at it, and decide again.
    Overtaken(Object),
    /// The API server accepted a write, and what is seen is as before.
    NoEffect,
    /// Nothing to do until something happens, or this moment comes.
    Waiting(Option<Timestamp>),
}

impl World {
    /// Takes turns at one Rollout until there is nothing to do; says when to look again.
    ///
    /// # Errors
    /// When a read or a write failed; the queue backs off and decides again from a fresh look.
    pub async fn reconcile(&self, key: &Key) -> Result<Option<Timestamp>, ReconcileError> {
        let (mut current, mut overtaken, mut before) = (None, 0, Vec::new());
        for _ in 0..TURNS {
            let Some((seen, plan)) = self.look_and_decide(key, current).await? else { return self.let_go(key).await };
            let turn = self.turn(&seen, &plan, &before).await?;
            let (because, effects) = (plan.because.code(), &plan.effects);
            tracing::debug!(rollout = %key, because, ?effects, ?turn, wake = ?plan.wake, "turn");
            match turn {
                Turn::Waiting(wake) => return Ok(wake),
                Turn::NoEffect => return self.without_effect(&seen, &plan).await,
                // The queue backs off: somebody who writes as fast as we do gets no race.
                Turn::Overtaken(object) if overtaken == OVERTAKEN => return Err(CallError::Overtaken(object).into()),
                Turn::Overtaken(object) => {
                    self.read_again(&seen, &object).await?;
                    (current, overtaken) = (None, overtaken + 1);
                }
                Turn::Changed => {
                    current = Some(self.clock.now()).filter(|_| plan.needs.contains(&Need::Rollout) || wrote(&seen));
                    (overtaken, before) = (0, plan.effects);
                }
            }
        }
        Ok(Some(self.clock.now()))
    }

    /// Looks and decides, and reads what the decision needs, until it needs nothing more.
    async fn look_and_decide(
        &self,
        key: &Key,
        current: Option<Timestamp>,
    ) -> Result<Option<(Observation, Plan)>, ObserveError> {
        let mut asked = BTreeSet::new();
        loop {
            let Some(seen) = self.observe(key, &asked).await? else { return Ok(None) };
            let plan = decide(&seen.snapshot);
            // A copy that we wrote a moment ago is as good as one that is read.
            let fresh = current.is_some_and(|at| seen.snapshot.now.duration_since(at) <= FRESH);
            let known = |need: &Need| asked.contains(need) || (fresh && *need == Need::Rollout);
            let needs: Vec<Need> = plan.needs.iter().copied().filter(|need| !known(need)).collect();
            if needs.is_empty() {
                return Ok(Some((seen, plan)));
            }
            asked.extend(needs);
        }
    }

    async fn turn(&self, seen: &Observation, plan: &Plan, before: &[Effect]) -> Result<Turn, ReconcileError> {
        let uid = seen.snapshot.id.uid.as_str();
        self.announce(seen, self.memories.proved(uid, &seen.snapshot.status).iter());
        if !plan.effects.is_empty() {
            if plan.effects == before {
                return Ok(Turn::NoEffect);
            }
            let idle = self.memories.is_idle(uid, &plan.effects);
            if let Some(wait) = self.memories.about_to(uid, &plan.effects, self.clock.monotonic()) {
                let because = Because::Contended(tried(seen, plan));
                return self.hindered(seen, because, wait).await;
            }
            if idle {
                // Tried once more; what is said of it stays until it has an effect.
                self.carry_out(seen, plan).await?;
                return Ok(Turn::Changed);
            }
        }
        match self.act_and_report(seen, plan).await {
            (Err(CallError::Overtaken(object)), _) | (Ok(()), Err(CallError::Overtaken(object))) => {
                Ok(Turn::Overtaken(object))
            }
            (Err(error), _) if error.is_refusal() => self.refused(seen, plan, error).await,
            (Err(error), _) | (Ok(()), Err(error)) => Err(error.into()),
            (Ok(()), Ok(reported)) => Ok(ended(seen, plan, reported)),
        }
    }

    async fn act_and_report(
        &self,
        seen: &Observation,
        plan: &Plan,
    ) -> (Result<(), CallError>, Result<Reported, CallError>) {
        self.meters.seen(&seen.snapshot);
        let decided = self.clock.monotonic();
        let carried = async {
            self.carry_out(seen, plan).await?;
            self.meters.acted(&seen.snapshot, plan, self.clock.monotonic().duration_since(decided));
            Ok(())
        };
        let outcome = if plan.together {
            futures::join!(carried, self.report(seen, plan))
        } else {
            match carried.await {
                Ok(()) => (Ok(()), self.report(seen, plan).await),
                Err(error) => (Err(error), Ok(Reported::Same)),
            }
        };
        let (told, untold): (Vec<&Note>, Vec<&Note>) =
            plan.notes.iter().partition(|note| came_true(plan, &outcome, note));
        self.announce(seen, told.into_iter());
        if outcome.1.as_ref().is_err_and(CallError::is_doubtful) {
            let of_record = untold.into_iter().filter(|note| !plan.is_of_effect(note)).cloned();
            self.memories.doubt(&seen.snapshot.id.uid, &plan.record, of_record.collect());
        }
        outcome
    }

    /// Says in status why a turn came to nothing, and looks again after a while.
    async fn hindered(&self, seen: &Observation, because: Because, wait: Duration) -> Result<Turn, ReconcileError> {
        let plan = hindered(&seen.snapshot, because);
        match self.report(seen, &plan).await {
            Ok(Reported::Written) => self.announce(seen, plan.notes.iter()),
            Ok(Reported::Same | Reported::Later(_)) | Err(CallError::Overtaken(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Turn::Waiting(Some(later(self.clock.now(), wait))))
    }

    /// A write that the API server refuses is a wait with a name and its sentence.
    async fn refused(&self, seen: &Observation, plan: &Plan, error: CallError) -> Result<Turn, ReconcileError> {
        let CallError::Failed { what, .. } = &error else { return Err(error.into()) };
        let why = error.status().map(|status| status.message.clone()).unwrap_or_default();
        let because = Because::Refused { what: what.clone(), why };
        tracing::warn!(rollout = %seen.rollout(), "{}", because.sentence());
        self.meters.refused(&seen.snapshot);
        // What lowers traffic is tried again at the pace of the queue, whatever stands in status.
        if plan.effects.iter().any(Effect::lowers) {
            self.hindered(seen, because, Duration::ZERO).await?;
            return Err(error.into());
        }
        let wait = self.memories.had_no_effect(&seen.snapshot.id.uid);
        self.hindered(seen, because, wait).await
    }

    async fn without_effect(&self, seen: &Observation, plan: &Plan) -> Result<Option<Timestamp>, ReconcileError> {
        let wait = self.memories.had_no_effect(&seen.snapshot.id.uid);
        match self.hindered(seen, Because::NoEffect(tried(seen, plan)), wait).await? {
            Turn::Waiting(wake) => Ok(wake),
            _ => Ok(Some(later(self.clock.now(), wait))),
        }
    }

    /// Reads the object that somebody wrote in between, so that the next turn is decided on what is there now.
    async fn read_again(&self, seen: &Observation, object: &Object) -> Result<(), ReconcileError> {
        match self.api.value(Call::get(object.name.clone(), object.path.clone())).await {
            Ok(value) => self.take_in_any(&value),
            Err(error) if error.is_code(404) => {}
            Err(error) => return Err(error.into()),
        }
        tracing::debug!(rollout = %seen.rollout(), %object, "read again");
        Ok(())
    }

    /// A Rollout that is gone: what it steered is released.
    async fn let_go(&self, key: &Key) -> Result<Option<Timestamp>, ReconcileError> {
        let left = self.left(key, None);
        self.release_all(key, &left).await?;
        Ok(None)
    }

    fn announce<'a>(&self, seen: &Observation, notes: impl Iterator<Item = &'a Note>) {
        for note in notes {
            (self.listeners.notices)(&seen.snapshot.id, note);
        }
    }
}

/// Whether what an event of a plan tells has come true: of its moves when they were carried out, of its record when that stands.
///
/// What lowers traffic goes out together with its record, and either may fail alone: an abort is told with its record,
/// whatever became of its first patch of the route.
fn came_true(plan: &Plan, outcome: &(Result<(), CallError>, Result<Reported, CallError>), note: &Note) -> bool {
    let acted = outcome.0.is_ok() && !plan.effects.is_empty();
    let written = matches!(outcome.1, Ok(Reported::Written));
    if plan.is_of_effect(note) { acted } else { written || (acted && (outcome.1.is_ok() || !plan.together)) }
}

/// What a plan tries, with the objects that it writes.
fn tried(seen: &Observation, plan: &Plan) -> String {
    let written = |effect: &Effect| match effect {
        Effect::Move(_) => {
            let ids = seen.routers.iter().filter_map(|router| router.objects().into_iter().next());
            let names: Vec<String> = ids.map(|id| format!("{} {}", id.kind.as_str(), id.key)).collect();
            names.join(", ")
        }
        Effect::SwitchService { service, .. } => format!("Service {service}"),
        Effect::SetSubsets { .. } => "DestinationRule".to_owned(),
        Effect::ScaleWorkload { name, .. } => format!("Deployment {name}"),
        Effect::ScaleReplicaSet { name, .. } | Effect::Adopt { name } => format!("ReplicaSet {name}"),
        _ => seen.rollout().to_string(),
    };
    let objects: Vec<String> = plan.effects.iter().map(written).collect();
    format!("{} ({})", plan.because.sentence(), objects.join(", "))
}

/// Whether this turn wrote the Rollout, so that what is cached of it is current.
fn wrote(seen: &Observation) -> bool {
    seen.version() != seen.snapshot.id.resource_version || seen.snapshot.look.asked.contains(&Need::Rollout)
}

fn ended(seen: &Observation, plan: &Plan, reported: Reported) -> Turn {
    // When to look again after a turn that wrote nothing: never at once, since it would write nothing again.
    let ahead = || plan.wake.map(|at| at.max(crate::core::capacity::seconds_later(seen.snapshot.now, 1)));
    match reported {
        Reported::Written => Turn::Changed,
        _ if !plan.effects.is_empty() => Turn::Changed,
        Reported::Later(at) => Turn::Waiting(Plan::earlier(ahead(), at)),
        Reported::Same => Turn::Waiting(ahead()),
    }
}
