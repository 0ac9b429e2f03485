//! The actor of one run: waits, asks, assesses, writes.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt, OptionFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use jiff::{SignedDuration, Timestamp};
use serin_analysis::run::{self, DroppedMeasurement, Due, Notice, Recorded, Run};
use serin_crds::analysis::{AnalysisRunSpec, AnalysisRunStatus};
use serin_crds::names::EventReason;
use tokio::sync::watch;

use super::measure::{self, Completed, Outcome, Subject, Task};
use super::persisted::PersistedStatus;
use super::policy;
use super::write::{self, Answer};
use super::{ObservedRun, RunContext, Told, Verdict};
use crate::runtime::queue::Ended;
use crate::runtime::store::newer;

/// How long to wait before asking again whether writes may be sent.
const GATE: SignedDuration = SignedDuration::from_millis(500);

/// The actor of one run.
pub(super) struct Actor {
    context: RunContext,
    seen: ObservedRun,
    course: Course,
    status: AnalysisRunStatus,
    persisted: PersistedStatus,
    in_flight: InFlight,
    cleaning: FuturesUnordered<BoxFuture<'static, ()>>,
    writing: Option<BoxFuture<'static, Answer>>,
    warned: BTreeSet<String>,
}

/// The measurements that are being made.
#[derive(Default)]
struct InFlight {
    answers: FuturesUnordered<BoxFuture<'static, Completed>>,
    metrics: BTreeSet<usize>,
}

impl InFlight {
    fn clear(&mut self) {
        self.answers.clear();
        self.metrics.clear();
    }
}

/// What the spec asks for.
struct Course {
    spec: Arc<AnalysisRunSpec>,
    run: Run,
    /// Why the run cannot go on, whatever the spec asks for; it ends when nothing is in flight any more.
    fault: Option<String>,
}

