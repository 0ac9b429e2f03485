//! Plays trials, each once and in namespaces of its own, and counts them.
//!
//! The test program starts itself again for each trial, through `unshare` of util-linux: with a network that holds only
//! `lo`, and as the first process of its process tree, so that everything it started ends with it, however it ends.
//! It ends when its standard input does, so it never outlives the program that started it.

mod inside;
mod outside;

use std::{future::Future, pin::Pin, process::ExitCode, sync::Arc, time::Duration};

/// What a failed trial says.
pub type Fault = Box<dyn std::error::Error + Send + Sync>;

type Body = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;

/// The name of the environment variable that holds the folder of the world that a process lives in.
pub(crate) const WORLD_DIR: &str = "SERIN_E2E_WORLD";

/// One test that plays in a world.
#[derive(Clone)]
pub struct Trial {
    name: String,
    limit: Duration,
    beside: bool,
    body: Arc<dyn Fn() -> Body + Send + Sync>,
}

impl Trial {
    /// A trial by this name; it may take three minutes.
    pub fn new<F, R>(name: impl Into<String>, body: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        Self {
            name: name.into(),
            limit: Duration::from_secs(180),
            beside: false,
            body: Arc::new(move || Box::pin(body())),
        }
    }

    /// The same trial with another limit of time.
    #[must_use]
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// The same trial, which may be played beside others: most of its time is waiting, and it keeps no tight limits.
    #[must_use]
    pub const fn beside_others(mut self) -> Self {
        self.beside = true;
        self
    }
}

/// The `main` of a test program: plays the trials that the command line selects, each once; ends with the counts.
///
/// Understands what `cargo test` passes on: words that names must contain, `--exact`, `--skip`, `--list`, `--nocapture`,
/// `--test-threads N` (worlds side by side, of those trials that don't mind; the others have the machine to themselves).
/// The environment variable `SERIN_E2E_KEEP` keeps the folders of trials that passed.
pub fn main(trials: &[Trial]) -> ExitCode {
    if std::env::var_os(WORLD_DIR).is_some() { inside::play(trials) } else { outside::play(trials) }
}
