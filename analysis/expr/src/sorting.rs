//! Sorting by `<`, which need not be a total order and may fail.

use super::error::Out;
use super::machine::Machine;
use super::operators;
use super::value::Value;
use std::cmp::Ordering;

/// Lists up to this length are sorted by insertion, as Go does, so that NaN ends up in the same place.
const SHORT: usize = 12;

/// Is the order asked for descending?
pub(crate) fn descending(order: Option<&Value>) -> Out<bool> {
    match order {
        None => Ok(false),
        Some(Value::Text(text)) if text.bytes() == b"asc" => Ok(false),
        Some(Value::Text(text)) if text.bytes() == b"desc" => Ok(true),
        Some(_) => Err("the order of a sort is \"asc\" or \"desc\"".into()),
    }
}

/// Sorts values by their keys; equal keys keep their order.
pub(crate) fn sort(machine: &mut Machine<'_>, pairs: Vec<(Value, Value)>, descending: bool) -> Out<Vec<Value>> {
    let sorted =
        if pairs.len() <= SHORT { insertion(machine, pairs, descending)? } else { merge(machine, pairs, descending)? };
    Ok(sorted.into_iter().map(|(_, value)| value).collect())
}

type Pair = (Value, Value);

fn before(machine: &mut Machine<'_>, a: &Pair, b: &Pair, descending: bool) -> Out<bool> {
    machine.work(1)?;
    let (x, y) = if descending { (&b.0, &a.0) } else { (&a.0, &b.0) };
    Ok(operators::order(x, y)? == Some(Ordering::Less))
}

fn insertion(machine: &mut Machine<'_>, pairs: Vec<Pair>, descending: bool) -> Out<Vec<Pair>> {
    let mut sorted: Vec<Pair> = Vec::with_capacity(pairs.len());
    for pair in pairs {
        let mut place = sorted.len();
        while let Some(previous) = place.checked_sub(1).and_then(|index| sorted.get(index)) {
            if !before(machine, &pair, previous, descending)? {
                break;
            }
            place = place.saturating_sub(1);
        }
        sorted.insert(place, pair);
    }
    Ok(sorted)
}

fn merge(machine: &mut Machine<'_>, mut pairs: Vec<Pair>, descending: bool) -> Out<Vec<Pair>> {
    if pairs.len() <= SHORT {
        return insertion(machine, pairs, descending);
    }
    let right = pairs.split_off(pairs.len() / 2);
    let left = merge(machine, pairs, descending)?;
    let right = merge(machine, right, descending)?;
    let mut sorted = Vec::with_capacity(left.len().saturating_add(right.len()));
    let mut left = left.into_iter().peekable();
    let mut right = right.into_iter().peekable();
    while let (Some(a), Some(b)) = (left.peek(), right.peek()) {
        let next = if before(machine, b, a, descending)? { right.next() } else { left.next() };
        sorted.extend(next);
    }
    sorted.extend(left);
    sorted.extend(right);
    Ok(sorted)
}
