//! The one source of time of the controller.
//!
//! Everything that waits does so on tokio's time, so that a paused runtime plays hours in milliseconds; everything that
//! reads the time of day asks a [`Clock`]. No other file of the controller may call `now()`.
//!
//! # A wall clock that is set
//! Deadlines are recorded as times of day, since only those mean something to whoever comes after a restart. A wall clock
//! can be set: forward, which would end every pause at once; or back, which would make it last as much longer. So a
//! [`Clock`] reads the wall clock once and then counts the time that passes. As long as the wall clock agrees to within
//! five seconds, the clock follows it; where it does not, somebody has set it, and the clock goes on as before. What is
//! told to those who live by the wall clock, such as Prometheus, is translated by [`Clock::on_the_wall`].
//!
//! A process that begins believes the wall clock as it finds it. So what was recorded before the wall clock was set, and is
//! read after a restart, is off by as much as it was set, and by no more.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// A difference between the wall clock and the time that has passed which is larger than this is no drift: it was set.
const SET: SignedDuration = SignedDuration::from_secs(5);

/// The longest that a sleeper trusts one look at the clock, which may have followed the wall clock meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Tells the time of day and waits for it; a clone is the same clock.
#[derive(Clone, Debug)]
pub struct Clock {
    wall: Wall,
    steady: Arc<Mutex<Option<Reading>>>,
}

/// What anybody may set.
#[derive(Clone, Debug)]
enum Wall {
    System,
    Anchored { epoch: Timestamp, start: Instant, set: Arc<Mutex<SignedDuration>> },
}

/// What a clock read last, and when.
#[derive(Clone, Copy, Debug)]
struct Reading {
    time: Timestamp,
    at: Instant,
    /// Whether the wall clock was set, and not back again, since this clock was read first.
    set: bool,
}

impl Clock {
    /// Returns the clock of the machine.
    pub fn system() -> Self {
        Self { wall: Wall::System, steady: Arc::default() }
    }

    /// Returns a clock whose wall clock read `epoch` when it was made, and moves with tokio's time.
    pub fn anchored(epoch: Timestamp) -> Self {
        let wall = Wall::Anchored { epoch, start: Instant::now(), set: Arc::default() };
        Self { wall, steady: Arc::default() }
    }

    /// Returns the clock of a process that begins now and finds the same wall clock.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { wall: self.wall.clone(), steady: Arc::default() }
    }

    /// Tells the time of day.
    ///
    /// # Guarantees
    /// It never goes back, and is never ahead of the time that has passed by more than five seconds, whatever the wall
    /// clock does.
    pub fn now(&self) -> Timestamp {
        let (wall, at) = (self.wall.read(), self.monotonic());
        let mut steady = self.steady.lock().unwrap_or_else(PoisonError::into_inner);
        let next = steady.map_or(Reading { time: wall, at, set: false }, |before| before.next(wall, at));
        *steady = Some(next);
        next.time
    }

    /// Sets the wall clock of an anchored clock, and of its copies, forward or back, as an administrator may do.
    pub fn step(&self, by: SignedDuration) {
        if let Wall::Anchored { set, .. } = &self.wall {
            let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
            *set = set.saturating_add(by);
        }
    }

    /// Tells what the wall clock says when this clock reads `time`: for those who know no other.
    pub fn on_the_wall(&self, time: Timestamp) -> Timestamp {
        let ahead = self.wall.read().duration_since(self.now());
        let is_set = ahead.abs() > SET;
        if is_set { time.checked_add(ahead).unwrap_or(time) } else { time }
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
    pub async fn sleep_until(&self, at: Timestamp) {
        loop {
            let left = self.until(at);
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_AGAIN)).await;
        }
    }
}

impl Wall {
    #[allow(clippy::disallowed_methods, reason = "this is the one place that asks the machine")]
    fn read(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Anchored { epoch, start, set } => {
                let moved = later(*epoch, start.elapsed());
                moved.checked_add(*set.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or(moved)
            }
        }
    }
}

impl Reading {
    /// What is read next, at a moment when the wall clock says `wall`.
    fn next(self, wall: Timestamp, at: Instant) -> Self {
        let passed = later(self.time, at.duration_since(self.at));
        let ahead = wall.duration_since(passed);
        let set = ahead.abs() > SET;
        if set != self.set {
            let seconds = ahead.as_secs();
            if set {
                tracing::warn!(seconds, "the wall clock was set; what waits goes on by the time that passes");
            } else {
                tracing::info!("the wall clock agrees again");
            }
        }
        // Drift is followed, which is what was recorded by others too; but nobody is shown an earlier time.
        let time = if set { passed } else { wall.max(self.time) };
        Self { time, at, set }
    }
}

/// Adds `by` to `to`, and stays at the end of time where there is no such moment.
pub fn later(to: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| to.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
