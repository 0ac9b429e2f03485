//! Bounds how many questions each metric endpoint is asked at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many questions one endpoint is asked at once, unless told otherwise.
const DEFAULT_LIMIT: usize = 64;

/// How many endpoints are remembered before idle ones are forgotten.
const REMEMBERED: usize = 256;

/// The endpoints that are being asked, each with its own limit: a slow one delays nobody else.
#[derive(Clone, Debug)]
pub struct Endpoints {
    limit: usize,
    queues: Arc<Mutex<BTreeMap<String, Arc<Semaphore>>>>,
}

impl Default for Endpoints {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl Endpoints {
    /// Endpoints that are asked at most `limit` questions at once each.
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), queues: Arc::default() }
    }

    /// Waits for a turn to ask an endpoint; the turn lasts as long as what is returned.
    pub(super) async fn turn(&self, endpoint: &str) -> Option<OwnedSemaphorePermit> {
        let queue = {
            let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
            if queues.len() >= REMEMBERED {
                queues.retain(|_, queue| Arc::strong_count(queue) > 1);
            }
            let fresh = || Arc::new(Semaphore::new(self.limit));
            queues.entry(endpoint.to_owned()).or_insert_with(fresh).clone()
        };
        // Fails only if the semaphore is closed, and nobody closes one.
        queue.acquire_owned().await.ok()
    }
}
