//! Meters: what turns tell to whoever scrapes. Reads what a turn has seen and written; decides nothing.

mod update_durations;

use std::sync::Arc;
use std::time::Duration;

use serin_crds::names::{AnalysisPhase, EventReason};

use self::update_durations::UpdateDurations;
use crate::core::plan::{Effect, Move, Plan, Way};
use crate::core::snapshot::Snapshot;
use crate::core::weight::Weight;
use crate::runtime::key::Key;
use crate::runtime::metrics::Registry;
use crate::runtime::metrics::standard::Standard;

/// What the names of metrics about one Rollout begin with.
const ROLLOUTS: &str = "rollout_";
/// What the names of metrics about one `AnalysisRun` begin with.
const RUNS: &str = "analysis_run_";

/// Where turns tell what they did.
#[derive(Clone)]
pub struct Meters {
    /// The metrics that the controller counts itself.
    pub standard: Standard,
    registry: Registry,
    durations: Arc<UpdateDurations>,
}

impl Meters {
    /// Meters that are scraped from `registry`.
    pub fn new(registry: &Registry) -> Self {
        Self { standard: Standard::new(registry), registry: registry.clone(), durations: Arc::default() }
    }

    /// Takes in what a turn sees.
    pub(crate) fn seen(&self, s: &Snapshot) {
        if let Some(route) = s.route() {
            self.weigh(s, route.exposure.share());
        }
        let durations = &self.standard.durations;
        for arrival in self.durations.look(s) {
            let (labels, held) = ([arrival.status.as_str()], arrival.held.as_secs_f64());
            durations.whole.observe(&labels, arrival.whole.as_secs_f64());
            durations.progression.observe(&labels, arrival.whole.as_secs_f64() - held);
            durations.manual_pause.observe(&labels, held);
        }
    }

    /// Takes in that the effects of a plan were carried out, so long after it was decided.
    pub(crate) fn acted(&self, s: &Snapshot, plan: &Plan, took: Duration) {
        for effect in &plan.effects {
            let Effect::Move(Move { to, way, .. }) = effect else { continue };
            self.weigh(s, *to);
            if matches!(way, Way::Abort { .. }) && *to == Weight::ZERO {
                self.standard.abort_seconds.observe(&[], took.as_secs_f64());
            }
        }
        if plan.notes.iter().any(|note| note.reason == EventReason::TrafficDriftCorrected) {
            let writer = s.route().and_then(|route| route.writer.as_ref()).map_or("", |(writer, _)| writer.as_str());
            self.standard.drift.inc(&[&s.id.namespace, &s.id.name, writer]);
        }
    }

    /// Takes in that the API server refused a write for a Rollout.
    pub(crate) fn refused(&self, s: &Snapshot) {
        self.standard.refused.inc(&[&s.id.namespace, &s.id.name]);
    }

    /// Takes in that the record of a plan is stored.
    pub(crate) fn recorded(&self, s: &Snapshot, plan: &Plan) {
        if s.status.aborted_at.is_none() && plan.record.aborted_at.is_some() {
            self.standard.aborts.inc(&[&s.id.namespace, &s.id.name, cause(s)]);
        }
    }

    /// Takes in that a Rollout is there.
    pub(crate) fn came(&self, key: &Key) {
        self.registry.return_of(ROLLOUTS, key);
    }

    /// Takes in that a Rollout is gone; its series go after a while.
    pub(crate) fn gone(&self, key: &Key, uid: &str) {
        self.registry.depart(ROLLOUTS, key);
        self.durations.forget(uid);
    }

    /// Takes in that an `AnalysisRun` has ended; its series go after a while.
    pub(crate) fn run_ended(&self, key: &Key) {
        self.registry.end(RUNS, key);
    }

    /// Takes in that an `AnalysisRun` is gone.
    pub(crate) fn run_gone(&self, key: &Key) {
        self.registry.depart(RUNS, key);
    }

    #[allow(clippy::cast_precision_loss, reason = "a percentage")]
    fn weigh(&self, s: &Snapshot, weight: Weight) {
        self.standard.canary_weight.set(&[&s.id.namespace, &s.id.name], weight.percent() as f64);
    }
}

/// What decided an abort.
fn cause(s: &Snapshot) -> &'static str {
    let failed = |phase| matches!(phase, AnalysisPhase::Failed | AnalysisPhase::Error);
    if s.status.abort {
        "person"
    } else if [s.step_run(), s.background_run()].into_iter().flatten().any(|run| failed(run.phase)) {
        "analysis"
    } else if s.route().is_some_and(|route| route.aborted.is_some()) {
        // An abort that a crash has cut off, found again on the route.
        "resumed"
    } else {
        "deadline"
    }
}
