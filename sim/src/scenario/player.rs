//! Plays a scenario on a world: waits, acts, looks, and checks every write on the way.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{
    Action, Apply, Check, Entry, Observation, Scenario,
    action_runner::ActionRunner,
    frame::Frame,
    last_state::LastState,
    users::Users,
    world::{World, WorldError},
};
use crate::{
    felt::Felt,
    invariants::{Checker, Violation},
    transcript::{Recorder, Transcript},
};

/// What came of a scenario.
#[derive(Debug, Clone)]
pub struct Played {
    /// The scenario's name.
    pub name: String,
    /// What happened.
    pub transcript: Transcript,
    /// Promises that were broken.
    pub violations: Vec<Violation>,
    /// What users felt.
    pub felt: Felt,
    /// What is not as the scenario expects, one sentence each.
    pub failures: Vec<String>,
    /// What stands in the API server in the end.
    pub last: LastState,
}

impl Played {
    /// Says whether all is as it should be.
    pub fn passed(&self) -> bool {
        self.violations.is_empty() && self.failures.is_empty()
    }

    /// Everything that went wrong, a line each; empty when all is as it should be.
    pub fn report(&self) -> String {
        let violations = self.violations.iter().map(|violation| format!("broken promise: {violation}\n"));
        let failures = self.failures.iter().map(|failure| format!("{failure}\n"));
        violations.chain(failures).collect()
    }
}

/// Is told how the world looks, each time the player looks.
pub type Watcher<'a> = &'a mut dyn FnMut(&Frame<'_>);

/// Plays a scenario to its end.
///
/// # Errors
/// When the world itself fails. What the scenario's subject does wrong is no error but stands in [`Played`].
pub async fn play<W: World>(scenario: &Scenario, world: &mut W, watcher: Watcher<'_>) -> Result<Played, WorldError> {
    let mut player = Player::new(scenario, world, watcher);
    let end = player.play().await;
    if let Err(Stop::World(error)) = end {
        return Err(error);
    }
    Ok(player.finish(end.err()))
}

/// Why the story stops before its end.
enum Stop {
    /// The world failed.
    World(WorldError),
    /// Something didn't come about: the rest makes no sense.
    Unmet(String),
}

impl From<WorldError> for Stop {
    fn from(error: WorldError) -> Self {
        Self::World(error)
    }
}

/// A manifest that is applied again and again.
#[derive(Debug)]
struct Repeat {
    apply: Apply,
    next: Timestamp,
    end: Timestamp,
}

struct Player<'a, W: World> {
    scenario: &'a Scenario,
    world: &'a mut W,
    watcher: Watcher<'a>,
    checker: Checker,
    recorder: Recorder,
    users: Users<'a>,
    /// How the world looks.
    seen: Arc<Observation>,
    repeats: Vec<Repeat>,
    failures: Vec<String>,
}

impl<'a, W: World> Player<'a, W> {
    fn new(scenario: &'a Scenario, world: &'a mut W, watcher: Watcher<'a>) -> Self {
        let now = world.now();
        let checker = Checker::new(world.controller_user()).racing(world.race());
        Self {
            scenario,
            checker: if scenario.fair() { checker } else { checker.under_faults() },
            recorder: Recorder::new(now),
            users: Users::new(scenario, now),
            seen: Arc::default(),
            repeats: Vec::new(),
            failures: Vec::new(),
            world,
            watcher,
        }
    }

    async fn play(&mut self) -> Result<(), Stop> {
        let start = self.world.now();
        self.world.prepare(self.scenario).await?;
        for fault in &self.scenario.faults {
            self.recorder.deed(start, "world", fault.tell());
            self.world.fault(fault).await?;
        }
        self.world.start_controller().await?;
        ActionRunner::new(self.world).create(self.scenario).await?;
        self.look().await?;
        for (at, entry) in self.scenario.timeline.iter().enumerate() {
            self.entry(start, &format!("timeline[{at}]"), entry).await?;
        }
        let expect = &self.scenario.expect;
        self.wait_for(&expect.end, expect.within.duration(), "expect.end").await?;
        self.advance(self.world.now() + expect.hold.signed()).await?;
        self.check("expect.hold", &expect.end);
        if !expect.quiet.duration().is_zero() {
            // What was decided a moment ago is still told.
            self.advance(self.world.now() + super::Span::seconds(5).signed()).await?;
            self.checker.rest(self.world.now());
            self.advance(self.world.now() + expect.quiet.signed()).await?;
            self.check("expect.quiet", &expect.end);
        }
        Ok(())
    }

