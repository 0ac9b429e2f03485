//! The sweep: every shipped scenario, every call of the controller, every fault.
//!
//! `make sweep ARGS="[SCENARIO...] [--every N] [--seed N]"` prints a line a scenario, and keeps each run that breaks a promise, or
//! ends otherwise than the undisturbed one, as a scenario file in `target/sweep`. It ends with 1 when there is one.
#![allow(clippy::expect_used, reason = "a bench may panic")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use serin_sim::{
    scenario::{shipped, shipped_names},
    sweep::{Baseline, Disturbance},
};

/// The longest line that is printed.
const COLUMNS: usize = 80;

/// What is asked for on the command line.
struct Arguments {
    scenarios: Vec<String>,
    /// Only every so manieth run, drawn at random.
    every: u64,
    /// What is drawn from.
    seed: u64,
}

fn arguments() -> Result<Arguments, String> {
    let mut asked = Arguments { scenarios: Vec::new(), every: 1, seed: 0 };
    let mut words = std::env::args().skip(1);
    while let Some(argument) = words.next() {
        let mut number = || {
            let word: Option<u64> = words.next().and_then(|word| word.parse().ok());
            word.ok_or_else(|| format!("{argument} takes a number"))
        };
        match argument.as_str() {
            "--every" => asked.every = number()?.max(1),
            "--seed" => asked.seed = number()?,
            // Cargo says that this is a bench.
            "--bench" => {}
            name if shipped_names().any(|shipped| shipped == name) => asked.scenarios.push(name.to_owned()),
            other => return Err(format!("there is no scenario {other:?}; they are the files of sim/scenarios")),
        }
    }
    if asked.scenarios.is_empty() {
        asked.scenarios = shipped_names().map(str::to_owned).collect();
    }
    Ok(asked)
}

impl Arguments {
    /// Says whether a run is drawn.
    fn draws(&self, run: usize) -> bool {
        let run = u64::try_from(run).expect("runs are counted from 0");
        fastrand::Rng::with_seed(self.seed.wrapping_mul(1 << 32).wrapping_add(run)).u64(0..self.every) == 0
    }
}

/// What came of the runs of one class.
#[derive(Default, Clone, Copy)]
struct Tally {
    runs: usize,
    broken: usize,
}

/// What came of all runs so far.
#[derive(Default)]
struct Totals {
    canaries: usize,
    classes: BTreeMap<String, Tally>,
}

fn main() -> ExitCode {
    let asked = match arguments() {
        Ok(asked) => asked,
        Err(why) => {
            eprintln!("sweep: {why}");
            return ExitCode::from(2);
        }
    };
    println!("seed {}, one run in {}", asked.seed, asked.every);
    let (mut totals, begun) = (Totals::default(), Instant::now());
    for name in &asked.scenarios {
        sweep(name, &asked, &mut totals);
    }
    for (class, Tally { runs, broken }) in &totals.classes {
        println!("{class:>16} {runs:>7} runs {broken:>6} broken");
    }
    let broken: usize = totals.classes.values().map(|tally| tally.broken).sum();
    println!("{} canaries, {broken} violations in {} s", totals.canaries, begun.elapsed().as_secs());
    ExitCode::from(u8::from(broken > 0))
}

/// Plays one scenario with everything that can go wrong, one thing at a time.
fn sweep(name: &str, asked: &Arguments, totals: &mut Totals) {
    let scenario = shipped(name).expect("a shipped scenario can be read");
    let baseline = match Baseline::of(&scenario) {
        Ok(baseline) => baseline,
        Err(why) => {
            println!("{}", cut(&format!("{name}: {why}")));
            totals.classes.entry("undisturbed".to_owned()).or_default().broken += 1;
            return;
        }
    };
    let all = baseline.disturbances().into_iter().enumerate();
    let runs: Vec<Disturbance> = all.filter(|(at, _)| asked.draws(*at)).map(|(_, run)| run).collect();
    let begun = Instant::now();
    let broken = play_all(&baseline, &runs);
    for run in &runs {
        totals.classes.entry(run.class()).or_default().runs += 1;
    }
    totals.canaries += baseline.canaries() * runs.len();
    println!("{name:<36} {:>6} runs {:>5} broken {:>6} s", runs.len(), broken.len(), begun.elapsed().as_secs());
    for (at, (file, wrong)) in broken {
        println!("  serin play {}\n{}", file.display(), cut(&format!("    {wrong}")));
        let class = runs.get(at).map(Disturbance::class).unwrap_or_default();
        totals.classes.entry(class).or_default().broken += 1;
    }
}

/// Plays runs on all cores; those that went wrong, in order: their files, and the first thing that is wrong.
fn play_all(baseline: &Baseline, runs: &[Disturbance]) -> BTreeMap<usize, (PathBuf, String)> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let (next, broken) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, run)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, runs.get(at)?)))
                {
                    let trial = baseline.trial(run);
                    if let Some(wrong) = trial.wrong.first() {
                        let kept = (keep(&trial.scenario.name, &trial.file()), wrong.clone());
                        broken.lock().expect("nobody panics in here").insert(at, kept);
                    }
                }
            });
        }
    });
    broken.into_inner().expect("nobody panicked")
}

/// Keeps a run that went wrong, and says where, as seen from the root of the repository.
fn keep(name: &str, file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a workspace");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let folder = target.join("sweep");
    let path = folder.join(format!("{name}.yaml"));
    let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&path, file));
    kept.expect("the folder for what went wrong can be written");
    path.strip_prefix(root).map(Path::to_owned).unwrap_or(path)
}

fn cut(line: &str) -> String {
    line.lines().next().unwrap_or_default().chars().take(COLUMNS).collect()
}
