//! The seam between runs and those who measure for them.

use std::collections::BTreeMap;

use futures::future::{BoxFuture, FutureExt};
use jiff::Timestamp;
use serin_crds::analysis::Metric;

use crate::sample::Sample;

/// One sample that is to be taken.
///
/// The same sample has the same run, metric and number whoever asks, before and after a restart: what a provider
/// begins under a name made of them is begun once.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The metric, with its arguments filled in.
    pub metric: &'a Metric,
    /// The instant that the sample was scheduled for, and is of.
    pub at: Timestamp,
    /// The run that asks.
    pub run: RunName<'a>,
    /// Which sample of its metric it is, counted from 1, errors included.
    pub nth: u32,
}

/// The name of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunName<'a> {
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its uid.
    pub uid: &'a str,
}

/// What has become of a sample.
#[derive(Clone, Debug)]
pub enum Progress {
    /// It is there.
    Finished(Sample),
    /// It takes longer than one question.
    Begun(Begun),
}

/// A sample that was begun and is not there yet. All that is known of it is stored in the status of its run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// What the provider finds it again by; becomes the measurement's `metadata`.
    pub metadata: BTreeMap<String, String>,
    /// When to look again; at once if there is none.
    pub resume_at: Option<Timestamp>,
}

/// Takes samples of metrics.
///
/// # Guarantees
/// Whatever is asked, answered or not answered: each method ends within a bound of its own, and none panics on
/// what others have written. Nothing that is a secret is in a sample, in metadata, or in an error.
pub trait MetricSource: Send + Sync {
    /// Whom a metric asks, for limits on how many questions one of them gets at once.
    fn endpoint(&self, metric: &Metric) -> String;

    /// Takes a sample, or begins to.
    fn start<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Progress>;

    /// Looks again at a sample that was begun, and collects it if it is there.
    ///
    /// Where a provider needs one question only, what somebody else has begun is asked anew.
    fn resume<'a>(&'a self, question: Question<'a>, begun: &'a Begun) -> BoxFuture<'a, Progress> {
        let _ = begun;
        self.start(question)
    }

    /// Removes what a sample left behind: one that is no longer kept, or that nobody waits for any more.
    ///
    /// `begun` is what is known of it; none if it is not known whether it was begun.
    fn clean_up<'a>(&'a self, question: Question<'a>, begun: Option<&'a Begun>) -> BoxFuture<'a, ()> {
        let _ = (question, begun);
        async {}.boxed()
    }
}
