//! The straight line: observe, decide, act, report.

use jiff::{SignedDuration, Timestamp};

use crate::act::ActError;
use crate::core::plan::Basis;
use crate::core::{Plan, decide};
use crate::observe::{Observation, ObserveError};
use crate::report::Reported;
use crate::runtime::key::Key;
use crate::world::World;

/// How many turns one reconcile may take before others get theirs.
const TURNS: usize = 12;

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
    Act(#[source] ActError),
}

/// When to look again after a turn that wrote nothing: never at once, since it would write nothing again.
fn ahead(plan: &Plan, seen: &Observation) -> Option<Timestamp> {
    plan.wake.map(|at| at.max(crate::core::intent::seconds_later(seen.snapshot.now, 1)))
}

impl World {
    /// Takes turns at one Rollout until there is nothing to do; says when to look again.
    ///
    /// # Errors
    /// When a read or a write failed; the queue backs off and decides again from a fresh look.
    pub async fn reconcile(&self, key: &Key) -> Result<Option<Timestamp>, ReconcileError> {
        let mut current = None;
        let mut overtaken = None;
        for _ in 0..TURNS {
            let Some((seen, plan)) = self.decide_live(key, current).await? else { return Ok(None) };
            let (acted, reported) = self.act_and_report(&seen, &plan).await;
            let because = plan.because.code();
            tracing::debug!(rollout = %key, because, effects = ?plan.effects, ?acted, ?reported, wake = ?plan.wake, "turn");
            match (acted, reported) {
                (Err(error @ ActError::Conflict(_)), _) | (Ok(()), Err(error @ ActError::Conflict(_))) => {
                    current = self.reread(key).await?;
                    overtaken = Some(error);
                    continue;
                }
                (Err(error), _) | (Ok(()), Err(error)) => return Err(ReconcileError::Act(error)),
                (Ok(()), Ok(Reported::Later(at))) if plan.effects.is_empty() => {
                    return Ok(Plan::earlier(ahead(&plan, &seen), at));
                }
                (Ok(()), Ok(Reported::Same)) if plan.effects.is_empty() => return Ok(ahead(&plan, &seen)),
                (Ok(()), Ok(Reported::Written)) => current = Some(self.clock.now()),
                (Ok(()), Ok(_)) => current = current.filter(|_| seen.snapshot.id.live),
            }
            overtaken = None;
        }
        // Somebody who writes as fast as we do gets no race: the queue backs off.
        overtaken.map_or_else(|| Ok(Some(self.clock.now())), |error| Err(ReconcileError::Act(error)))
    }

    /// Decides on what is cached; on a live read where the plan has to rest on more.
    async fn decide_live(
        &self,
        key: &Key,
        current: Option<Timestamp>,
    ) -> Result<Option<(Observation, Plan)>, ObserveError> {
        let Some(mut seen) = self.observe(key, false).await? else { return Ok(None) };
        let now = seen.snapshot.now;
        seen.snapshot.id.live = current.is_some_and(|at| now.duration_since(at) <= FRESH);
        let plan = decide(&seen.snapshot);
        let basis = if seen.snapshot.id.live { Basis::Current } else { Basis::Cached };
        if plan.needs <= basis {
            return Ok(Some((seen, plan)));
        }
        let Some(seen) = self.observe(key, true).await? else { return Ok(None) };
        let plan = decide(&seen.snapshot);
        Ok(Some((seen, plan)))
    }

    async fn act_and_report(
        &self,
        seen: &Observation,
        plan: &Plan,
    ) -> (Result<(), ActError>, Result<Reported, ActError>) {
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
        let done = outcome.0.is_ok() && (!plan.effects.is_empty() || matches!(outcome.1, Ok(Reported::Written)));
        if done {
            self.announce(seen, plan);
        }
        outcome
    }

    async fn reread(&self, key: &Key) -> Result<Option<Timestamp>, ObserveError> {
        self.observe(key, true).await?;
        Ok(Some(self.clock.now()))
    }
}
