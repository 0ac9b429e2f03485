//! The one source of time of the controller.
//!
//! Everything that waits does so on tokio's time, so that a paused runtime plays hours in milliseconds; everything that
//! reads the time of day asks a [`Clock`]. No other file of the controller may call `now()`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A step of the wall clock against the monotonic clock that is larger than this is a jump, not drift.
const JUMP: Duration = Duration::from_secs(5);

/// The longest that a sleeper trusts one look at the wall clock.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Tells the time of day and waits for it.
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

#[derive(Clone, Debug)]
enum Source {
    System,
    Anchored { epoch: Timestamp, start: Instant, set: Arc<Mutex<SignedDuration>> },
}

impl Clock {
    /// Returns the clock of the machine.
    pub fn system() -> Self {
        Self { source: Source::System }
    }

    /// Returns a clock that read `epoch` when it was made, and moves with tokio's time.
    pub fn anchored(epoch: Timestamp) -> Self {
        Self { source: Source::Anchored { epoch, start: Instant::now(), set: Arc::default() } }
    }

    /// Tells the time of day.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn now(&self) -> Timestamp {
        match &self.source {
            Source::System => Timestamp::now(),
            Source::Anchored { epoch, start, set } => {
                let moved = later(*epoch, start.elapsed());
                moved.checked_add(*set.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or(moved)
            }
        }
    }

    /// Sets an anchored clock, and its copies, forward or back, as an administrator may do with a wall clock.
    pub fn step(&self, by: SignedDuration) {
        if let Source::Anchored { set, .. } = &self.source {
            let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
            *set = set.saturating_add(by);
        }
    }

    /// Tells the time that no administrator can set; only differences mean anything.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    pub fn monotonic(&self) -> Instant {
        Instant::now()
    }

    /// Tells how long it is until `at`; zero when it has passed.
    pub fn until(&self, at: Timestamp) -> Duration {
        Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO)
    }

    /// Waits until the clock reads `at`.
    ///
    /// # Guarantees
    /// A wall clock that jumps forwards by more than five seconds doesn't shorten the wait; one that jumps backwards
    /// lengthens it by at most the jump.
    pub async fn sleep_until(&self, at: Timestamp) {
        let mut wait = Wait::new(self.until(at));
        while let Some(nap) = wait.next() {
            let before = self.monotonic();
            tokio::time::sleep(nap).await;
            wait.woke(self.monotonic().duration_since(before), self.until(at));
        }
    }
}

/// What is left of one wait, from the wall clock and from the monotonic clock.
#[derive(Debug)]
struct Wait {
    left: Duration,
}

impl Wait {
    fn new(left: Duration) -> Self {
        Self { left }
    }

    fn next(&self) -> Option<Duration> {
        (!self.left.is_zero()).then(|| self.left.min(LOOK_AGAIN))
    }

    /// Takes in that `slept` passed and that the wall clock now says `wall` is left: small differences follow the wall
    /// clock (it is what was recorded), a jump forwards is not believed.
    fn woke(&mut self, slept: Duration, wall: Duration) {
        let steady = self.left.saturating_sub(slept);
        self.left = if steady.saturating_sub(wall) > JUMP { steady } else { wall };
    }
}

/// Adds `by` to `to`, and stays at the end of time where there is no such moment.
pub fn later(to: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| to.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    #[tokio::test(start_paused = true)]
    async fn an_anchored_clock_moves_with_tokio_time() {
        let epoch: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::anchored(epoch);
        clock.sleep_until(later(epoch, secs(3 * 3600))).await;
        assert_eq!(clock.now().duration_since(epoch).as_secs(), 3 * 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_moment_that_has_passed_is_not_waited_for() {
        let clock = Clock::system();
        let before = clock.monotonic();
        clock.sleep_until("2001-01-01T00:00:00Z".parse().unwrap()).await;
        assert_eq!(clock.monotonic(), before);
    }

    #[test]
    fn a_jump_forwards_does_not_shorten_a_wait() {
        let mut wait = Wait::new(secs(100));
        wait.woke(secs(30), secs(0));
        assert_eq!(wait.next(), Some(secs(30)));
        wait.woke(secs(30), secs(0));
        wait.woke(secs(30), secs(0));
        assert_eq!(wait.next(), Some(secs(10)));
        wait.woke(secs(10), secs(0));
        assert_eq!(wait.next(), None);
    }

    #[test]
    fn drift_follows_the_wall_clock() {
        let mut wait = Wait::new(secs(60));
        wait.woke(secs(30), secs(27));
        assert_eq!(wait.next(), Some(secs(27)));
    }

    #[test]
    fn a_jump_backwards_keeps_waiting() {
        let mut wait = Wait::new(secs(10));
        wait.woke(secs(10), secs(3600));
        assert_eq!(wait.next(), Some(LOOK_AGAIN));
    }

    #[test]
    fn adding_past_the_end_of_time_stays_there() {
        assert_eq!(later(Timestamp::MAX, secs(1)), Timestamp::MAX);
    }
}
