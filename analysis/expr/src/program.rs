//! Compiled conditions.

use std::sync::Arc;

use jiff::Timestamp;

use super::ast::Node;
use super::builtins::from_json_value;
use super::check::check;
use super::error::{EvalError, ExprError};
use super::machine::{Machine, Spent};
use super::parser::parse;
use super::rewrite::rewrite;
use super::types::{ListOf, Ty};
use super::value::{List, Value};

/// What the metric provider gave.
#[derive(Debug, Clone, PartialEq)]
pub enum ResultValue {
    /// One number: a Prometheus scalar.
    Scalar(f64),
    /// A list of numbers: a Prometheus vector, or all samples of a matrix.
    Vector(Vec<f64>),
    /// JSON: a web provider, a job, a plugin.
    Json(serde_json::Value),
}

/// The type of a [`ResultValue`], which a condition is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResultType {
    /// `float64`.
    Scalar,
    /// `[]float64`.
    Vector,
    /// JSON null.
    JsonNull,
    /// A JSON bool.
    JsonBool,
    /// A JSON number.
    JsonNumber,
    /// A JSON string.
    JsonString,
    /// A JSON array.
    JsonArray,
    /// A JSON object.
    JsonObject,
}

impl ResultType {
    fn ty(self) -> Ty {
        match self {
            Self::Scalar | Self::JsonNumber => Ty::Float,
            Self::Vector => Ty::List(ListOf::Floats, None),
            Self::JsonNull => Ty::Nil,
            Self::JsonBool => Ty::Bool,
            Self::JsonString => Ty::Text,
            Self::JsonArray => Ty::any_list(),
            Self::JsonObject => Ty::Map,
        }
    }

    /// What a person calls it.
    pub fn plain(self) -> &'static str {
        self.ty().plain()
    }
}

impl ResultValue {
    /// Its type.
    pub fn result_type(&self) -> ResultType {
        match self {
            Self::Scalar(_) => ResultType::Scalar,
            Self::Vector(_) => ResultType::Vector,
            Self::Json(serde_json::Value::Null) => ResultType::JsonNull,
            Self::Json(serde_json::Value::Bool(_)) => ResultType::JsonBool,
            Self::Json(serde_json::Value::Number(_)) => ResultType::JsonNumber,
            Self::Json(serde_json::Value::String(_)) => ResultType::JsonString,
            Self::Json(serde_json::Value::Array(_)) => ResultType::JsonArray,
            Self::Json(serde_json::Value::Object(_)) => ResultType::JsonObject,
        }
    }

    fn value(&self) -> Result<Value, EvalError> {
        Ok(match self {
            Self::Scalar(value) => Value::Float(*value),
            Self::Vector(values) => {
                let items = values.iter().copied().map(Value::Float).collect();
                Value::List(List::new(ListOf::Floats, items))
            }
            Self::Json(json) => from_json_value(json)?,
        })
    }
}

/// A condition compiled for one type of result. Cheap to clone and to keep.
///
/// # Guarantees
/// Running it takes a bounded number of steps and a bounded amount of memory, never panics, and reads nothing but
/// the result and the instant it is given.
#[derive(Debug, Clone)]
pub struct Program {
    source: Arc<str>,
    tree: Arc<Node>,
    result: Option<ResultType>,
}

/// A condition compiled as a user means it.
#[derive(Debug, Clone)]
pub enum Compiled {
    /// It works on the result as it is.
    Plain(Program),
    /// The result is a list that the condition treats as one number; it is to be tried on each element.
    Elementwise(Program),
}

impl Program {
    /// Compiles a condition for results of one type.
    ///
    /// # Errors
    /// The text is not an expression, or cannot work on results of this type.
    pub fn compile(source: &str, result: &ResultType) -> Result<Self, ExprError> {
        Self::build(source, Some(*result))
    }

    /// Compiles a condition; where it treats a list of numbers as one number, for each element of the list.
    ///
    /// # Errors
    /// The text is not an expression, or works neither on the result nor on its elements. The error is that of the
    /// plain condition.
    pub fn compile_for(source: &str, result: &ResultType) -> Result<Compiled, ExprError> {
        match Self::compile(source, result) {
            Ok(program) => Ok(Compiled::Plain(program)),
            Err(error @ ExprError::Type(_)) if *result == ResultType::Vector => {
                match Self::compile(source, &ResultType::Scalar) {
                    Ok(program) => Ok(Compiled::Elementwise(program)),
                    Err(_) => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    fn build(source: &str, result: Option<ResultType>) -> Result<Self, ExprError> {
        let compiled = parse(source).and_then(|mut tree| {
            let ty = result.map(ResultType::ty);
            check(&mut tree, ty.as_ref())?;
            rewrite(&mut tree)?;
            Ok(tree)
        });
        let tree = compiled.map_err(|halt| halt.bind(source))?;
        Ok(Self { source: source.into(), tree: Arc::new(tree), result })
    }

    /// The text that was compiled.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Does the condition hold for a result?
    ///
    /// # Errors
    /// It failed on this value, gave something that is not a bool, or was compiled for another type.
    pub fn verdict(&self, result: &ResultValue, now: Timestamp) -> Result<bool, ExprError> {
        self.verdict_within(result, now, &mut Spent::default())
    }

    /// The verdict, with what earlier ones of the same condition have used up counted in.
    pub(crate) fn verdict_within(
        &self,
        result: &ResultValue,
        now: Timestamp,
        spent: &mut Spent,
    ) -> Result<bool, ExprError> {
        match self.run(Some(result), now, spent)? {
            Value::Bool(verdict) => Ok(verdict),
            other => Err(ExprError::NotBool { found: other.go_type() }),
        }
    }

    /// The value of the expression, whatever it is.
    ///
    /// # Errors
    /// It failed on this value, or was compiled for another type.
    pub fn value(&self, result: &ResultValue, now: Timestamp) -> Result<Value, ExprError> {
        self.run(Some(result), now, &mut Spent::default())
    }

    fn run(&self, result: Option<&ResultValue>, now: Timestamp, spent: &mut Spent) -> Result<Value, ExprError> {
        let found = result.map(ResultValue::result_type);
        if let (Some(expected), Some(found)) = (self.result, found)
            && expected.ty() != found.ty()
        {
            return Err(ExprError::OtherType { expected: expected.plain(), found: found.plain() });
        }
        let value = result.map(ResultValue::value).transpose().map_err(|halt| halt.bind(&self.source))?;
        let mut machine = Machine::new(value, now, *spent);
        let outcome = machine.eval(&self.tree);
        *spent = machine.spent;
        outcome.map_err(|halt| halt.bind(&self.source))
    }
}

/// The instant that an expression such as `now() - duration("1h")` gives.
///
/// # Errors
/// The text is not an expression, failed, or gave something that is not an instant.
pub fn eval_time(source: &str, now: Timestamp) -> Result<Timestamp, ExprError> {
    match Program::build(source, None)?.run(None, now, &mut Spent::default())? {
        Value::Time(moment) => Ok(moment.instant),
        other => Err(ExprError::NotTime { found: other.go_type() }),
    }
}
