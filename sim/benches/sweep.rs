//! The exhaustive sweep: every shipped scenario, every call of the controller, every fault.
//!
//! `cargo bench -p serin-sim --bench sweep -- [SCENARIO...] [--every N]`; prints canaries, faults by class and violations,
//! and keeps each run that went wrong as a scenario file in `target/sweep`.
#![allow(clippy::expect_used, reason = "a bench may panic")]

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serin_sim::{
    scenario::{Outcome, shipped, shipped_names},
    sweep::{Baseline, OUTCOMES, word},
};

/// What is asked for on the command line.
struct Arguments {
    scenarios: Vec<String>,
    /// Only every so manieth run.
    every: usize,
}

fn arguments() -> Arguments {
    let mut asked = Arguments { scenarios: Vec::new(), every: 1 };
    let mut words = std::env::args().skip(1);
    while let Some(argument) = words.next() {
        match argument.as_str() {
            "--every" => asked.every = words.next().and_then(|word| word.parse().ok()).expect("--every takes a number"),
            // Cargo says that this is a bench.
            "--bench" => {}
            name => asked.scenarios.push(name.to_owned()),
        }
    }
    if asked.scenarios.is_empty() {
        asked.scenarios = shipped_names().map(str::to_owned).collect();
    }
    asked
}

/// What came of all runs so far.
#[derive(Default)]
struct Tally {
    canaries: u64,
    runs: BTreeMap<String, u64>,
    wrong: BTreeMap<String, u64>,
}

fn main() {
    let asked = arguments();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let baselines: Vec<Baseline> = asked
        .scenarios
        .iter()
        .map(|name| shipped(name).map(|scenario| Baseline::of(&scenario).expect("it passes")).expect("it is there"))
        .collect();
    let runs: Vec<(&Baseline, u64, Outcome)> = baselines
        .iter()
        .flat_map(|baseline| (1..=baseline.calls()).map(move |call| (baseline, call)))
        .flat_map(|(baseline, call)| OUTCOMES.map(|outcome| (baseline, call, outcome)))
        .step_by(asked.every)
        .collect();
    println!("{} scenarios, {} runs on {threads} threads", baselines.len(), runs.len());
    let (next, tally) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    let begun = std::time::Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((baseline, call, outcome)) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let trial = baseline.trial(*call, *outcome);
                    let mut tally = tally.lock().expect("nobody panics in here");
                    tally.canaries += baseline.canaries();
                    *tally.runs.entry(word(*outcome)).or_default() += 1;
                    if !trial.wrong.is_empty() {
                        *tally.wrong.entry(word(*outcome)).or_default() += 1;
                        println!("{}: {}", trial.scenario.name, trial.wrong.join("; "));
                        keep(&trial.scenario.name, &trial.file());
                    }
                }
            });
        }
    });
    report(&tally.into_inner().expect("nobody panicked"), begun.elapsed());
}

fn keep(name: &str, file: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sweep");
    let kept =
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(folder.join(format!("{name}.yaml")), file));
    kept.expect("the folder for what went wrong can be written");
}

fn report(tally: &Tally, took: Duration) {
    for (word, runs) in &tally.runs {
        println!("{word:>15}: {runs} runs, {} wrong", tally.wrong.get(word).copied().unwrap_or_default());
    }
    let violations: u64 = tally.wrong.values().sum();
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    let pace = tally.canaries as f64 / took.as_secs_f64();
    println!("{pace:.1} canaries a second");
    println!("{} canaries, {violations} violations", tally.canaries);
    std::process::exit(i32::from(violations > 0));
}
