//! Whose figures are taken.

use std::path::PathBuf;

use serin_e2e::world::{ControllerPlan, User};

use crate::{Fault, judge::JUDGE};

/// Names the program of the incumbent: the controller of Argo Rollouts, run with its default flags.
const INCUMBENT: &str = "SERIN_BENCH_INCUMBENT";

/// A controller whose figures are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Ours.
    Serin,
    /// The one that people have today.
    Incumbent,
}

impl Contender {
    /// Ours, and the incumbent where its program is named.
    pub fn all() -> Vec<Self> {
        let incumbent = std::env::var_os(INCUMBENT).filter(|path| !path.is_empty()).map(|_| Self::Incumbent);
        std::iter::once(Self::Serin).chain(incumbent).collect()
    }

    /// How it is called in the figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Serin => "serin",
            Self::Incumbent => "incumbent",
        }
    }

    /// How it is started. Both call the API server as the same user, so that the audit log is read alike.
    pub fn plan(self) -> Result<ControllerPlan, Fault> {
        match self {
            Self::Serin => Ok(ControllerPlan::serin()?.arg(format!("--prometheus-address=http://{JUDGE}"))),
            Self::Incumbent => Ok(ControllerPlan {
                name: "incumbent".to_owned(),
                program: PathBuf::from(std::env::var_os(INCUMBENT).unwrap_or_default()),
                arguments: Vec::new(),
                environment: Vec::new(),
                user: User::Serin,
            }),
        }
    }

    /// Prints a figure.
    pub fn tell(self, what: &str, figure: &str) {
        println!("  {:<10} {what:<66} {figure}", self.name());
    }
}
