//! Serin's addition: a condition on one number, tried on each element of a list.
//!
//! `result < 0.05` on a Prometheus vector is an error in Argo Rollouts. Whoever writes it means every element.

use jiff::Timestamp;

use super::error::ExprError;
use super::machine::Spent;
use super::program::{Program, ResultType, ResultValue};

/// The verdicts on the elements of a list, in its order.
#[derive(Debug, Clone, PartialEq)]
pub struct Elements {
    /// Each element with its verdict; never empty.
    pub verdicts: Vec<(f64, bool)>,
}

impl Elements {
    /// The place and value of the first element for which the condition holds, or does not.
    pub fn first(&self, holds: bool) -> Option<(usize, f64)> {
        let found = self.verdicts.iter().enumerate().find(|(_, (_, verdict))| *verdict == holds);
        found.map(|(place, (value, _))| (place, *value))
    }
}

impl Program {
    /// The verdict on each number of a list, for a condition compiled for a single number.
    ///
    /// # Errors
    /// The list is empty ([`ExprError::NoData`]), or the condition failed on an element.
    pub fn each(&self, elements: &[f64], now: Timestamp) -> Result<Elements, ExprError> {
        let mut spent = Spent::default();
        let verdict = |value: &f64| {
            let holds = self.verdict_within(&ResultValue::Scalar(*value), now, &mut spent)?;
            Ok((*value, holds))
        };
        let verdicts: Vec<(f64, bool)> = elements.iter().map(verdict).collect::<Result<_, ExprError>>()?;
        if verdicts.is_empty() { Err(ExprError::NoData) } else { Ok(Elements { verdicts }) }
    }
}

/// Tries a condition on each element of a vector, with `result` as the element.
///
/// # Errors
/// The condition does not work on a number, failed on an element, the list is empty ([`ExprError::NoData`]), or the
/// result is no vector.
pub fn verdict_elementwise(source: &str, result: &ResultValue, now: Timestamp) -> Result<Elements, ExprError> {
    let ResultValue::Vector(elements) = result else {
        let expected = ResultType::Vector.plain();
        return Err(ExprError::OtherType { expected, found: result.result_type().plain() });
    };
    Program::compile(source, &ResultType::Scalar)?.each(elements, now)
}
