//! Right of way: a write that takes traffic off something goes before all others, and never more of either are under way
//! than an API server takes without queueing them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::tally::{Counted, Tally};

/// Lowerings under way at once: more would only wait in the API server's own queue, where nobody overtakes.
const FIRSTS: usize = 16;
/// Other writes under way at once.
const OTHERS: usize = 24;
/// How long other writes wait for lowerings: what is recorded late is recorded still.
const PATIENCE: Duration = Duration::from_millis(500);

/// Who may write now; a clone shares it.
#[derive(Clone, Debug)]
pub struct WriteLimiter {
    firsts: Arc<Semaphore>,
    others: Arc<Semaphore>,
    lowering: Tally,
}

impl Default for WriteLimiter {
    fn default() -> Self {
        let permits = |number| Arc::new(Semaphore::new(number));
        Self { firsts: permits(FIRSTS), others: permits(OTHERS), lowering: Tally::default() }
    }
}

/// A lowering that is under way or waits for its turn; everything else waits for it.
#[derive(Debug)]
pub struct First {
    _counted: Counted,
    /// None only where the semaphore was closed, which nobody does.
    _permit: Option<OwnedSemaphorePermit>,
}

impl WriteLimiter {
    /// Waits for the turn of a lowering; only other lowerings are waited for.
    pub async fn first(&self) -> First {
        let counted = self.lowering.count();
        First { _counted: counted, _permit: self.firsts.clone().acquire_owned().await.ok() }
    }

    /// Waits for the turn of any other write: until no lowering is under way, or for half a second.
    pub async fn after(&self) -> Option<OwnedSemaphorePermit> {
        // Whether they are through or it took too long: now it is our turn.
        let _ = timeout(PATIENCE, self.lowering.none()).await;
        self.others.clone().acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::time::{Instant, advance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn other_writes_wait_for_lowerings_and_not_for_long() {
        let limiter = WriteLimiter::default();
        assert!(limiter.after().now_or_never().is_some(), "nobody lowers, nobody waits");
        let (one, two) = (limiter.first().await, limiter.first().await);
        let mut other = Box::pin(limiter.after());
        assert!(other.as_mut().now_or_never().is_none());
        drop(one);
        assert!(other.as_mut().now_or_never().is_none());
        drop(two);
        assert!(other.as_mut().now_or_never().is_some());
        let _long = limiter.first().await;
        let began = Instant::now();
        limiter.after().await;
        assert_eq!(began.elapsed(), PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn lowerings_beyond_the_limit_wait_for_each_other_and_still_go_before_the_rest() {
        let limiter = WriteLimiter::default();
        let mut held = Vec::new();
        for _ in 0..FIRSTS {
            held.push(limiter.first().await);
        }
        let mut late = Box::pin(limiter.first());
        assert!(late.as_mut().now_or_never().is_none());
        held.pop();
        let late = late.as_mut().now_or_never();
        held.clear();
        assert!(late.is_some() && limiter.after().now_or_never().is_none(), "the late one is under way");
        drop(late);
        advance(Duration::from_millis(1)).await;
        assert!(limiter.after().now_or_never().is_some());
    }
}
