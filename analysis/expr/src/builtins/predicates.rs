//! The static check of builtins that walk a list with a predicate.

use super::super::ast::Node;
use super::super::check::{Scope, fail};
use super::super::error::Out;
use super::super::types::Ty;
use super::Site;

pub(super) fn check(site: &mut Site<'_>, args: &mut [Node]) -> Out<Ty> {
    let name = site.name;
    let Some((source, others)) = args.split_first_mut() else {
        return site.fail(format!("{name} takes a list"));
    };
    let list = site.checker.visit(source)?;
    if !list.is_list() && !list.is_unknown() {
        return fail(source, format!("{name} takes a list, not {}", list.plain()));
    }
    let Some((function, more)) = others.split_first_mut() else {
        return without_predicate(site, &list);
    };
    let scope = Scope { list: list.clone(), index: matches!(name, "map" | "reduce"), accumulator: name == "reduce" };
    site.checker.predicates.push(scope);
    let out = site.checker.visit(function);
    site.checker.predicates.pop();
    let out = out?;
    for node in more {
        site.checker.visit(node)?;
    }
    if out == Ty::Nil {
        return fail(function, format!("the predicate of {name} is nil; it has to give a value"));
    }
    let element = || if list.is_unknown() { Ty::Unknown } else { list.element() };
    let ty = match name {
        "map" => return Ok(Ty::list_of(out)),
        "sum" | "reduce" => return Ok(if name == "sum" { out.declared() } else { out }),
        "groupBy" => return Ok(Ty::Groups),
        "sortBy" => return Ok(list),
        "filter" if list.is_unknown() => Ty::any_list(),
        "filter" => Ty::list_of(list.element()),
        "find" | "findLast" => element(),
        "count" | "findIndex" | "findLastIndex" => Ty::Int,
        _ => Ty::Bool,
    };
    if out != Ty::Bool && !out.is_unknown() {
        return fail(function, format!("the predicate of {name} gives a bool, not {}", out.plain()));
    }
    Ok(ty)
}

fn without_predicate(site: &Site<'_>, list: &Ty) -> Out<Ty> {
    match site.name {
        "count" => Ok(Ty::Int),
        "sum" if list.is_unknown() => Ok(Ty::Unknown),
        "sum" => Ok(list.element()),
        name => site.fail(format!("{name} takes a predicate after the list, such as # > 0")),
    }
}
