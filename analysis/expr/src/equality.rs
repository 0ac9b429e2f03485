//! `==`.

use std::sync::Arc;

use super::error::Out;
use super::machine::Machine;
use super::types::ListOf;
use super::value::{List, Value};

/// Are two values equal? Numbers of different types may be, and lists are compared element by element.
pub(crate) fn equal(machine: &mut Machine<'_>, a: &Value, b: &Value) -> Out<bool> {
    machine.work(1)?;
    if let (Some(x), Some(y)) = (a.number(), b.number()) {
        return Ok(x.order(y) == Some(std::cmp::Ordering::Equal));
    }
    match (a, b) {
        (Value::Time(x), Value::Time(y)) => Ok(x.instant == y.instant),
        (Value::List(x), Value::List(y)) if alike(x.of, y.of) => all_equal(machine, x, y),
        (a, b) if a.is_nil() && b.is_nil() => Ok(true),
        (a, b) => identical(machine, a, b),
    }
}

/// Lists of the same declaration, and lists of anything, are compared element by element.
fn alike(a: ListOf, b: ListOf) -> bool {
    let plain = |of: ListOf| matches!(of, ListOf::Any | ListOf::Floats | ListOf::Ints | ListOf::Texts);
    plain(a) && plain(b) && (a == b || a == ListOf::Any || b == ListOf::Any)
}

fn all_equal(machine: &mut Machine<'_>, a: &List, b: &List) -> Out<bool> {
    if a.items.len() != b.items.len() {
        return Ok(false);
    }
    for (x, y) in a.items.iter().zip(b.items.iter()) {
        if !equal(machine, x, y)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Are two values of the same type, and equal all the way down?
fn identical(machine: &mut Machine<'_>, a: &Value, b: &Value) -> Out<bool> {
    machine.work(1)?;
    Ok(match (a, b) {
        (Value::Nil, Value::Nil) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Int(x), Value::Int(y))
        | (Value::Int64(x), Value::Int64(y))
        | (Value::Duration(x), Value::Duration(y))
        | (Value::Month(x), Value::Month(y))
        | (Value::Weekday(x), Value::Weekday(y)) => x == y,
        (Value::Byte(x), Value::Byte(y)) => x == y,
        (Value::Float(x), Value::Float(y)) => x.partial_cmp(y) == Some(std::cmp::Ordering::Equal),
        (Value::Text(x), Value::Text(y)) => x == y,
        (Value::Time(x), Value::Time(y)) => x.instant == y.instant && x.zone.name() == y.zone.name(),
        (Value::Zone(x), Value::Zone(y)) => x.name() == y.name(),
        (Value::List(x), Value::List(y)) => return identical_lists(machine, x, y),
        (Value::Map(x), Value::Map(y)) => {
            if Arc::ptr_eq(&x.entries, &y.entries) {
                return Ok(true);
            }
            if x.entries.len() != y.entries.len() {
                return Ok(false);
            }
            for ((j, x), (k, y)) in x.entries.iter().zip(y.entries.iter()) {
                if j != k || !identical(machine, x, y)? {
                    return Ok(false);
                }
            }
            true
        }
        (Value::Dict(x), Value::Dict(y)) => {
            if x.groups != y.groups || x.entries.len() != y.entries.len() {
                return Ok(false);
            }
            for ((j, (_, x)), (k, (_, y))) in x.entries.iter().zip(y.entries.iter()) {
                if j != k || !identical(machine, x, y)? {
                    return Ok(false);
                }
            }
            true
        }
        _ => false,
    })
}

fn identical_lists(machine: &mut Machine<'_>, a: &List, b: &List) -> Out<bool> {
    if a.of != b.of || a.nil != b.nil || a.items.len() != b.items.len() {
        return Ok(false);
    }
    if Arc::ptr_eq(&a.items, &b.items) {
        return Ok(true);
    }
    for (x, y) in a.items.iter().zip(b.items.iter()) {
        if !identical(machine, x, y)? {
            return Ok(false);
        }
    }
    Ok(true)
}
