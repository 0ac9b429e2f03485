//! A controller under test: ours, or another that runs the same objects.

use std::{
    ffi::OsString,
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    World, WorldError, parts,
    server::{Launch, Server},
    users::User,
};

/// How a controller is started.
#[derive(Debug, Clone)]
pub struct ControllerPlan {
    /// What its folder is called: one name for each that runs at a time.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments; the kubeconfig is told by the environment variable `KUBECONFIG`.
    pub arguments: Vec<OsString>,
    /// More environment variables.
    pub environment: Vec<(String, OsString)>,
    /// As whom it calls the API server.
    pub user: User,
}

impl ControllerPlan {
    /// Our controller as Cargo built it, or the one that `SERIN_CONTROLLER` names.
    ///
    /// # Errors
    /// When it has not been built.
    pub fn serin() -> Result<Self, WorldError> {
        let program = match std::env::var_os("SERIN_CONTROLLER") {
            Some(named) => PathBuf::from(named),
            None => parts::built("serin-controller")?,
        };
        Ok(Self {
            name: "controller".to_owned(),
            program,
            arguments: Vec::new(),
            environment: Vec::new(),
            user: User::Serin,
        })
    }

    /// Gives it another name, and other credentials, to run beside the first.
    #[must_use]
    pub fn beside(mut self, name: &str, user: User) -> Self {
        (self.name, self.user) = (name.to_owned(), user);
        self
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }
}

/// A controller that can be killed and started again. Its log goes on in the same file.
#[derive(Debug)]
pub struct Controller {
    launch: Launch,
    server: Option<Server>,
}

impl Controller {
    pub(super) fn start(world: &World, plan: ControllerPlan) -> Result<Self, WorldError> {
        let mut launch = Launch::new(&plan.name, plan.program, world.folder())
            .env("KUBECONFIG", world.users().kubeconfig(plan.user));
        for argument in plan.arguments {
            launch = launch.arg(argument);
        }
        for (name, value) in plan.environment {
            launch = launch.env(&name, value);
        }
        let mut controller = Self { launch, server: None };
        controller.restart()?;
        Ok(controller)
    }

    /// Ends it at once (`SIGKILL`), without any chance to clean up.
    pub fn kill(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// Asks it to end (`SIGTERM`); see [`Controller::end`] for how it does.
    pub fn terminate(&mut self) {
        if let Some(server) = &mut self.server {
            server.terminate();
        }
    }

    /// Waits until it ends, and says how it ended, such as `exit status: 0`.
    ///
    /// # Errors
    /// When it still runs at the limit.
    pub async fn end(&mut self, limit: Duration) -> Result<String, WorldError> {
        let Some(server) = &mut self.server else {
            return Ok("killed before".to_owned());
        };
        let what = format!("the end of {}", server.name());
        let began = Instant::now();
        loop {
            if let Some(status) = server.ended() {
                return Ok(status);
            }
            if began.elapsed() >= limit {
                return Err(WorldError::Late { what, limit, last: server.tail(5) });
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets it stand still (`SIGSTOP`) until [`Controller::thaw`]: like a node that hangs.
    pub fn freeze(&mut self) {
        if let Some(server) = &mut self.server {
            server.freeze();
        }
    }

    /// Lets it go on (`SIGCONT`).
    pub fn thaw(&mut self) {
        if let Some(server) = &mut self.server {
            server.thaw();
        }
    }

    /// Starts it, again if it has been started before.
    ///
    /// # Errors
    /// When the program can't be run.
    pub fn restart(&mut self) -> Result<(), WorldError> {
        self.kill();
        self.server = Some(self.launch.start()?);
        Ok(())
    }

    /// Says that it runs.
    ///
    /// # Errors
    /// When it has ended by itself, with the end of its log.
    pub fn check(&mut self) -> Result<(), WorldError> {
        self.server.as_mut().map_or(Ok(()), Server::check)
    }

    /// Everything it has printed, over all its lives.
    pub fn log(&self) -> String {
        let file = self.launch.folder().join("log");
        std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    /// The process id; `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Server::pid)
    }
}
