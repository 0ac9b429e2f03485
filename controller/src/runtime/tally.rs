//! Tally: how many of something are under way, and when none is.

use tokio::sync::watch;

/// A count; a clone counts the same.
#[derive(Clone, Debug)]
pub struct Tally(watch::Sender<usize>);

/// One that is counted, until it is dropped.
#[derive(Debug)]
pub struct Counted(watch::Sender<usize>);

impl Default for Tally {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Tally {
    /// Counts one more.
    pub fn count(&self) -> Counted {
        self.0.send_modify(|number| *number = number.saturating_add(1));
        Counted(self.0.clone())
    }

    /// Waits until none is counted.
    pub async fn none(&self) {
        let mut counted = self.0.subscribe();
        // The sender is ours, so the channel cannot close while we wait.
        let _ = counted.wait_for(|number| *number == 0).await;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|number| *number = number.saturating_sub(1));
    }
}
