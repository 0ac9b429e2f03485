//! The actor of one run: waits, asks, assesses, writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use serin_analysis::run::{self, Due, Notice, Recorded, Run};
use serin_crds::analysis::{AnalysisRunSpec, AnalysisRunStatus};
use serin_crds::names::EventReason;
use tokio::sync::watch;

use super::measure::{self, Landed, Outcome};
use super::policy::{self, Urgency};
use super::write::{self, Answer};
use super::{RunContext, Sighted, Told, Verdict};
use crate::runtime::store::newer;

/// How long to wait before asking again whether writes may be sent.
const GATE: SignedDuration = SignedDuration::from_millis(500);

/// How many times a status that somebody else wrote is put right at once; after that in batches.
const PATIENCE: u32 = 3;

/// How long nothing was written when former forgeries are forgiven.
const CALM: SignedDuration = SignedDuration::from_mins(5);

/// The actor of one run.
pub(super) struct Actor {
    context: RunContext,
    seen: Sighted,
    course: Course,
    status: AnalysisRunStatus,
    stored: Stored,
    flights: FuturesUnordered<BoxFuture<'static, Landed>>,
    flying: BTreeSet<usize>,
    writing: Option<BoxFuture<'static, Answer>>,
    warned: BTreeSet<String>,
}

/// What the spec asks for.
struct Course {
    spec: Arc<AnalysisRunSpec>,
    run: Run,
    /// Why the run cannot go on, whatever the spec asks for.
    fault: Option<String>,
}

/// What the API server has of our status, and how writing it goes.
struct Stored {
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
    /// Whether the run is no more.
    gone: bool,
}

impl Course {
    fn of(seen: &Sighted) -> Self {
        let (spec, fault) = match seen.read_spec() {
            Ok(spec) => (spec, None),
            Err(why) => (AnalysisRunSpec::default(), Some(format!("Analysis spec invalid: {why}"))),
        };
        let run = Run::new(&spec, run::spread_of(&seen.uid));
        Self { spec: Arc::new(spec), run, fault }
    }
}

impl Actor {
    /// An actor that goes on from what was seen.
    pub(super) fn new(context: RunContext, seen: Sighted) -> Self {
        let status = seen.read_status();
        let stored = Stored {
            json: seen.status.clone(),
            status: status.clone(),
            sent: None,
            at: None,
            failures: 0,
            not_before: None,
            forgeries: 0,
            forged: false,
            gone: false,
        };
        Self {
            context,
            course: Course::of(&seen),
            seen,
            status,
            stored,
            flights: FuturesUnordered::new(),
            flying: BTreeSet::new(),
            writing: None,
            warned: BTreeSet::new(),
        }
    }

    /// Makes the run end instead of going on.
    pub(super) fn give_up(&mut self, why: &str) {
        self.course.fault = Some(why.to_owned());
    }

    /// Lives until the run has ended and its end is stored, it is no more, or nobody listens.
    ///
    /// # Guarantees
    /// Cancelling this at any point leaves nothing half done: every write is one request.
    pub(super) async fn live(mut self, letters: &mut watch::Receiver<Sighted>) {
        self.wait_for_its_place().await;
        loop {
            let wake = self.turn();
            if self.stored.gone {
                return;
            }
            if self.is_over() {
                return self.outlive(letters).await;
            }
            let clock = self.context.clock.clone();
            let sleep = OptionFuture::from(wake.map(|at| clock.sleep_until(at)));
            tokio::select! {
                changed = letters.changed() => match changed {
                    Ok(()) => {
                        let seen = letters.borrow_and_update().clone();
                        self.sight(seen);
                    }
                    Err(_) => return,
                },
                Some(landed) = self.flights.next() => self.land(landed),
                Some(answer) = OptionFuture::from(self.writing.as_mut()) => self.answered(answer),
                Some(()) = sleep => {}
            }
        }
    }

