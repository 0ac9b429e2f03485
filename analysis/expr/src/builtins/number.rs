//! Functions on numbers, and conversions.

use super::super::ast::Node;
use super::super::error::Out;
use super::super::format::display;
use super::super::machine::Machine;
use super::super::numbers::{parse_float, parse_int, to_float, to_int};
use super::super::operators::order;
use super::super::types::{GoKind, Signature, Ty};
use super::super::value::{Number, Value};
use super::{Site, arg, refuse};
use std::cmp::Ordering;

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let name = site.name;
    match name {
        "type" | "string" => {
            let signature = Signature { takes: vec![Ty::Any], gives: Ty::Text, results: 1 };
            return site.checker.arguments(site.at, name, &signature, args);
        }
        "max" | "min" | "mean" | "median" => return aggregate(site, args),
        _ => {}
    }
    let types = site.exactly(1, args)?;
    let given = types.first().cloned().unwrap_or(Ty::Nil);
    let kind = given.kind();
    let unknown = given.is_unknown();
    let numeric = matches!(kind, GoKind::Int | GoKind::Int64 | GoKind::Uint8 | GoKind::Float);
    let text = kind == GoKind::Text;
    match name {
        "len" if unknown || text || matches!(kind, GoKind::Slice | GoKind::Array | GoKind::Map) => Ok(Ty::Int),
        "len" => site.refuse("a list, a map or a string", &given),
        "abs" if unknown => Ok(Ty::Any),
        "abs" if numeric => Ok(given),
        "int" if unknown || numeric || text => Ok(Ty::Int),
        "float" if unknown || numeric || text => Ok(Ty::Float),
        "int" | "float" => site.refuse("a number or a string", &given),
        "ceil" | "floor" | "round" if unknown || numeric => Ok(Ty::Float),
        _ => site.refuse("a number", &given),
    }
}

/// Numbers, and lists of them; the type is that of the first argument if all are numbers.
fn aggregate(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let types = site.types(args)?;
    for given in &types {
        match given.kind() {
            _ if given.is_unknown() => return Ok(Ty::Any),
            GoKind::Slice | GoKind::Array => return Ok(Ty::Any),
            GoKind::Int | GoKind::Int64 | GoKind::Uint8 | GoKind::Float => {}
            _ => return site.refuse("numbers or lists of numbers", given),
        }
    }
    match types.first() {
        Some(first) => Ok(first.clone()),
        None => site.fail(format!("{} takes at least one argument", site.name)),
    }
}

pub(super) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    let value = arg(args, 0);
    match name {
        "len" => len(machine, value),
        "type" => Ok(Value::text(type_name(value))),
        "string" => {
            let mut out = Vec::new();
            display(machine, value, &mut out)?;
            Ok(Value::text(out))
        }
        "int" => int(value),
        "float" => match value {
            Value::Text(text) => match parse_float(&text.lossy()) {
                Some(value) => Ok(Value::Float(value)),
                None => Err(format!("float: {:?} is not a number", text.lossy()).into()),
            },
            other => match other.number() {
                Some(number) => Ok(Value::Float(number.float())),
                None => refuse(name, "a number or a string", other),
            },
        },
        "abs" => Ok(match value {
            Value::Int(value) => Value::Int(value.wrapping_abs()),
            Value::Int64(value) => Value::Int64(value.wrapping_abs()),
            Value::Byte(value) => Value::Byte(*value),
            Value::Float(value) if *value < 0.0 => Value::Float(-value),
            Value::Float(value) => Value::Float(*value),
            other => return refuse(name, "a number", other),
        }),
        "ceil" | "floor" | "round" => match value.number() {
            Some(Number::Int(value)) => Ok(Value::Float(to_float(value))),
            Some(Number::Float(value)) => Ok(Value::Float(match name {
                "ceil" => value.ceil(),
                "floor" => value.floor(),
                _ => value.round(),
            })),
            None => refuse(name, "a number", value),
        },
        "max" => extreme(machine, name, args, Ordering::Less),
        "min" => extreme(machine, name, args, Ordering::Greater),
        _ => average(machine, name, args),
    }
}

