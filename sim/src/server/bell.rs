//! Wakes everybody who waits for something to happen, in the order in which they began to wait.
//!
//! Tokio's watch channel wakes its receivers in a random order, so that a story would not be the same twice.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;

/// Rings for all who listen.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rung: AtomicU64,
    notify: Notify,
}

/// Hears a bell from when it began to listen.
#[derive(Debug)]
pub struct Listening {
    shared: Arc<Shared>,
    heard: u64,
}

impl Bell {
    /// Rings.
    pub fn ring(&self) {
        self.shared.rung.fetch_add(1, Ordering::SeqCst);
        self.shared.notify.notify_waiters();
    }

    /// Begins to listen: what rang before is not heard.
    pub fn listen(&self) -> Listening {
        Listening { heard: self.shared.rung.load(Ordering::SeqCst), shared: Arc::clone(&self.shared) }
    }
}

impl Listening {
    /// Waits until it has rung since it was heard last.
    pub async fn rung(&mut self) {
        loop {
            let mut notified = std::pin::pin!(self.shared.notify.notified());
            notified.as_mut().enable();
            let rung = self.shared.rung.load(Ordering::SeqCst);
            if rung != self.heard {
                self.heard = rung;
                return;
            }
            notified.await;
        }
    }

    /// Takes all that has rung by now for heard.
    pub fn catch_up(&mut self) {
        self.heard = self.shared.rung.load(Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{Arc, Mutex},
        time::Duration,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_are_woken_in_the_order_in_which_they_began() {
        let (bell, woken) = (Bell::default(), Arc::new(Mutex::new(Vec::new())));
        for number in 0..20 {
            let (mut listening, woken) = (bell.listen(), Arc::clone(&woken));
            tokio::spawn(async move {
                listening.rung().await;
                woken.lock().unwrap().push(number);
            });
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        bell.ring();
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(*woken.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }

    #[tokio::test(start_paused = true)]
    async fn what_rang_while_nobody_waited_is_heard_once() {
        let bell = Bell::default();
        let mut listening = bell.listen();
        bell.ring();
        bell.ring();
        listening.rung().await;
        let limit = Duration::from_secs(1);
        assert!(tokio::time::timeout(limit, listening.rung()).await.is_err());
    }
}
