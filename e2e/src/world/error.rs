//! What can go wrong with a world itself.

use std::{io, path::PathBuf, time::Duration};

/// A world that does not do what was asked of it.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    /// A program is not in the cache.
    #[error("{} is missing; run e2e/setup", .0.display())]
    Missing(PathBuf),
    /// The process is not in a world's network.
    #[error("not inside a world's network; worlds are started by the trials of `serin_e2e::runner`")]
    Outside,
    /// A file or a process.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// A call to the API server.
    #[error("{what}")]
    Kube {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: Box<kube::Error>,
    },
    /// A call to one of the other servers.
    #[error("{what}")]
    Http {
        /// What was tried.
        what: String,
        /// Why it failed.
        #[source]
        source: reqwest::Error,
    },
    /// Something that was waited for did not come.
    #[error("{what} did not come within {} s; last seen: {last}", limit.as_secs_f64())]
    Late {
        /// What was waited for.
        what: String,
        /// How long.
        limit: Duration,
        /// What was there instead.
        last: String,
    },
    /// A server ended by itself.
    #[error("{name} ended by itself ({status}); its last lines:\n{tail}")]
    Ended {
        /// The server's name.
        name: String,
        /// How it ended.
        status: String,
        /// The end of its log.
        tail: String,
    },
    /// An answer or a file that can't be understood.
    #[error("{what}: {why}")]
    Malformed {
        /// What was read.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}

impl WorldError {
    /// For `map_err` on files and processes.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |source| Self::Io { what, source }
    }

    /// For `map_err` on calls to the API server.
    pub(crate) fn kube(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        |source| Self::Kube { what, source: Box::new(source) }
    }

    /// For `map_err` on calls to other servers.
    pub(crate) fn http(what: impl Into<String>) -> impl FnOnce(reqwest::Error) -> Self {
        let what = what.into();
        |source| Self::Http { what, source }
    }

    /// For `map_err` on answers and files.
    pub(crate) fn malformed<E: std::fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |why| Self::Malformed { what, why: why.to_string() }
    }
}
