//! Plays scenario files on the in-memory cluster, and says how they ended.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serin_sim::felt::Felt;
use serin_sim::play;
use serin_sim::scenario::{Played, Scenario, ScenarioError, WorldError};

use crate::outcome::{Outcome, chain};

/// What is to be played.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The scenario files.
    pub files: Vec<PathBuf>,
    /// Where the files that scenarios name are looked for; beside each scenario when left out.
    pub base: Option<PathBuf>,
    /// Only says how each scenario ended.
    pub brief: bool,
}

/// Plays every file; transcripts, broken promises and last states go to standard output, what can't be read to standard error.
pub fn run(options: &Options) -> Outcome {
    let mut scenarios = Vec::with_capacity(options.files.len());
    let mut readable = true;
    for path in &options.files {
        match Scenario::load(path, options.base.as_deref()) {
            Ok(scenario) => scenarios.push(scenario),
            Err(error) => {
                readable = false;
                eprintln!("serin: {}", reason(path, &error));
            }
        }
    }
    if !readable {
        return Outcome::Unreadable;
    }
    let mut failed = Vec::new();
    for scenario in &scenarios {
        let (text, passed) = told(scenario, &play::play(scenario), options.brief);
        say(&text);
        if !passed {
            failed.push(scenario.name.as_str());
        }
    }
    if scenarios.len() > 1 {
        let names = if failed.is_empty() { String::new() } else { format!(": {}", failed.join(", ")) };
        say(&format!("{} scenarios, {} failed{names}\n", scenarios.len(), failed.len()));
    }
    if failed.is_empty() { Outcome::Good } else { Outcome::Bad }
}

/// Why a file can't be read, with its path.
fn reason(path: &Path, error: &ScenarioError) -> String {
    let shown = path.display().to_string();
    let text = chain(error);
    if text.contains(&shown) { text } else { format!("{shown}: {text}") }
}

/// What is printed of a scenario that was played, and whether all is as it should be.
fn told(scenario: &Scenario, played: &Result<Played, WorldError>, brief: bool) -> (String, bool) {
    let Scenario { name, description, .. } = scenario;
    let played = match played {
        Ok(played) => played,
        Err(error) => return (format!("FAILED {name}: it could not be played: {}\n", chain(error)), false),
    };
    let story = if brief {
        String::new()
    } else {
        let state = indented(&played.last.yaml());
        format!("{name}: {description}\n\n{}\nLast state:\n{state}\n", played.transcript)
    };
    let word = if played.passed() { "PASSED" } else { "FAILED" };
    let Felt { requests, application_5xx, .. } = played.felt;
    let felt = format!(
        "{requests} requests, {application_5xx} 5xx of the application, {} of anybody else",
        played.felt.foreign()
    );
    (format!("{story}{word} {name}: {felt}\n{}", indented(&played.report())), played.passed())
}

fn indented(text: &str) -> String {
    text.lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    // A reader that went away has seen enough.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays texts as scenario files, whose base is that of the shipped scenarios.
    fn check(files: &[(&str, &str)], expect: Outcome) {
        let folder = std::env::temp_dir().join(format!("serin-play-{}-{}", std::process::id(), expect.code()));
        std::fs::create_dir_all(&folder).unwrap();
        let write = |(name, text): &(&str, &str)| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let base = Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../sim/scenarios")));
        let seen = run(&Options { files: files.iter().map(write).collect(), base, brief: true });
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(seen, expect);
    }

    const STARTS: &str = "name: starts\ndescription: A service starts.\nmanifests:\n  - file: base/services.yaml\n  \
                          - file: base/route.yaml\n  - file: base/templates.yaml\n  - file: base/rollout.yaml\n";

    #[test]
    fn a_scenario_that_ends_as_it_expects_is_0() {
        let good = format!("{STARTS}expect: {{within: 1m, end: {{phase: Healthy}}}}");
        check(&[("good.yaml", &good)], Outcome::Good);
    }

    #[test]
    fn one_that_does_not_is_1_even_beside_a_good_one() {
        let good = format!("{STARTS}expect: {{within: 1m, end: {{phase: Healthy}}}}");
        let bad = format!("{STARTS}expect: {{within: 1m, end: {{phase: Degraded}}}}");
        check(&[("bad.yaml", &bad), ("good.yaml", &good)], Outcome::Bad);
    }

    #[test]
    fn what_cannot_be_read_is_2_and_is_named_with_the_reason() {
        check(&[("bad.yaml", "name: x\nsurprise: y")], Outcome::Unreadable);
        let error = Scenario::load(Path::new("nowhere.yaml"), None).unwrap_err();
        let said = reason(Path::new("nowhere.yaml"), &error);
        assert!(said.starts_with("can't read nowhere.yaml: "), "{said}");
    }

    #[test]
    fn what_is_printed_tells_the_story_the_broken_promises_and_the_last_state() {
        let scenario = serin_sim::scenario::shipped("rollback-to-stable").unwrap();
        let (text, passed) = told(&scenario, &play::play(&scenario), false);
        assert!(passed, "{text}");
        for part in
            ["00:00:00  shop  ", "Last state:", "kind: Rollout", "virtualServices:", "PASSED rollback-to-stable"]
        {
            assert!(text.contains(part), "{part:?} is missing in\n{text}");
        }
    }
}
