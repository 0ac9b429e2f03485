//! Why a query has no answer.

/// Why a query has no answer, sorted as Prometheus sorts it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The request or the query is wrong, or beyond the simulator.
    #[error("{0}")]
    BadData(String),
    /// The query is right but the series don't fit it.
    #[error("{0}")]
    Execution(String),
}

impl QueryError {
    /// What the simulator can't evaluate.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::BadData(format!("invalid parameter \"query\": the simulator does not evaluate {what}"))
    }
}
