//! What the API server has of the status of a run, and how writing it goes.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serin_crds::analysis::AnalysisRunStatus;

use super::ObservedRun;
use super::policy::{self, Urgency};

/// How many times a status that somebody else wrote is put right at once; after that in batches.
const PATIENCE: u32 = 3;

/// How long nothing was written when former forgeries are forgiven.
const CALM: SignedDuration = SignedDuration::from_mins(5);

/// What the API server has of the status of a run, and how writing it goes. Pure.
pub(super) struct PersistedStatus {
    /// As the API server returned it.
    json: Value,
    /// As we sent it.
    status: AnalysisRunStatus,
    /// What is being sent.
    sent: Option<AnalysisRunStatus>,
    /// When the last write succeeded.
    at: Option<Timestamp>,
    /// Writes that failed in a row.
    failures: u32,
    /// Not to be tried before.
    not_before: Option<Timestamp>,
    /// How many times somebody else wrote the status.
    forgeries: u32,
    /// Whether what is stored now was written by somebody else.
    forged: bool,
}

impl PersistedStatus {
    /// The persisted of a run that we go on with: what is stored is believed.
    pub(super) fn of(seen: &ObservedRun) -> Self {
        Self {
            json: seen.status.clone(),
            status: seen.read_status(),
            sent: None,
            at: None,
            failures: 0,
            not_before: None,
            forgeries: 0,
            forged: false,
        }
    }

    /// What is stored, as we sent it.
    pub(super) fn status(&self) -> &AnalysisRunStatus {
        &self.status
    }

    /// How many writes failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether exactly this is stored.
    pub(super) fn holds(&self, status: &AnalysisRunStatus) -> bool {
        self.status == *status && !self.forged
    }

    /// When our status is to be written; none if it is stored.
    pub(super) fn due(&self, ours: &AnalysisRunStatus, now: Timestamp) -> Option<Timestamp> {
        let at = match policy::urgency(&self.status, ours, self.at) {
            _ if self.forged && self.forgeries <= PATIENCE => now,
            Urgency::None if self.forged => policy::next_batch(self.at, now),
            Urgency::None => return None,
            Urgency::Now => now,
            Urgency::At(at) => at,
        };
        Some(self.not_before.map_or(at, |not_before| at.max(not_before)))
    }

    /// Notes what is being sent.
    pub(super) fn sending(&mut self, status: AnalysisRunStatus) {
        self.sent = Some(status);
    }

    /// Whether this is what is being sent: the write arrived, although its answer did not.
    pub(super) fn arrived(&self, object: &ObservedRun) -> bool {
        self.sent.as_ref() == Some(&object.read_status())
    }

    /// Notes that what was sent is stored, as `object` shows it.
    pub(super) fn stored(&mut self, object: &ObservedRun, now: Timestamp) {
        if self.at.is_some_and(|at| now.duration_since(at) > CALM) {
            self.forgeries = 0;
        }
        self.json = object.status.clone();
        self.status = self.sent.take().unwrap_or_else(|| object.read_status());
        self.at = Some(now);
        self.failures = 0;
        self.not_before = None;
        self.forged = false;
    }

    /// Notes that nothing was written, or that nobody knows.
    pub(super) fn failed(&mut self, now: Timestamp) {
        self.sent = None;
        self.failures = self.failures.saturating_add(1);
        // The first conflict costs nothing: what was read again is fresh.
        let wait = self.failures.saturating_sub(1);
        self.not_before = (wait > 0).then(|| now.saturating_add(policy::backoff(wait)).unwrap_or(now));
    }

    /// Looks at a status that came by; true if somebody else wrote it.
    pub(super) fn suspects(&mut self, seen: &ObservedRun) -> bool {
        if seen.status == self.json {
            return false;
        }
        let status = seen.read_status();
        if status == self.status || self.sent.as_ref() == Some(&status) {
            self.json = seen.status.clone();
            return false;
        }
        self.forged = true;
        self.forgeries = self.forgeries.saturating_add(1);
        true
    }
}
