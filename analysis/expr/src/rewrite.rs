//! Shortcuts taken before running, where they can be seen: what is never evaluated cannot fail.
//!
//! The language simplifies a tree before it runs: `x || true` is true whatever `x` would do, `filter(...)[0]` stops at
//! the first hit, two `all` over the same list walk it once. Verdicts depend on it where a skipped part would fail.

use super::ast::{Builtin, Compare, Kind, Lookup, Node, Op, Part, Sign};
use super::error::{EvalError, Out, Stage};
use super::numbers;
use super::sums::shorten;
use super::types::{GoKind, Ty};

/// Applies the shortcuts to a checked tree.
pub(crate) fn rewrite(tree: &mut Node) -> Out<()> {
    each(tree, &mut lookups);
    let mut problem = Ok(());
    each(tree, &mut |node| {
        if problem.is_ok() {
            problem = fold(node);
        }
    });
    problem?;
    let others =
        [ranges, map_of_filter, length_of_filter, end_of_filter, merge_predicates, shorten, enough, comparisons];
    for mut other in others {
        each(tree, &mut other);
    }
    Ok(())
}

/// Visits every node, those below first.
fn each(node: &mut Node, visit: &mut impl FnMut(&mut Node)) {
    for part in node.parts_mut() {
        each(part, visit);
    }
    visit(node);
}

/// Puts a new kind in place, keeping place and type.
pub(crate) fn replace(node: &mut Node, kind: Kind) {
    let ty = match &kind {
        Kind::Bool(_) => Ty::Bool,
        Kind::Int(_) => Ty::Int,
        Kind::Float(_) => Ty::Float,
        Kind::Text(_) => Ty::Text,
        _ => node.ty.clone(),
    };
    node.kind = kind;
    node.ty = ty;
}

/// Takes a part out of a node that is about to be replaced.
pub(crate) fn take(part: &mut Node) -> Node {
    std::mem::replace(part, Node::leaf(part.at, Kind::Nil))
}

/// `x in [1, 2]` with an `int`, and `x in ["a", "b"]`, look into a set.
fn lookups(node: &mut Node) {
    let Kind::Binary { op: Op::In, left, right, lookup, .. } = &mut node.kind else { return };
    let Kind::List(items) = &right.kind else { return };
    let all = |fits: fn(&Kind) -> bool| !items.is_empty() && items.iter().all(|item| fits(&item.kind));
    if left.ty.kind() == GoKind::Int && all(|kind| matches!(kind, Kind::Int(_))) {
        *lookup = Lookup::Ints;
    } else if all(|kind| matches!(kind, Kind::Text(_))) {
        *lookup = Lookup::Texts;
    }
}

/// `x in 1..3` with an `int` compares with the ends.
fn ranges(node: &mut Node) {
    let Kind::Binary { op: Op::In, left, right, lookup, .. } = &mut node.kind else { return };
    let Kind::Binary { op: Op::Range, left: from, right: to, .. } = &right.kind else { return };
    if left.ty.kind() == GoKind::Int && matches!((&from.kind, &to.kind), (Kind::Int(_), Kind::Int(_))) {
        *lookup = Lookup::Between;
    }
}

/// Computes constants, and logic with one constant side.
fn fold(node: &mut Node) -> Out<()> {
    let at = node.at;
    merge_filters(node)?;
    let new = match &mut node.kind {
        Kind::Unary(sign, part) => match (*sign, &part.kind) {
            (Sign::Minus, Kind::Int(value)) => Some(Kind::Int(value.wrapping_neg())),
            (Sign::Minus, Kind::Float(value)) => Some(Kind::Float(-value)),
            (Sign::Plus, Kind::Int(_) | Kind::Float(_)) => Some(part.kind.clone()),
            (Sign::Not, Kind::Bool(value)) => Some(Kind::Bool(!value)),
            _ => None,
        },
        Kind::Binary { op: op @ (Op::And | Op::Or), left, right, .. } => {
            if let Some(whole) = fold_logic(*op, left, right) {
                *node = whole;
            }
            None
        }
        Kind::Binary { op, left, right, .. } => {
            fold_constants(*op, &left.kind, &right.kind).map_err(|text| EvalError::new(Stage::Type, at, text))?
        }
        _ => None,
    };
    if let Some(kind) = new {
        replace(node, kind);
    }
    Ok(())
}

/// `filter(filter(list, p), q)` walks the list once.
fn merge_filters(node: &mut Node) -> Out<()> {
    let Some(outer) = builtin(node, "filter") else { return Ok(()) };
    let [source, q] = outer.args.as_mut_slice() else { return Ok(()) };
    let Some(inner) = builtin(source, "filter") else { return Ok(()) };
    let [list, p] = inner.args.as_mut_slice() else { return Ok(()) };
    let (Some(p), Some(q)) = (predicate_body(p), predicate_body(q)) else { return Ok(()) };
    let mut both = joined(Op::And, p, q);
    fold(&mut both)?;
    let list = take(list);
    **q = both;
    *source = list;
    Ok(())
}

