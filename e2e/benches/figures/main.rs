//! The figures: what one canary costs, how fast an abort is, what idle Rollouts hold. Counted in the audit log.
//!
//! Each is taken of our controller, and then of the incumbent where `SERIN_BENCH_INCUMBENT` names its program: on the same
//! machine, in the same run, in a world of its own. The lines of both read alike.

mod aborts;
mod bench;
mod canary;
mod contender;
mod floor;
mod idle;
mod judge;
mod manifests;
mod pods;
mod spread;

use std::{process::ExitCode, time::Duration};

use contender::Contender;
use serin_e2e::runner::{self, Trial};

/// What a figure that can't be taken says.
type Fault = serin_e2e::runner::Fault;

fn main() -> ExitCode {
    let trials: Vec<_> = Contender::all().into_iter().flat_map(trials).collect();
    runner::main(&trials)
}

fn trials(contender: Contender) -> [Trial; 3] {
    let title = |what: &str| format!("{what}: {}", contender.name());
    // The incumbent takes minutes where ours takes seconds.
    let limit = Duration::from_secs(900);
    [
        Trial::new(title("the calls of one reference canary"), move || canary::figures(contender)).within(limit),
        Trial::new(title("aborts alone, and two hundred at once"), move || aborts::figures(contender)).within(limit),
        Trial::new(title("a thousand idle Rollouts"), move || idle::figures(contender)).within(limit),
    ]
}
