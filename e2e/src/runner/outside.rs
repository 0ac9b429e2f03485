//! The part that selects trials, starts a process for each in new namespaces, and counts.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use futures::StreamExt;
use tokio::process::Command;

use super::{Trial, WORLD_DIR};

/// How many worlds run side by side that don't mind.
const SIDE_BY_SIDE: usize = 3;

/// What `cargo test` passes on to a test program.
#[derive(Debug, Parser)]
struct Arguments {
    /// Plays only trials whose names contain one of these words.
    words: Vec<String>,
    /// A word must be the whole name.
    #[arg(long)]
    exact: bool,
    /// Says the names and plays nothing.
    #[arg(long)]
    list: bool,
    /// Shows what trials print while they run.
    #[arg(long, alias = "no-capture")]
    nocapture: bool,
    /// Keeps the folders of trials that passed too.
    #[arg(long)]
    keep: bool,
    /// How many worlds run side by side; one, and three of those that don't mind, when left out.
    #[arg(long)]
    test_threads: Option<usize>,
    /// What `cargo bench` adds to every command line; says nothing.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Arguments {
    fn selects(&self, trial: &Trial) -> bool {
        let fits = |word: &String| {
            if self.exact { trial.name == *word } else { trial.name.contains(word.as_str()) }
        };
        self.words.is_empty() || self.words.iter().any(fits)
    }
}

pub(super) fn play(trials: &[Trial]) -> ExitCode {
    let arguments = Arguments::parse();
    let selected: Vec<_> = trials.iter().filter(|trial| arguments.selects(trial)).collect();
    if arguments.list {
        for trial in selected {
            println!("{}: test", trial.name);
        }
        return ExitCode::SUCCESS;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => runtime.block_on(play_all(&selected, &arguments)),
        Err(error) => {
            eprintln!("no trial can be played: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn play_all(selected: &[&Trial], arguments: &Arguments) -> ExitCode {
    let side_by_side = |beside: bool, usual: usize| {
        let some = selected.iter().filter(move |trial| trial.beside == beside);
        futures::stream::iter(some)
            .map(async |trial| (*trial, play_one(trial, arguments).await))
            .buffer_unordered(arguments.test_threads.unwrap_or(usual).max(1))
    };
    let played = side_by_side(false, 1).chain(side_by_side(true, SIDE_BY_SIDE)).collect::<Vec<_>>();
    let outcomes = tokio::select! {
        outcomes = played => outcomes,
        _ = tokio::signal::ctrl_c() => {
            // Their standard inputs close with us, and they end.
            eprintln!("interrupted");
            return ExitCode::from(130);
        }
    };
    let mut passed = 0;
    for (trial, ok) in &outcomes {
        // Worlds that run beside others on few cores can starve each other; what fails alone fails.
        let again = !ok && trial.beside && selected.len() > 1;
        if again {
            println!("again, alone: {}", trial.name);
        }
        passed += usize::from(*ok || (again && play_one(trial, arguments).await));
    }
    let failed = outcomes.len() - passed;
    println!("\nreal parts: {passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn play_one(trial: &Trial, arguments: &Arguments) -> bool {
    let began = Instant::now();
    let folder = match new_folder(&trial.name) {
        Ok(folder) => folder,
        Err(error) => {
            println!("FAILED  {}: no folder for its world: {error}", trial.name);
            return false;
        }
    };
    let said = folder.join("trial.log");
    let ended = run(trial, &folder, (!arguments.nocapture).then_some(&said)).await;
    let took = began.elapsed().as_secs_f64();
    let fault = match ended {
        Ok(true) => None,
        Ok(false) => Some(fs::read_to_string(&said).unwrap_or_default()),
        Err(error) => Some(format!("cannot be started: {error}\n")),
    };
    if let Some(fault) = fault {
        println!("FAILED  {} ({took:.1} s), logs in {}", trial.name, folder.display());
        for line in fault.lines() {
            println!("        {line}");
        }
        return false;
    }
    println!("ok      {} ({took:.1} s)", trial.name);
    if !arguments.keep {
        let _ = fs::remove_dir_all(&folder);
    }
    true
}

fn new_folder(name: &str) -> io::Result<PathBuf> {
    let plain: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let base = format!("serin-e2e-{}-{plain}", std::process::id());
    // A trial that is played again gets a new world: in the old one everything is still there.
    let mut tries = 1;
    loop {
        let suffix = if tries == 1 { String::new() } else { format!("-{tries}") };
        let folder = std::env::temp_dir().join(format!("{base}{suffix}"));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => tries += 1,
            made => return made.map(|()| folder),
        }
    }
}

async fn run(trial: &Trial, folder: &Path, said: Option<&PathBuf>) -> io::Result<bool> {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command
        .args(["--net", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .arg(std::env::current_exe()?)
        .arg(&trial.name)
        .env(WORLD_DIR, folder)
        .stdin(Stdio::piped())
        .kill_on_drop(true);
    if let Some(said) = said {
        let sink = File::create(said)?;
        command.stdout(sink.try_clone()?).stderr(sink);
    }
    let mut child = command.spawn()?;
    // Ours to hold: when it closes, the trial ends.
    let lifeline = child.stdin.take();
    // The trial keeps its own limit; this one is for a process that has lost its way.
    let limit = trial.limit + Duration::from_secs(30);
    let ended = tokio::time::timeout(limit, child.wait()).await;
    drop(lifeline);
    if let Ok(status) = ended {
        return Ok(status?.success());
    }
    child.kill().await?;
    Ok(false)
}