fn len(machine: &mut Machine<'_>, value: &Value) -> Out<Value> {
    let length = match value {
        Value::Text(text) => {
            machine.work(text.bytes().len() >> 4)?;
            text.lossy().chars().count()
        }
        Value::List(list) => list.items.len(),
        Value::Map(map) => map.entries.len(),
        Value::Dict(dict) => dict.entries.len(),
        other => return refuse("len", "a list, a map or a string", other),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Bool(_) => "bool",
        Value::Int(_) | Value::Int64(_) => "int",
        Value::Byte(_) => "uint",
        Value::Float(_) => "float",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) | Value::Dict(_) => "map",
        Value::Time(_) => "time.Time",
        Value::Duration(_) => "time.Duration",
        Value::Month(_) => "time.Month",
        Value::Weekday(_) => "time.Weekday",
        Value::Zone(_) => "time.Location",
        Value::Func(_) => "func",
    }
}

fn int(value: &Value) -> Out<Value> {
    Ok(Value::Int(match value {
        Value::Int(value)
        | Value::Int64(value)
        | Value::Duration(value)
        | Value::Month(value)
        | Value::Weekday(value) => *value,
        Value::Byte(value) => i64::from(*value),
        Value::Float(value) => to_int(*value),
        Value::Text(text) => match parse_int(&text.lossy()) {
            Some(value) => value,
            None => return Err(format!("int: {:?} is not an integer in base ten", text.lossy()).into()),
        },
        other => return refuse("int", "a number or a string", other),
    }))
}

/// The greatest or smallest number; with NaN, the one met first stays.
fn extreme(machine: &mut Machine<'_>, name: &str, args: &[Value], replaces: Ordering) -> Out<Value> {
    let mut best: Option<Value> = None;
    for value in args {
        machine.work(1)?;
        if let Value::List(list) = value {
            for item in list.items.iter() {
                let inner = extreme(machine, name, std::slice::from_ref(item), replaces)?;
                if matches!((item, &inner), (Value::List(_), Value::Nil)) {
                    continue;
                }
                if inner.number().is_none() {
                    return refuse(name, "numbers or lists of numbers", &inner);
                }
                better(&mut best, inner, replaces)?;
            }
        } else if plain_number(value).is_some() {
            better(&mut best, value.clone(), replaces)?;
        } else if args.len() == 1 {
            return Ok(value.clone());
        } else {
            return refuse(name, "numbers or lists of numbers", value);
        }
    }
    Ok(best.unwrap_or(Value::Nil))
}

fn better(best: &mut Option<Value>, found: Value, replaces: Ordering) -> Out<()> {
    let wins = match best.as_ref() {
        None => true,
        Some(best) => order(best, &found)? == Some(replaces),
    };
    if wins {
        *best = Some(found);
    }
    Ok(())
}

fn average(machine: &mut Machine<'_>, name: &str, args: &[Value]) -> Out<Value> {
    let mut numbers = Vec::new();
    for value in args {
        collect(machine, name, value, &mut numbers)?;
    }
    if numbers.is_empty() {
        return Ok(Value::Float(0.0));
    }
    let count = to_float(i64::try_from(numbers.len()).unwrap_or(i64::MAX));
    if name == "mean" {
        return Ok(Value::Float(total(machine, args)? / count));
    }
    // NaN comes first, as Go sorts.
    numbers.sort_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (x, y) => y.cmp(&x),
    });
    let middle = numbers.len() / 2;
    let at = |index: usize| numbers.get(index).copied().unwrap_or(f64::NAN);
    let odd = numbers.len() % 2 == 1;
    // Written out, as the sum overflows where the original's does.
    let sum = at(middle.saturating_sub(1)) + at(middle);
    Ok(Value::Float(if odd { at(middle) } else { sum / 2.0 }))
}

/// The sum of numbers, each list summed on its own first.
fn total(machine: &mut Machine<'_>, values: &[Value]) -> Out<f64> {
    let mut sum = 0.0;
    for value in values {
        machine.work(1)?;
        sum += match value {
            Value::List(list) => total(machine, &list.items)?,
            other => plain_number(other).unwrap_or(0.0),
        };
    }
    Ok(sum)
}

fn plain_number(value: &Value) -> Option<f64> {
    match value {
        Value::Duration(value) | Value::Month(value) | Value::Weekday(value) => Some(to_float(*value)),
        other => other.number().map(Number::float),
    }
}

fn collect(machine: &mut Machine<'_>, name: &str, value: &Value, numbers: &mut Vec<f64>) -> Out<()> {
    machine.work(1)?;
    if let Value::List(list) = value {
        for item in list.items.iter() {
            collect(machine, name, item, numbers)?;
        }
        return Ok(());
    }
    match plain_number(value) {
        Some(number) => {
            numbers.push(number);
            Ok(())
        }
        None => refuse(name, "numbers or lists of numbers", value),
    }
}
