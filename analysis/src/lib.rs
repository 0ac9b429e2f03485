//! Measuring and judging a release: arguments, conditions, what is due, verdicts, metric providers.

pub mod args;
pub mod judge;
pub mod provider;
pub mod run;
pub mod sample;
pub mod secret;
pub mod substitute;
pub mod template;
pub mod window;

pub use serin_expr as expr;
