//! How a pod behaves, and the dice it throws.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::{Deserialize, Serialize};

/// When a pod answers its readiness probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ready {
    /// So many milliseconds after its process started.
    After(u64),
    /// Never.
    Never,
}

impl Ready {
    /// Says whether a process of this age is ready.
    pub fn at(self, age: Duration) -> bool {
        match self {
            Self::After(milliseconds) => age >= Duration::from_millis(milliseconds),
            Self::Never => false,
        }
    }
}

/// How a pod flaps, from when it is ready first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Flaps {
    /// So many milliseconds it is ready.
    pub up_ms: u64,
    /// And so many it is not, in turn.
    pub down_ms: u64,
}

/// How the pods of an image behave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Behaviour {
    /// The share of requests that get a 500, from 0 to 1.
    pub error_rate: f64,
    /// The mean time of an answer, in milliseconds; single answers take half of it to half as much again.
    pub latency_ms: u64,
    /// When the pod is ready.
    pub ready: Ready,
    /// So many of the image's pods, those that are made first, are never ready.
    pub never_ready_pods: usize,
    /// The pod is ready and unready in turn.
    pub flaps: Option<Flaps>,
    /// For how long requests are taken after SIGTERM, in milliseconds: proxies learn late that a pod leaves, and a careful
    /// service knows. 0 is a service that stops at once.
    pub drain_ms: u64,
    /// The process ends by itself after so many milliseconds.
    pub crash_after_ms: Option<u64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            error_rate: 0.0,
            latency_ms: 1,
            ready: Ready::After(0),
            never_ready_pods: 0,
            flaps: None,
            drain_ms: 3000,
            crash_after_ms: None,
        }
    }
}

impl Behaviour {
    /// How the pod behaves that was made when so many of its image were there.
    #[must_use]
    pub fn of_pod(mut self, older: usize) -> Self {
        if older < self.never_ready_pods {
            self.ready = Ready::Never;
        }
        self
    }

    /// Says whether a process of this age is ready.
    pub fn ready_at(&self, age: Duration) -> bool {
        let (Ready::After(first), Some(flaps)) = (self.ready, self.flaps) else {
            return self.ready.at(age);
        };
        let round = u128::from(flaps.up_ms + flaps.down_ms).max(1);
        let since = age.as_millis().checked_sub(u128::from(first));
        since.is_some_and(|since| since % round < u128::from(flaps.up_ms))
    }

    /// The time that the next answer takes.
    pub fn latency(&self, chance: &Chance) -> Duration {
        Duration::from_millis(self.latency_ms).mul_f64(0.5 + chance.next())
    }
}

/// Dice that fall the same way for the same name.
#[derive(Debug)]
pub struct Chance(AtomicU64);

impl Chance {
    /// Dice for this name.
    pub fn seeded(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(AtomicU64::new(hasher.finish()))
    }

    /// The next number, from 0 to 1 without 1.
    ///
    /// # Source
    /// The generator `SplitMix64`: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub fn next(&self) -> f64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let seed = self.0.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Says yes with this probability.
    pub fn hits(&self, probability: f64) -> bool {
        self.next() < probability
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dice_hit_as_often_as_their_probability_says() {
        let chance = Chance::seeded("web-1");
        let hits = (0..10_000).filter(|_| chance.hits(0.2)).count();
        assert!((1850..2150).contains(&hits), "{hits} of 10,000");
    }

    #[test]
    fn a_pod_flaps_from_when_it_is_ready_first() {
        let flaps = Some(Flaps { up_ms: 200, down_ms: 100 });
        let behaviour = Behaviour { ready: Ready::After(1000), flaps, ..Behaviour::default() };
        let check = |age: u64, expect: bool| {
            assert_eq!(behaviour.ready_at(Duration::from_millis(age)), expect, "at {age} ms");
        };
        check(999, false);
        check(1000, true);
        check(1199, true);
        check(1200, false);
        check(1300, true);
    }

    #[test]
    fn the_first_pods_of_an_image_may_never_be_ready() {
        let two = Behaviour { never_ready_pods: 2, ..Behaviour::default() };
        let ready: Vec<_> = (0..4).map(|older| two.clone().of_pod(older).ready_at(Duration::ZERO)).collect();
        assert_eq!(ready, [false, false, true, true]);
    }

    #[test]
    fn a_behaviour_is_read_from_the_fields_that_are_given() {
        let read: Behaviour = serde_json::from_str(r#"{"errorRate":0.5,"ready":"never"}"#).unwrap();
        let expect = Behaviour { error_rate: 0.5, ready: Ready::Never, ..Behaviour::default() };
        assert_eq!(read, expect);
    }
}
