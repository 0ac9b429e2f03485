//! Whether a query is its template with other literals in it, and nothing else.
//!
//! The template is parsed twice with different placeholders. What differs between the two trees is what arguments may
//! decide; everything else must be equal in the query.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Call, Expr, LabelModifier, MatrixSelector, SubqueryExpr,
    VectorMatchCardinality, VectorSelector,
};

/// A template, read with one set of placeholders and with another.
pub(super) struct Pair<'a, T: ?Sized> {
    /// With the first set.
    pub one: &'a T,
    /// With the second set.
    pub two: &'a T,
}

// Derived, they would ask the same of `T`.
impl<T: ?Sized> Clone for Pair<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Pair<'_, T> {}

impl<'a, T: ?Sized> Pair<'a, T> {
    /// The same part of both.
    fn map<U: ?Sized>(self, part: impl Fn(&'a T) -> &'a U) -> Pair<'a, U> {
        Pair { one: part(self.one), two: part(self.two) }
    }
}

impl<T: PartialEq + ?Sized> Pair<'_, T> {
    /// Whether an argument decides this leaf, or the query leaves it as it is.
    fn allows(self, leaf: &T) -> bool {
        self.one != self.two || self.one == leaf
    }
}

/// Whether `query` differs from the template in argument positions only.
pub(super) fn same(template: Pair<'_, Expr>, query: &Expr) -> bool {
    if stands_alone(template) {
        return true;
    }
    match (template.one, template.two, query) {
        (Expr::NumberLiteral(one), Expr::NumberLiteral(two), Expr::NumberLiteral(it)) => Pair { one, two }.allows(it),
        // A negative argument in the place of a number.
        (Expr::NumberLiteral(one), Expr::NumberLiteral(two), Expr::Unary(unary)) => {
            one != two && matches!(*unary.expr, Expr::NumberLiteral(_))
        }
        (Expr::StringLiteral(one), Expr::StringLiteral(two), Expr::StringLiteral(it)) => Pair { one, two }.allows(it),
        (Expr::VectorSelector(one), Expr::VectorSelector(two), Expr::VectorSelector(it)) => {
            selector(Pair { one, two }, it)
        }
        (Expr::MatrixSelector(one), Expr::MatrixSelector(two), Expr::MatrixSelector(it)) => {
            matrix(Pair { one, two }, it)
        }
        (Expr::Paren(one), Expr::Paren(two), Expr::Paren(it)) => {
            same(Pair { one: &one.expr, two: &two.expr }, &it.expr)
        }
        (Expr::Unary(one), Expr::Unary(two), Expr::Unary(it)) => {
            same(Pair { one: &one.expr, two: &two.expr }, &it.expr)
        }
        (Expr::Call(one), Expr::Call(two), Expr::Call(it)) => call(Pair { one, two }, it),
        (Expr::Aggregate(one), Expr::Aggregate(two), Expr::Aggregate(it)) => aggregate(Pair { one, two }, it),
        (Expr::Binary(one), Expr::Binary(two), Expr::Binary(it)) => binary(Pair { one, two }, it),
        (Expr::Subquery(one), Expr::Subquery(two), Expr::Subquery(it)) => subquery(Pair { one, two }, it),
        _ => false,
    }
}

/// Whether an argument is a whole expression of its own, so that it may be any.
fn stands_alone(template: Pair<'_, Expr>) -> bool {
    let (Expr::VectorSelector(one), Expr::VectorSelector(two)) = (template.one, template.two) else {
        return false;
    };
    is_bare_argument(Pair { one, two }) && one.offset.is_none() && one.at.is_none()
}

/// Whether a selector is nothing but an argument.
fn is_bare_argument(template: Pair<'_, VectorSelector>) -> bool {
    let Pair { one, two } = template;
    let whole = |name: &Option<String>| name.as_deref().is_some_and(super::substitution::is_placeholder);
    whole(&one.name) && whole(&two.name) && one.matchers.matchers.is_empty() && one.matchers.or_matchers.is_empty()
}

fn selector(template: Pair<'_, VectorSelector>, it: &VectorSelector) -> bool {
    let times = template.map(|s| &s.offset).allows(&it.offset) && template.map(|s| &s.at).allows(&it.at);
    if is_bare_argument(template) {
        return times;
    }
    let Pair { one, two } = template;
    let groups = |s: &VectorSelector| s.matchers.or_matchers.len();
    times
        && template.map(|s| &s.name).allows(&it.name)
        && matchers(Pair { one: &one.matchers.matchers, two: &two.matchers.matchers }, &it.matchers.matchers)
        && groups(one) == groups(it)
        && one
            .matchers
            .or_matchers
            .iter()
            .zip(&two.matchers.or_matchers)
            .zip(&it.matchers.or_matchers)
            .all(|((one, two), it)| matchers(Pair { one, two }, it))
}

