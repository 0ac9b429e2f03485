//! Measuring and judging a release: arguments, conditions, what is due, verdicts, metric providers.
pub mod expr;
