//! Outcome: how a command that checks files ended, as its exit code says it; and why something failed, in one line.

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything is as it should be.
    Good,
    /// At least one thing is not.
    Bad,
    /// At least one file can't be read; nothing was done.
    Unreadable,
}

impl Outcome {
    /// The exit code: 0, 1 or 2.
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Bad => 1,
            Self::Unreadable => 2,
        }
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
