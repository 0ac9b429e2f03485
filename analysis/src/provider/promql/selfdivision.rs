//! The mistake of dividing series by themselves, and the query that was meant.
//!
//! `rate(m{status=~"5.."}[5m]) / rate(m[5m])` matches series with equal labels. Both sides keep `status`, so each 5xx
//! series meets itself and yields 1, however rare errors are.

use promql_parser::label::Labels;
use promql_parser::parser::token::T_DIV;
use promql_parser::parser::value::ValueType;
use promql_parser::parser::{
    AggregateExpr, BinModifier, BinaryExpr, Expr, LabelModifier, MatrixSelector, VectorMatchCardinality, VectorSelector,
};

use super::ratio::sum;
use super::tokens;

/// A division in which each series of the numerator meets itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfDivision {
    /// What is wrong and what to write, as a sentence without a full stop.
    pub text: String,
    /// The whole query as it was probably meant.
    pub corrected: String,
}

impl SelfDivision {
    /// Finds the first such division in a query.
    pub fn of(expr: &Expr) -> Option<Self> {
        let mut mended = expr.clone();
        let fault = mend(&mut mended)?;
        let corrected = mended.to_string();
        let (noun, labels) = match fault.labels.as_slice() {
            [label] => ("label", label.clone()),
            labels => ("labels", labels.join(", ")),
        };
        let text = format!(
            "both sides of the division keep the {noun} {labels}, so each {}series is divided by itself and yields 1; write {corrected}",
            fault.class
        );
        Some(Self { text, corrected })
    }
}

/// What is wrong with one division.
struct Fault {
    /// The labels that the numerator restricts and both sides keep.
    labels: Vec<String>,
    /// `5xx `, or nothing.
    class: String,
}

/// Corrects the first faulty division below `expr`.
fn mend(expr: &mut Expr) -> Option<Fault> {
    match expr {
        Expr::Paren(paren) => mend(&mut paren.expr),
        Expr::Unary(unary) => mend(&mut unary.expr),
        Expr::Subquery(subquery) => mend(&mut subquery.expr),
        Expr::Aggregate(aggregate) => mend(&mut aggregate.expr),
        Expr::Call(call) => call.args.args.iter_mut().find_map(|arg| mend(arg)),
        Expr::Binary(binary) => {
            if let Some(fault) = fault(binary) {
                correct(binary, &fault.labels);
                return Some(fault);
            }
            mend(&mut binary.lhs).or_else(|| mend(&mut binary.rhs))
        }
        Expr::NumberLiteral(_)
        | Expr::StringLiteral(_)
        | Expr::VectorSelector(_)
        | Expr::MatrixSelector(_)
        | Expr::Extension(_) => None,
    }
}

/// What is wrong with a division, if each series of its numerator meets itself.
fn fault(binary: &BinaryExpr) -> Option<Fault> {
    if binary.op.id() != T_DIV {
        return None;
    }
    let (left, right) = (source(&binary.lhs)?, source(&binary.rhs)?);
    let same_series = left.selector.name == right.selector.name
        && left.selector.name.is_some()
        && left.selector.offset == right.selector.offset
        && left.selector.at == right.selector.at
        && left.range == right.range;
    // Restrictions on the right that the left lacks make another set of series.
    if !same_series || !tokens::extra(right.selector, &[left.selector]).is_empty() {
        return None;
    }
    let restricted = tokens::extra(left.selector, &[right.selector]);
    let meets = |label: &str| matched(binary, label) && keeps(&binary.lhs, label) && keeps(&binary.rhs, label);
    let mut labels: Vec<String> = Vec::new();
    for matcher in &restricted {
        if meets(&matcher.name) && !labels.contains(&matcher.name) {
            labels.push(matcher.name.clone());
        }
    }
    // A restricted label that the matching ignores lets series meet others than themselves.
    if labels.is_empty() || restricted.iter().any(|matcher| !labels.contains(&matcher.name)) {
        return None;
    }
    let class = restricted.iter().find_map(|matcher| tokens::status_class(matcher));
    Some(Fault { labels, class: class.map(|class| format!("{class} ")).unwrap_or_default() })
}

/// The one selector of a side.
struct Source<'a> {
    selector: &'a VectorSelector,
    range: Option<std::time::Duration>,
}

