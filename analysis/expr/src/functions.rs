//! The functions that Argo adds to the language, and the methods of values.

use super::error::Out;
use super::machine::Machine;
use super::numbers;
use super::time::methods;
use super::types::{Signature, Ty};
use super::value::{Func, Value};

/// The names of the functions that Argo adds.
pub(crate) const GIVEN: [&str; 6] = ["asFloat", "asInt", "default", "isInf", "isNaN", "isNil"];

/// Those of them that are there without a result too, where an instant is computed.
pub(crate) const ALWAYS_GIVEN: [&str; 2] = ["isInf", "isNaN"];

/// The type of a function that Argo adds.
pub(crate) fn given(name: &str) -> Option<Ty> {
    Some(match name {
        "asInt" => Ty::func(vec![Ty::Any], Ty::Int64, 1),
        "asFloat" => Ty::func(vec![Ty::Any], Ty::Float, 1),
        "isNaN" | "isInf" => Ty::func(vec![Ty::Float], Ty::Bool, 1),
        "isNil" => Ty::func(vec![Ty::Any], Ty::Bool, 1),
        "default" => Ty::func(vec![Ty::Any, Ty::Any], Ty::Any, 1),
        _ => return None,
    })
}

/// The type of a method of values of a type.
pub(crate) fn method(ty: &Ty, name: &str) -> Option<Ty> {
    let method = methods::find(ty, name)?;
    Some(Ty::func(method.takes.clone(), method.gives.clone(), method.results))
}

impl Func {
    /// Its type.
    pub(crate) fn ty(&self) -> Ty {
        match self {
            Self::Given(name) => given(name).unwrap_or(Ty::Unknown),
            Self::Method(value, name) => method(&value.ty(), name).unwrap_or(Ty::Unknown),
        }
    }

    /// Its Go type as `%T` prints it.
    pub(crate) fn go_type(&self) -> String {
        let Ty::Func(signature) = self.ty() else {
            return "func()".to_owned();
        };
        let Signature { takes, gives, .. } = signature.as_ref();
        let takes: Vec<&str> = takes.iter().map(go_name).collect();
        format!("func({}) {}", takes.join(", "), go_name(gives))
    }
}

fn go_name(ty: &Ty) -> &'static str {
    match ty {
        Ty::Bool => "bool",
        Ty::Int => "int",
        Ty::Int64 => "int64",
        Ty::Float => "float64",
        Ty::Text => "string",
        Ty::Time => "time.Time",
        Ty::Duration => "time.Duration",
        Ty::Month => "time.Month",
        Ty::Weekday => "time.Weekday",
        Ty::Zone => "*time.Location",
        _ => "interface {}",
    }
}

/// Calls a function value.
pub(crate) fn call(machine: &mut Machine<'_>, func: &Func, args: &[Value]) -> Out<Value> {
    match func {
        Func::Method(value, name) => methods::call(value, name, args),
        Func::Given(name) => call_given(machine, name, args),
    }
}

fn call_given(machine: &Machine<'_>, name: &str, args: &[Value]) -> Out<Value> {
    let wanted = if name == "default" { 2 } else { 1 };
    if args.len() != wanted {
        return Err(format!("{name} takes {wanted} arguments, but {} are given", args.len()).into());
    }
    let first = args.first().unwrap_or(&Value::Nil);
    Ok(match (name, first) {
        ("isNil", _) => Value::Bool(machine.result.is_nil()),
        ("default", _) if machine.result.is_nil() => args.get(1).cloned().unwrap_or(Value::Nil),
        ("default", _) => machine.result.clone(),
        ("isNaN", Value::Float(value)) => Value::Bool(value.is_nan()),
        ("isInf", Value::Float(value)) => Value::Bool(value.is_infinite()),
        ("asInt", Value::Float(value)) => Value::Int64(numbers::to_int(*value)),
        ("asInt", Value::Int(value) | Value::Int64(value)) => Value::Int64(*value),
        ("asInt", Value::Byte(value)) => Value::Int64(i64::from(*value)),
        ("asInt", Value::Text(text)) => match numbers::parse_int(&text.lossy()) {
            Some(value) => Value::Int64(value),
            None => return Err(format!("asInt: {:?} is not an integer in base ten", text.lossy()).into()),
        },
        ("asFloat", Value::Text(text)) => match numbers::parse_float(&text.lossy()) {
            Some(value) => Value::Float(value),
            None => return Err(format!("asFloat: {:?} is not a number", text.lossy()).into()),
        },
        ("asFloat", value) if value.number().is_some() => {
            Value::Float(value.number().map_or(f64::NAN, super::value::Number::float))
        }
        (name, value) => return Err(format!("{name} does not work on {}", value.plain()).into()),
    })
}
