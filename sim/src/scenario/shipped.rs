//! The scenarios that come with the program, so that a demo needs no files.

use super::{Scenario, ScenarioError};

include!(concat!(env!("OUT_DIR"), "/shipped.rs"));

/// The names of the scenarios that come with the program.
pub fn shipped_names() -> impl Iterator<Item = &'static str> {
    SCENARIOS.iter().map(|(path, _)| path.trim_end_matches(".yaml"))
}

/// A scenario that comes with the program.
///
/// # Errors
/// When there is none of that name; the error lists those that there are.
pub fn shipped(name: &str) -> Result<Scenario, ScenarioError> {
    let found = SCENARIOS.iter().find(|(path, _)| path.trim_end_matches(".yaml") == name);
    let Some((path, text)) = found else {
        let known = shipped_names().collect::<Vec<_>>().join(", ");
        return Err(ScenarioError::field(format!("scenario {name:?}"), format!("does not exist; there are {known}")));
    };
    let read = |file: &str| {
        let found = BASES.iter().chain(SEEDS).find(|(path, _)| *path == file).map(|(_, text)| (*text).to_owned());
        found.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::NotFound))
    };
    Scenario::parse(path, text, &read)
}
