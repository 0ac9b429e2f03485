//! Operators between two expressions.

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ, T_POW,
    T_SUB, TokenType,
};
use promql_parser::parser::{BinaryExpr, VectorMatchFillValues};

use super::matching::{self, Matching};
use super::{Element, Evaluator, Value, type_error, unique};
use crate::prometheus::error::QueryError;

/// An operator on two numbers.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    /// Gives a number.
    Arithmetic(fn(f64, f64) -> f64),
    /// Keeps or drops elements.
    Filter(fn(f64, f64) -> bool),
    /// Gives 1 or 0.
    Test(fn(f64, f64) -> bool),
}

impl Operator {
    fn of(op: TokenType, returns_bool: bool) -> Option<Self> {
        let arithmetic: Option<fn(f64, f64) -> f64> = match op.id() {
            T_ADD => Some(|a, b| a + b),
            T_SUB => Some(|a, b| a - b),
            T_MUL => Some(|a, b| a * b),
            T_DIV => Some(|a, b| a / b),
            T_MOD => Some(|a, b| a % b),
            T_POW => Some(f64::powf),
            T_ATAN2 => Some(f64::atan2),
            _ => None,
        };
        #[allow(clippy::float_cmp, reason = "PromQL compares exactly")]
        let comparison: Option<fn(f64, f64) -> bool> = match op.id() {
            T_EQLC => Some(|a, b| a == b),
            T_NEQ => Some(|a, b| a != b),
            T_GTR => Some(|a, b| a > b),
            T_LSS => Some(|a, b| a < b),
            T_GTE => Some(|a, b| a >= b),
            T_LTE => Some(|a, b| a <= b),
            _ => None,
        };
        match (arithmetic, comparison) {
            (Some(function), _) => Some(Self::Arithmetic(function)),
            (_, Some(test)) if returns_bool => Some(Self::Test(test)),
            (_, Some(test)) => Some(Self::Filter(test)),
            _ => None,
        }
    }

    /// The value for an element of the left side; none if it is dropped.
    pub(super) fn apply(self, left: f64, right: f64) -> Option<f64> {
        match self {
            Self::Arithmetic(function) => Some(function(left, right)),
            Self::Test(test) => Some(f64::from(u8::from(test(left, right)))),
            Self::Filter(test) => test(left, right).then_some(left),
        }
    }

    /// Whether results keep the name of the left side.
    pub(super) fn keeps_name(self) -> bool {
        matches!(self, Self::Filter(_))
    }
}

impl Evaluator<'_> {
    pub(super) fn binary(self, binary: &BinaryExpr) -> Result<Value, QueryError> {
        let (left, right) = (self.eval(&binary.lhs)?, self.eval(&binary.rhs)?);
        let modifier = binary.modifier.as_ref();
        if modifier.is_some_and(|modifier| modifier.fill_values != VectorMatchFillValues::default()) {
            return Err(QueryError::unsupported("fill values"));
        }
        let matching = Matching::of(modifier);
        match (binary.op.id(), left, right) {
            (T_LAND, Value::Vector(left), Value::Vector(right)) => {
                Ok(Value::Vector(matching::and(left, &right, matching)))
            }
            (T_LOR, Value::Vector(left), Value::Vector(right)) => {
                Ok(Value::Vector(matching::or(left, right, matching)))
            }
            (T_LUNLESS, Value::Vector(left), Value::Vector(right)) => {
                Ok(Value::Vector(matching::unless(left, &right, matching)))
            }
            (_, left, right) => {
                let operator = Operator::of(binary.op, binary.return_bool());
                let operator = operator.ok_or_else(|| type_error("set operator", "instant vector"))?;
                combine(operator, (left, right), matching)
            }
        }
    }
}

fn combine(operator: Operator, sides: (Value, Value), matching: Matching<'_>) -> Result<Value, QueryError> {
    match sides {
        (Value::Scalar(left), Value::Scalar(right)) => match operator {
            Operator::Filter(_) => Err(QueryError::BadData(
                "invalid parameter \"query\": 1:1: parse error: comparisons between scalars must use BOOL modifier"
                    .into(),
            )),
            Operator::Arithmetic(_) | Operator::Test(_) => {
                Ok(Value::Scalar(operator.apply(left, right).unwrap_or(f64::NAN)))
            }
        },
        (Value::Vector(elements), Value::Scalar(right)) => {
            with_number(elements, operator, |value| operator.apply(value, right)).map(Value::Vector)
        }
        (Value::Scalar(left), Value::Vector(elements)) => {
            // A filter keeps the element's value, whichever side it is on.
            let kept = |value: f64| {
                operator.apply(left, value).map(|result| if operator.keeps_name() { value } else { result })
            };
            with_number(elements, operator, kept).map(Value::Vector)
        }
        (Value::Vector(left), Value::Vector(right)) => {
            matching::join(operator, left, right, matching).map(Value::Vector)
        }
        _ => Err(type_error("binary expression", "scalar or instant vector")),
    }
}

fn with_number(
    elements: Vec<Element>,
    operator: Operator,
    function: impl Fn(f64) -> Option<f64>,
) -> Result<Vec<Element>, QueryError> {
    let results = elements.into_iter().filter_map(|Element { labels, value }| {
        let value = function(value)?;
        Some(Element { labels: if operator.keeps_name() { labels } else { labels.nameless() }, value })
    });
    unique(results.collect())
}
