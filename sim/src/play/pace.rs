//! How fast virtual time passes for those who watch.

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serin_controller::runtime::clock::Clock;

/// The virtual time that passes at once.
const STRIDE: Duration = Duration::from_millis(50);

/// How far play may fall behind its pace and still make up for it. Whoever was suspended goes on where it stood.
const MAKES_UP: Duration = Duration::from_secs(1);

/// How fast virtual time passes.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// So many virtual seconds in a second.
    Speed {
        /// Virtual seconds in a second.
        speed: f64,
        /// An instant of virtual time, and when it was there.
        from: Option<(Timestamp, Instant)>,
    },
    /// Virtual time is the time of the machine; where it is behind, it catches up as fast as it can.
    Present,
}

impl Pace {
    /// So many virtual seconds in a second, a hundredth at least.
    pub const fn speed(speed: f64) -> Self {
        Self::Speed { speed: speed.max(0.01), from: None }
    }

    /// Lets virtual time pass until this instant.
    pub async fn until(&mut self, clock: &Clock, instant: Timestamp) {
        while clock.now() < instant {
            let wait = self.wait(clock.now());
            if !wait.is_zero() {
                // Virtual time stands still while a thread sleeps for us; connections are served in the meantime.
                let _ = tokio::task::spawn_blocking(move || std::thread::sleep(wait)).await;
            }
            tokio::time::advance(STRIDE).await;
            // Whoever was woken may wake others; the runtime never idles, so time does not run ahead by itself.
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// How long it takes until the next stride is due.
    fn wait(&mut self, now: Timestamp) -> Duration {
        let next = now + SignedDuration::try_from(STRIDE).unwrap_or_default();
        match self {
            Self::Present => Duration::try_from(next.duration_since(Timestamp::now())).unwrap_or_default(),
            Self::Speed { speed, from } => {
                let (begin, began) = *from.get_or_insert_with(|| (now, Instant::now()));
                let due = Duration::try_from(next.duration_since(begin)).unwrap_or_default().div_f64(*speed);
                let gone = began.elapsed();
                if gone > due + MAKES_UP {
                    *from = Some((now, Instant::now()));
                }
                due.saturating_sub(gone)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::play::in_virtual_time;

    /// How long a second of virtual time takes at this pace, when it begins so much before the present.
    fn takes(mut pace: Pace, before: SignedDuration) -> Duration {
        let run = in_virtual_time(async {
            let clock = Clock::anchored(Timestamp::now() - before);
            let began = Instant::now();
            pace.until(&clock, clock.now() + SignedDuration::from_secs(1)).await;
            Ok(began.elapsed())
        });
        run.unwrap()
    }

    fn check(took: Duration, at_least: u64, at_most: u64) {
        let span = Duration::from_millis(at_least)..Duration::from_millis(at_most);
        assert!(span.contains(&took), "{took:?} is not in {span:?}");
    }

    #[test]
    fn a_second_takes_as_long_as_the_speed_says() {
        check(takes(Pace::speed(4.0), SignedDuration::ZERO), 240, 600);
        check(takes(Pace::speed(1000.0), SignedDuration::ZERO), 0, 300);
    }

    #[test]
    fn the_present_is_caught_up_with_and_then_kept() {
        check(takes(Pace::Present, SignedDuration::from_hours(1)), 0, 300);
        check(takes(Pace::Present, SignedDuration::ZERO), 900, 1400);
        check(takes(Pace::Present, SignedDuration::from_millis(-200)), 1100, 1600);
    }

    #[test]
    fn what_was_suspended_goes_on_where_it_stood() {
        let mut pace = Pace::speed(1.0);
        let now = Timestamp::now();
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        pace = match pace {
            Pace::Speed { speed, .. } => Pace::Speed { speed, from: Some((now, long_ago)) },
            Pace::Present => pace,
        };
        assert_eq!(pace.wait(now), Duration::ZERO, "late");
        check(pace.wait(now), 30, 51);
    }
}
