//! Waiters: who was told that something cannot be read or is not there, and looks again when that may have changed.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::key::Key;

/// Keys of Rollouts whose last look rests on something that could not be read; a clone shares them.
#[derive(Clone, Debug, Default)]
pub struct Waiters(Arc<Mutex<BTreeSet<Key>>>);

impl Waiters {
    /// Remembers a Rollout until the next time that a cache can be believed again.
    pub fn add(&self, key: Key) {
        self.keys().insert(key);
    }

    /// Takes out all of them, in the order of their keys.
    pub fn drain(&self) -> Vec<Key> {
        std::mem::take(&mut *self.keys()).into_iter().collect()
    }

    /// Forgets a Rollout that is gone.
    pub fn forget(&self, key: &Key) {
        self.keys().remove(key);
    }

    fn keys(&self) -> MutexGuard<'_, BTreeSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiters_are_given_out_once_and_in_the_order_of_their_keys() {
        let waiters = Waiters::default();
        for name in ["b", "a", "c", "b"] {
            waiters.clone().add(Key::new("shop", name));
        }
        waiters.forget(&Key::new("shop", "c"));
        assert_eq!(waiters.drain(), [Key::new("shop", "a"), Key::new("shop", "b")]);
        assert_eq!(waiters.drain(), []);
    }
}
