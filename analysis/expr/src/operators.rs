//! Operators on values.

use std::cmp::Ordering;

use super::ast::{Compare, Kind, Lookup, Node, Op};
use super::equality::equal;
use super::error::Out;
use super::machine::Machine;
use super::numbers;
use super::value::{Dict, Number, Text, Value};

/// `-value`.
pub(crate) fn negate(value: &Value) -> Out<Value> {
    Ok(match value {
        Value::Int(value) => Value::Int(value.wrapping_neg()),
        Value::Int64(value) => Value::Int64(value.wrapping_neg()),
        Value::Byte(value) => Value::Byte(value.wrapping_neg()),
        Value::Float(value) => Value::Float(-value),
        other => return Err(format!("`-` takes a number, not {}", other.plain()).into()),
    })
}

/// `left op right` for every operator that evaluates both sides.
pub(crate) fn binary(machine: &mut Machine<'_>, op: Op, l: &Value, r: &Value, compare: Compare) -> Out<Value> {
    match op {
        Op::Equal => Ok(Value::Bool(compared(machine, l, r, compare)?)),
        Op::NotEqual => Ok(Value::Bool(!compared(machine, l, r, compare)?)),
        Op::Less | Op::More | Op::LessEqual | Op::MoreEqual => {
            let found = order(l, r).map_err(|_| mismatch(op, l, r))?;
            Ok(Value::Bool(found.is_some_and(|found| match op {
                Op::Less => found == Ordering::Less,
                Op::More => found == Ordering::Greater,
                Op::LessEqual => found != Ordering::Greater,
                _ => found != Ordering::Less,
            })))
        }
        Op::Matches | Op::Contains | Op::StartsWith | Op::EndsWith => textual(machine, op, l, r),
        Op::Range => range(machine, l, r),
        Op::Modulo => match (l.number(), r.number()) {
            (Some(Number::Int(_)), Some(Number::Int(0))) => Err("an integer cannot be divided by zero".into()),
            (Some(Number::Int(a)), Some(Number::Int(b))) => Ok(Value::Int(a.wrapping_rem(b))),
            _ => Err(mismatch(op, l, r).into()),
        },
        Op::Divide | Op::Power => match (l.number(), r.number()) {
            (Some(a), Some(b)) if op == Op::Divide => Ok(Value::Float(a.float() / b.float())),
            (Some(a), Some(b)) => Ok(Value::Float(a.float().powf(b.float()))),
            _ => Err(mismatch(op, l, r).into()),
        },
        _ => arithmetic(machine, op, l, r),
    }
}

fn mismatch(op: Op, l: &Value, r: &Value) -> String {
    format!("`{}` does not work between {} and {}", op.symbol(), l.plain(), r.plain())
}

fn compared(machine: &mut Machine<'_>, l: &Value, r: &Value, compare: Compare) -> Out<bool> {
    match (compare, l, r) {
        (Compare::Any, l, r) => equal(machine, l, r),
        (Compare::Ints, Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Compare::Texts, Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Compare::Ints, l, r) => {
            let other = if matches!(l, Value::Int(_)) { r } else { l };
            Err(format!("an integer is needed here, not {}", other.plain()).into())
        }
        (Compare::Texts, l, r) => Err(mismatch(Op::Equal, l, r).into()),
    }
}

/// The order of two values; none where one is NaN.
pub(crate) fn order(l: &Value, r: &Value) -> Out<Option<Ordering>> {
    match (l, r) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Time(a), Value::Time(b)) => Ok(Some(a.instant.cmp(&b.instant))),
        (Value::Duration(a), Value::Duration(b)) => Ok(Some(a.cmp(b))),
        _ => match (l.number(), r.number()) {
            (Some(a), Some(b)) => Ok(a.order(b)),
            _ => Err(mismatch(Op::Less, l, r).into()),
        },
    }
}

