//! Conditions: the expression language of `successCondition` and `failureCondition`, evaluated within bounds.
//!
//! A condition is compiled for the *type* of the metric's result and then run on its value. Compiling finds whatever
//! cannot work on any value of that type, also in branches that would not run.
//!
//! # Source
//! The language is expr 1.17 (expr-lang.org) with the six functions that Argo Rollouts adds. This is an
//! implementation of its own; the tables in `tests/` hold what the original says: the Go program in `e2e/parts/expr`
//! asks it. It is the same but for the last bit of a power, which is that of the C library, and for sorting by an order
//! that is none (NaN in a list of more than twelve).

mod arguments;
mod ast;
mod builtins;
mod check;
mod elementwise;
mod equality;
mod error;
mod escape;
mod format;
mod functions;
mod lexer;
mod loops;
mod machine;
mod numbers;
mod operators;
mod parser;
mod pattern;
mod primary;
mod program;
mod rewrite;
mod sorting;
mod sums;
mod time;
mod types;
mod value;

#[cfg(test)]
mod tests;

pub use elementwise::{Elements, verdict_elementwise};
pub use error::{ExprError, Fault};
pub use program::{Compiled, Program, ResultType, ResultValue, eval_time};
pub use time::{Moment, Zone};
pub use types::ListOf;
pub use value::{Dict, Func, Key, List, Map, Text, Value};
