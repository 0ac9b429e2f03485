//! What a query says about itself: is it a ratio, what would its denominator count, is a series divided by itself.
//!
//! Pure. A query that can't be parsed here is still sent: Prometheus is the judge of its own language.

mod known;
mod limits;
mod ratio;
mod reading;
mod selfdivision;
mod substitution;
#[cfg(test)]
mod tests;
mod tokens;

use promql_parser::parser::Expr;

pub use known::Known;
pub use ratio::{Probe, Ratio};
pub use reading::{Queries, Reading};
pub use selfdivision::SelfDivision;
pub use substitution::{BreakOut, check_substitution};

/// Parses a query, within limits that keep every walk over its tree shallow and cheap.
///
/// # Errors
/// Why it can't be looked into: too large, or no `PromQL` as far as the parser knows.
pub fn parse(query: &str) -> Result<Expr, String> {
    limits::check(query)?;
    // The parser panics on some texts, such as a range of 1e400 seconds, and who writes a query must not end a turn.
    // It shares nothing with us but the text, so nothing half done is left behind.
    std::panic::catch_unwind(|| promql_parser::parser::parse(query))
        .unwrap_or_else(|_| Err("the parser does not know what to make of the query".to_owned()))
}
