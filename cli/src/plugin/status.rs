//! `status`: waits until an update has ended, and says how.

use std::time::Duration;

use super::{
    Failure, Printer,
    cluster::{Cluster, Followed, ROLLOUTS, Selection},
    connection::duration,
    while_watched,
};
use crate::view::Summary;

/// Waits until an update has ended.
#[derive(clap::Args, Clone, Debug)]
pub struct Status {
    /// The name of the Rollout
    name: String,
    /// Wait until the Rollout is Healthy or Degraded
    #[arg(long, short, num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value = "true")]
    #[arg(action = clap::ArgAction::Set, value_name = "BOOL", hide_possible_values = true)]
    watch: bool,
    /// Wait no longer than this, such as 60s or 5m; 0 is for ever
    #[arg(long, short, value_name = "DURATION", default_value = "0", value_parser = duration)]
    timeout: Duration,
}

/// Says whether nothing more is to be expected.
fn ended(summary: &Summary) -> bool {
    ["Healthy", "Degraded"].contains(&summary.state.word.as_str())
}

impl Status {
    pub(super) async fn run(&self, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
        let mut last = Summary::of(&cluster.get(ROLLOUTS, &self.name).await?);
        if self.watch {
            while_watched(self.timeout, self.wait(cluster, printer, &mut last)).await?;
        } else if ended(&last) {
            printer.say(&format!("{}\n", last.state.word));
        } else {
            printer.say(&format!("{} - {}\n", last.state.word, last.message));
        }
        match last.state.word.as_str() {
            "Degraded" => {
                let message = last.message;
                Err(Failure::Outcome(format!("The rollout is in a degraded state with message: {message}")))
            }
            "Healthy" => Ok(()),
            _ if self.watch => Err(Failure::Outcome("Rollout status watch exceeded timeout".to_owned())),
            _ => Ok(()),
        }
    }

    /// Prints each change, until the update has ended.
    async fn wait(&self, cluster: &Cluster, printer: &mut Printer<'_>, last: &mut Summary) -> Result<(), Failure> {
        let named =
            Selection { namespace: cluster.namespace().to_owned(), name: self.name.clone(), ..Selection::default() };
        let mut followed = Followed::start(cluster, ROLLOUTS, named).await?;
        let mut told = String::new();
        loop {
            let Some(rollout) = followed.objects().next() else {
                return Err(Failure::Outcome(format!("rollout '{}' was deleted", self.name)));
            };
            *last = Summary::of(rollout);
            let dash = if last.message.is_empty() { "" } else { " - " };
            let text = format!("{}{dash}{}\n", last.state.word, last.message);
            if text != told {
                printer.say(&text);
                told = text;
            }
            if ended(last) {
                return Ok(());
            }
            followed.change().await?;
        }
    }
}