/// Two predicates in one.
fn joined(op: Op, p: &mut Part, q: &mut Part) -> Node {
    let (at, below) = (p.at, p.depth.max(q.depth));
    let (left, right) = (Box::new(take(p)), Box::new(take(q)));
    let kind = Kind::Binary { op, left, right, compare: Compare::Any, lookup: Lookup::Scan };
    let mut both = Node::over(at, below, kind);
    both.ty = Ty::Bool;
    both
}

fn fold_logic(op: Op, left: &mut Node, right: &mut Node) -> Option<Node> {
    let constant = |node: &Node| match node.kind {
        Kind::Bool(value) => Some(value),
        _ => None,
    };
    let (a, b) = (constant(left), constant(right));
    let decides = op == Op::Or;
    if a == Some(!decides) {
        Some(take(right))
    } else if b == Some(!decides) {
        Some(take(left))
    } else if a == Some(decides) || b == Some(decides) {
        let mut node = Node::leaf(left.at, Kind::Bool(decides));
        node.ty = Ty::Bool;
        Some(node)
    } else {
        None
    }
}

fn fold_constants(op: Op, left: &Kind, right: &Kind) -> Result<Option<Kind>, String> {
    Ok(match (op, left, right) {
        (Op::Modulo, Kind::Int(_), Kind::Int(0)) => return Err("an integer cannot be divided by zero".to_owned()),
        (Op::Modulo, Kind::Int(a), Kind::Int(b)) => Some(Kind::Int(a.wrapping_rem(*b))),
        (Op::Add, Kind::Int(a), Kind::Int(b)) => Some(Kind::Int(a.wrapping_add(*b))),
        (Op::Subtract, Kind::Int(a), Kind::Int(b)) => Some(Kind::Int(a.wrapping_sub(*b))),
        (Op::Multiply, Kind::Int(a), Kind::Int(b)) => Some(Kind::Int(a.wrapping_mul(*b))),
        (Op::Equal, Kind::Int(a), Kind::Int(b)) => Some(Kind::Bool(a == b)),
        (Op::Equal, Kind::Text(a), Kind::Text(b)) => Some(Kind::Bool(a == b)),
        (Op::Equal, Kind::Bool(a), Kind::Bool(b)) => Some(Kind::Bool(a == b)),
        (Op::Add, Kind::Text(a), Kind::Text(b)) => Some(Kind::Text([a.bytes(), b.bytes()].concat().into())),
        _ => match (float(left), float(right)) {
            (Some(a), Some(b)) => fold_floats(op, a, b),
            _ => None,
        },
    })
}

fn fold_floats(op: Op, a: f64, b: f64) -> Option<Kind> {
    Some(Kind::Float(match op {
        Op::Add => a + b,
        Op::Subtract => a - b,
        Op::Multiply => a * b,
        Op::Divide => a / b,
        Op::Power => a.powf(b),
        _ => return None,
    }))
}

fn float(kind: &Kind) -> Option<f64> {
    match kind {
        Kind::Int(value) => Some(numbers::to_float(*value)),
        Kind::Float(value) => Some(*value),
        _ => None,
    }
}

fn builtin<'a>(node: &'a mut Node, name: &str) -> Option<&'a mut Builtin> {
    match &mut node.kind {
        Kind::Builtin(call) if call.name == name => Some(call),
        _ => None,
    }
}

fn predicate_body(node: &mut Node) -> Option<&mut Part> {
    match &mut node.kind {
        Kind::Predicate(body) => Some(body),
        _ => None,
    }
}

fn uses_index(node: &Node) -> bool {
    matches!(&node.kind, Kind::Pointer(name) if name == "index") || node.parts().into_iter().any(uses_index)
}

/// `map(filter(list, p), f)` gives `f` of each hit as it is found.
fn map_of_filter(node: &mut Node) {
    let Some(map) = builtin(node, "map") else { return };
    let [source, function] = map.args.as_mut_slice() else { return };
    if uses_index(function) {
        return;
    }
    let Some(body) = predicate_body(function).map(|body| take(body)) else { return };
    let Some(filter) = builtin(source, "filter").filter(|filter| filter.then.is_none()) else {
        if let Some(slot) = predicate_body(function) {
            **slot = body;
        }
        return;
    };
    let args = std::mem::take(&mut filter.args);
    let call = Builtin { name: "filter", args, then: Some(Box::new(body)), throws: false, enough: None };
    replace(node, Kind::Builtin(call));
}

