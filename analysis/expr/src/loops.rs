//! Builtins that walk a list with a predicate.

use std::collections::BTreeMap;

use super::ast::{Builtin, Compare, Node, Op};
use super::error::Out;
use super::machine::{Machine, Scope};
use super::operators;
use super::sorting;
use super::value::{Dict, Key, Value};

impl Scope {
    /// The element at the current index.
    pub(crate) fn element(&self) -> Out<Value> {
        let found = match &self.source {
            Value::List(list) => list.items.get(self.index).cloned(),
            Value::Text(text) => text.bytes().get(self.index).copied().map(Value::Byte),
            other => return Err(format!("{} has no elements in order", other.plain()).into()),
        };
        found.ok_or_else(|| "the list has no such element".into())
    }

    fn length(&self) -> Option<usize> {
        match &self.source {
            Value::List(list) => Some(list.items.len()),
            Value::Text(text) => Some(text.bytes().len()),
            Value::Map(map) => Some(map.entries.len()),
            Value::Dict(dict) => Some(dict.entries.len()),
            _ => None,
        }
    }
}

impl<'a> Machine<'a> {
    /// Runs the builtin if it is one that walks a list.
    pub(crate) fn walk(&mut self, call: &'a Builtin) -> Option<Out<Value>> {
        let walks = matches!(
            call.name,
            "all"
                | "none"
                | "any"
                | "one"
                | "filter"
                | "map"
                | "count"
                | "sum"
                | "find"
                | "findIndex"
                | "findLast"
                | "findLastIndex"
                | "groupBy"
                | "sortBy"
                | "reduce"
        );
        walks.then(|| self.begin(call))
    }

    fn begin(&mut self, call: &'a Builtin) -> Out<Value> {
        let Some(source) = call.args.first() else {
            return Err("the list is missing".into());
        };
        let scope = Scope { source: self.eval(source)?, index: 0, accumulator: Value::Nil };
        let Some(length) = scope.length() else {
            return Err(format!("{} takes a list, not {}", call.name, scope.source.plain()).into());
        };
        self.scopes.push(scope);
        let outcome = self.run(call, length);
        self.scopes.pop();
        outcome
    }

    fn run(&mut self, call: &'a Builtin, length: usize) -> Out<Value> {
        let predicate = call.args.get(1);
        match call.name {
            "all" => Ok(Value::Bool(self.search(predicate, 0..length, false)?.is_none())),
            "none" => Ok(Value::Bool(self.search(predicate, 0..length, true)?.is_none())),
            "any" => Ok(Value::Bool(self.search(predicate, 0..length, true)?.is_some())),
            "one" => Ok(Value::Bool(self.count(predicate, length, None)? == 1)),
            "count" => Ok(Value::Int(self.count(predicate, length, call.enough)?)),
            "filter" => self.filter(call, predicate, length),
            "map" => self.transform(predicate, length),
            "sum" => self.sum(predicate, length),
            "find" => {
                let hit = self.search(predicate, 0..length, true)?;
                self.found(call, hit)
            }
            "findLast" => {
                let hit = self.search(predicate, (0..length).rev(), true)?;
                self.found(call, hit)
            }
            "findIndex" => Ok(position(self.search(predicate, 0..length, true)?)),
            "findLastIndex" => Ok(position(self.search(predicate, (0..length).rev(), true)?)),
            "groupBy" => self.group(predicate, length),
            "sortBy" => self.sort_by(call, predicate, length),
            _ => self.reduce(call, predicate, length),
        }
    }

