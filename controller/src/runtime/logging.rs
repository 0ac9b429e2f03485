//! Logs: one line an event, for people or for machines.

use std::io::IsTerminal as _;
use std::str::FromStr;

use tracing_subscriber::filter::{EnvFilter, LevelFilter};
use tracing_subscriber::fmt;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("{other} is no log format; write text or json")),
        }
    }
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logging {
    /// Lowest level, in the words of Argo's flag.
    pub level: String,
    /// How lines look.
    pub format: Format,
}

/// Why logging could not begin.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The level is no level.
    #[error("{0} is no log level; write trace, debug, info, warn or error")]
    Level(String),
    /// Somebody logs already.
    #[error("logging was begun before")]
    Begun(#[source] Box<dyn std::error::Error + Send + std::marker::Sync>),
}

/// Reads a level in the words of Argo's flag.
///
/// # Errors
/// The word is none of them.
pub fn level(word: &str) -> Result<LevelFilter, LoggingError> {
    match word.to_ascii_lowercase().as_str() {
        "trace" => Ok(LevelFilter::TRACE),
        "debug" => Ok(LevelFilter::DEBUG),
        "info" => Ok(LevelFilter::INFO),
        "warn" | "warning" => Ok(LevelFilter::WARN),
        "error" | "fatal" | "panic" => Ok(LevelFilter::ERROR),
        _ => Err(LoggingError::Level(word.to_owned())),
    }
}

/// Begins to log to the standard error stream, for the whole process.
///
/// Libraries are heard from `warn` on, unless the level is lower than `debug`: their details would drown ours.
///
/// # Errors
/// The level is none, or logging was begun before.
pub fn begin(logging: &Logging) -> Result<(), LoggingError> {
    let level = level(&logging.level)?;
    let others = if level == LevelFilter::TRACE { LevelFilter::DEBUG } else { level.min(LevelFilter::WARN) };
    let filter = EnvFilter::builder().with_default_directive(others.into()).parse_lossy(format!(
        "serin_controller={level},serin_gitops={level},serin_analysis={level},serin_crds={level}"
    ));
    let lines = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match logging.format {
        Format::Text => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).try_init(),
        Format::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init(),
    };
    begun.map_err(LoggingError::Begun)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_argos_flag() {
        let check = |word: &str, expect: LevelFilter| assert_eq!(level(word).unwrap(), expect);
        check("info", LevelFilter::INFO);
        check("Warning", LevelFilter::WARN);
        check("fatal", LevelFilter::ERROR);
        check("trace", LevelFilter::TRACE);
        assert_eq!(
            level("loud").unwrap_err().to_string(),
            "loud is no log level; write trace, debug, info, warn or error"
        );
    }

    #[test]
    fn a_format_is_text_or_json() {
        assert_eq!("json".parse(), Ok(Format::Json));
        assert_eq!("xml".parse::<Format>(), Err("xml is no log format; write text or json".to_owned()));
    }
}