/// The only selector below an expression; none if there are several.
fn source(expr: &Expr) -> Option<Source<'_>> {
    match expr {
        Expr::VectorSelector(selector) => Some(Source { selector, range: None }),
        Expr::MatrixSelector(MatrixSelector { vs, range }) => Some(Source { selector: vs, range: Some(*range) }),
        Expr::Paren(paren) => source(&paren.expr),
        Expr::Unary(unary) => source(&unary.expr),
        Expr::Aggregate(aggregate) => source(&aggregate.expr),
        Expr::Call(call) => {
            let mut found = call.args.args.iter().filter_map(|arg| source(arg));
            let first = found.next()?;
            found.next().is_none().then_some(first)
        }
        Expr::Binary(binary) => match (source(&binary.lhs), source(&binary.rhs)) {
            (Some(only), None) | (None, Some(only)) => Some(only),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the division matches series by this label.
fn matched(binary: &BinaryExpr, label: &str) -> bool {
    let listed = |labels: &Labels| labels.labels.iter().any(|listed| listed == label);
    match binary.modifier.as_ref().and_then(|modifier| modifier.matching.as_ref()) {
        Some(LabelModifier::Include(labels)) => listed(labels),
        Some(LabelModifier::Exclude(labels)) => !listed(labels),
        None => true,
    }
}

/// Whether the series of an expression still carry a label of its selectors.
fn keeps(expr: &Expr, label: &str) -> bool {
    let listed = |labels: &Labels| labels.labels.iter().any(|listed| listed == label);
    match expr {
        Expr::VectorSelector(_) | Expr::MatrixSelector(_) => true,
        Expr::Paren(paren) => keeps(&paren.expr, label),
        Expr::Unary(unary) => keeps(&unary.expr, label),
        Expr::Subquery(subquery) => keeps(&subquery.expr, label),
        Expr::Aggregate(AggregateExpr { expr, modifier, .. }) => match modifier {
            Some(LabelModifier::Include(labels)) => listed(labels) && keeps(expr, label),
            Some(LabelModifier::Exclude(labels)) => !listed(labels) && keeps(expr, label),
            None => false,
        },
        Expr::Call(call) => match call.func.name {
            "scalar" | "vector" | "time" | "absent" | "absent_over_time" => false,
            "histogram_quantile" if label == "le" => false,
            _ => call.args.args.iter().any(|arg| keeps(arg, label)),
        },
        Expr::Binary(binary) => {
            let (left, right) = (keeps(&binary.lhs, label), keeps(&binary.rhs, label));
            let vectors = [&binary.lhs, &binary.rhs].iter().all(|side| side.value_type() == ValueType::Vector);
            if vectors { left && right && matched(binary, label) } else { left || right }
        }
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => false,
    }
}

/// Rewrites a division so that sums without these labels are divided.
fn correct(binary: &mut BinaryExpr, labels: &[String]) {
    let grouping = remaining(&binary.lhs, labels).or_else(|| remaining(&binary.rhs, labels));
    for side in [&mut binary.lhs, &mut binary.rhs] {
        **side = summed(side, labels, grouping.as_ref());
    }
    let modifier = binary.modifier.take();
    if grouping.is_none() {
        return;
    }
    let matching = modifier.and_then(|modifier| modifier.matching).map(|matching| match matching {
        LabelModifier::Include(on) => LabelModifier::Include(without(&on, labels)),
        exclude @ LabelModifier::Exclude(_) => exclude,
    });
    if matching.is_some() {
        binary.modifier =
            Some(BinModifier { matching, card: VectorMatchCardinality::OneToOne, ..BinModifier::default() });
    }
}

/// The grouping of an aggregation once these labels are gone; none if nothing is left to group by.
fn remaining(side: &Expr, labels: &[String]) -> Option<LabelModifier> {
    match side {
        Expr::Paren(paren) => remaining(&paren.expr, labels),
        Expr::Aggregate(AggregateExpr { modifier: Some(LabelModifier::Include(by)), .. }) => {
            let rest = without(by, labels);
            (!rest.is_empty()).then_some(LabelModifier::Include(rest))
        }
        Expr::Aggregate(AggregateExpr { modifier: Some(LabelModifier::Exclude(dropped)), .. }) => {
            let mut all = dropped.clone();
            all.labels.extend(labels.iter().cloned());
            Some(LabelModifier::Exclude(all))
        }
        _ => None,
    }
}

/// One side, summed over these labels.
fn summed(side: &Expr, labels: &[String], grouping: Option<&LabelModifier>) -> Expr {
    match side {
        Expr::Paren(paren) => summed(&paren.expr, labels, grouping),
        Expr::Aggregate(aggregate) => {
            let modifier = remaining(side, labels).or_else(|| grouping.cloned());
            Expr::Aggregate(AggregateExpr { modifier, ..aggregate.clone() })
        }
        other => match sum(other.clone()) {
            Expr::Aggregate(aggregate) => Expr::Aggregate(AggregateExpr { modifier: grouping.cloned(), ..aggregate }),
            plain => plain,
        },
    }
}

fn without(from: &Labels, labels: &[String]) -> Labels {
    Labels { labels: from.labels.iter().filter(|label| !labels.contains(label)).cloned().collect() }
}
