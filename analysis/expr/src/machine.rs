//! Running a checked tree, within bounds.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use regex::bytes::Regex;

use super::ast::{Builtin, Kind, Node, Op, Part, Sign};
use super::builtins;
use super::error::{EvalError, Out};
use super::functions;
use super::operators;
use super::value::{Func, List, MAX_VALUE_DEPTH, Map, Text, Value};

/// How many steps one evaluation may take.
pub(crate) const MAX_STEPS: u64 = 2_000_000;
/// How many list elements and map entries one evaluation may make (the language's own limit).
pub(crate) const MAX_ELEMENTS: u64 = 1_000_000;
/// How many bytes of text one evaluation may make.
pub(crate) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// How many compiled patterns are kept during one evaluation.
const MAX_PATTERNS: usize = 8;

/// One evaluation.
pub(crate) struct Machine<'a> {
    /// What the metric provider gave.
    pub(crate) result: Value,
    /// What `now()` gives.
    pub(crate) now: Timestamp,
    /// Is there a `result`, with Argo's functions around it?
    given: bool,
    variables: Vec<(&'a str, Value)>,
    /// The loops we are in, innermost last.
    pub(crate) scopes: Vec<Scope>,
    pub(crate) spent: Spent,
    patterns: HashMap<Vec<u8>, Regex>,
}

/// What an evaluation has used up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spent {
    steps: u64,
    elements: u64,
    bytes: u64,
}

/// One loop over a list.
pub(crate) struct Scope {
    pub(crate) source: Value,
    pub(crate) index: usize,
    pub(crate) accumulator: Value,
}

impl<'a> Machine<'a> {
    /// An evaluation that goes on where another stopped counting.
    pub(crate) fn new(result: Option<Value>, now: Timestamp, spent: Spent) -> Self {
        let given = result.is_some();
        let result = result.unwrap_or(Value::Nil);
        Self { result, now, given, variables: Vec::new(), scopes: Vec::new(), spent, patterns: HashMap::new() }
    }

    /// Counts steps.
    pub(crate) fn work(&mut self, steps: usize) -> Out<()> {
        self.spent.steps = self.spent.steps.saturating_add(u64::try_from(steps).unwrap_or(u64::MAX));
        if self.spent.steps > MAX_STEPS {
            return Err(EvalError::limit(format!("the expression takes more than {MAX_STEPS} steps on this result")));
        }
        Ok(())
    }

    /// Counts new list elements and map entries.
    pub(crate) fn grow(&mut self, elements: usize) -> Out<()> {
        self.spent.elements = self.spent.elements.saturating_add(u64::try_from(elements).unwrap_or(u64::MAX));
        if self.spent.elements >= MAX_ELEMENTS {
            return Err(EvalError::limit(format!("the expression makes lists of more than {MAX_ELEMENTS} elements")));
        }
        self.work(elements)
    }

    /// Counts new text.
    pub(crate) fn write(&mut self, bytes: usize) -> Out<()> {
        self.spent.bytes = self.spent.bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if self.spent.bytes > MAX_BYTES {
            return Err(EvalError::limit(format!("the expression makes more than {MAX_BYTES} bytes of text")));
        }
        self.work(bytes >> 6)
    }

    /// A compiled pattern; each is compiled once per evaluation.
    pub(crate) fn pattern(&mut self, pattern: &[u8]) -> Out<Regex> {
        if let Some(known) = self.patterns.get(pattern) {
            return Ok(known.clone());
        }
        self.work(50_000)?;
        let Ok(text) = std::str::from_utf8(pattern) else {
            return Err("the pattern is not UTF-8".into());
        };
        let regex = super::pattern::compile(text)?;
        if self.patterns.len() >= MAX_PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(pattern.to_vec(), regex.clone());
        Ok(regex)
    }

    /// Lets a value pass unless lists and maps are nested too deeply in it.
    pub(crate) fn admit(value: Value) -> Out<Value> {
        if value.depth() > MAX_VALUE_DEPTH {
            return Err(EvalError::limit(format!("lists are nested more than {MAX_VALUE_DEPTH} levels deep")));
        }
        Ok(value)
    }

