//! The part that selects trials and starts a process for each in new namespaces; `libtest-mimic` plays, tells and counts.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::{Duration, Instant},
};

use libtest_mimic::{Arguments, Failed};
use tokio::process::Command;

use super::{Trial, WORLD_DIR};

/// How many worlds run side by side that don't mind.
const SIDE_BY_SIDE: usize = 4;

/// Keeps the folders of trials that passed too.
const KEEP: &str = "SERIN_E2E_KEEP";

/// How many of the longest trials are named at the end.
const LONGEST: usize = 10;

/// What the trials of one run share.
struct Run {
    /// Held by one trial that has the machine to itself, or by several that run beside each other.
    machine: RwLock<()>,
    /// Shows what trials print while they run.
    nocapture: bool,
    keep: bool,
    took: Mutex<Vec<(Duration, String)>>,
}

pub(super) fn play(trials: &[Trial]) -> ExitCode {
    let mut arguments = Arguments::from_args();
    // A bench is a trial like others; `cargo bench` asks for nothing else.
    arguments.bench = false;
    arguments.test_threads.get_or_insert(SIDE_BY_SIDE);
    let run = Arc::new(Run {
        machine: RwLock::default(),
        nocapture: arguments.nocapture,
        keep: std::env::var_os(KEEP).is_some(),
        took: Mutex::default(),
    });
    // Who needs the machine alone comes first, so that nobody waits long for the others to end.
    let mut ordered = trials.to_vec();
    ordered.sort_by_key(|trial| trial.beside);
    let tests = ordered.into_iter().map(|trial| {
        let run = Arc::clone(&run);
        libtest_mimic::Trial::test(trial.name.clone(), move || run.play(&trial))
    });
    let conclusion = libtest_mimic::run(&arguments, tests.collect());
    run.tell_longest();
    conclusion.exit_code()
}

impl Run {
    /// Plays a trial, once: what fails has failed, whatever a second try would say.
    fn play(&self, trial: &Trial) -> Result<(), Failed> {
        if trial.beside {
            let _beside = self.machine.read().unwrap_or_else(PoisonError::into_inner);
            self.timed(trial)
        } else {
            let _alone = self.machine.write().unwrap_or_else(PoisonError::into_inner);
            self.timed(trial)
        }
    }

    fn timed(&self, trial: &Trial) -> Result<(), Failed> {
        let began = Instant::now();
        let played = self.in_new_world(trial);
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.push((began.elapsed(), trial.name.clone()));
        played
    }

    fn in_new_world(&self, trial: &Trial) -> Result<(), Failed> {
        let folder = new_folder(&trial.name).map_err(|error| format!("no folder for its world: {error}"))?;
        let said = folder.join("trial.log");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let passed = runtime.block_on(in_namespaces(trial, &folder, (!self.nocapture).then_some(&said)));
        if passed.map_err(|error| format!("it can't be started: {error}"))? {
            if !self.keep {
                let _ = fs::remove_dir_all(&folder);
            }
            return Ok(());
        }
        let said = fs::read_to_string(&said).unwrap_or_default();
        Err(format!("{said}its logs are in {}", folder.display()).into())
    }

    /// Names the trials that took longest: the whole has to stay bearable.
    fn tell_longest(&self) {
        let mut took = self.took.lock().unwrap_or_else(PoisonError::into_inner);
        took.sort_by(|a, b| b.cmp(a));
        for (time, name) in took.iter().take(LONGEST) {
            println!("{:>7.1} s  {name}", time.as_secs_f64());
        }
    }
}

fn new_folder(name: &str) -> io::Result<PathBuf> {
    let plain: String = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect();
    let folder = std::env::temp_dir().join(format!("serin-e2e-{}-{plain}", std::process::id()));
    fs::create_dir(&folder)?;
    Ok(folder)
}

async fn in_namespaces(trial: &Trial, folder: &Path, said: Option<&PathBuf>) -> io::Result<bool> {
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
    // Ours to hold: when it closes, the trial ends. It closes too when this program is interrupted.
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
