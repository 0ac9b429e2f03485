//! What can be wrong with a condition, in words for the person who wrote it.

use std::fmt;

/// One fault in a condition: what is wrong, and where in its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong, in plain words.
    pub message: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)
    }
}

/// Why a condition gives no verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExprError {
    /// The text is not an expression.
    #[error("{0}")]
    Syntax(Fault),
    /// The expression cannot work on a result of this type, whatever its value.
    #[error("{0}")]
    Type(Fault),
    /// The expression failed on this result.
    #[error("{0}")]
    Run(Fault),
    /// The expression is too long, too deep, or takes too many steps or too much memory.
    #[error("{0}")]
    Limit(Fault),
    /// The expression gave something that is neither true nor false.
    #[error("expected bool, but got {found}")]
    NotBool {
        /// The Go name of the type found.
        found: String,
    },
    /// The expression gave something that is not an instant.
    #[error("expected a time such as now() - duration(\"1h\"), but got {found}")]
    NotTime {
        /// The Go name of the type found.
        found: String,
    },
    /// A condition to be tried on each element met an empty list.
    #[error("the result is an empty list, so there is no element to compare")]
    NoData,
    /// The program was compiled for a result of another type.
    #[error("the condition was compiled for {expected}, but the result is {found}")]
    OtherType {
        /// The type it was compiled for.
        expected: &'static str,
        /// The type of the result.
        found: &'static str,
    },
}

/// The stage in which evaluation stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    Syntax,
    Type,
    Run,
    Limit,
}

/// A stop on the way, not yet tied to a line and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EvalError {
    /// Something is wrong; `at` is a byte offset once it is known.
    Fail { stage: Stage, message: String, at: Option<usize> },
    /// `?.` met nil: the chain around it is nil.
    NilChain,
}

/// The outcome of one step of compilation or evaluation.
pub(crate) type Out<T> = Result<T, EvalError>;

impl From<String> for EvalError {
    fn from(message: String) -> Self {
        Self::Fail { stage: Stage::Run, message, at: None }
    }
}

impl From<&str> for EvalError {
    fn from(message: &str) -> Self {
        Self::from(message.to_owned())
    }
}

impl EvalError {
    /// Says what is wrong at a byte offset.
    pub(crate) fn new(stage: Stage, at: usize, message: impl Into<String>) -> Self {
        Self::Fail { stage, message: message.into(), at: Some(at) }
    }

    /// Says which limit was met.
    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self::Fail { stage: Stage::Limit, message: message.into(), at: None }
    }

    /// Fills in the place where none is known yet.
    pub(crate) fn at(self, offset: usize) -> Self {
        match self {
            Self::Fail { stage, message, at: None } => Self::Fail { stage, message, at: Some(offset) },
            other => other,
        }
    }

    /// Turns the stop into an error with line and column in `source`.
    pub(crate) fn bind(self, source: &str) -> ExprError {
        let (stage, message, at) = match self {
            Self::Fail { stage, message, at } => (stage, message, at.unwrap_or(0)),
            Self::NilChain => (Stage::Run, "a value is nil".to_owned(), 0),
        };
        let before = source.get(..at).unwrap_or(source);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.chars().rev().take_while(|c| *c != '\n').count().saturating_add(1);
        let fault = Fault { message, line, column };
        match stage {
            Stage::Syntax => ExprError::Syntax(fault),
            Stage::Type => ExprError::Type(fault),
            Stage::Run => ExprError::Run(fault),
            Stage::Limit => ExprError::Limit(fault),
        }
    }
}
