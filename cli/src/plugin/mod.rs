//! The verbs of Argo Rollouts' kubectl plugin: the same flags, patches, output and exit codes.

mod cluster;
mod connection;
mod error;
mod get;
mod image;
mod list;
mod orders;
mod status;
mod table;
mod tree;
mod undo;

use std::{io::Write, pin::pin, time::Duration};

use futures::future::{Either, select};

use crate::terminal::{Output, stopped};

pub use self::{cluster::Cluster, connection::Connection, error::Failure};

/// What a person orders or wants to see.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Verb {
    /// Show a Rollout with its revisions, pods and analysis runs
    #[command(subcommand)]
    Get(get::Get),
    /// List Rollouts
    #[command(subcommand)]
    List(list::List),
    /// Wait until an update has ended, and say how
    Status(status::Status),
    /// End the pause or the step of an update, or the whole update
    Promote(orders::Promote),
    /// Abort an update: the stable revision gets all traffic
    Abort(orders::Names),
    /// Try an aborted update, or a failed experiment, again
    #[command(subcommand)]
    Retry(orders::Retry),
    /// Go back to an earlier revision
    Undo(undo::Undo),
    /// Pause a Rollout until it is promoted
    Pause(orders::Names),
    /// Restart the pods of a Rollout
    Restart(orders::Restart),
    /// Change the image of a Rollout
    #[command(subcommand)]
    Set(image::Set),
    /// End an analysis run or an experiment
    #[command(subcommand)]
    Terminate(orders::Terminate),
}

/// Where a verb prints.
pub struct Printer<'a> {
    /// Standard output, or what stands for it.
    pub out: &'a mut (dyn Write + Send),
    /// Standard error, or what stands for it.
    pub err: &'a mut (dyn Write + Send),
    /// What standard output can show.
    pub output: Output,
}

impl Printer<'_> {
    /// Prints to standard output at once.
    fn say(&mut self, text: &str) {
        // A reader that went away has seen enough.
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    /// Prints to standard error.
    fn warn(&mut self, text: &str) {
        // There is nobody to tell it to.
        let _ = self.err.write_all(text.as_bytes());
    }
}

/// Carries out a verb.
///
/// # Errors
/// In a sentence for the person who typed it; the exit code is 1.
pub async fn run(verb: &Verb, cluster: &Cluster, printer: &mut Printer<'_>) -> Result<(), Failure> {
    match verb {
        Verb::Get(get) => get.run(cluster, printer).await,
        Verb::List(list) => list.run(cluster, printer).await,
        Verb::Status(status) => status.run(cluster, printer).await,
        Verb::Promote(promote) => promote.run(cluster, printer).await,
        Verb::Abort(names) => names.abort(cluster, printer).await,
        Verb::Retry(retry) => retry.run(cluster, printer).await,
        Verb::Undo(undo) => undo.run(cluster, printer).await,
        Verb::Pause(names) => names.pause(cluster, printer).await,
        Verb::Restart(restart) => restart.run(cluster, printer).await,
        Verb::Set(set) => set.run(cluster, printer).await,
        Verb::Terminate(terminate) => terminate.run(cluster, printer).await,
    }
}

/// Works until the work is done, or until Ctrl-C or the end of the time: then there is no answer. No limit is for ever.
async fn while_watched<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<Option<T>, Failure> {
    let limit = if limit.is_zero() { Duration::MAX } else { limit };
    let end = async {
        select(pin!(stopped()), pin!(tokio::time::sleep(limit))).await;
    };
    match select(pin!(work), pin!(end)).await {
        Either::Left((done, _)) => done.map(Some),
        Either::Right(_) => Ok(None),
    }
}
