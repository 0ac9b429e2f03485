//! Functions on lists.

use super::super::ast::Node;
use super::super::equality::equal;
use super::super::error::Out;
use super::super::machine::Machine;
use super::super::operators::place;
use super::super::sorting;
use super::super::types::{GoKind, ListOf, Signature, Ty};
use super::super::value::{List, Value};
use super::{Site, arg, refuse};

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    match site.name {
        "sort" => return check_sort(site, args),
        "take" => return check_take(site, args),
        _ => {}
    }
    let types = if site.name == "concat" { site.types(args)? } else { site.exactly(1, args)? };
    if types.is_empty() {
        return site.fail("concat takes at least one list");
    }
    for given in &types {
        if !given.is_unknown() && !given.is_list() {
            return site.refuse("a list", given);
        }
    }
    let given = types.first().cloned().unwrap_or(Ty::Unknown);
    Ok(match site.name {
        "first" | "last" if given.is_unknown() => Ty::Any,
        "first" | "last" => given.declared().element(),
        _ => Ty::any_list(),
    })
}

fn check_take(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let types = site.exactly(2, args)?;
    let (list, count) = (types.first().cloned().unwrap_or(Ty::Nil), types.get(1).cloned().unwrap_or(Ty::Nil));
    if !list.is_unknown() && !list.is_list() {
        return site.refuse("a list", &list);
    }
    if !count.is_unknown() && !matches!(count.kind(), GoKind::Int | GoKind::Int64) {
        return site.refuse("an integer as the count", &count);
    }
    Ok(if list.is_unknown() { Ty::Any } else { list.declared() })
}

fn check_sort(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let kinds = [ListOf::Any, ListOf::Ints, ListOf::Floats, ListOf::Texts];
    let mut signatures = Vec::new();
    for of in kinds {
        let list = Ty::List(of, None);
        signatures.push(Signature { takes: vec![list.clone(), Ty::Text], gives: Ty::any_list(), results: 1 });
        signatures.push(Signature { takes: vec![list], gives: Ty::any_list(), results: 1 });
    }
    site.checker.overloads(site.at, "sort", &signatures, args)
}

pub(super) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    let value = arg(args, 0);
    match name {
        "first" => return Ok(end(value, 0)),
        "last" => return Ok(end(value, -1)),
        "sort" => return sort(machine, args),
        "concat" => return concat(machine, args),
        _ => {}
    }
    let Value::List(list) = value else {
        return refuse(name, "a list", value);
    };
    match name {
        "take" => take(machine, list, arg(args, 1)),
        "reverse" => {
            machine.grow(list.items.len())?;
            Ok(Value::list(list.items.iter().rev().cloned().collect()))
        }
        "uniq" => uniq(machine, list),
        _ => {
            let mut items = Vec::new();
            flatten(machine, list, &mut items)?;
            machine.grow(items.len())?;
            Ok(Value::list(items))
        }
    }
}

/// The element at an end; nil where there is none, or where the value has no elements.
fn end(value: &Value, position: i64) -> Value {
    match value {
        Value::List(list) => {
            place(position, list.items.len()).and_then(|place| list.items.get(place)).cloned().unwrap_or(Value::Nil)
        }
        Value::Text(text) => {
            let found = place(position, text.bytes().len()).and_then(|place| text.bytes().get(place));
            found.copied().map_or(Value::Nil, Value::Byte)
        }
        _ => Value::Nil,
    }
}

fn take(machine: &mut Machine<'_>, list: &List, count: &Value) -> Out<Value> {
    let (Value::Int(count)
    | Value::Int64(count)
    | Value::Duration(count)
    | Value::Month(count)
    | Value::Weekday(count)) = count
    else {
        return refuse("take", "an integer as the count", count);
    };
    let Ok(count) = usize::try_from(*count) else {
        return Err(format!("take takes a count that is not negative, not {count}").into());
    };
    if list.nil {
        return Ok(Value::List(list.clone()));
    }
    let items: Vec<Value> = list.items.iter().take(count).cloned().collect();
    machine.work(items.len())?;
    Ok(Value::List(List::new(list.of, items)))
}

fn uniq(machine: &mut Machine<'_>, list: &List) -> Out<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for item in list.items.iter() {
        let mut known = false;
        for other in &kept {
            if equal(machine, item, other)? {
                known = true;
                break;
            }
        }
        if !known {
            kept.push(item.clone());
        }
    }
    machine.grow(kept.len())?;
    Ok(Value::list(kept))
}

fn concat(machine: &mut Machine<'_>, args: &[Value]) -> Out<Value> {
    let mut items = Vec::new();
    for value in args {
        let Value::List(list) = value else {
            return refuse("concat", "lists", value);
        };
        machine.grow(list.items.len())?;
        items.extend(list.items.iter().cloned());
    }
    // Joining nothing makes no list, and no list equals nil.
    Ok(if items.is_empty() { Value::List(List::nil(ListOf::Any)) } else { Value::list(items) })
}

fn flatten(machine: &mut Machine<'_>, list: &List, items: &mut Vec<Value>) -> Out<()> {
    for item in list.items.iter() {
        machine.work(1)?;
        match item {
            Value::List(inner) => flatten(machine, inner, items)?,
            other => items.push(other.clone()),
        }
    }
    Ok(())
}

/// Sorts a list; anything else gives an empty one, as in the language.
fn sort(machine: &mut Machine<'_>, args: &[Value]) -> Out<Value> {
    let descending = sorting::descending(args.get(1))?;
    let items = match arg(args, 0) {
        Value::List(list) if !matches!(list.of, ListOf::Pairs | ListOf::Pair) => list.items.as_slice(),
        _ => return Ok(Value::List(List::nil(ListOf::Any))),
    };
    let pairs = items.iter().map(|item| (item.clone(), item.clone())).collect();
    let sorted = sorting::sort(machine, pairs, descending)?;
    machine.grow(sorted.len())?;
    Ok(Value::list(sorted))
}
