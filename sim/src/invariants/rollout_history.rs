//! What has to be remembered of one Rollout beyond its present state: attempts, verdicts, orders of people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde_json::Value;

use super::{
    WriteRecord,
    recent::Recent,
    view::{flag, label, list, number, replicas, text},
};

/// A verdict that speaks against a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Adverse {
    /// When it was written.
    pub at: Timestamp,
    /// `Failed`, `Error` or `Inconclusive`.
    pub phase: String,
}

/// An abort that is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Abort {
    /// When it was written.
    pub at: Timestamp,
    /// The version of the Rollout that says so.
    pub version: u64,
    /// Whether we wrote it ourselves.
    pub ours: bool,
}

/// What one analysis run has measured, counted by what we wrote: what others write into it is no measurement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// Successful measurements of metrics that count.
    pub successful: i64,
    /// All measurements, those of dry runs included.
    pub all: i64,
}

/// A pause step, from when it was durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pause {
    /// The step.
    pub step: i64,
    /// Since when.
    pub since: Timestamp,
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
    /// The pause of this step was ended.
    pub resumed: Option<i64>,
}

/// What has to be remembered of one Rollout.
#[derive(Debug, Clone)]
pub struct RolloutHistory {
    /// Counts revisions, changed step lists and retries.
    pub attempt: u64,
    /// Since when an abort of this attempt is durable.
    pub aborted: Option<Abort>,
    /// Verdicts of this attempt against the revision, by run.
    pub adverse: BTreeMap<String, Adverse>,
    /// Steps whose analysis ended well, on at least one measurement.
    pub passed: BTreeSet<i64>,
    /// Whether the background analysis has measured something good.
    pub background: bool,
    /// What the runs of this attempt have measured.
    pub measured: BTreeMap<String, Measured>,
    /// Runs that a person has waived by promoting fully while they went on.
    pub waived: BTreeSet<String>,
    /// The pause step that the release stands at, once it is durable.
    pub pause: Option<Pause>,
    /// Every revision that was stable at some time.
    pub stables: BTreeSet<String>,
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
            measured: BTreeMap::new(),
            waived: BTreeSet::new(),
            pause: None,
            stables: BTreeSet::new(),
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

/// Says whether a pause that a step asks for is among the pauses of a Rollout.
fn stands(rollout: &Value) -> bool {
    pauses(rollout).iter().any(|(reason, _)| reason == "CanaryPauseStep")
}

impl RolloutHistory {
    /// Takes in a write to the Rollout itself.
    pub fn tell(&mut self, write: &WriteRecord, ours: bool, before: Option<&Value>, after: Option<&Value>) {
        let Some(after) = after else {
            *self = Self { attempt: self.attempt + 1, ..Self::default() };
            return;
        };
        let at = write.at;
        self.replicas.set(write.version(), at, replicas(after));
        let nothing = Value::Null;
        let before = before.unwrap_or(&nothing);
        let (was, is) = (flag(before, "/status/abort"), flag(after, "/status/abort"));
        // A full promotion takes an abort back too, and goes on with the same attempt.
        if restarted(before, after) || (was && !is && !flag(before, "/status/promoteFull")) {
            self.begin_again();
        }
        if is && self.aborted.is_none() && !promoted(after) {
            self.aborted = Some(Abort { at, version: write.version(), ours });
        }
        self.stables.extend(Some(text(after, "/status/stableRS")).filter(|hash| !hash.is_empty()).map(str::to_owned));
        if self.pause.is_some_and(|pause| pause.step != step(after)) {
            self.pause = None;
        }
        if stands(after) && self.pause.is_none() {
            self.pause = Some(Pause { step: step(after), since: at });
        }
        if !ours && !before.is_null() {
            self.hear(before, after);
        } else if ours && write.touches("status") {
            self.orders.clear();
        }
    }

    fn begin_again(&mut self) {
        self.attempt += 1;
        self.aborted = None;
        self.adverse.clear();
        self.passed.clear();
        self.background = false;
        self.measured.clear();
        self.waived.clear();
        self.pause = None;
        self.overrides = Overrides::default();
    }

    fn hear(&mut self, before: &Value, after: &Value) {
        let (was, is) = (|at: &str| flag(before, at), |at: &str| flag(after, at));
        if was("/status/abort") != is("/status/abort") {
            self.orders.retain(|order| !matches!(order, Order::Abort | Order::Retry | Order::PromoteFull));
            self.orders.push(if is("/status/abort") { Order::Abort } else { Order::Retry });
        }
        if !was("/spec/paused") && is("/spec/paused") {
            self.orders.push(Order::Pause);
        }
        if !was("/status/promoteFull") && is("/status/promoteFull") {
            self.orders.retain(|order| !matches!(order, Order::Abort));
            self.orders.push(Order::PromoteFull);
            // What spoke against the revision until now is waived; what comes from now on counts.
            self.overrides.all = true;
            self.aborted = None;
            self.adverse.clear();
            self.waived.extend(self.measured.keys().cloned());
        }
        let cleared: Vec<_> = pauses(before).into_iter().filter(|one| !pauses(after).contains(one)).collect();
        if !cleared.is_empty() {
            self.orders.push(Order::Resume(cleared));
            self.overrides.resumed = Some(step(before));
            self.adverse.retain(|_, adverse| adverse.phase != "Inconclusive");
        }
        let (from, to) = (step(before), step(after));
        if from != to {
            self.orders.push(Order::Skip { from, to });
            self.overrides.steps.extend(from..to);
            self.adverse.clear();
        }
    }

    /// Takes in what we wrote into an analysis run of this attempt.
    pub fn judge(&mut self, write: &WriteRecord, before: Option<&Value>, run: &Value) {
        let name = &write.key.name;
        let measured = self.measured.entry(name.clone()).or_default();
        measured.add(before, run);
        let good = measured.successful > 0 || (only_dry(run) && measured.all > 0);
        let phase = text(run, "/status/phase");
        let background = label(run, "rollout-type") == "Background";
        let ended = flag(run, "/spec/terminate");
        match phase {
            "Failed" | "Error" => {}
            "Inconclusive" if !ended => {}
            "Successful" if good && !background => {
                self.passed.extend(label(run, "step-index").parse::<i64>().ok());
                return;
            }
            _ => {
                self.background |= background && good;
                return;
            }
        }
        if !self.waived.contains(name) {
            let adverse = || Adverse { at: write.at, phase: phase.to_owned() };
            self.adverse.entry(name.clone()).or_insert_with(adverse);
        }
    }
}

impl Measured {
    /// Counts what a write has added to the results of a run.
    fn add(&mut self, before: Option<&Value>, after: &Value) {
        for metric in list(after, "/status/metricResults") {
            let nothing = Value::Null;
            let old = before.map(|run| list(run, "/status/metricResults")).unwrap_or_default();
            let old = old.iter().find(|old| text(old, "/name") == text(metric, "/name")).unwrap_or(&nothing);
            let grown = |field: &str| {
                let count = |metric: &Value| number(metric, field).unwrap_or_default();
                (count(metric) - count(old)).max(0)
            };
            if !flag(metric, "/dryRun") {
                self.successful += grown("/successful");
            }
            self.all += grown("/count").max(grown("/successful"));
        }
    }
}

/// Says whether every metric of a run is a dry run: then nothing was to be proved.
fn only_dry(run: &Value) -> bool {
    let results = list(run, "/status/metricResults");
    let all = results.len() >= list(run, "/spec/metrics").len().max(1);
    all && results.iter().all(|metric| flag(metric, "/dryRun"))
}
