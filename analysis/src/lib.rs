//! Measuring and judging a release: arguments, conditions, what is due, verdicts, metric providers.

pub mod args;
pub mod provider;
pub mod secret;
pub mod substitute;
pub mod template;
