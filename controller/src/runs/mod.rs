//! Carries out `AnalysisRuns`: one small actor for each run that is under way.
//!
//! An actor begins with the first sight of its run, asks the metric provider when a measurement is due, judges each
//! answer as it arrives, and ends with the run. What a run means is decided by the pure [`serin_analysis::run`]; here
//! are only waiting, asking and writing.
//!
//! A breach is on the [`LiveVerdicts`] before anything is written, so that the Rollout can give it way in the same
//! round trip. A success is there only once it is stored. One actor that hangs or panics harms its own run only.

mod actor;
mod endpoints;
mod executor;
mod live;
mod measure;
mod observed;
mod persisted;
mod policy;
mod write;

use std::sync::Arc;

use serin_analysis::provider::MetricSource;
use serin_analysis::run::Notice;

use crate::runtime::clock::Clock;
use crate::runtime::key::Key;
use crate::runtime::limiter::WriteLimiter;
use crate::runtime::metrics::standard::Turns;

pub use endpoints::Endpoints;
pub use executor::Executor;
pub use live::{LiveVerdicts, Verdict};
pub use observed::ObservedRun;

/// What the actors need of the world.
#[derive(Clone)]
pub struct RunContext {
    /// For reads and writes, not for watches; calls have a deadline here besides.
    pub client: kube::Client,
    /// The time of day.
    pub clock: Clock,
    /// Who measures.
    pub providers: Arc<dyn MetricSource>,
    /// How many questions each provider is asked at once.
    pub endpoints: Endpoints,
    /// Where verdicts are shown.
    pub verdicts: LiveVerdicts,
    /// Whether writes may be sent; asked before each one.
    pub gate: Arc<dyn Fn() -> bool + Send + Sync>,
    /// Takes what should be told as events; must not block.
    pub tell: Arc<dyn Fn(Told) + Send + Sync>,
    /// Who may write now.
    pub limiter: WriteLimiter,
    /// Where turns of runs are counted.
    pub turns: Turns,
}

/// Something to tell about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Namespace and name of the run.
    pub run: Key,
    /// Its uid.
    pub uid: Arc<str>,
    /// The Rollout that it belongs to, if it belongs to one.
    pub rollout: Option<Key>,
    /// What and why.
    pub notice: Notice,
}

#[cfg(test)]
mod tests;