/// `len(filter(list, p))` counts.
fn length_of_filter(node: &mut Node) {
    let Some(length) = builtin(node, "len") else { return };
    let [source] = length.args.as_mut_slice() else { return };
    let Some(filter) = builtin(source, "filter") else { return };
    let args = std::mem::take(&mut filter.args);
    replace(node, Kind::Builtin(Builtin { name: "count", args, then: None, throws: false, enough: None }));
}

/// The first or last element of a filtered list is searched from that end.
fn end_of_filter(node: &mut Node) {
    let (filter, name, throws) = match &mut node.kind {
        Kind::Member { base, property, optional: false, .. } => {
            let name = match property.kind {
                Kind::Int(0) => "find",
                Kind::Int(-1) => "findLast",
                _ => return,
            };
            (builtin(base, "filter"), name, true)
        }
        Kind::Builtin(call) if matches!(call.name, "first" | "last") => {
            let name = if call.name == "first" { "find" } else { "findLast" };
            let [source] = call.args.as_mut_slice() else { return };
            (builtin(source, "filter"), name, false)
        }
        _ => return,
    };
    let Some(filter) = filter else { return };
    let (args, then) = (std::mem::take(&mut filter.args), filter.then.take());
    replace(node, Kind::Builtin(Builtin { name, args, then, throws, enough: None }));
}

/// `all(list, p) && all(list, q)` walks the list once.
fn merge_predicates(node: &mut Node) {
    let Kind::Binary { op: op @ (Op::And | Op::Or), left, right, .. } = &mut node.kind else { return };
    let (Kind::Builtin(a), Kind::Builtin(b)) = (&mut left.kind, &mut right.kind) else { return };
    let merged = match (a.name, *op) {
        ("all", Op::And) | ("any", Op::Or) => *op,
        ("none", Op::And) => Op::Or,
        _ => return,
    };
    if a.name != b.name {
        return;
    }
    let ([first, p], [second, q]) = (a.args.as_mut_slice(), b.args.as_mut_slice()) else { return };
    if first.ty.declared() != second.ty.declared() || !same(first, second) {
        return;
    }
    let (Some(p), Some(q)) = (predicate_body(p), predicate_body(q)) else { return };
    let mut both = joined(merged, p, q);
    let at = both.at;
    merge_predicates(&mut both);
    let (name, list) = (a.name, take(first));
    let predicate = Node::over(at, both.depth, Kind::Predicate(Box::new(both)));
    let call = Builtin { name, args: vec![list, predicate], then: None, throws: false, enough: None };
    replace(node, Kind::Builtin(call));
}

/// Do two nodes say the same?
fn same(a: &Node, b: &Node) -> bool {
    let (x, y) = (a.parts(), b.parts());
    let own = match (&a.kind, &b.kind) {
        (Kind::Bool(x), Kind::Bool(y)) | (Kind::Member { optional: x, .. }, Kind::Member { optional: y, .. }) => x == y,
        (Kind::Int(x), Kind::Int(y)) => x == y,
        (Kind::Float(x), Kind::Float(y)) => x.to_bits() == y.to_bits(),
        (Kind::Text(x), Kind::Text(y)) => x == y,
        (Kind::Name(x), Kind::Name(y))
        | (Kind::Pointer(x), Kind::Pointer(y))
        | (Kind::Let { name: x, .. }, Kind::Let { name: y, .. }) => x == y,
        (Kind::Unary(x, _), Kind::Unary(y, _)) => x == y,
        (Kind::Binary { op: x, .. }, Kind::Binary { op: y, .. }) => x == y,
        (Kind::Slice { from: a, to: b, .. }, Kind::Slice { from: x, to: y, .. }) => {
            a.is_some() == x.is_some() && b.is_some() == y.is_some()
        }
        (Kind::Builtin(x), Kind::Builtin(y)) => x.name == y.name && x.then.is_some() == y.then.is_some(),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    own && x.len() == y.len() && x.into_iter().zip(y).all(|(a, b)| same(a, b))
}

/// `count(list, p) > 2` stops counting at three.
fn enough(node: &mut Node) {
    let Kind::Binary { op, left, right, .. } = &mut node.kind else { return };
    let Kind::Int(bound) = right.kind else { return };
    let needed = match op {
        Op::More => bound.saturating_add(1),
        Op::MoreEqual => bound,
        _ => return,
    };
    if let Some(count) = builtin(left, "count").filter(|count| count.args.len() == 2)
        && needed >= 1
        && bound >= 0
    {
        count.enough = Some(needed);
    }
}

/// Two sides declared `int`, or declared strings, are compared as such.
fn comparisons(node: &mut Node) {
    if let Kind::Binary { op: Op::Equal | Op::NotEqual, left, right, compare, .. } = &mut node.kind {
        *compare = match (&left.ty, &right.ty) {
            (Ty::Int, Ty::Int) => Compare::Ints,
            (Ty::Text, Ty::Text) => Compare::Texts,
            _ => Compare::Any,
        };
    }
}
