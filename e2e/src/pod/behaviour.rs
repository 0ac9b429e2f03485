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
    /// The process ends by itself after so many milliseconds.
    pub crash_after_ms: Option<u64>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self { error_rate: 0.0, latency_ms: 1, ready: Ready::After(0), crash_after_ms: None }
    }
}

impl Behaviour {
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
    fn a_behaviour_is_read_from_the_fields_that_are_given() {
        let read: Behaviour = serde_json::from_str(r#"{"errorRate":0.5,"ready":"never"}"#).unwrap();
        let expect = Behaviour { error_rate: 0.5, ready: Ready::Never, ..Behaviour::default() };
        assert_eq!(read, expect);
    }
}