impl Course {
    fn of(seen: &ObservedRun) -> Self {
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
    pub(super) fn new(context: RunContext, seen: ObservedRun) -> Self {
        Self {
            context,
            course: Course::of(&seen),
            status: seen.read_status(),
            persisted: PersistedStatus::of(&seen),
            seen,
            in_flight: InFlight::default(),
            cleaning: FuturesUnordered::new(),
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
    pub(super) async fn live(mut self, updates: &mut watch::Receiver<ObservedRun>) {
        self.wait_for_its_place().await;
        loop {
            let begun = self.context.clock.monotonic();
            let wake = self.turn();
            self.context.turns.observe(&self.seen.key, begun.elapsed(), &Ended::Well);
            if self.seen.leaving {
                return;
            }
            if self.is_over() {
                return self.outlive(updates).await;
            }
            let clock = self.context.clock.clone();
            let sleep = OptionFuture::from(wake.map(|at| clock.sleep_until(at)));
            // In this order where several are ready, so that the same events make the same run: an answer, since it may
            // be a breach, before an order to end; the answer to our own write before sights that it explains.
            tokio::select! {
                biased;
                Some(completed) = self.in_flight.answers.next() => self.complete(completed),
                Some(answer) = OptionFuture::from(self.writing.as_mut()) => self.answered(answer),
                changed = updates.changed() => match changed {
                    Ok(()) => {
                        let seen = updates.borrow_and_update().clone();
                        self.sight(seen);
                    }
                    Err(_) => return,
                },
                Some(()) = sleep => {}
                Some(()) = self.cleaning.next() => {}
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
            if !self.in_flight.metrics.is_empty() && !self.course.spec.terminate {
                // What is in flight may bring a breach, which outranks the fault.
                return self.start_write(now);
            }
            let ended = self.course.run.fail(&self.status, &why, now);
            self.accept(ended);
        }
        let run::Turn { due, wake, status, notices } = self.course.run.plan(&self.status, &self.in_flight.metrics, now);
        self.accept(Recorded { status, notices, dropped: Vec::new() });
        for due in due {
            self.start(due);
        }
        earliest(wake, self.start_write(now))
    }

    fn start(&mut self, due: Due) {
        let Some(metric) = self.course.spec.metrics.get(due.metric) else { return };
        self.in_flight.metrics.insert(due.metric);
        let (nth, begun) = (run::next_nth(&self.status, &metric.name), run::begun(&self.status, &metric.name));
        let flight = measure::measure(self.context.clone(), self.subject(), Task { due, nth, begun });
        self.in_flight.answers.push(flight.boxed());
    }

    fn subject(&self) -> Subject {
        Subject { key: self.seen.key.clone(), uid: self.seen.uid.clone(), spec: self.course.spec.clone() }
    }

    /// Begins to remove what samples left behind that are no longer kept.
    fn clean_up(&mut self, dropped: Vec<DroppedMeasurement>) {
        for dropped in dropped {
            let resolved = self.course.run.resolved().ok();
            let Some(metric) = resolved.and_then(|resolved| resolved.metrics.get(dropped.metric)) else { continue };
            let cleaning = measure::clean_up(self.context.clone(), self.subject(), metric.metric.clone(), dropped);
            self.cleaning.push(cleaning.boxed());
        }
    }

    /// The samples that nobody waits for once the run has ended as in `next`: those that are begun, and those in flight.
    fn abandoned(&self, next: &AnalysisRunStatus) -> Vec<DroppedMeasurement> {
        let metrics = self.course.spec.metrics.iter().enumerate();
        let open = metrics.filter_map(|(index, metric)| {
            let (begun, nth) = (run::begun(&self.status, &metric.name), run::next_nth(&self.status, &metric.name));
            let is_open = (begun.is_some() && run::next_nth(next, &metric.name) == nth)
                || self.in_flight.metrics.contains(&index);
            is_open.then(|| DroppedMeasurement { metric: index, nth, at: None, begun: begun.unwrap_or_default() })
        });
        open.collect()
    }

    /// Assesses one measurement without waiting for its siblings.
    fn complete(&mut self, completed: Completed) {
        let now = self.context.clock.now();
        self.in_flight.metrics.remove(&completed.metric);
        match completed.outcome {
            Outcome::Judged(taken) => {
                let recorded = self.course.run.record(&self.status, vec![taken], now);
                self.accept(recorded);
            }
            Outcome::Begun(taken) => {
                let recorded = self.course.run.begin(&self.status, taken, now);
                self.accept(recorded);
            }
            Outcome::Unresolved(why) => self.course.fault = Some(run::unresolved(&why)),
        }
    }

    /// Takes over a new status: shows it, and tells what is to be told, before anything is written.
    fn accept(&mut self, recorded: Recorded) {
        let Recorded { status, notices, dropped } = recorded;
        let ends = status.phase.is_terminal() && !self.status.phase.is_terminal();
        let abandoned = if ends { self.abandoned(&status) } else { Vec::new() };
        self.status = status;
        if ends {
            self.in_flight.clear();
        }
        self.show();
        self.clean_up(dropped.into_iter().chain(abandoned).collect());
        for notice in notices {
            self.tell(notice);
        }
    }

    fn tell(&mut self, notice: Notice) {
        let is_warning = notice.reason == EventReason::AnalysisRunWarning;
        if is_warning && !self.warned.insert(notice.message.clone()) {
            return;
        }
        let ObservedRun { key, uid, rollout, .. } = &self.seen;
        (self.context.tell)(Told { run: key.clone(), uid: uid.clone(), rollout: rollout.clone(), notice });
    }

    fn show(&self) {
        let AnalysisRunStatus { phase, message, .. } = &self.status;
        let verdict = Verdict {
            phase: *phase,
            message: message.clone(),
            evidence: run::evidence(&self.status),
            stored: phase.is_terminal() && self.persisted.status().phase == *phase,
        };
        self.context.verdicts.publish(&self.seen.uid, self.seen.rollout.as_ref(), verdict);
    }

    fn is_over(&self) -> bool {
        let stored = self.persisted.holds(&self.status) && self.writing.is_none();
        self.status.phase.is_terminal() && stored && self.cleaning.is_empty()
    }

    /// Begins a write if one is due; else says when one will be.
    fn start_write(&mut self, now: Timestamp) -> Option<Timestamp> {
        if self.writing.is_some() {
            return None;
        }
        let at = self.persisted.due(&self.status, now)?;
        if at > now {
            return Some(at);
        }
        if !(self.context.gate)() {
            return Some(later(now, GATE));
        }
        let json = serde_json::to_value(&self.status).unwrap_or_default();
        let patch = write::status_patch(&self.seen.status, &json);
        self.persisted.sending(self.status.clone());
        let (client, seen, limiter) = (self.context.client.clone(), self.seen.clone(), self.context.limiter.clone());
        let writing = async move {
            let _turn = limiter.after(seen.key.namespace()).await;
            write::write(client, seen, patch).await
        };
        self.writing = Some(writing.boxed());
        None
    }

    fn answered(&mut self, answer: Answer) {
        self.writing = None;
        let now = self.context.clock.now();
        match answer {
            Answer::Written(object) => self.is_stored(object, now),
            Answer::Stale(object) if self.persisted.arrived(&object) => self.is_stored(object, now),
            Answer::Stale(object) => {
                self.persisted.failed(now);
                self.context.turns.failed(&self.seen.key);
                self.sight(object);
            }
            Answer::Gone => self.seen.leaving = true,
            Answer::Failed(why) => {
                self.persisted.failed(now);
                self.context.turns.failed(&self.seen.key);
                let failures = self.persisted.failures();
                tracing::warn!(run = %self.seen.key, failures, "could not write the status of an analysis run: {why}");
            }
        }
    }

    fn is_stored(&mut self, object: ObservedRun, now: Timestamp) {
        self.persisted.stored(&object, now);
        self.sight(object);
        self.show();
    }

    /// Takes in what was seen of the run; a status that somebody else wrote is not believed.
    fn sight(&mut self, seen: ObservedRun) {
        if seen.version == self.seen.version || newer(&self.seen.version, &seen.version) {
            return;
        }
        if seen.spec != self.seen.spec {
            let course = Course::of(&seen);
            let same = course.spec.metrics == self.course.spec.metrics && course.spec.args == self.course.spec.args;
            if !same {
                self.in_flight.clear();
            }
            let fault = self.course.fault.take();
            self.course = Course { fault: course.fault.or(fault), ..course };
        }
        if self.persisted.suspects(&seen) {
            tracing::warn!(run = %seen.key, "somebody else wrote the status of an analysis run; it is put right");
        }
        self.seen = seen;
    }

    /// Deletes the ended run when its time to live is over, if it has one.
    async fn outlive(self, updates: &mut watch::Receiver<ObservedRun>) {
        let mut seen = self.seen;
        let mut not_before = None;
        loop {
            let spec = seen.read_spec().unwrap_or_default();
            let Some(at) = run::expires_at(&spec, &self.status) else {
                return;
            };
            let at = not_before.map_or(at, |not_before| at.max(not_before));
            tokio::select! {
                biased;
                changed = updates.changed() => match changed {
                    Ok(()) => seen = updates.borrow_and_update().clone(),
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
