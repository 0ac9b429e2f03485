//! What the tables in `analysis/tests` cannot say: places of errors, bounds, lists element by element, instants.

mod bounds;
mod elements;
mod errors;
mod parts;
mod soup;

use jiff::Timestamp;

use super::{ExprError, Program, ResultValue};

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn vector(numbers: &[f64]) -> ResultValue {
    ResultValue::Vector(numbers.to_vec())
}

fn json(text: &str) -> ResultValue {
    ResultValue::Json(serde_json::from_str(text).unwrap())
}

fn verdict(condition: &str, result: &ResultValue) -> Result<bool, ExprError> {
    Program::compile(condition, &result.result_type())?.verdict(result, now())
}