    fn go_to(&mut self, index: usize) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.index = index;
        }
    }

    fn element(&self) -> Out<Value> {
        self.scopes.last().map_or(Ok(Value::Nil), Scope::element)
    }

    /// The value of the predicate for an element, or the element itself where there is none.
    fn value_at(&mut self, predicate: Option<&'a Node>, index: usize) -> Out<Value> {
        self.work(1)?;
        self.go_to(index);
        match predicate {
            Some(node) => self.eval(node),
            None => self.element(),
        }
    }

    fn holds_at(&mut self, predicate: Option<&'a Node>, index: usize) -> Out<bool> {
        match self.value_at(predicate, index)? {
            Value::Bool(value) => Ok(value),
            other => Err(format!("a predicate gives a bool, not {}", other.plain()).into()),
        }
    }

    /// The first index, in the order given, where the predicate is `wanted`.
    fn search(
        &mut self,
        predicate: Option<&'a Node>,
        order: impl Iterator<Item = usize>,
        wanted: bool,
    ) -> Out<Option<usize>> {
        for index in order {
            if self.holds_at(predicate, index)? == wanted {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn count(&mut self, predicate: Option<&'a Node>, length: usize, enough: Option<i64>) -> Out<i64> {
        let mut count: i64 = 0;
        for index in 0..length {
            if self.holds_at(predicate, index)? {
                count = count.saturating_add(1);
                if Some(count) == enough {
                    break;
                }
            }
        }
        Ok(count)
    }

    fn found(&mut self, call: &'a Builtin, hit: Option<usize>) -> Out<Value> {
        match hit {
            Some(_) => self.hit(call),
            None if call.throws => Err("no element fits, so there is no such element".into()),
            None => Ok(Value::Nil),
        }
    }

    fn hit(&mut self, call: &'a Builtin) -> Out<Value> {
        match &call.then {
            Some(node) => self.eval(node),
            None => self.element(),
        }
    }

    fn filter(&mut self, call: &'a Builtin, predicate: Option<&'a Node>, length: usize) -> Out<Value> {
        let mut items = Vec::new();
        for index in 0..length {
            if self.holds_at(predicate, index)? {
                items.push(self.hit(call)?);
            }
        }
        self.grow(items.len())?;
        Self::admit(Value::list(items))
    }

    fn transform(&mut self, predicate: Option<&'a Node>, length: usize) -> Out<Value> {
        let mut items = Vec::new();
        for index in 0..length {
            items.push(self.value_at(predicate, index)?);
        }
        self.grow(items.len())?;
        Self::admit(Value::list(items))
    }

    fn sum(&mut self, predicate: Option<&'a Node>, length: usize) -> Out<Value> {
        let mut total = Value::Int(0);
        for index in 0..length {
            let value = self.value_at(predicate, index)?;
            total = operators::binary(self, Op::Add, &value, &total, Compare::Any)?;
        }
        Ok(total)
    }

    fn group(&mut self, predicate: Option<&'a Node>, length: usize) -> Out<Value> {
        let mut groups: BTreeMap<Key, (Value, Vec<Value>)> = BTreeMap::new();
        for index in 0..length {
            let value = self.value_at(predicate, index)?;
            let Some(key) = value.key(index) else {
                return Err(format!("{} cannot be the key of a group", value.plain()).into());
            };
            let element = self.element()?;
            groups.entry(key).or_insert_with(|| (value, Vec::new())).1.push(element);
        }
        self.grow(length)?;
        let entries = groups.into_iter().map(|(key, (name, items))| (key, (name, Value::list(items)))).collect();
        Self::admit(Value::Dict(Dict::new(true, entries)))
    }

    fn sort_by(&mut self, call: &'a Builtin, predicate: Option<&'a Node>, length: usize) -> Out<Value> {
        let order = call.args.get(2).map(|node| self.eval(node)).transpose()?;
        let descending = sorting::descending(order.as_ref())?;
        let mut pairs = Vec::new();
        for index in 0..length {
            let key = self.value_at(predicate, index)?;
            pairs.push((key, self.element()?));
        }
        let sorted = sorting::sort(self, pairs, descending)?;
        self.grow(length)?;
        Ok(Value::list(sorted))
    }

    fn reduce(&mut self, call: &'a Builtin, predicate: Option<&'a Node>, length: usize) -> Out<Value> {
        let mut start = 0;
        let mut accumulator = match call.args.get(2) {
            Some(node) => self.eval(node)?,
            None if length == 0 => return Err("an empty list cannot be reduced without a value to start from".into()),
            None => {
                start = 1;
                self.element()?
            }
        };
        for index in start..length {
            if let Some(scope) = self.scopes.last_mut() {
                scope.accumulator = accumulator;
            }
            accumulator = self.value_at(predicate, index)?;
        }
        Ok(accumulator)
    }
}

fn position(hit: Option<usize>) -> Value {
    hit.and_then(|index| i64::try_from(index).ok()).map_or(Value::Nil, Value::Int)
}