    /// A run that is taken over waits up to half a second, so that all runs after a restart don't ask at once.
    async fn wait_for_its_place(&mut self) {
        let measured = self.status.metric_results.iter().any(|result| !result.measurements.is_empty());
        if measured && !self.status.phase.is_terminal() {
            let spread = SignedDuration::try_from(run::spread_of(&self.seen.uid)).unwrap_or_default();
            self.context.clock.sleep_until(later(self.context.clock.now(), spread)).await;
        }
    }

    /// Begins whatever is due, and says when to look again.
    fn turn(&mut self) -> Option<Timestamp> {
        let now = self.context.clock.now();
        if let Some(why) = self.course.fault.clone().filter(|_| !self.status.phase.is_terminal()) {
            let ended = self.course.run.fail(&self.status, &why, now);
            self.accept(ended);
        }
        let run::Turn { due, wake, status, notices } = self.course.run.plan(&self.status, &self.flying, now);
        self.accept(Recorded { status, notices });
        for due in due {
            self.fly(due);
        }
        earliest(wake, self.start_write(now))
    }

    fn fly(&mut self, due: Due) {
        self.flying.insert(due.metric);
        let namespace = self.seen.key.namespace().into();
        let flight = measure::measure(self.context.clone(), namespace, self.course.spec.clone(), due);
        self.flights.push(flight.boxed());
    }

    /// Assesses one measurement without waiting for its siblings.
    fn land(&mut self, landed: Landed) {
        let now = self.context.clock.now();
        self.flying.remove(&landed.metric);
        let recorded = match landed.outcome {
            Outcome::Taken(taken) => self.course.run.record(&self.status, vec![taken], now),
            Outcome::Unresolved(why) => self.course.run.fail_arguments(&self.status, &why, now),
        };
        self.accept(recorded);
    }

    /// Takes over a new status: shows it, and tells what is to be told, before anything is written.
    fn accept(&mut self, recorded: Recorded) {
        let Recorded { status, notices } = recorded;
        self.status = status;
        if self.status.phase.is_terminal() {
            self.flights.clear();
            self.flying.clear();
        }
        self.show();
        for notice in notices {
            self.tell(notice);
        }
    }

    fn tell(&mut self, notice: Notice) {
        let is_warning = notice.reason == EventReason::AnalysisRunWarning;
        if is_warning && !self.warned.insert(notice.message.clone()) {
            return;
        }
        let Sighted { key, uid, rollout, .. } = &self.seen;
        (self.context.tell)(Told { run: key.clone(), uid: uid.clone(), rollout: rollout.clone(), notice });
    }

    fn show(&self) {
        let AnalysisRunStatus { phase, message, .. } = &self.status;
        let verdict = Verdict {
            phase: *phase,
            message: message.clone(),
            evidence: run::evidence(&self.status),
            stored: phase.is_terminal() && self.stored.status.phase == *phase,
        };
        self.context.verdicts.publish(&self.seen.uid, self.seen.rollout.as_ref(), verdict);
    }

    fn is_over(&self) -> bool {
        let is_stored = self.stored.status == self.status && !self.stored.forged;
        self.status.phase.is_terminal() && is_stored && self.writing.is_none()
    }

    /// Begins a write if one is due; else says when one will be.
    fn start_write(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.writing.is_some() {
            return None;
        }
        let stored = &self.stored;
        let at = match policy::urgency(&stored.status, &self.status, stored.at) {
            _ if stored.forged && stored.forgeries <= PATIENCE => now,
            Urgency::None if stored.forged => policy::next_batch(stored.at, now),
            Urgency::None => return None,
            Urgency::Now => now,
            Urgency::At(at) => at,
        };
        let at = stored.not_before.map_or(at, |not_before| at.max(not_before));
        if at > now {
            return Some(at);
        }
        if !(self.context.gate)() {
            return Some(later(now, GATE));
        }
        let json = serde_json::to_value(&self.status).unwrap_or_default();
        let patch = write::status_patch(&self.seen.status, &json);
        self.stored.sent = Some(self.status.clone());
        self.writing = Some(write::write(self.context.client.clone(), self.seen.clone(), patch).boxed());
        None
    }

