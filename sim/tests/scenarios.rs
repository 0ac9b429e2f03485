//! Every scenario that ships, played on the simulated cluster: it has to end as it says, break no promise, and read as its
//! golden transcript does.
#![allow(clippy::panic, reason = "a test may panic")]

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};
use serin_sim::{play, scenario};

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
    let played = play::play(&scenario).unwrap_or_else(|error| panic!("{name}: {}", chain(&error)));
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
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
