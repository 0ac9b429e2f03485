//! Plays scenarios on the simulator in shortened time with several delays, and names those whose order hangs on chance.
//!
//! `cargo run -p serin-e2e --example hurry -- SEEDS [NAME...]`; every one that real parts play, when none is named.

use std::{process::ExitCode, sync::Mutex, thread};

use serin_e2e::stage;
use serin_sim::scenario;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(Ok(seeds)) = arguments.next().map(|seeds| seeds.parse::<u64>()) else {
        eprintln!("how many delays are tried is missing; write a number, and names of scenarios behind it");
        return ExitCode::from(2);
    };
    let named: Vec<String> = arguments.collect();
    let names = if named.is_empty() { stage::played().map(str::to_owned).collect() } else { named };
    let (left, failed) = (Mutex::new(names.into_iter()), Mutex::new(0_u32));
    let work = || {
        while let Some(name) = left.lock().ok().and_then(|mut names| names.next()) {
            let wrong: Vec<_> = (0..seeds).filter_map(|seed| hurry(&name, seed).err()).collect();
            println!("{name}: {} of {seeds} failed\n{}", wrong.len(), wrong.join("\n"));
            if let (false, Ok(mut failed)) = (wrong.is_empty(), failed.lock()) {
                *failed += 1;
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    ExitCode::from(u8::from(failed.into_inner().is_ok_and(|failed| failed > 0)))
}

fn hurry(name: &str, seed: u64) -> Result<(), String> {
    let scenario = scenario::shipped(name).map_err(|error| error.to_string())?;
    stage::stands_hurry(&scenario, seed)
}
