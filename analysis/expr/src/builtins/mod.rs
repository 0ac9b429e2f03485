//! The functions of the language.

mod bits;
mod json;
mod list;
mod map;
mod number;
mod predicates;
pub(crate) mod text;
mod when;

use super::ast::{Builtin, Node};
use super::check::Checker;
use super::error::{EvalError, Out, Stage};
use super::machine::Machine;
use super::types::Ty;
use super::value::Value;

/// How the arguments of a builtin are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    /// Values.
    Values,
    /// A list and a predicate, which may be left out if `optional`, and perhaps one `last` value.
    Predicate { optional: bool, last: bool },
}

/// The room that a builtin lives in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Predicates,
    Text,
    Number,
    List,
    Map,
    Json,
    Bits,
    When,
}

/// A builtin by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) takes: Takes,
    pub(crate) family: Family,
}

const PREDICATES: [(&str, bool, bool); 15] = [
    ("all", false, false),
    ("none", false, false),
    ("any", false, false),
    ("one", false, false),
    ("filter", false, false),
    ("map", false, false),
    ("count", true, false),
    ("sum", true, false),
    ("find", false, false),
    ("findIndex", false, false),
    ("findLast", false, false),
    ("findLastIndex", false, false),
    ("groupBy", false, false),
    ("sortBy", false, true),
    ("reduce", false, true),
];

const FAMILIES: [(Family, &[&str]); 7] = [
    (
        Family::Text,
        &[
            "trim",
            "trimPrefix",
            "trimSuffix",
            "upper",
            "lower",
            "split",
            "splitAfter",
            "replace",
            "repeat",
            "join",
            "indexOf",
            "lastIndexOf",
            "hasPrefix",
            "hasSuffix",
        ],
    ),
    (
        Family::Number,
        &["len", "type", "abs", "ceil", "floor", "round", "int", "float", "string", "max", "min", "mean", "median"],
    ),
    (Family::List, &["first", "last", "take", "reverse", "uniq", "concat", "flatten", "sort"]),
    (Family::Map, &["get", "keys", "values", "toPairs", "fromPairs"]),
    (Family::Json, &["toJSON", "fromJSON", "toBase64", "fromBase64"]),
    (Family::Bits, &["bitand", "bitor", "bitxor", "bitnand", "bitshl", "bitshr", "bitushr", "bitnot"]),
    (Family::When, &["now", "duration", "date", "timezone"]),
];

/// The builtin of this name.
pub(crate) fn find(name: &str) -> Option<Known> {
    let predicate = PREDICATES.iter().find(|(known, ..)| *known == name);
    if let Some((name, optional, last)) = predicate {
        let takes = Takes::Predicate { optional: *optional, last: *last };
        return Some(Known { name, takes, family: Family::Predicates });
    }
    FAMILIES.iter().find_map(|(family, names)| {
        let name = names.iter().find(|known| **known == name)?;
        Some(Known { name, takes: Takes::Values, family: *family })
    })
}

/// Checks a call and gives its type.
pub(crate) fn check(checker: &mut Checker, at: usize, call: &mut Builtin) -> Out<Ty> {
    let Some(known) = find(call.name) else {
        return Err(EvalError::new(Stage::Type, at, format!("the function {} is not known", call.name)));
    };
    let mut site = Site { checker, at, name: known.name };
    match known.family {
        Family::Predicates => predicates::check(&mut site, &mut call.args),
        Family::Text => text::check(&mut site, &mut call.args),
        Family::Number => number::check(&mut site, &mut call.args),
        Family::List => list::check(&mut site, &mut call.args),
        Family::Map => map::check(&mut site, &mut call.args),
        Family::Json => json::check(&mut site, &mut call.args),
        Family::Bits => bits::check(&mut site, &mut call.args),
        Family::When => when::check(&mut site, &mut call.args),
    }
}

/// Calls a builtin that takes values.
pub(crate) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    match find(name).map(|known| known.family) {
        Some(Family::Text) => text::call(machine, name, args),
        Some(Family::Number) => number::call(machine, name, args),
        Some(Family::List) => list::call(machine, name, args),
        Some(Family::Map) => map::call(machine, name, args),
        Some(Family::Json) => json::call(machine, name, args),
        Some(Family::Bits) => bits::call(name, args),
        Some(Family::When) => when::call(machine, name, args),
        Some(Family::Predicates) | None => Err(format!("the function {name} is not known").into()),
    }
}

/// A call that is being checked.
pub(crate) struct Site<'c> {
    pub(crate) checker: &'c mut Checker,
    pub(crate) at: usize,
    pub(crate) name: &'static str,
}

impl Site<'_> {
    pub(crate) fn fail<T>(&self, message: impl Into<String>) -> Out<T> {
        Err(EvalError::new(Stage::Type, self.at, message))
    }

    /// The types of the arguments.
    pub(crate) fn types(&mut self, args: &mut [Node]) -> Out<Vec<Ty>> {
        args.iter_mut().map(|arg| self.checker.visit(arg)).collect()
    }

    /// The types of exactly so many arguments.
    pub(crate) fn exactly(&mut self, count: usize, args: &mut [Node]) -> Out<Vec<Ty>> {
        let types = self.types(args)?;
        if types.len() == count {
            return Ok(types);
        }
        let (name, given) = (self.name, types.len());
        let plural = if count == 1 { "" } else { "s" };
        self.fail(format!("{name} takes {count} argument{plural}, but {given} are given"))
    }

    /// Refuses a first argument that the builtin cannot take.
    pub(crate) fn refuse<T>(&self, wanted: &str, given: &Ty) -> Out<T> {
        self.fail(format!("{} takes {wanted}, not {}", self.name, given.plain()))
    }
}

/// Refuses a value that a builtin cannot take.
pub(crate) fn refuse<T>(name: &str, wanted: &str, given: &Value) -> Out<T> {
    Err(format!("{name} takes {wanted}, not {}", given.plain()).into())
}

/// The argument at a place; nil where there is none.
pub(crate) fn arg(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Nil)
}

/// A value of the language from JSON; every number is a float.
pub(crate) fn from_json_value(json: &serde_json::Value) -> Out<Value> {
    json::convert(json, 0).map(|(value, _)| value)
}