    /// The value of a node.
    pub(crate) fn eval(&mut self, node: &'a Node) -> Out<Value> {
        self.work(1)?;
        match &node.kind {
            Kind::Nil => Ok(Value::Nil),
            Kind::Bool(value) => Ok(Value::Bool(*value)),
            Kind::Int(value) => Ok(Value::Int(*value)),
            Kind::Float(value) => Ok(Value::Float(*value)),
            Kind::Text(text) => Ok(Value::Text(text.clone())),
            Kind::Name(name) => Ok(self.name(name)),
            Kind::Pointer(name) => self.pointer(name).map_err(|halt| halt.at(node.at)),
            Kind::Predicate(part) => self.eval(part),
            Kind::Binary { .. } => self.binary(node).map_err(|halt| halt.at(node.at)),
            _ => self.compound(node).map_err(|halt| halt.at(node.at)),
        }
    }

    fn compound(&mut self, node: &'a Node) -> Out<Value> {
        match &node.kind {
            Kind::Unary(sign, part) => self.unary(*sign, part),
            Kind::Chain(part) => self.chain(part),
            Kind::Member { base, property, optional, .. } => self.member(base, property, *optional),
            Kind::Slice { base, from, to } => self.slice(base, from.as_ref(), to.as_ref()),
            Kind::Call { callee, args } => self.call(callee, args),
            Kind::Builtin(call) => self.builtin(call),
            Kind::Let { name, value, body } => {
                let value = self.eval(value)?;
                self.variables.push((name, value));
                let whole = self.eval(body);
                self.variables.pop();
                whole
            }
            Kind::Sequence(nodes) => {
                let mut last = Value::Nil;
                for node in nodes {
                    last = self.eval(node)?;
                }
                Ok(last)
            }
            Kind::If { condition, then, otherwise } => {
                let branch = if self.truth(condition)? { then } else { otherwise };
                self.eval(branch)
            }
            Kind::List(nodes) => self.list(nodes),
            Kind::Map(pairs) => self.map(pairs),
            _ => Ok(Value::Nil),
        }
    }

    /// The value of a node that has to be true or false.
    pub(crate) fn truth(&mut self, node: &'a Node) -> Out<bool> {
        match self.eval(node)? {
            Value::Bool(value) => Ok(value),
            other => Err(EvalError::from(format!("a bool is needed here, not {}", other.plain())).at(node.at)),
        }
    }

    fn name(&self, name: &str) -> Value {
        let variable = self.variables.iter().rev().find(|(known, _)| *known == name);
        match (variable, name) {
            (Some((_, value)), _) => value.clone(),
            (None, "$env") => self.environment(),
            (None, "result") => self.result.clone(),
            (None, _) => self.function(name).unwrap_or(Value::Nil),
        }
    }

    fn function(&self, name: &str) -> Option<Value> {
        let known = self.functions().iter().find(|known| **known == name)?;
        Some(Value::Func(Func::Given(known)))
    }