    async fn entry(&mut self, start: Timestamp, path: &str, entry: &Entry) -> Result<(), Stop> {
        if let Some(at) = entry.at {
            self.advance(start + at.signed()).await?;
        }
        if let Some(when) = &entry.when {
            self.wait_for(when, entry.limit().duration(), &format!("{path}.when")).await?;
        }
        if let Some(after) = entry.after {
            self.advance(self.world.now() + after.signed()).await?;
        }
        if let Some(check) = &entry.check {
            self.check(&format!("{path}.check"), check);
        }
        // At once: where time is real, a look between two actions would give the controller time to react.
        for action in &entry.actions {
            self.act(action).await?;
        }
        // What was ordered has to be seen before anybody waits for what follows from it.
        self.look().await.map_err(Stop::from)
    }

    async fn act(&mut self, action: &Action) -> Result<(), Stop> {
        let now = self.world.now();
        let seen = Arc::clone(&self.seen);
        let (who, text) = ActionRunner::<W>::tell(action);
        self.recorder.deed(now, who, text);
        ActionRunner::new(self.world).act(self.scenario, action, &seen).await?;
        if let Action::Apply(apply) = action
            && let (Some(every), Some(span)) = (apply.every, apply.span)
        {
            let (next, end) = (now + every.signed(), now + span.signed());
            self.repeats.push(Repeat { apply: apply.clone(), next, end });
        }
        Ok(())
    }

    /// Lets time pass until the world looks like this.
    async fn wait_for(&mut self, check: &Check, limit: Duration, path: &str) -> Result<(), Stop> {
        let end = self.world.now() + SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        loop {
            let faults = check.faults(&self.seen);
            if faults.is_empty() {
                return Ok(());
            }
            if self.world.now() >= end {
                let faults = faults.join("; ");
                return Err(Stop::Unmet(format!("{path} has not come about in time: {faults}")));
            }
            self.step(end).await?;
        }
    }

    fn check(&mut self, path: &str, check: &Check) {
        let faults = check.faults(&self.seen);
        self.failures.extend(faults.into_iter().map(|fault| format!("{path}: {fault}")));
    }

    async fn advance(&mut self, instant: Timestamp) -> Result<(), Stop> {
        while self.world.now() < instant {
            self.step(instant).await?;
        }
        Ok(())
    }

    /// Lets a little time pass, at most until the instant, and looks.
    async fn step(&mut self, until: Timestamp) -> Result<(), Stop> {
        let tick = SignedDuration::try_from(self.world.tick()).unwrap_or(SignedDuration::from_secs(1));
        let next = self.repeats.iter().map(|repeat| repeat.next).fold(self.world.now() + tick, Timestamp::min);
        self.world.wait_until(next.min(until)).await?;
        let now = self.world.now();
        let mut due = Vec::new();
        for repeat in self.repeats.iter_mut().filter(|repeat| repeat.next <= now) {
            due.push(repeat.apply.clone());
            repeat.next += repeat.apply.every.map_or(SignedDuration::MAX, super::Span::signed);
        }
        self.repeats.retain(|repeat| repeat.next <= repeat.end);
        for apply in due {
            ActionRunner::new(self.world).apply(&apply).await?;
        }
        self.look().await?;
        if self.checker.endless() {
            let text = "the controller calls the API server without end; the story stops here";
            return Err(Stop::Unmet(text.to_owned()));
        }
        Ok(())
    }

    /// Takes in what was written and felt since the last look.
    async fn look(&mut self) -> Result<(), WorldError> {
        for call in self.world.calls().await? {
            self.checker.hear(&call);
        }
        let writes = self.world.writes().await?;
        for write in &writes {
            self.recorder.see(self.checker.history(), write);
            self.checker.see(write);
            self.users.see(self.checker.history(), write);
        }
        if !writes.is_empty() {
            self.seen = Arc::new(Observation::of(self.checker.history(), self.scenario.rollout_name()));
        }
        for interval in self.world.felt().await? {
            if let Some(violation) = self.users.feel(&interval, self.world.propagation()) {
                self.checker.report(violation);
            }
        }
        let transcript = self.recorder.transcript();
        let (rollout, history) = (self.scenario.rollout_name(), self.checker.history());
        (self.watcher)(&Frame { at: self.world.now(), transcript, rollout, history });
        Ok(())
    }

    fn finish(mut self, stop: Option<Stop>) -> Played {
        let ended = stop.is_none();
        if let Some(Stop::Unmet(failure)) = stop {
            self.failures.push(failure);
        }
        let now = self.world.now();
        self.checker.over_time(now);
        if ended {
            self.checker.at_rest(now);
            self.failures.extend(self.users.judge(&self.scenario.expect.felt));
        }
        Played {
            name: self.scenario.name.clone(),
            transcript: self.recorder.transcript().clone(),
            violations: self.checker.violations().to_vec(),
            felt: self.users.felt(),
            failures: self.failures,
            last: LastState::of(self.checker.history(), self.scenario.rollout_name()),
        }
    }
}