fn matchers(template: Pair<'_, [Matcher]>, it: &[Matcher]) -> bool {
    let Pair { one, two } = template;
    one.len() == it.len() && one.iter().zip(two).zip(it).all(|((one, two), it)| matcher(Pair { one, two }, it))
}

fn matcher(template: Pair<'_, Matcher>, it: &Matcher) -> bool {
    let same_operator = matches!(
        (&template.one.op, &it.op),
        (MatchOp::Equal, MatchOp::Equal)
            | (MatchOp::NotEqual, MatchOp::NotEqual)
            | (MatchOp::Re(_), MatchOp::Re(_))
            | (MatchOp::NotRe(_), MatchOp::NotRe(_))
    );
    same_operator && template.map(|m| &m.name).allows(&it.name) && template.map(|m| &m.value).allows(&it.value)
}

fn matrix(template: Pair<'_, MatrixSelector>, it: &MatrixSelector) -> bool {
    selector(template.map(|m| &m.vs), &it.vs) && template.map(|m| &m.range).allows(&it.range)
}

fn subquery(template: Pair<'_, SubqueryExpr>, it: &SubqueryExpr) -> bool {
    same(template.map(|s| &*s.expr), &it.expr)
        && template.map(|s| &s.range).allows(&it.range)
        && template.map(|s| &s.step).allows(&it.step)
        && template.map(|s| &s.offset).allows(&it.offset)
        && template.map(|s| &s.at).allows(&it.at)
}

fn call(template: Pair<'_, Call>, it: &Call) -> bool {
    let Pair { one, two } = template;
    let (one_args, two_args, args) = (&one.args.args, &two.args.args, &it.args.args);
    one.func.name == it.func.name
        && one_args.len() == args.len()
        && one_args.iter().zip(two_args).zip(args).all(|((one, two), it)| same(Pair { one, two }, it))
}

fn aggregate(template: Pair<'_, AggregateExpr>, it: &AggregateExpr) -> bool {
    let Pair { one, two } = template;
    let param = match (&one.param, &two.param, &it.param) {
        (Some(one), Some(two), Some(it)) => same(Pair { one, two }, it),
        (None, None, None) => true,
        _ => false,
    };
    param
        && one.op == it.op
        && grouping(template.map(|a| &a.modifier), it.modifier.as_ref())
        && same(template.map(|a| &*a.expr), &it.expr)
}

/// Whether labels are grouped, or matched, the same way; which ones may be an argument.
fn grouping(template: Pair<'_, Option<LabelModifier>>, it: Option<&LabelModifier>) -> bool {
    match (template.one, template.two, it) {
        (None, None, None) => true,
        (Some(one), Some(two), Some(it)) => {
            one.is_include() == it.is_include() && Pair { one: one.labels(), two: two.labels() }.allows(it.labels())
        }
        _ => false,
    }
}

fn binary(template: Pair<'_, BinaryExpr>, it: &BinaryExpr) -> bool {
    let modifiers = match (&template.one.modifier, &template.two.modifier, &it.modifier) {
        (None, None, None) => true,
        (Some(one), Some(two), Some(it)) => modifier(Pair { one, two }, it),
        _ => false,
    };
    modifiers
        && template.one.op == it.op
        && same(template.map(|b| &*b.lhs), &it.lhs)
        && same(template.map(|b| &*b.rhs), &it.rhs)
}

fn modifier(template: Pair<'_, BinModifier>, it: &BinModifier) -> bool {
    let cardinality = |m: &BinModifier| match &m.card {
        VectorMatchCardinality::OneToOne => 0,
        VectorMatchCardinality::ManyToOne(_) => 1,
        VectorMatchCardinality::OneToMany(_) => 2,
        VectorMatchCardinality::ManyToMany => 3,
    };
    let Pair { one, two } = template;
    cardinality(one) == cardinality(it)
        && Pair { one: &one.card, two: &two.card }.allows(&it.card)
        && grouping(template.map(|m| &m.matching), it.matching.as_ref())
        && one.return_bool == it.return_bool
        && template.map(|m| &m.fill_values).allows(&it.fill_values)
}
