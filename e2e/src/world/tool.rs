//! Clients that people have in hand: programs of others, run to their end.

use std::{process::Stdio, time::Duration};

use tokio::process::Command;

use super::{Parts, User, World, WorldError};

/// How long a client may take; none of them is asked for anything longer.
const LIMIT: Duration = Duration::from_secs(90);

/// What a program said when it was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// The command as it is typed.
    pub command: String,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// What it printed.
    pub out: String,
    /// What it complained about.
    pub err: String,
}

impl Said {
    /// Says whether it ended well.
    pub fn succeeded(&self) -> bool {
        self.code == Some(0)
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, code, out, err } = self;
        let code = code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        write!(f, "$ {command}\n{out}{err}(ended with {code})")
    }
}

impl World {
    /// Runs a program of the cache as this user, and waits until it ends.
    ///
    /// # Errors
    /// When setup has not put it there, it can't be run, or it doesn't end.
    pub async fn tool(&self, user: User, program: &str, arguments: &[&str]) -> Result<Said, WorldError> {
        let command = format!("{program} {}", arguments.join(" "));
        let mut child = Command::new(Parts::locate().program(program)?);
        child
            .args(arguments)
            .env("KUBECONFIG", self.users().kubeconfig(user))
            // Clients keep caches at home.
            .env("HOME", self.folder().join(user.name()))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let late =
            |_| WorldError::Late { what: format!("the end of {command}"), limit: LIMIT, last: "it runs".to_owned() };
        let ended = tokio::time::timeout(LIMIT, child.output()).await.map_err(late)?;
        let output = ended.map_err(WorldError::io(format!("running {command}")))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Said { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr), command })
    }
}
