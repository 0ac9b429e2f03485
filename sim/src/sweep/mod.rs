//! Sweeps: a story is played again and again, with one thing going wrong at another call of the controller each time.
//!
//! Each run has to break no promise, to end as the story expects, and to leave what the undisturbed run leaves.

mod end_state;

use crate::{
    cluster::CONTROLLER,
    play,
    scenario::{self, Action, CallFault, Fault, Outcome, Played, Scenario, Span, WorldError},
};

use self::end_state::{differences, end_state};

/// What can go wrong with one call.
pub const OUTCOMES: [Outcome; 11] = [
    Outcome::CrashBefore,
    Outcome::CrashAfter,
    Outcome::Rival,
    Outcome::Busy(1),
    Outcome::Refused(403),
    Outcome::Refused(500),
    Outcome::Committed(504),
    Outcome::Reset,
    Outcome::ResetAfter,
    Outcome::Hang,
    Outcome::Truncated,
];

/// How much longer everything may take when something goes wrong.
const PATIENCE: Span = Span::seconds(5 * 60);

/// A story, and how it goes when nothing goes wrong.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The story, without looks at single moments, which a fault may shift.
    scenario: Scenario,
    /// How many calls the controller makes in it.
    calls: u64,
    /// What it leaves.
    end: serde_json::Value,
}

/// What a run with a fault came to.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The story with its fault, ready to be kept and played again.
    pub scenario: Scenario,
    /// What happened.
    pub transcript: String,
    /// What is wrong, a line each; empty when nothing is.
    pub wrong: Vec<String>,
}

impl Baseline {
    /// Plays a story undisturbed.
    ///
    /// # Errors
    /// When the world fails, or the story does not pass even so.
    pub fn of(scenario: &Scenario) -> Result<Self, WorldError> {
        let scenario = patient(scenario);
        let (played, calls) = counted(&scenario)?;
        if !played.passed() {
            let what = format!("{} does not pass undisturbed: {}", scenario.name, played.report());
            return Err(WorldError::new(what));
        }
        Ok(Self { end: end_state(&played.last), scenario, calls })
    }

    /// The story's name.
    pub fn name(&self) -> &str {
        &self.scenario.name
    }

    /// How many calls the controller makes in it: each can go wrong.
    pub const fn calls(&self) -> u64 {
        self.calls
    }

    /// How many canaries are released in one run.
    pub fn canaries(&self) -> u64 {
        let actions = self.scenario.timeline.iter().flat_map(|entry| &entry.actions);
        let releases = actions.filter(|action| matches!(action, Action::Release(_) | Action::Undo(_) | Action::Retry));
        u64::try_from(releases.count()).unwrap_or_default().max(1)
    }

    /// Plays the story with one thing going wrong at the k-th call of the controller, counted from 1.
    pub fn trial(&self, call: u64, outcome: Outcome) -> Trial {
        let mut scenario = self.scenario.clone();
        scenario.name = format!("{}-call-{call}-{}", scenario.name, word(outcome));
        scenario.faults.push(Fault::Calls(CallFault::at(call, outcome)));
        self.judged(scenario)
    }

    /// Plays a variant of the story, and compares what it leaves.
    pub fn judged(&self, scenario: Scenario) -> Trial {
        match play::play(&scenario) {
            Ok(played) => {
                let mut wrong: Vec<String> = played.report().lines().map(str::to_owned).collect();
                if played.failures.is_empty() {
                    let other = differences(&self.end, &end_state(&played.last));
                    wrong.extend(other.into_iter().map(|what| format!("it ends otherwise than undisturbed: {what}")));
                }
                Trial { scenario, transcript: played.transcript.to_string(), wrong }
            }
            Err(error) => {
                Trial { scenario, transcript: String::new(), wrong: vec![format!("it can't be played: {error}")] }
            }
        }
    }
}

impl Trial {
    /// The story as a file, with its transcript and with what is wrong as comments.
    pub fn file(&self) -> String {
        let comment = |text: &str| -> String { text.lines().flat_map(|line| ["# ", line, "\n"]).collect() };
        let story = serde_saphyr::to_string(&self.scenario).unwrap_or_else(|error| format!("# {error}\n"));
        let wrong: String = self.wrong.iter().map(|line| comment(line)).collect();
        format!("{wrong}#\n{}{story}", comment(&self.transcript))
    }
}

/// A fault in one word, for names of files.
pub fn word(outcome: Outcome) -> String {
    match outcome {
        Outcome::CrashBefore => "crash-before".to_owned(),
        Outcome::CrashAfter => "crash-after".to_owned(),
        Outcome::Rival => "rival".to_owned(),
        Outcome::Busy(_) => "429".to_owned(),
        Outcome::Refused(code) => code.to_string(),
        Outcome::Committed(code) => format!("committed-{code}"),
        Outcome::Hang => "hang".to_owned(),
        Outcome::HangAfter => "hang-after".to_owned(),
        Outcome::Delay(_) => "delay".to_owned(),
        Outcome::Reset => "reset".to_owned(),
        Outcome::ResetAfter => "reset-after".to_owned(),
        Outcome::Truncated => "truncated".to_owned(),
    }
}

/// The story without looks at single moments, and with more time for everything.
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

fn counted(scenario: &Scenario) -> Result<(Played, u64), WorldError> {
    play::in_virtual_time(async {
        let mut world = play::world()?;
        let played = scenario::play(scenario, &mut world, &mut |_| {}).await?;
        let counts = world.server.counts();
        let calls = counts.iter().filter(|(call, _)| call.user == CONTROLLER).map(|(_, count)| count).sum();
        Ok((played, calls))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_that_the_controller_survives_leaves_nothing_wrong() {
        let baseline = Baseline::of(&scenario::shipped("rollback-to-stable").unwrap()).unwrap();
        assert!(baseline.calls() > 50, "{}", baseline.calls());
        let trial = baseline.trial(20, Outcome::CrashAfter);
        assert!(trial.wrong.is_empty(), "{:#?}\n{}", trial.wrong, trial.transcript);
        assert!(trial.transcript.contains("kills it before the answer"), "{}", trial.transcript);
    }

    #[test]
    fn another_end_is_seen_and_the_story_is_kept_as_a_file_that_can_be_played() {
        let baseline = Baseline::of(&scenario::shipped("rollback-to-stable").unwrap()).unwrap();
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
