//! The tests on real parts.

use std::process::ExitCode;

use serin_e2e::runner::{self, Trial};

#[path = "real_parts/pods.rs"]
mod pods;
#[path = "real_parts/scenarios.rs"]
mod scenarios;
#[path = "real_parts/shares.rs"]
mod shares;

fn main() -> ExitCode {
    let mut trials = vec![
        Trial::new("pods become ready, die, come back and leave", pods::pods_live_and_die),
        Trial::new("weights of a virtual service are the shares that users get", shares::weights_are_shares),
    ];
    trials.extend(scenarios::trials());
    runner::main(&trials)
}
