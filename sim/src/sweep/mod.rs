//! Sweeps: a scenario is played again and again, with one thing going wrong at another call of the controller each time.
//!
//! Each run has to break no promise, to end as the scenario expects, and to leave what the undisturbed run leaves.

mod disturbance;
mod end_state;

use crate::{
    play,
    scenario::{self, Action, Played, Scenario, Span, World, WorldError},
};

use self::end_state::{differences, end_state};

pub use self::disturbance::{Disturbance, OUTCOMES};

/// How much longer everything may take when something goes wrong.
const PATIENCE: Span = Span::seconds(5 * 60);

/// How long before the world has to be at rest the last thing may go wrong: who is left without an answer notices by then.
const AFTERMATH: Span = Span::seconds(45);

/// A scenario, and how it goes when nothing goes wrong.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The scenario, without looks at single moments, which a fault may shift.
    scenario: Scenario,
    /// What the controller asks in it until the world has to be at rest.
    calls: Vec<play::Asked>,
    /// What it leaves.
    end: serde_json::Value,
}

/// What a run with a fault came to.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The scenario with its fault, ready to be kept and played again.
    pub scenario: Scenario,
    /// What happened.
    pub transcript: String,
    /// What is wrong, a line each; empty when nothing is.
    pub wrong: Vec<String>,
}

impl Baseline {
    /// Plays a scenario undisturbed.
    ///
    /// # Errors
    /// When the world fails, or the scenario does not pass even so.
    pub fn of(scenario: &Scenario) -> Result<Self, WorldError> {
        let scenario = patient(scenario);
        let (played, calls) = play::in_virtual_time(async {
            let mut world = play::world()?;
            let played = scenario::play(&scenario, &mut world, &mut |_| {}).await?;
            let rest = world.now() - scenario.expect.quiet.signed() - AFTERMATH.signed();
            let before = |call: &play::Asked| call.at < rest;
            Ok((played, world.asked().into_iter().filter(before).collect()))
        })?;
        if !played.passed() {
            let what = format!("{} does not pass undisturbed: {}", scenario.name, played.report());
            return Err(WorldError::new(what));
        }
        Ok(Self { end: end_state(&played.last), scenario, calls })
    }

    /// The scenario's name.
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// Everything that can go wrong in it, one thing at a time.
    pub fn disturbances(&self) -> Vec<Disturbance> {
        Disturbance::all(&self.calls)
    }

    /// How many canaries are released in one run.
    pub fn canaries(&self) -> usize {
        let actions = self.scenario.timeline.iter().flat_map(|entry| &entry.actions);
        let releases = actions.filter(|action| matches!(action, Action::Release(_) | Action::Undo(_) | Action::Retry));
        releases.count().max(1)
    }

    /// Plays the scenario with one thing going wrong.
    pub fn trial(&self, disturbance: &Disturbance) -> Trial {
        let mut scenario = self.scenario.clone();
        scenario.name = format!("{}-{}", scenario.name, disturbance.name());
        scenario.faults.push(disturbance.fault());
        if disturbance.kills() {
            scenario.expect.end.events.clear();
        }
        self.judged(scenario)
    }

    /// Plays a variant of the scenario, and compares what it leaves.
    fn judged(&self, scenario: Scenario) -> Trial {
        match play::play(&scenario) {
            Ok(played) => {
                let transcript = played.transcript.to_string();
                Trial { scenario, transcript, wrong: self.wrong(&played) }
            }
            Err(error) => {
                Trial { scenario, transcript: String::new(), wrong: vec![format!("it can't be played: {error}")] }
            }
        }
    }

    /// What is wrong with a run, a line each.
    fn wrong(&self, played: &Played) -> Vec<String> {
        let mut wrong: Vec<String> = played.report().lines().map(str::to_owned).collect();
        if played.failures.is_empty() {
            let other = differences(&self.end, &end_state(&played.last));
            wrong.extend(other.into_iter().map(|what| format!("it ends otherwise than undisturbed: {what}")));
        }
        wrong
    }
}

impl Trial {
    /// The scenario as a file, with its transcript and with what is wrong as comments.
    pub fn file(&self) -> String {
        let comment = |text: &str| -> String { text.lines().flat_map(|line| ["# ", line, "\n"]).collect() };
        let story = serde_saphyr::to_string(&self.scenario).unwrap_or_else(|error| format!("# {error}\n"));
        let wrong: String = self.wrong.iter().map(|line| comment(line)).collect();
        format!("{wrong}#\n{}{story}", comment(&self.transcript))
    }
}

/// The scenario without looks at single moments, and with more time for everything.
fn patient(scenario: &Scenario) -> Scenario {
    let longer = |span: Span| Span::from(span.duration() + PATIENCE.duration());
    let mut scenario = scenario.clone();
    for entry in &mut scenario.timeline {
        if entry.when.is_some() {
            entry.within = Some(longer(entry.limit()));
        }
        entry.check = None;
    }
    scenario.timeline.retain(|entry| entry.when.is_some() || !entry.actions.is_empty() || entry.after.is_some());
    scenario.expect.within = longer(scenario.expect.within);
    scenario
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Outcome;

    fn baseline() -> Baseline {
        Baseline::of(&scenario::shipped("rollback-to-stable").unwrap()).unwrap()
    }

    #[test]
    fn a_fault_that_the_controller_survives_leaves_nothing_wrong() {
        let baseline = baseline();
        let disturbances = baseline.disturbances();
        let hits = |d: &&Disturbance| matches!(d, Disturbance::Call { nth: 20, outcome: Outcome::CrashAfter, .. });
        let trial = baseline.trial(disturbances.iter().find(hits).unwrap());
        assert!(trial.wrong.is_empty(), "{:#?}\n{}", trial.wrong, trial.transcript);
        assert!(trial.transcript.contains("kills it before the answer"), "{}", trial.transcript);
    }

    #[test]
    fn each_call_and_each_watch_goes_wrong_in_each_way() {
        let baseline = baseline();
        let disturbances = baseline.disturbances();
        let of_calls = disturbances.iter().filter(|d| matches!(d, Disturbance::Call { .. })).count();
        assert_eq!(of_calls, baseline.calls.len() * OUTCOMES.len());
        for class in ["watch-late", "watch-skips", "watch-twice", "watch-410"] {
            assert!(disturbances.iter().filter(|d| d.class() == class).count() >= 6, "{class}");
        }
    }

    #[test]
    fn another_end_is_seen_and_the_scenario_is_kept_as_a_file_that_can_be_played() {
        let baseline = baseline();
        let mut other = baseline.scenario.clone();
        other.timeline.push(scenario::Entry {
            actions: vec![Action::Scale(serde_json::from_value(serde_json::json!({"replicas": 9})).unwrap())],
            ..scenario::Entry::default()
        });
        other.expect.end = scenario::Check::default();
        let trial = baseline.judged(other);
        assert!(trial.wrong.iter().any(|line| line.contains("/rollout/")), "{:#?}", trial.wrong);
        let file = trial.file();
        let read = |_: &str| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
        let kept = Scenario::parse("kept.yaml", &file, &read);
        assert_eq!(kept.map(|kept| kept.timeline.len()).ok(), Some(trial.scenario.timeline.len()), "{file}");
    }
}