    /// The functions that are there beside those of the language.
    fn functions(&self) -> &'static [&'static str] {
        if self.given { &functions::GIVEN } else { &functions::ALWAYS_GIVEN }
    }

    fn environment(&self) -> Value {
        let mut entries = BTreeMap::new();
        if self.given {
            entries.insert(Text::from("result"), self.result.clone());
        }
        for name in self.functions() {
            entries.insert(Text::from(*name), Value::Func(Func::Given(name)));
        }
        Value::Map(Map::new(entries))
    }

    fn pointer(&self, name: &str) -> Out<Value> {
        let Some(scope) = self.scopes.last() else {
            return Err("# only works inside a predicate".into());
        };
        match name {
            "index" => Ok(Value::Int(i64::try_from(scope.index).unwrap_or(i64::MAX))),
            "acc" => Ok(scope.accumulator.clone()),
            _ => scope.element(),
        }
    }

    fn unary(&mut self, sign: Sign, part: &'a Node) -> Out<Value> {
        if sign == Sign::Not {
            return Ok(Value::Bool(!self.truth(part)?));
        }
        let value = self.eval(part)?;
        if sign == Sign::Plus { Ok(value) } else { operators::negate(&value) }
    }

    fn binary(&mut self, node: &'a Node) -> Out<Value> {
        let Kind::Binary { op, left, right, compare, lookup } = &node.kind else {
            return Ok(Value::Nil);
        };
        match op {
            Op::And | Op::Or => {
                let decides = *op == Op::Or;
                if self.truth(left)? == decides { Ok(Value::Bool(decides)) } else { self.eval(right) }
            }
            Op::Coalesce => {
                let value = self.eval(left)?;
                if value.is_nil() { self.eval(right) } else { Ok(value) }
            }
            Op::In => {
                let needle = self.eval(left)?;
                operators::membership(self, needle, right, *lookup)
            }
            _ => {
                let left = self.eval(left)?;
                let right = self.eval(right)?;
                operators::binary(self, *op, &left, &right, *compare)
            }
        }
    }

    /// `?.` on nil makes the whole chain nil.
    fn chain(&mut self, part: &'a Node) -> Out<Value> {
        match self.eval(part) {
            Err(EvalError::NilChain) => Ok(Value::Nil),
            Ok(value) if value.is_nil() => Ok(Value::Nil),
            other => other,
        }
    }

    fn member(&mut self, base: &'a Node, property: &'a Node, optional: bool) -> Out<Value> {
        let base = self.eval(base)?;
        if optional && base.is_nil() {
            return Err(EvalError::NilChain);
        }
        let property = self.eval(property)?;
        operators::fetch(&base, &property)
    }

    fn slice(&mut self, base: &'a Node, from: Option<&'a Part>, to: Option<&'a Part>) -> Out<Value> {
        let base = self.eval(base)?;
        let length = match &base {
            Value::Text(text) => text.bytes().len(),
            Value::List(list) => list.items.len(),
            other => return Err(format!("only a list or a string can be sliced, not {}", other.plain()).into()),
        };
        let to = to.map(|node| self.eval(node)).transpose()?;
        let from = from.map(|node| self.eval(node)).transpose()?;
        let end = to.map_or(Ok(i64::try_from(length).unwrap_or(i64::MAX)), |value| operators::index(&value))?;
        let begin = from.map_or(Ok(0), |value| operators::index(&value))?;
        let end = operators::clamp(end, length);
        let begin = operators::clamp(begin, length).min(end);
        match base {
            Value::Text(text) => {
                self.write(end.saturating_sub(begin))?;
                Ok(Value::text(text.bytes().get(begin..end).unwrap_or_default()))
            }
            Value::List(list) => {
                self.work(end.saturating_sub(begin))?;
                let items = list.items.get(begin..end).unwrap_or_default().to_vec();
                Ok(Value::List(if list.nil { list } else { List::new(list.of, items) }))
            }
            other => Ok(other),
        }
    }

    fn call(&mut self, callee: &'a Node, args: &'a [Node]) -> Out<Value> {
        let mut values = Vec::with_capacity(args.len());
        // The arguments come before the callee, as in the language.
        for arg in args {
            values.push(self.eval(arg)?);
        }
        match self.eval(callee)? {
            Value::Func(func) => functions::call(self, &func, &values),
            Value::Nil => Err("nil cannot be called; is the name of the function or method right?".into()),
            other => Err(format!("{} cannot be called", other.plain()).into()),
        }
    }

    fn builtin(&mut self, call: &'a Builtin) -> Out<Value> {
        if let Some(outcome) = self.walk(call) {
            return outcome;
        }
        let mut values = Vec::with_capacity(call.args.len());
        for arg in &call.args {
            values.push(self.eval(arg)?);
        }
        builtins::call(self, call.name, &values).and_then(Self::admit)
    }

    fn list(&mut self, nodes: &'a [Node]) -> Out<Value> {
        let mut items = Vec::with_capacity(nodes.len());
        for node in nodes {
            items.push(self.eval(node)?);
        }
        self.grow(items.len())?;
        Self::admit(Value::list(items))
    }

    /// The first of two equal keys wins, as in the language.
    fn map(&mut self, pairs: &'a [(Node, Node)]) -> Out<Value> {
        let mut values = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            values.push((self.eval(key)?, self.eval(value)?));
        }
        self.grow(values.len())?;
        let mut entries = BTreeMap::new();
        for (key, value) in values.into_iter().rev() {
            let Value::Text(key) = key else {
                return Err(format!("a map key is a string, not {}", key.plain()).into());
            };
            entries.insert(key, value);
        }
        Self::admit(Value::Map(Map::new(entries)))
    }
}