fn arithmetic(machine: &mut Machine<'_>, op: Op, l: &Value, r: &Value) -> Out<Value> {
    match (op, l, r) {
        (Op::Add, Value::Text(a), Value::Text(b)) => {
            machine.write(a.bytes().len().saturating_add(b.bytes().len()))?;
            Ok(Value::text([a.bytes(), b.bytes()].concat()))
        }
        (Op::Add, Value::Time(time), Value::Duration(span)) | (Op::Add, Value::Duration(span), Value::Time(time)) => {
            time.plus(*span).map(Value::Time).map_err(Into::into)
        }
        (Op::Subtract, Value::Time(time), Value::Duration(span)) => {
            time.plus(span.wrapping_neg()).map(Value::Time).map_err(Into::into)
        }
        (Op::Subtract, Value::Time(a), Value::Time(b)) => Ok(Value::Duration(a.minus(b))),
        (Op::Multiply, Value::Duration(a), b) | (Op::Multiply, b, Value::Duration(a)) => {
            product(*a, b).ok_or_else(|| mismatch(op, l, r).into())
        }
        (_, Value::Duration(a), Value::Duration(b)) => Ok(Value::Duration(integers(op, *a, *b))),
        _ => match (l.number(), r.number()) {
            (Some(Number::Int(a)), Some(Number::Int(b))) => Ok(Value::Int(integers(op, a, b))),
            (Some(a), Some(b)) => Ok(Value::Float(match op {
                Op::Add => a.float() + b.float(),
                Op::Subtract => a.float() - b.float(),
                _ => a.float() * b.float(),
            })),
            _ => Err(mismatch(op, l, r).into()),
        },
    }
}

/// A duration times an integer is a duration; times a float it is a float.
fn product(span: i64, by: &Value) -> Option<Value> {
    if let Value::Duration(by) = by {
        return Some(Value::Duration(span.wrapping_mul(*by)));
    }
    Some(match by.number()? {
        Number::Int(by) => Value::Duration(span.wrapping_mul(by)),
        Number::Float(by) => Value::Float(numbers::to_float(span) * by),
    })
}

fn integers(op: Op, a: i64, b: i64) -> i64 {
    match op {
        Op::Add => a.wrapping_add(b),
        Op::Subtract => a.wrapping_sub(b),
        _ => a.wrapping_mul(b),
    }
}

fn textual(machine: &mut Machine<'_>, op: Op, l: &Value, r: &Value) -> Out<Value> {
    if l.is_nil() || r.is_nil() {
        return Ok(Value::Bool(false));
    }
    let (Value::Text(a), Value::Text(b)) = (l, r) else {
        return Err(mismatch(op, l, r).into());
    };
    machine.work(a.bytes().len() >> 4)?;
    let (a, b) = (a.bytes(), b.bytes());
    Ok(Value::Bool(match op {
        Op::StartsWith => a.starts_with(b),
        Op::EndsWith => a.ends_with(b),
        Op::Contains => super::builtins::text::position(a, b).is_some(),
        _ => {
            machine.work(a.len().saturating_mul(8))?;
            machine.pattern(b)?.is_match(a)
        }
    }))
}

fn range(machine: &mut Machine<'_>, l: &Value, r: &Value) -> Out<Value> {
    let (from, to) = (index(l)?, index(r)?);
    // The size wraps around as in the language: from the smallest integer on there is nothing.
    let size = to.wrapping_sub(from).wrapping_add(1).max(0);
    machine.grow(usize::try_from(size).unwrap_or(usize::MAX))?;
    let items = (0..size).map(|step| Value::Int(from.wrapping_add(step))).collect();
    Ok(Value::List(super::value::List::new(super::types::ListOf::Ints, items)))
}

/// A number as an index: the fraction is cut off.
pub(crate) fn index(value: &Value) -> Out<i64> {
    match value.number() {
        Some(Number::Int(value)) => Ok(value),
        Some(Number::Float(value)) => Ok(numbers::to_int(value)),
        None => Err(format!("an integer is needed here, not {}", value.plain()).into()),
    }
}

/// A position in a sequence: negative ones count from its end, those beyond it are its end.
pub(crate) fn clamp(position: i64, length: usize) -> usize {
    let length_signed = i64::try_from(length).unwrap_or(i64::MAX);
    let position = if position < 0 { length_signed.saturating_add(position) } else { position };
    usize::try_from(position.max(0)).unwrap_or(usize::MAX).min(length)
}

/// The place of an element, counted from the end if negative; none beyond the ends.
pub(crate) fn place(position: i64, length: usize) -> Option<usize> {
    let length_signed = i64::try_from(length).ok()?;
    let position = if position < 0 { length_signed.checked_add(position)? } else { position };
    usize::try_from(position).ok().filter(|place| *place < length)
}

