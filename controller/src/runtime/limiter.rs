//! Write limiter: a write that takes traffic off something goes before all others, and not many more of either are under
//! way than an API server takes without queueing them.
//!
//! A write that is not answered holds nobody else up: not one for another namespace, since the first of a namespace never
//! waits for those of others; not one for its own, since nobody waits for long, and what has gone unanswered for a while
//! waits for a webhook, say, and not for the API server, so that it counts no more.

mod lane;

use std::time::Duration;

pub use self::lane::Turn;
use self::lane::{Lane, Limit};

/// Writes that lower traffic: more at once would only wait in the API server's own queue, where nobody overtakes.
const LOWERINGS: Limit = Limit { at_once: 16, patience: Duration::from_millis(100) };
/// Other writes: what is recorded late is recorded still.
const OTHERS: Limit = Limit { at_once: 24, patience: Duration::from_millis(500) };

/// Who may write now; a clone shares it.
#[derive(Clone, Debug)]
pub struct WriteLimiter {
    lowerings: Lane,
    others: Lane,
}

impl Default for WriteLimiter {
    fn default() -> Self {
        Self { lowerings: Lane::new(LOWERINGS), others: Lane::new(OTHERS) }
    }
}

impl WriteLimiter {
    /// Waits for the turn of a write that lowers traffic in a namespace; only other such writes are waited for.
    ///
    /// # Guarantees
    /// It waits for 100 ms at most, and not at all where no other one is under way in its namespace.
    pub async fn first(&self, namespace: &str) -> Turn {
        self.lowerings.enter(namespace).await
    }

    /// Waits for the turn of any other write in a namespace: until no lowering waits or is under way.
    ///
    /// # Guarantees
    /// It waits for half a second at most until lowerings are through, and as long for others of its kind.
    pub async fn after(&self, namespace: &str) -> Turn {
        self.lowerings.quiet(OTHERS.patience).await;
        self.others.enter(namespace).await
    }
}

#[cfg(test)]
mod tests;
