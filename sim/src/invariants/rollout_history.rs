//! What has to be remembered of one Rollout beyond its present state: attempts, verdicts, orders of people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    history::Recent,
    view::{flag, label, list, number, replicas, text},
};

/// A verdict that speaks against a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adverse {
    /// When it was written.
    pub at: Timestamp,
    /// `Failed`, `Error` or `Inconclusive`.
    pub phase: String,
    /// Whether the run goes on beside the steps instead of being one.
    pub background: bool,
}

/// What a person ordered by patching a Rollout, until the controller has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// `status.abort` was set.
    Abort,
    /// `status.abort` was cleared.
    Retry,
    /// `spec.paused` was set.
    Pause,
    /// `status.promoteFull` was set.
    PromoteFull,
    /// `status.pauseConditions` was cleared; each as reason and start.
    Resume(Vec<(String, String)>),
    /// `status.currentStepIndex` was set.
    Skip {
        /// The index before.
        from: i64,
        /// The index ordered.
        to: i64,
    },
}

/// What people have allowed in this attempt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Everything that is left was waived (promote full).
    pub all: bool,
    /// These steps were skipped.
    pub steps: BTreeSet<i64>,
}

/// What has to be remembered of one Rollout.
#[derive(Debug, Clone)]
pub struct RolloutHistory {
    /// Counts revisions, changed step lists and retries.
    pub attempt: u64,
    /// Since when an abort of this attempt is durable.
    pub aborted: Option<Timestamp>,
    /// Verdicts of this attempt against the revision, by run.
    pub adverse: BTreeMap<String, Adverse>,
    /// Steps whose analysis ended well, on at least one measurement.
    pub passed: BTreeSet<i64>,
    /// Whether the background analysis has measured something good.
    pub background: bool,
    /// What people have allowed.
    pub overrides: Overrides,
    /// Orders that the controller has not answered yet.
    pub orders: Vec<Order>,
    /// The number of replicas asked for.
    pub replicas: Recent<i64>,
}

impl Default for RolloutHistory {
    fn default() -> Self {
        Self {
            attempt: 0,
            aborted: None,
            adverse: BTreeMap::new(),
            passed: BTreeSet::new(),
            background: false,
            overrides: Overrides::default(),
            orders: Vec::new(),
            replicas: Recent::new(0),
        }
    }
}

/// The pauses of a Rollout, each as reason and start.
pub fn pauses(rollout: &Value) -> Vec<(String, String)> {
    let pair = |pause: &Value| (text(pause, "/reason").to_owned(), text(pause, "/startTime").to_owned());
    list(rollout, "/status/pauseConditions").iter().map(pair).collect()
}

/// The current step; 0 when there is none.
pub fn step(rollout: &Value) -> i64 {
    number(rollout, "/status/currentStepIndex").unwrap_or_default()
}

/// Says whether the desired revision is the stable one.
pub fn promoted(rollout: &Value) -> bool {
    let stable = text(rollout, "/status/stableRS");
    !stable.is_empty() && stable == text(rollout, "/status/currentPodHash")
}

/// Says whether a write begins another revision or another list of steps.
pub fn restarted(before: &Value, after: &Value) -> bool {
    let differs = |pointer: &str| text(before, pointer) != text(after, pointer);
    differs("/status/currentPodHash") || differs("/status/currentStepHash")
}

impl RolloutHistory {
    /// Takes in a write to the Rollout itself.
    pub fn tell(&mut self, at: Timestamp, ours: bool, before: Option<&Value>, after: Option<&Value>) {
        let Some(after) = after else {
            *self = Self { attempt: self.attempt + 1, ..Self::default() };
            return;
        };
        self.replicas.set(at, replicas(after));
        let nothing = Value::Null;
        let before = before.unwrap_or(&nothing);
        let (was, is) = (flag(before, "/status/abort"), flag(after, "/status/abort"));
        if restarted(before, after) || (was && !is) {
            self.begin_again();
        }
        if is && self.aborted.is_none() && !promoted(after) {
            self.aborted = Some(at);
        }
        if ours {
            self.orders.clear();
        } else if !before.is_null() {
            self.hear(before, after);
        }
    }

    fn begin_again(&mut self) {
        self.attempt += 1;
        self.aborted = None;
        self.adverse.clear();
        self.passed.clear();
        self.background = false;
        self.overrides = Overrides::default();
    }

    fn hear(&mut self, before: &Value, after: &Value) {
        let (was, is) = (|at: &str| flag(before, at), |at: &str| flag(after, at));
        if was("/status/abort") != is("/status/abort") {
            self.orders.retain(|order| !matches!(order, Order::Abort | Order::Retry));
            self.orders.push(if is("/status/abort") { Order::Abort } else { Order::Retry });
        }
        if !was("/spec/paused") && is("/spec/paused") {
            self.orders.push(Order::Pause);
        }
        if !was("/status/promoteFull") && is("/status/promoteFull") {
            self.orders.push(Order::PromoteFull);
            self.overrides.all = true;
        }
        let cleared: Vec<_> = pauses(before).into_iter().filter(|one| !pauses(after).contains(one)).collect();
        if !cleared.is_empty() {
            self.orders.push(Order::Resume(cleared));
            self.adverse.retain(|_, adverse| adverse.phase != "Inconclusive");
        }
        let (from, to) = (step(before), step(after));
        if from != to {
            self.orders.push(Order::Skip { from, to });
            self.overrides.steps.extend(from..to);
            self.adverse.clear();
        }
    }

    /// Takes in the state of an analysis run of this attempt.
    pub fn judge(&mut self, at: Timestamp, name: &str, run: &Value) {
        let phase = text(run, "/status/phase");
        let background = label(run, "rollout-type") == "Background";
        let ended = flag(run, "/spec/terminate");
        let measured = measured(run);
        match phase {
            "Failed" | "Error" => {}
            "Inconclusive" if !ended => {}
            "Successful" if measured && !background => {
                self.passed.extend(label(run, "step-index").parse::<i64>().ok());
                return;
            }
            _ => {
                self.background |= background && measured;
                return;
            }
        }
        let adverse = || Adverse { at, phase: phase.to_owned(), background };
        self.adverse.entry(name.to_owned()).or_insert_with(adverse);
    }
}

/// Whether a run has measured what was required of it: something good of a metric that counts; where all of them are a dry
/// run, nothing more was asked for than that they are tried.
fn measured(run: &Value) -> bool {
    let results = list(run, "/status/metricResults");
    let dry = |metric: &&Value| flag(metric, "/dryRun");
    let good = |metric: &Value| number(metric, "/successful").unwrap_or_default() > 0;
    let tried = |metric: &Value| !list(metric, "/measurements").is_empty();
    let counts: Vec<&Value> = results.iter().filter(|metric| !dry(metric)).collect();
    if counts.is_empty() { results.iter().any(tried) } else { counts.into_iter().any(good) }
}
