//! Ratios: a numerator without series over a denominator with traffic is 0, and Prometheus answers nothing.

use promql_parser::parser::token::{T_ADD, T_AVG, T_DIV, T_MAX, T_MIN, T_MUL, T_SUB, T_SUM, TokenId, TokenType};
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{AggregateExpr, BinaryExpr, Call, Expr, FunctionArgs, VectorMatchFillValues};

use super::known::Known;
use super::tokens;

/// A query that is a ratio, and what to ask when it has no answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Ratio {
    /// Counts the series of the numerator; no answer means none.
    pub numerator: String,
    /// Counts the series of the numerator that are anything but 0; no answer means none.
    pub nonzero: String,
    /// Asks whether there is traffic in the denominator.
    pub denominator: Probe,
    /// What has to be stored for a numerator without series to be 0; none if the denominator proves it.
    pub known: Option<Known>,
    /// What is missing: `no 5xx series`.
    pub missing: String,
    /// The value of the whole query when the ratio is 0: 0 for `a / b * 100`, 1 for `1 - a / b`.
    pub value_at_zero: f64,
    /// Whether `scalar()` turns the missing answer into NaN.
    pub scalar: bool,
}

/// A question about a denominator.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// The query to ask; its answer has at most one element.
    pub query: String,
    /// The counter whose increase over the query's window the answer is; none if the answer is the denominator's value.
    pub counts: Option<String>,
}

impl Probe {
    /// Says what the denominator is: `1,240 requests in the denominator`.
    pub fn describe(&self, value: f64) -> String {
        match &self.counts {
            Some(name) => format!("{} {} in the denominator", tokens::count(value), tokens::unit(name, value)),
            None => format!("the denominator is {}", super::super::prometheus::number(value)),
        }
    }
}

impl Ratio {
    /// Finds the ratio that decides whether a query has an answer.
    ///
    /// Looks through brackets, signs, `sum`, `avg`, `min`, `max`, `scalar` and arithmetic with a number. A numerator
    /// that is itself built from several selectors is none of ours: it can be empty for other reasons.
    pub fn of(expr: &Expr) -> Option<Self> {
        let Found { ratio, value_at_zero, scalar } = find(expr)?;
        let numerators = tokens::selectors(&ratio.lhs);
        let [numerator] = numerators.as_slice() else {
            return None;
        };
        let denominators = tokens::selectors(&ratio.rhs);
        let extra = tokens::extra(numerator, &denominators);
        let known = Known::of(numerator, &denominators);
        Some(Self {
            numerator: format!("count({})", ratio.lhs),
            nonzero: format!("count(({}) != 0)", ratio.lhs),
            denominator: probe(&ratio.rhs)?,
            known,
            missing: format!("no {}", tokens::series(numerator, &extra)),
            value_at_zero,
            scalar,
        })
    }
}

/// A ratio inside an expression, and what the whole is when the ratio is 0.
struct Found<'a> {
    ratio: &'a BinaryExpr,
    value_at_zero: f64,
    scalar: bool,
}

fn find(expr: &Expr) -> Option<Found<'_>> {
    match expr {
        Expr::Paren(paren) => find(&paren.expr),
        Expr::Unary(unary) => find(&unary.expr).map(|found| Found { value_at_zero: -found.value_at_zero, ..found }),
        Expr::Call(call) if call.func.name == "scalar" => {
            let found = find(call.args.args.first()?)?;
            Some(Found { scalar: true, ..found })
        }
        Expr::Aggregate(aggregate) => {
            let found = find(&aggregate.expr)?;
            let op = aggregate.op.id();
            // How many elements a sum would have is unknown; zeros add up to 0 whatever their number.
            let kept = [T_AVG, T_MIN, T_MAX].contains(&op) || (op == T_SUM && found.value_at_zero == 0.0);
            kept.then_some(found)
        }
        Expr::Binary(binary) => find_in_binary(binary),
        _ => None,
    }
}

fn find_in_binary(binary: &BinaryExpr) -> Option<Found<'_>> {
    let op = binary.op.id();
    match (constant(&binary.lhs), constant(&binary.rhs)) {
        (None, Some(number)) => {
            let found = find(&binary.lhs)?;
            Some(Found { value_at_zero: apply(op, found.value_at_zero, number)?, ..found })
        }
        (Some(number), None) => {
            let found = find(&binary.rhs)?;
            Some(Found { value_at_zero: apply(op, number, found.value_at_zero)?, ..found })
        }
        (None, None) if op == T_DIV => {
            let filled = binary.modifier.as_ref().is_some_and(|m| m.fill_values != VectorMatchFillValues::default());
            let from_scalars = binary.lhs.value_type() == ValueType::Scalar;
            (!filled).then_some(Found { ratio: binary, value_at_zero: 0.0, scalar: from_scalars })
        }
        _ => None,
    }
}

/// The value of `left op right`, if the operator keeps every element.
fn apply(op: TokenId, left: f64, right: f64) -> Option<f64> {
    let value_at_zero = match op {
        T_ADD => left + right,
        T_SUB => left - right,
        T_MUL => left * right,
        T_DIV => left / right,
        _ => return None,
    };
    value_at_zero.is_finite().then_some(value_at_zero)
}

/// The value of an expression made of numbers only.
fn constant(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::NumberLiteral(number) => Some(number.val),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Unary(unary) => constant(&unary.expr).map(|value| -value),
        _ => None,
    }
}

/// The question whether a denominator has traffic.
fn probe(denominator: &Expr) -> Option<Probe> {
    let mut counted = stripped(denominator).clone();
    let selectors = tokens::selectors(denominator);
    let (query, counts) = match (counting(&mut counted), selectors.as_slice()) {
        (true, [selector]) => (sum(counted), Some(tokens::name(selector))),
        (_, []) => return None,
        _ if denominator.value_type() == ValueType::Vector => (sum(denominator.clone()), None),
        _ => (denominator.clone(), None),
    };
    Some(Probe { query: query.to_string(), counts })
}

/// An expression without brackets, sums over everything and `scalar` around it; none of them changes a total.
fn stripped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(paren) => stripped(&paren.expr),
        Expr::Aggregate(aggregate) if aggregate.op.id() == T_SUM => stripped(&aggregate.expr),
        Expr::Call(Call { func, args: FunctionArgs { args } }) if func.name == "scalar" => {
            args.first().map_or(expr, |arg| stripped(arg))
        }
        other => other,
    }
}

/// Turns a rate into the increase over its window; says whether the expression is one now.
fn counting(expr: &mut Expr) -> bool {
    let Expr::Call(call) = expr else {
        return false;
    };
    let counter = matches!(call.func.name, "rate" | "irate" | "increase");
    if counter {
        call.func.name = "increase";
    }
    counter
}

/// `sum(expr)`.
pub(super) fn sum(expr: Expr) -> Expr {
    Expr::Aggregate(AggregateExpr { op: TokenType::new(T_SUM), expr: Box::new(expr), param: None, modifier: None })
}
