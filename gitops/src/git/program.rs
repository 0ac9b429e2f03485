//! The git program: run alone, with nothing of this machine's configuration, no questions, no hooks, and an end in time.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serin_analysis::secret::Redactor;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::GitError;
use super::credentials::Access;

/// Most bytes of what git answers that are read.
const MOST_OUT: u64 = 8 * 1024 * 1024;
/// Most bytes of what git complains that are read.
const MOST_ERR: u64 = 64 * 1024;
/// Longest complaint that is told, in characters.
const SHOWN: usize = 400;

/// What is the same for every call: where git is, where it may write, and whom it may talk to.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// A folder of our own; each repository gets one below it and is removed afterwards.
    pub work: PathBuf,
    /// Protocols that may be spoken, with colons between: `https:ssh`.
    pub protocols: String,
    /// Variables of the environment that git needs: the path to programs, and proxies.
    pub environment: Vec<(String, String)>,
}

impl Program {
    /// Takes from the environment what git needs, and nothing else.
    pub fn of(variable: impl Fn(&str) -> Option<String>, path: PathBuf, work: PathBuf, protocols: String) -> Self {
        const KEPT: [&str; 7] =
            ["PATH", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"];
        let environment = KEPT.iter().filter_map(|name| Some(((*name).to_owned(), variable(name)?))).collect();
        Self { path, work, protocols, environment }
    }
}

/// A folder that is removed when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

static FOLDERS: AtomicU64 = AtomicU64::new(0);

impl Folder {
    /// Makes a folder that only we can read.
    ///
    /// # Errors
    /// The disk is full or read-only.
    pub fn new(below: &Path) -> Result<Self, GitError> {
        use std::os::unix::fs::DirBuilderExt as _;
        let name = format!("serin-{}-{}", std::process::id(), FOLDERS.fetch_add(1, Ordering::Relaxed));
        let path = below.join(name);
        // One of a process that had our number before is of no use to anybody.
        let _ = std::fs::remove_dir_all(&path);
        let made = std::fs::DirBuilder::new().mode(0o700).recursive(true).create(&path);
        made.map_err(|error| GitError::Passing(format!("cannot make a folder for git: {error}")))?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Git with one folder and one access, as long as a change takes.
pub struct Session {
    program: Program,
    folder: Folder,
    access: Access,
    timeout: Duration,
}

/// What one call is given beside its arguments.
#[derive(Clone, Copy, Default)]
pub struct Given<'a> {
    /// What it reads.
    pub input: Option<&'a [u8]>,
    /// Variables of the environment.
    pub environment: &'a [(&'a str, &'a str)],
}

/// Settings of every call; none of a repository or of this machine counts against them.
const SETTINGS: [(&str, &str); 12] = [
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.symlinks", "false"),
    ("credential.interactive", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1"),
    ("http.lowSpeedTime", "30"),
    ("protocol.version", "2"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
];

impl Session {
    /// Begins with an empty folder.
    ///
    /// # Errors
    /// As [`Folder::new`], and when keys can't be put into it.
    pub fn begin(program: &Program, access: Access, timeout: Duration) -> Result<Self, GitError> {
        let folder = Folder::new(&program.work)?;
        access.lay_out(folder.path())?;
        Ok(Self { program: program.clone(), folder, access, timeout })
    }

    /// The folder of the repository.
    pub fn repository(&self) -> PathBuf {
        self.folder.path().join("repository")
    }

    /// Whether commits are signed.
    pub fn signs(&self) -> bool {
        self.access.signs()
    }

    /// Removes secrets from what is told.
    pub fn redactor(&self) -> Redactor {
        self.access.redactor()
    }

    /// Runs git with these arguments, of which none may hold a secret; answers what it wrote.
    ///
    /// # Errors
    /// It failed, took too long, or wrote too much.
    pub async fn run(&self, arguments: &[&str], given: Given<'_>) -> Result<Vec<u8>, GitError> {
        let what = arguments.first().copied().unwrap_or_default();
        let spawned = self.command(arguments, given).spawn();
        let child = spawned.map_err(|error| GitError::Passing(format!("cannot run git: {error}")))?;
        let mut group = Group::of(&child);
        let ended = tokio::time::timeout(self.timeout, converse(child, given.input)).await;
        if matches!(ended, Ok(Ok(_))) {
            group.has_ended();
        }
        drop(group);
        let Ok(ended) = ended else {
            return Err(GitError::Passing(format!("git {what} took longer than {} s", self.timeout.as_secs())));
        };
        let Output { code, out, err } =
            ended.map_err(|error| GitError::Passing(format!("git {what} broke off: {error}")))?;
        if code == Some(0) {
            return Ok(out);
        }
        Err(GitError::Complaint { what: what.to_owned(), out: self.clean(&out), err: self.clean(&err) })
    }

    /// What git said, without secrets and at a readable length.
    fn clean(&self, said: &[u8]) -> String {
        let said = self.redactor().clean(&String::from_utf8_lossy(said));
        let lines = said.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("hint:"));
        let text = lines.collect::<Vec<_>>().join("; ");
        text.chars().filter(|letter| !letter.is_control()).take(SHOWN).collect()
    }

    fn command(&self, arguments: &[&str], given: Given<'_>) -> Command {
        let mut command = Command::new(&self.program.path);
        let home = self.folder.path();
        command
            .args(arguments)
            .current_dir(home)
            .env_clear()
            .envs(self.program.environment.iter().map(|(name, value)| (name, value)))
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "true")
            .env("SSH_ASKPASS", "true")
            .env("GIT_ALLOW_PROTOCOL", &self.program.protocols)
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_LITERAL_PATHSPECS", "1")
            .env("GIT_LFS_SKIP_SMUDGE", "1")
            .envs(given.environment.iter().copied())
            .stdin(if given.input.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        let settings = SETTINGS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings: Vec<_> = settings.chain(self.access.settings(home)).collect();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (number, (name, value)) in settings.into_iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{number}"), name).env(format!("GIT_CONFIG_VALUE_{number}"), value);
        }
        for (name, value) in self.access.environment(home) {
            command.env(name, value);
        }
        if self.repository().exists() {
            command.env("GIT_DIR", self.repository());
        }
        command
    }
}

/// Ends git with all that it has started, unless it has ended before.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        Self(number.and_then(Pid::from_raw))
    }

    /// Git has ended; its number may soon be that of another.
    fn has_ended(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already, most likely.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

struct Output {
    code: Option<i32>,
    out: Vec<u8>,
    err: Vec<u8>,
}

async fn converse(mut child: Child, input: Option<&[u8]>) -> std::io::Result<Output> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let write = async {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // One that does not read to the end says so by its exit.
            let _ = stdin.write_all(input).await;
            let _ = stdin.shutdown().await;
        }
    };
    let read = async {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let outward = async {
            match stdout {
                Some(stdout) => stdout.take(MOST_OUT + 1).read_to_end(&mut out).await,
                None => Ok(0),
            }
        };
        let complaint = async {
            match stderr {
                Some(stderr) => stderr.take(MOST_ERR).read_to_end(&mut err).await,
                None => Ok(0),
            }
        };
        let (read, heard) = tokio::join!(outward, complaint);
        read?;
        heard?;
        Ok::<_, std::io::Error>((out, err))
    };
    let ((), read) = tokio::join!(write, read);
    let (out, err) = read?;
    if out.len() as u64 > MOST_OUT {
        return Err(std::io::Error::other(format!("it wrote more than {MOST_OUT} bytes")));
    }
    let code = child.wait().await?.code();
    Ok(Output { code, out, err })
}
