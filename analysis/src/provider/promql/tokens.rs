//! Words for what a query asks for: `5xx`, `requests`, `1,240`.

use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{Expr, VectorSelector};

/// All matchers of a selector, those of `or` groups included.
pub(super) fn matchers(selector: &VectorSelector) -> impl Iterator<Item = &Matcher> {
    selector.matchers.matchers.iter().chain(selector.matchers.or_matchers.iter().flatten())
}

/// All selectors of an expression, left to right.
pub(super) fn selectors(expr: &Expr) -> Vec<&VectorSelector> {
    let mut found = Vec::new();
    collect(expr, &mut found);
    found
}

fn collect<'a>(expr: &'a Expr, found: &mut Vec<&'a VectorSelector>) {
    match expr {
        Expr::VectorSelector(selector) => found.push(selector),
        Expr::MatrixSelector(matrix) => found.push(&matrix.vs),
        Expr::Paren(paren) => collect(&paren.expr, found),
        Expr::Unary(unary) => collect(&unary.expr, found),
        Expr::Subquery(subquery) => collect(&subquery.expr, found),
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                collect(param, found);
            }
            collect(&aggregate.expr, found);
        }
        Expr::Binary(binary) => {
            collect(&binary.lhs, found);
            collect(&binary.rhs, found);
        }
        Expr::Call(call) => call.args.args.iter().for_each(|arg| collect(arg, found)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

/// The matchers that a selector has and none of `others` has.
pub(super) fn extra<'a>(selector: &'a VectorSelector, others: &[&VectorSelector]) -> Vec<&'a Matcher> {
    matchers(selector)
        .filter(|matcher| {
            matcher.name != "__name__" && !others.iter().any(|other| matchers(other).any(|m| m == *matcher))
        })
        .collect()
}

/// Whether a label says how a request ended.
pub(super) fn is_status(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    label.contains("status") || label.contains("code")
}

/// The class of statuses that a matcher picks, such as `5xx`, `4xx/5xx` or `503`.
pub(super) fn status_class(matcher: &Matcher) -> Option<String> {
    if !is_status(&matcher.name) {
        return None;
    }
    let three_digits = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    match matcher.op {
        MatchOp::Equal => three_digits(&matcher.value).then(|| matcher.value.clone()),
        MatchOp::Re(_) => {
            let pattern = matcher.value.trim_start_matches('^').trim_end_matches('$');
            let pattern = pattern.strip_prefix('(').and_then(|p| p.strip_suffix(')')).unwrap_or(pattern);
            let pattern = pattern.strip_prefix("?:").unwrap_or(pattern);
            let classes: Option<Vec<String>> = pattern
                .split('|')
                .map(|part| if three_digits(part) { Some(part.to_owned()) } else { class(part) })
                .collect();
            classes.map(|classes| classes.join("/"))
        }
        MatchOp::NotEqual | MatchOp::NotRe(_) => None,
    }
}

/// `5..`, `5xx`, `5\d{2}`, `[45].*` and the like.
fn class(pattern: &str) -> Option<String> {
    const TAILS: [&str; 12] =
        ["..", ".*", ".+", ".{2}", "xx", "XX", r"\d\d", r"\d{2}", r"\d+", "[0-9][0-9]", "[0-9]{2}", "[0-9]+"];
    let (heads, tail) = match pattern.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => pattern.split_at_checked(1)?,
    };
    let digits = heads.bytes().all(|b| (b'1'..=b'5').contains(&b)) && !heads.is_empty();
    let names: Vec<String> = heads.chars().map(|head| format!("{head}xx")).collect();
    (digits && TAILS.contains(&tail)).then(|| names.join("/"))
}

/// What is missing when a selector has no series: `5xx series`, `series with code!~"2.."`, `series of errors_total`.
pub(super) fn series(selector: &VectorSelector, extra: &[&Matcher]) -> String {
    if let Some(class) = extra.iter().find_map(|matcher| status_class(matcher)) {
        return format!("{class} series");
    }
    if !extra.is_empty() {
        let list: Vec<String> = extra.iter().map(ToString::to_string).collect();
        return format!("series with {}", list.join(", "));
    }
    format!("series of {}", name(selector))
}

/// The metric name of a selector, or the selector itself.
pub(super) fn name(selector: &VectorSelector) -> String {
    selector.name.clone().unwrap_or_else(|| selector.to_string())
}

/// What a counter counts, for a given number of them: `requests`, or `of bytes_total`.
pub(super) fn unit(name: &str, count: f64) -> String {
    if name.contains("request") {
        return if (count.round() - 1.0).abs() < f64::EPSILON { "request".into() } else { "requests".into() };
    }
    format!("of {name}")
}

/// A count as a person writes it: `1,240`; one decimal below ten.
pub(super) fn count(value: f64) -> String {
    if !value.is_finite() {
        return super::super::prometheus::number(value);
    }
    if value.abs() < 10.0 {
        let tenths = (value * 10.0).round() / 10.0;
        return if tenths == 0.0 && value != 0.0 { "fewer than 0.1".into() } else { tenths.to_string() };
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}
