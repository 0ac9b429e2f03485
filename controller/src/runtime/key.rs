//! The name of an object: its namespace and its name, in one shared allocation.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Namespace and name of an object; the namespace is empty for objects of the cluster.
///
/// A clone is a counted reference, so caches, indexes and the queue share one text.
#[derive(Clone)]
pub struct Key(Arc<str>);

impl Key {
    /// Names an object.
    pub fn new(namespace: &str, name: &str) -> Self {
        if namespace.is_empty() { Self(name.into()) } else { Self(format!("{namespace}/{name}").into()) }
    }

    /// Returns the namespace, empty for objects of the cluster.
    pub fn namespace(&self) -> &str {
        self.0.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        self.0.split_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// Returns the key that comes before all others; it names nothing.
    pub(super) fn first() -> Self {
        Self("".into())
    }

    /// Names another object in the same namespace.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self::new(self.namespace(), name)
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl Eq for Key {}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        #[cfg(test)]
        COMPARISONS.set(COMPARISONS.get() + 1);
        if Arc::ptr_eq(&self.0, &other.0) { Ordering::Equal } else { self.0.cmp(&other.0) }
    }
}

#[cfg(test)]
thread_local! {
    static COMPARISONS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Counts how often keys are compared by this thread while something runs: what it costs, whatever the machine.
#[cfg(test)]
pub(super) fn comparisons(run: impl FnOnce()) -> u64 {
    let before = COMPARISONS.get();
    run();
    COMPARISONS.get() - before
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_gives_back_its_parts() {
        let key = Key::new("shop", "checkout");
        assert_eq!((key.namespace(), key.name(), key.to_string().as_str()), ("shop", "checkout", "shop/checkout"));
        assert_eq!(key.beside("cart"), Key::new("shop", "cart"));
    }

    #[test]
    fn an_object_of_the_cluster_has_no_namespace() {
        let key = Key::new("", "latency");
        assert_eq!((key.namespace(), key.name(), key.to_string().as_str()), ("", "latency", "latency"));
    }
}
