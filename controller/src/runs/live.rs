//! Verdicts in memory, for those who cannot wait until they are stored.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serin_crds::names::AnalysisPhase;

use crate::runtime::key::Key;

/// How a run stands, as we ourselves have found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it stands.
    pub phase: AnalysisPhase,
    /// Why.
    pub message: Option<String>,
    /// How many measurements were judged, without those of metrics that do not count.
    pub evidence: usize,
    /// Whether the API server has stored it.
    pub stored: bool,
}

impl Verdict {
    /// The phase that others may act on: a success that is not stored yet is still under way.
    ///
    /// It stands whatever the API server says of the run meanwhile.
    pub fn standing(&self) -> AnalysisPhase {
        if self.phase == AnalysisPhase::Successful && !self.stored { AnalysisPhase::Running } else { self.phase }
    }

    /// Whether it ends the run and somebody has to act on it now: a bad one at once, a good one when it is stored.
    fn calls(&self) -> bool {
        self.standing().is_terminal()
    }
}

type Listener = Arc<dyn Fn(&Key) + Send + Sync>;

/// The verdicts of all runs that this process has looked after, by uid.
///
/// It takes precedence over what the API server says of the same run: a status that somebody else wrote does not
/// count. A run that is not here has been looked after by an earlier process, and its status is all there is.
#[derive(Clone)]
pub struct LiveVerdicts {
    verdicts: Arc<Mutex<BTreeMap<Arc<str>, Verdict>>>,
    on_verdict: Listener,
}

impl LiveVerdicts {
    /// An empty board.
    ///
    /// `on_verdict` is called with the Rollout of a run as soon as there is something to act on: when a breach has
    /// been assessed, before it is written; when a success has been stored. It must not block.
    pub fn new(on_verdict: impl Fn(&Key) + Send + Sync + 'static) -> Self {
        Self { verdicts: Arc::default(), on_verdict: Arc::new(on_verdict) }
    }

    /// How the run of this uid stands, if this process looks or has looked after it.
    pub fn get(&self, uid: &str) -> Option<Verdict> {
        self.lock().get(uid).cloned()
    }

    /// How many verdicts are here.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is no verdict here.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shows how a run stands, and calls whoever has to act on it.
    pub(super) fn publish(&self, uid: &Arc<str>, rollout: Option<&Key>, verdict: Verdict) {
        let calls = verdict.calls();
        let called_before = {
            let mut verdicts = self.lock();
            let before = verdicts.insert(uid.clone(), verdict);
            before.is_some_and(|before| before.calls())
        };
        if let Some(rollout) = rollout.filter(|_| calls && !called_before) {
            (self.on_verdict)(rollout);
        }
    }

    /// Forgets a run that is no more.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<str>, Verdict>> {
        // Every change is one insert or remove, so the map is whole even after a panic.
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for LiveVerdicts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveVerdicts").field("verdicts", &self.len()).finish_non_exhaustive()
    }
}
