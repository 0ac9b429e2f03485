//! The users: requests through Envoy, bounded in rate and time, and what came back.

mod client;
mod slots;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Uri;
use tokio::{task::JoinSet, time::Instant};

pub use self::slots::{Felt, Slot};
use self::{client::Connection, slots::Slots};
use super::WorldError;

/// What users ask, how often, and for how long at most.
#[derive(Debug, Clone)]
pub struct LoadPlan {
    /// The page, such as `http://web.default/`.
    pub page: String,
    /// Requests per second; 0 sends none until it is changed.
    pub rate: f64,
    /// How many requests may be on their way at once.
    pub workers: usize,
    /// After this time no more requests are sent.
    pub limit: Duration,
}

impl LoadPlan {
    /// So many requests per second for this host, for ten minutes at most.
    pub fn new(host: &str, rate: f64) -> Self {
        Self { page: format!("http://{host}/"), rate, workers: 32, limit: Duration::from_secs(600) }
    }
}

/// The pace of all workers together.
#[derive(Debug)]
struct Pace {
    rate: f64,
    next: Instant,
}

#[derive(Debug)]
struct Shared {
    pace: Mutex<Pace>,
    slots: Slots,
    until: Instant,
}

/// Users at work. They stop when this value is dropped.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    workers: JoinSet<()>,
}

impl Load {
    /// Begins to send.
    pub(super) fn start(plan: &LoadPlan) -> Result<Self, WorldError> {
        let page: Uri = plan.page.parse().map_err(WorldError::malformed("the page that users ask for"))?;
        let now = Instant::now();
        let shared = Arc::new(Shared {
            pace: Mutex::new(Pace { rate: plan.rate, next: now }),
            slots: Slots::default(),
            until: now + plan.limit,
        });
        let mut workers = JoinSet::new();
        for _ in 0..plan.workers.max(1) {
            workers.spawn(work(page.clone(), Arc::clone(&shared)));
        }
        Ok(Self { shared, workers })
    }

    /// Changes the rate.
    pub fn rate(&self, per_second: f64) {
        let mut pace = self.shared.pace();
        pace.rate = per_second;
        pace.next = Instant::now();
    }

    /// What users felt so far, in order; only spans of time in which every request has been answered.
    pub fn felt(&self) -> Vec<Slot> {
        self.shared.slots.complete()
    }

    /// Stops sending, waits for the answers that are still on their way, and says what users felt in all.
    pub async fn stop(mut self) -> Vec<Slot> {
        self.rate(0.0);
        let answered = async {
            while self.shared.slots.open() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let _ = tokio::time::timeout(client::LIMIT + Duration::from_secs(1), answered).await;
        self.workers.abort_all();
        self.shared.slots.all()
    }
}

impl Shared {
    fn pace(&self) -> std::sync::MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When the next request is due; `None` while none is.
    fn due(&self) -> Option<Instant> {
        let mut pace = self.pace();
        if pace.rate <= 0.0 {
            return None;
        }
        // What could not be sent in time is not made up for later: users don't queue.
        let due = pace.next.max(Instant::now());
        pace.next = due + Duration::from_secs_f64(1.0 / pace.rate);
        Some(due)
    }
}

async fn work(page: Uri, shared: Arc<Shared>) {
    let mut connection = Connection::default();
    loop {
        let Some(due) = shared.due() else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        if due >= shared.until {
            return;
        }
        tokio::time::sleep_until(due).await;
        // The pace may have been changed to nothing while this worker slept.
        if shared.pace().rate <= 0.0 {
            continue;
        }
        let sent = shared.slots.sent();
        let (outcome, took) = connection.ask(&page).await;
        shared.slots.answered(sent, outcome, took);
    }
}
