//! A slice of the sweep: writes of the controller in four short scenarios go wrong, and so do its watches; from call to call it is
//! another fault. `make sweep` plays all of them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use serin_sim::{
    scenario::shipped,
    sweep::{Baseline, Disturbance, OUTCOMES},
};

/// Plays a slice of one scenario: every so manieth call, if it is a write, meets the fault whose turn it is.
fn check(name: &str, (every, turn): (usize, usize), watches: bool) {
    let baseline = Baseline::of(&shipped(name).unwrap()).unwrap();
    let drawn = |run: &Disturbance| match run {
        Disturbance::Call { nth, outcome, .. } => {
            run.hits_write() && nth % every == 0 && OUTCOMES.get((nth / every + turn) % OUTCOMES.len()) == Some(outcome)
        }
        Disturbance::Expired { nth, .. } => *nth == 1 && watches,
        Disturbance::Late(_) | Disturbance::Skipping(_) | Disturbance::Twice(_) => watches,
    };
    let runs: Vec<Disturbance> = baseline.disturbances().into_iter().filter(drawn).collect();
    let trials = runs.iter().map(|run| baseline.trial(run)).filter(|trial| !trial.wrong.is_empty());
    let broken: Vec<String> = trials
        .map(|trial| format!("{}:\n  {}\n{}", trial.scenario.name, trial.wrong.join("\n  "), trial.transcript))
        .collect();
    assert!(broken.is_empty(), "{} of {} runs\n{}", broken.len(), runs.len(), broken.join("\n"));
}

#[test]
fn a_good_release_survives_a_fault_at_any_call() {
    check("good-release", (3, 0), false);
}

#[test]
fn a_bad_release_is_rolled_back_with_a_fault_at_any_call() {
    check("bad-by-errors", (1, 3), false);
}

#[test]
fn an_abort_is_carried_out_with_a_fault_at_any_call() {
    check("abort-in-pause", (1, 6), true);
}

#[test]
fn a_new_revision_supersedes_another_with_a_fault_at_any_call() {
    check("superseded", (3, 9), false);
}