    fn answered(&mut self, answer: Answer) {
        self.writing = None;
        let now = self.context.clock.now();
        let sent = self.stored.sent.take();
        match answer {
            Answer::Written(object) => self.is_stored(object, sent, now),
            Answer::Stale(object) if sent.as_ref() == Some(&object.read_status()) => self.is_stored(object, sent, now),
            Answer::Stale(object) => {
                self.failed(now);
                self.sight(object);
            }
            Answer::Gone => self.stored.gone = true,
            Answer::Failed(why) => {
                self.failed(now);
                let failures = self.stored.failures;
                tracing::warn!(run = %self.seen.key, failures, "could not write the status of an analysis run: {why}");
            }
        }
    }

    fn is_stored(&mut self, object: Sighted, sent: Option<AnalysisRunStatus>, now: Timestamp) {
        let Self { stored, .. } = self;
        if stored.at.is_some_and(|at| now.duration_since(at) > CALM) {
            stored.forgeries = 0;
        }
        stored.json = object.status.clone();
        stored.status = sent.unwrap_or_else(|| object.read_status());
        stored.at = Some(now);
        stored.failures = 0;
        stored.not_before = None;
        stored.forged = false;
        self.sight(object);
        self.show();
    }

    fn failed(&mut self, now: Timestamp) {
        let stored = &mut self.stored;
        stored.failures = stored.failures.saturating_add(1);
        // The first conflict costs nothing: what was read again is fresh.
        let wait = stored.failures.saturating_sub(1);
        stored.not_before = (wait > 0).then(|| later(now, policy::backoff(wait)));
    }

    /// Takes in what was seen of the run; a status that somebody else wrote is not believed.
    fn sight(&mut self, seen: Sighted) {
        if newer(&self.seen.version, &seen.version) {
            return;
        }
        if seen.leaving {
            self.stored.gone = true;
        }
        if seen.spec != self.seen.spec {
            let course = Course::of(&seen);
            let same = course.spec.metrics == self.course.spec.metrics && course.spec.args == self.course.spec.args;
            if !same {
                self.flights.clear();
                self.flying.clear();
            }
            let fault = self.course.fault.take();
            self.course = Course { fault: course.fault.or(fault), ..course };
        }
        if seen.status != self.stored.json {
            self.suspect(&seen);
        }
        self.seen = seen;
    }

    fn suspect(&mut self, seen: &Sighted) {
        let stored = &mut self.stored;
        if seen.read_status() == stored.status || stored.sent.as_ref() == Some(&seen.read_status()) {
            stored.json = seen.status.clone();
            return;
        }
        stored.forged = true;
        stored.forgeries = stored.forgeries.saturating_add(1);
        tracing::warn!(run = %seen.key, "somebody else wrote the status of an analysis run; it is put right");
    }

    /// Deletes the ended run when its time to live is over, if it has one.
    async fn outlive(self, letters: &mut watch::Receiver<Sighted>) {
        let mut seen = self.seen;
        let mut not_before = None;
        loop {
            let spec = seen.read_spec().unwrap_or_default();
            let Some(at) = run::expires_at(&spec, &self.status) else { return };
            let at = not_before.map_or(at, |not_before| at.max(not_before));
            tokio::select! {
                changed = letters.changed() => match changed {
                    Ok(()) => seen = letters.borrow_and_update().clone(),
                    Err(_) => return,
                },
                () = self.context.clock.sleep_until(at) => {
                    if (self.context.gate)() {
                        match write::delete(&self.context.client, &seen).await {
                            Ok(()) => return,
                            Err(why) => tracing::warn!(run = %seen.key, "could not delete an analysis run: {why}"),
                        }
                    }
                    not_before = Some(later(self.context.clock.now(), policy::backoff(u32::MAX)));
                }
            }
        }
    }
}

fn later(instant: Timestamp, by: SignedDuration) -> Timestamp {
    instant.saturating_add(by).unwrap_or(instant)
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