/// `base[property]`, which is an error if there is no such element; a missing map key gives nil.
pub(crate) fn fetch(base: &Value, property: &Value) -> Out<Value> {
    if let Some(method) = super::time::methods::bind(base, property) {
        return Ok(method);
    }
    let missing = |length: usize| {
        let shown = index(property).unwrap_or(0);
        format!("there is no element {shown}: the list has {length}")
    };
    match base {
        Value::List(list) => {
            let length = list.items.len();
            let found = place(index(property)?, length).and_then(|place| list.items.get(place));
            found.cloned().ok_or_else(|| missing(length).into())
        }
        Value::Text(text) => {
            let length = text.bytes().len();
            let found = place(index(property)?, length).and_then(|place| text.bytes().get(place));
            found.copied().map(Value::Byte).ok_or_else(|| missing(length).into())
        }
        Value::Map(map) => Ok(map.entries.get(&map_key(property)?).cloned().unwrap_or(Value::Nil)),
        Value::Dict(dict) => dict_get(dict, property).map(|found| found.unwrap_or_else(|| absent(dict))),
        other => {
            let wanted = match property {
                Value::Text(name) => format!("field {}", name.lossy()),
                _ => "element".to_owned(),
            };
            Err(format!("{} has no {wanted}", other.plain()).into())
        }
    }
}

/// What a map with keys of any type gives for an absent key.
fn absent(dict: &Dict) -> Value {
    if dict.groups { Value::List(super::value::List::nil(super::types::ListOf::Any)) } else { Value::Nil }
}

fn map_key(property: &Value) -> Out<Text> {
    match property {
        Value::Text(text) => Ok(text.clone()),
        Value::Nil => Ok(Text::from("")),
        other => Err(format!("a map is indexed with a string, not with {}", other.plain()).into()),
    }
}

fn dict_get(dict: &Dict, property: &Value) -> Out<Option<Value>> {
    match property.key(usize::MAX.saturating_sub(1)) {
        Some(key) => Ok(dict.entries.get(&key).map(|(_, value)| value.clone())),
        None => Err(format!("{} cannot be the key of a map", property.plain()).into()),
    }
}

/// `needle in right`.
pub(crate) fn membership<'a>(machine: &mut Machine<'a>, needle: Value, right: &'a Node, lookup: Lookup) -> Out<Value> {
    if let (Lookup::Between, Kind::Binary { left: from, right: to, .. }) = (lookup, &right.kind) {
        let (from, to) = (machine.eval(from)?, machine.eval(to)?);
        let above = binary(machine, Op::LessEqual, &from, &needle, Compare::Any)?;
        if matches!(above, Value::Bool(false)) {
            return Ok(above);
        }
        return binary(machine, Op::LessEqual, &needle, &to, Compare::Any);
    }
    let needle = match (lookup, needle) {
        (Lookup::Ints, Value::Nil) => Value::Int(0),
        (Lookup::Texts, Value::Nil) => Value::text(""),
        (Lookup::Ints, needle) if !matches!(needle, Value::Int(_)) => {
            return Err(format!("{} cannot be looked up in a list of integers", needle.plain()).into());
        }
        (Lookup::Texts, needle) if !matches!(needle, Value::Text(_)) => {
            return Err(format!("{} cannot be looked up in a list of strings", needle.plain()).into());
        }
        (_, needle) => needle,
    };
    let right = machine.eval(right)?;
    Ok(Value::Bool(contains(machine, &needle, &right)?))
}

fn contains(machine: &mut Machine<'_>, needle: &Value, right: &Value) -> Out<bool> {
    match right {
        Value::Nil => Ok(false),
        Value::List(list) => {
            for item in list.items.iter() {
                if equal(machine, item, needle)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Value::Map(map) => Ok(map.entries.contains_key(&map_key(needle)?)),
        Value::Dict(dict) => Ok(dict_get(dict, needle)?.is_some()),
        Value::Time(_) if matches!(needle, Value::Text(_)) => Ok(false),
        other => Err(format!("`in` takes a list or a map, not {}", other.plain()).into()),
    }
}
