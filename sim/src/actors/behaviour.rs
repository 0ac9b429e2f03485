//! How the pods of an image behave.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use serde_json::Value;

use crate::server::json::{list, text};

/// How one pod behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Behaviour {
    /// How long it takes to become ready after it is created, or after its process ended.
    pub ready_after: Duration,
    /// It never becomes ready.
    pub never_ready: bool,
    /// Its process ends so long after it became ready, every time.
    pub crash_after: Option<Duration>,
    /// So many pods of the image, those that are made first, never become ready.
    pub never_ready_pods: u32,
    /// It is ready and unready in turn, for so long each.
    pub flaps: Option<(Duration, Duration)>,
    /// How long it goes on after it was told to end; at most its grace period.
    pub drain: Duration,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            ready_after: Duration::from_secs(2),
            never_ready: false,
            crash_after: None,
            never_ready_pods: 0,
            flaps: None,
            drain: Duration::from_secs(1),
        }
    }
}

/// How pods behave, by image; shared by all who hold a copy.
#[derive(Clone, Debug, Default)]
pub struct Behaviours {
    known: Arc<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    images: HashMap<String, Behaviour>,
    others: Behaviour,
}

impl Behaviours {
    /// Says how pods of `image` behave from their next change on.
    pub fn set(&self, image: &str, behaviour: Behaviour) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).images.insert(image.to_owned(), behaviour);
    }

    /// Says how pods of all other images behave.
    pub fn set_default(&self, behaviour: Behaviour) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).others = behaviour;
    }

    /// Tells how `pod` behaves: by the first of its images that is known.
    pub fn of(&self, pod: &Value) -> Behaviour {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let images = list(pod, &["spec", "containers"]).iter();
        images
            .map(|container| text(container, &["image"]))
            .find_map(|image| known.images.get(image).copied())
            .unwrap_or(known.others)
    }
}
