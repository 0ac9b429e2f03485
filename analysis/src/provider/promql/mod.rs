//! What a query says about itself: is it a ratio, what would its denominator count, is a series divided by itself.
//!
//! Pure. A query that can't be parsed here is still sent: Prometheus is the judge of its own language.

mod ratio;
mod reading;
mod selfdivision;
mod substitution;
#[cfg(test)]
mod tests;
mod words;

use promql_parser::parser::Expr;

pub use ratio::{Probe, Ratio};
pub use reading::{Queries, Reading};
pub use selfdivision::SelfDivision;
pub use substitution::{BreakOut, check_substitution};

/// How long a query may be to be looked into.
const LENGTH_LIMIT: usize = 8 * 1024;
/// How deep brackets may be nested.
const DEPTH_LIMIT: usize = 48;
/// How many operators there may be; they decide the depth of the tree where brackets don't.
const OPERATOR_LIMIT: usize = 192;

/// Parses a query, within limits that keep every walk over its tree shallow.
///
/// # Errors
/// Why it can't be looked into: too large, or no `PromQL` as far as the parser knows.
pub fn parse(query: &str) -> Result<Expr, String> {
    if query.len() > LENGTH_LIMIT {
        return Err(format!("the query is longer than {LENGTH_LIMIT} bytes"));
    }
    check_depth(query)?;
    promql_parser::parser::parse(query)
}

/// Refuses what would make a deep tree, by a look at the text alone.
fn check_depth(query: &str) -> Result<(), String> {
    let mut quote = None;
    let mut escaped = false;
    let (mut depth, mut operators) = (0_usize, 0_usize);
    for c in query.chars() {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(open) if c == '\\' && open != '`' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None => match c {
                '"' | '\'' | '`' => quote = Some(c),
                '(' | '[' | '{' => depth += 1,
                ')' | ']' | '}' => depth = depth.saturating_sub(1),
                '+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '=' | '!' => operators += 1,
                _ => {}
            },
        }
        if depth > DEPTH_LIMIT {
            return Err(format!("the query nests more than {DEPTH_LIMIT} brackets"));
        }
    }
    let is_operator =
        |word: &&str| ["and", "or", "unless", "atan2", "offset"].contains(&word.to_ascii_lowercase().as_str());
    operators += query.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_operator).count();
    if operators > OPERATOR_LIMIT {
        return Err(format!("the query has more than {OPERATOR_LIMIT} operators"));
    }
    Ok(())
}
