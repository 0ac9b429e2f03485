//! The name of an object: its namespace and its name, in one shared allocation.

use std::fmt;
use std::sync::Arc;

/// Namespace and name of an object; the namespace is empty for objects of the cluster.
///
/// A clone is a counted reference, so caches, indexes and the queue share one text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

    /// Names another object in the same namespace.
    #[must_use]
    pub fn beside(&self, name: &str) -> Self {
        Self::new(self.namespace(), name)
    }
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
