//! One server process: started in a folder of its own, ended by its own process id.

use std::{
    ffi::OsString,
    fmt::Display,
    fs::{self, File},
    future::Future,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use super::{WorldError, wait::eventually};

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Launch {
    name: String,
    program: PathBuf,
    folder: PathBuf,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
}

impl Launch {
    /// A server of this name; its folder is made below `root`.
    pub fn new(name: &str, program: PathBuf, root: &Path) -> Self {
        Self { name: name.to_owned(), program, folder: root.join(name), arguments: Vec::new(), environment: Vec::new() }
    }

    /// The server's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds `--name=value`.
    #[must_use]
    pub fn flag(self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        let mut argument = OsString::from(format!("--{name}="));
        argument.push(value);
        self.arg(argument)
    }

    /// Adds `--name value`, for programs that don't take the other form.
    #[must_use]
    pub fn pair(self, name: &str, value: impl Into<OsString>) -> Self {
        self.arg(format!("--{name}")).arg(value)
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Starts the server. What it prints is added to `log` in its folder.
    ///
    /// # Errors
    /// When the folder can't be made or the program can't be run.
    pub fn start(&self) -> Result<Server, WorldError> {
        let what = || format!("starting {} ({})", self.name, self.program.display());
        fs::create_dir_all(&self.folder).map_err(WorldError::io(what()))?;
        let log = self.folder.join("log");
        let sink = File::options().create(true).append(true).open(&log).map_err(WorldError::io(what()))?;
        let copy = sink.try_clone().map_err(WorldError::io(what()))?;
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .envs(self.environment.iter().cloned())
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(sink)
            .stderr(copy)
            .spawn()
            .map_err(WorldError::io(what()))?;
        Ok(Server { name: self.name.clone(), child, log })
    }
}

/// A running server.
///
/// # Guarantees
/// It does not outlive this value: dropping it asks the process to end, and after a second kills it.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// The server's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended; `None` while it runs.
    pub fn ended(&mut self) -> Option<String> {
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(status)) => Some(status.to_string()),
            Err(error) => Some(error.to_string()),
        }
    }

    /// Says that the server runs.
    ///
    /// # Errors
    /// When it has ended, with the end of its log.
    pub fn check(&mut self) -> Result<(), WorldError> {
        match self.ended() {
            None => Ok(()),
            Some(status) => Err(WorldError::Ended { name: self.name.clone(), status, tail: self.tail(20) }),
        }
    }

    /// Looks until the condition answers `Ok`.
    ///
    /// # Errors
    /// When the server ends before, or the limit passes; with what was last there.
    pub async fn until<T, E, F, R>(&mut self, what: &str, limit: Duration, mut look: F) -> Result<T, WorldError>
    where
        F: FnMut() -> R,
        R: Future<Output = Result<T, E>>,
        E: Display,
    {
        let began = Instant::now();
        loop {
            self.check()?;
            // In short turns, so that its end is seen soon.
            let turn = Duration::from_secs(1).min(limit);
            match eventually(what, turn, &mut look).await {
                Err(WorldError::Late { last, .. }) if began.elapsed() >= limit => {
                    return Err(WorldError::Late { what: format!("{} of {}", what, self.name), limit, last });
                }
                Err(_) => {}
                answered => return answered,
            }
        }
    }

    /// Everything it has printed.
    pub fn log(&self) -> String {
        fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The last lines that it has printed.
    pub fn tail(&self, lines: usize) -> String {
        let log = self.log();
        let all: Vec<_> = log.lines().collect();
        let from = all.len().saturating_sub(lines);
        all.get(from..).unwrap_or_default().join("\n")
    }

    /// Asks it to end.
    pub fn terminate(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Sends it `SIGINT`.
    pub fn interrupt(&mut self) {
        self.signal(Signal::INT);
    }

    /// Ends it at once, without any chance to clean up, and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end and waits; kills it after the grace.
    pub fn stop(&mut self, grace: Duration) {
        self.terminate();
        let began = Instant::now();
        while self.ended().is_none() {
            if began.elapsed() >= grace {
                self.kill();
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Lets it stand still (`SIGSTOP`) until [`Server::thaw`]: it keeps everything it has and does nothing.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on (`SIGCONT`).
    pub fn thaw(&mut self) {
        self.signal(Signal::CONT);
    }

    fn signal(&mut self, signal: Signal) {
        // A process that was waited for has given its id back: it must not be used again.
        if self.ended().is_some() {
            return;
        }
        let id = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        if let Some(id) = id {
            let _ = kill_process(id, signal);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop(Duration::from_secs(1));
    }
}
