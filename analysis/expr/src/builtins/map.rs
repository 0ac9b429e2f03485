//! Functions on maps.

use std::collections::BTreeMap;

use super::super::ast::Node;
use super::super::check::fail;
use super::super::error::{EvalError, Out};
use super::super::machine::Machine;
use super::super::operators::fetch;
use super::super::types::{ListOf, Ty};
use super::super::value::{Dict, List, Value};
use super::{Site, arg, refuse};

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    if site.name == "get" {
        return check_get(site, args);
    }
    let types = site.exactly(1, args)?;
    let given = types.first().cloned().unwrap_or(Ty::Nil);
    match site.name {
        "fromPairs" if given.is_unknown() || given.is_list() => Ok(Ty::Dict),
        "fromPairs" => site.refuse("a list of pairs", &given),
        _ if given.is_unknown() || given.is_map() => Ok(Ty::any_list()),
        _ => site.refuse("a map", &given),
    }
}

fn check_get(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let types = site.exactly(2, args)?;
    let [base, property] = args else { return Ok(Ty::Unknown) };
    let (ty, key) = (types.first().cloned().unwrap_or(Ty::Nil), types.get(1).cloned().unwrap_or(Ty::Nil));
    if base.is_env() || ty.is_unknown() {
        return Ok(Ty::Unknown);
    }
    let fits = key.is_unknown() || if ty.is_list() { key.is_integer() } else { key.assignable_to(&ty.key()) };
    if !ty.is_list() && !ty.is_map() {
        return fail(base, format!("get takes a list or a map, not {}", ty.plain()));
    }
    if !fits {
        return fail(property, format!("{} cannot be indexed with {}", ty.plain(), key.plain()));
    }
    Ok(ty.element())
}

pub(super) fn call(machine: &mut Machine<'_>, name: &'static str, args: &[Value]) -> Out<Value> {
    let value = arg(args, 0);
    if name == "get" {
        return get(value, arg(args, 1));
    }
    if name == "fromPairs" {
        return from_pairs(machine, value);
    }
    let entries: Vec<(Value, Value)> = match value {
        Value::Map(map) => map.entries.iter().map(|(key, value)| (Value::Text(key.clone()), value.clone())).collect(),
        Value::Dict(dict) => dict.entries.values().cloned().collect(),
        other => return refuse(name, "a map", other),
    };
    machine.grow(entries.len())?;
    Ok(match name {
        "keys" => Value::list(entries.into_iter().map(|(key, _)| key).collect()),
        "values" => Value::list(entries.into_iter().map(|(_, value)| value).collect()),
        _ => {
            let pair = |(key, value)| Value::List(List::new(ListOf::Pair, vec![key, value]));
            Value::List(List::new(ListOf::Pairs, entries.into_iter().map(pair).collect()))
        }
    })
}

/// Like an index, but nil where there is no such element.
fn get(base: &Value, property: &Value) -> Out<Value> {
    match base {
        Value::List(_) | Value::Text(_) if property.number().is_some() => {
            Ok(fetch(base, property).unwrap_or(Value::Nil))
        }
        Value::List(_) | Value::Text(_) | Value::Map(_) | Value::Dict(_) => fetch(base, property),
        Value::Time(_) if !matches!(property, Value::Text(_)) => {
            refuse("get", "the name of a field as its second argument", property)
        }
        other => Ok(super::super::time::methods::bind(other, property).unwrap_or(Value::Nil)),
    }
}

fn from_pairs(machine: &mut Machine<'_>, value: &Value) -> Out<Value> {
    let Value::List(list) = value else {
        return refuse("fromPairs", "a list of pairs", value);
    };
    machine.grow(list.items.len())?;
    let mut entries = BTreeMap::new();
    for (index, item) in list.items.iter().enumerate() {
        let Value::List(pair) = item else {
            return refuse("fromPairs", "a list of pairs", item);
        };
        let [key, value] = pair.items.as_slice() else {
            return Err("a pair has a key and a value".into());
        };
        let Some(hash) = key.key(index) else {
            return Err(EvalError::from(format!("{} cannot be the key of a map", key.plain())));
        };
        entries.insert(hash, (key.clone(), value.clone()));
    }
    Ok(Value::Dict(Dict::new(false, entries)))
}
