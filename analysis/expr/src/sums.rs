//! Shortcuts for sums.

use super::ast::{Builtin, Compare, Kind, Lookup, Node, Op};
use super::rewrite::{replace, take};

/// How many items a list may have for its sum to become additions.
const SHORT: usize = 50;

/// Sums of ranges need no list; sums of short lists need no loop; `sum(map(...))` needs one loop.
pub(crate) fn shorten(node: &mut Node) {
    if let Some(total) = range_total(node) {
        replace(node, Kind::Int(total));
        return;
    }
    let Kind::Builtin(call) = &mut node.kind else { return };
    let ("sum", [source]) = (call.name, call.args.as_mut_slice()) else { return };
    match &mut source.kind {
        Kind::List(items) if (2..=SHORT).contains(&items.len()) && !items.iter().all(constant) => {
            let items = std::mem::take(items);
            if let Some(kind) = added(items) {
                replace(node, kind);
            }
        }
        Kind::Builtin(map) if map.name == "map" && map.args.len() == 2 => {
            let args = std::mem::take(&mut map.args);
            replace(node, Kind::Builtin(Builtin { name: "sum", args, then: None, throws: false, enough: None }));
        }
        _ => {}
    }
}

fn constant(node: &Node) -> bool {
    matches!(node.kind, Kind::Int(_) | Kind::Float(_) | Kind::Text(_) | Kind::Bool(_))
}

fn added(items: Vec<Node>) -> Option<Kind> {
    let mut items = items.into_iter();
    let mut whole = items.next()?;
    for mut item in items {
        let (at, depth) = (item.at, whole.depth.max(item.depth));
        let (left, right) = (Box::new(whole), Box::new(take(&mut item)));
        let kind = Kind::Binary { op: Op::Add, left, right, compare: Compare::Any, lookup: Lookup::Scan };
        whole = Node::over(at, depth, kind);
    }
    Some(whole.kind)
}

/// The total of `sum(1..n)`, `sum(1..n, #)` or `reduce(1..n, #acc + #)` between constants.
fn range_total(node: &Node) -> Option<i64> {
    let Kind::Builtin(call) = &node.kind else { return None };
    let (range, plain) = match (call.name, call.args.as_slice()) {
        ("sum", [range]) => (range, true),
        ("sum", [range, predicate]) => (range, is_element(predicate)),
        ("reduce", [range, predicate]) => (range, adds_element(predicate)),
        _ => return None,
    };
    let Kind::Binary { op: Op::Range, left, right, .. } = &range.kind else { return None };
    let (Kind::Int(from), Kind::Int(to), true) = (&left.kind, &right.kind, plain) else { return None };
    if from > to {
        return None;
    }
    let count = i128::from(*to) - i128::from(*from) + 1;
    let twice = count * (i128::from(*from) + i128::from(*to));
    i64::try_from(twice / 2).ok()
}

fn body(node: &Node) -> Option<&Node> {
    match &node.kind {
        Kind::Predicate(body) => Some(body),
        _ => None,
    }
}

fn points(node: &Node, to: &str) -> bool {
    matches!(&node.kind, Kind::Pointer(name) if name == to)
}

fn is_element(predicate: &Node) -> bool {
    body(predicate).is_some_and(|body| points(body, ""))
}

fn adds_element(predicate: &Node) -> bool {
    let Some(Kind::Binary { op: Op::Add, left, right, .. }) = body(predicate).map(|body| &body.kind) else {
        return false;
    };
    (points(left, "acc") && points(right, "")) || (points(left, "") && points(right, "acc"))
}
