//! The order to end: given once, heard by everybody.

use std::time::Duration;

use tokio::sync::watch;

/// How long the whole process may take to end.
pub const GRACE: Duration = Duration::from_secs(10);

/// An order to end that can be given once; a clone gives and hears the same order.
#[derive(Clone, Debug)]
pub struct Shutdown {
    given: watch::Sender<bool>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

impl Shutdown {
    /// Makes an order that has not been given.
    pub fn new() -> Self {
        Self { given: watch::Sender::new(false) }
    }

    /// Makes an order that SIGTERM and SIGINT give.
    ///
    /// # Errors
    /// The process may not listen for signals.
    pub fn on_signals() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = Self::new();
        let order = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                biased;
                _ = terminate.recv() => tracing::info!("SIGTERM: shutting down"),
                _ = interrupt.recv() => tracing::info!("SIGINT: shutting down"),
            }
            order.give();
        });
        Ok(shutdown)
    }

    /// Gives the order.
    pub fn give(&self) {
        self.given.send_replace(true);
    }

    /// Tells whether the order was given.
    pub fn is_given(&self) -> bool {
        *self.given.borrow()
    }

    /// Waits for the order.
    pub async fn wait(&self) {
        let mut heard = self.given.subscribe();
        // The sender is ours, so the channel cannot close while we wait.
        let _ = heard.wait_for(|given| *given).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_is_heard_before_and_after_it_is_given() {
        let shutdown = Shutdown::new();
        let early = tokio::spawn({
            let shutdown = shutdown.clone();
            async move { shutdown.wait().await }
        });
        tokio::task::yield_now().await;
        assert!(!shutdown.is_given());
        shutdown.give();
        early.await.unwrap();
        shutdown.wait().await;
        assert!(shutdown.is_given());
    }
}
