//! Every scenario that ships, played on the simulated cluster: it has to end as it says, break no promise, read as its golden
//! transcript does, and be the same story when it is played again: every call and every write, byte for byte.
#![allow(clippy::panic, reason = "a test may panic")]

#[path = "scenarios/journal.rs"]
mod journal;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use serin_sim::scenario;

fn main() -> ExitCode {
    let trial = |name: &'static str| {
        Trial::test(name, move || {
            check(name);
            Ok(())
        })
    };
    libtest_mimic::run(&Arguments::from_args(), scenario::shipped_names().map(trial).collect()).exit_code()
}

fn check(name: &str) {
    let scenario = scenario::shipped(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    // Each on a thread of its own: what a thread has seeded at random differs between the two.
    let play = |scenario: scenario::Scenario| std::thread::spawn(move || journal::played(&scenario));
    let [first, second] = [play(scenario.clone()), play(scenario.clone())].map(|play| {
        let ended = play.join().unwrap_or_else(|_| panic!("{name}: a play has panicked"));
        ended.unwrap_or_else(|error| panic!("{name}: {}", chain(&error)))
    });
    let played = first.0;
    if std::env::var_os("SHOW").is_some() {
        println!("{}\n{:?}", played.transcript, played.felt);
    }
    assert!(played.passed(), "{name}\n{}\n{}\n{:?}", played.report(), played.transcript, played.felt);
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("golden");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(scenario.description);
    settings.bind(|| insta::assert_snapshot!(name, played.transcript.to_string()));
    if let Some(place) = journal::parting(&first.1, &second.1) {
        panic!("{name} is another story when it is played again; {place}");
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
