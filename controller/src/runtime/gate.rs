//! The gate before every write: open while we lead.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::clock::Clock;
use super::tally::{Counted, Tally};

/// We don't lead, so nothing may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the leader: writes are held back")]
pub struct NotLeader;

/// Lets writes through until a moment on the monotonic clock.
///
/// # Guarantees
/// It closes by itself at the renew deadline, even when the task that renews the lease is stuck.
#[derive(Clone, Debug)]
pub struct WriteGate {
    clock: Clock,
    open: Arc<Mutex<Open>>,
    /// Writes that were let through.
    under_way: Tally,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Open {
    Never,
    Until(Instant),
    Always,
}

impl WriteGate {
    /// Makes a gate that is closed until a lease opens it.
    pub fn closed(clock: Clock) -> Self {
        Self::new(clock, Open::Never)
    }

    /// Makes a gate that is always open, for a controller without leader election.
    pub fn always_open(clock: Clock) -> Self {
        Self::new(clock, Open::Always)
    }

    fn new(clock: Clock, open: Open) -> Self {
        Self { clock, open: Arc::new(Mutex::new(open)), under_way: Tally::default() }
    }

    /// Lets one write through; it is under way until what is returned is dropped.
    ///
    /// # Errors
    /// As [`WriteGate::check`].
    pub fn enter(&self) -> Result<Counted, NotLeader> {
        // Counted first: who closes the gate and then counts misses nobody.
        let counted = self.under_way.count();
        self.check().map(|()| counted)
    }

    /// Waits until no write is under way.
    pub(super) async fn emptied(&self) {
        self.under_way.none().await;
    }

    /// Asks whether a write would be let through now.
    ///
    /// # Errors
    /// We don't lead, or did not manage to renew the lease in time.
    pub fn check(&self) -> Result<(), NotLeader> {
        let open = *self.open.lock().unwrap_or_else(PoisonError::into_inner);
        match open {
            Open::Always => Ok(()),
            Open::Until(end) if self.clock.monotonic() < end => Ok(()),
            Open::Until(_) | Open::Never => Err(NotLeader),
        }
    }

    pub(super) fn open_until(&self, end: Instant) {
        self.set(Open::Until(end));
    }

    pub(super) fn close(&self) {
        self.set(Open::Never);
    }

    fn set(&self, open: Open) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = open;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_gate_closes_by_itself_at_its_end() {
        let clock = Clock::system();
        let gate = WriteGate::closed(clock.clone());
        assert_eq!(gate.check(), Err(NotLeader));
        gate.open_until(clock.monotonic() + Duration::from_secs(10));
        assert_eq!(gate.check(), Ok(()));
        tokio::time::advance(Duration::from_secs(10)).await;
        assert_eq!(gate.check(), Err(NotLeader));
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_is_empty_when_all_writes_that_it_let_through_have_ended() {
        let gate = WriteGate::always_open(Clock::system());
        gate.emptied().await;
        let (one, two) = (gate.enter().unwrap(), gate.clone().enter().unwrap());
        gate.close();
        assert_eq!(gate.enter().err(), Some(NotLeader));
        let emptied = tokio::spawn(async move { gate.emptied().await });
        drop(one);
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!emptied.is_finished());
        drop(two);
        emptied.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_gate_without_election_stays_open() {
        let gate = WriteGate::always_open(Clock::system());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(gate.check(), Ok(()));
    }
}
