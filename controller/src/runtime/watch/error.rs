//! What can stand in the way of following a kind.

use crate::runtime::projection::Place;

/// Why following could not go on.
#[derive(Debug)]
pub(super) enum WatchError {
    /// The version is too old: list again.
    Gone,
    /// The kind cannot be listed or watched.
    Unavailable(String),
    /// Something that may pass.
    Passing(String),
}

impl WatchError {
    /// Says what an answer of the API server means for following a kind.
    pub fn of(error: &kube::Error, place: &Place) -> Self {
        let (resource, version) = (place.resource(), &place.version);
        let kube::Error::Api(status) = error else {
            return Self::Passing(chain(error));
        };
        let message = &status.message;
        match status.code {
            410 => Self::Gone,
            404 => Self::Unavailable(format!("the API server does not serve {resource} in version {version}")),
            403 => Self::Unavailable(format!("not allowed to list and watch {resource}: {message}")),
            code @ (400 | 405 | 406 | 415) => Self::Unavailable(format!("cannot list {resource}: {code} {message}")),
            code => Self::Passing(format!("{code} {message}")),
        }
    }
}

/// Writes an error with its causes, each once.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}
