//! Whether the names that a numerator asks for are in use: a metric or label that nobody writes is a typing error, and
//! not a service without errors.

use std::collections::BTreeSet;

use promql_parser::label::{MatchOp, Matcher, Matchers};
use promql_parser::parser::{Expr, VectorSelector};

use super::tokens;

/// What has to be stored for a selector that finds nothing to mean that there is nothing to find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// Counts the series of the metric that have all the labels; no answer means that there are none.
    pub query: String,
    /// What is not there: `no series is named errors_total`, `no series of m_total has the label cod`.
    pub missing: String,
}

impl Known {
    /// What has to be stored for a numerator; none if a denominator with traffic proves it, because it asks for the
    /// same metric and restricts the same labels.
    ///
    /// Values are not looked at: `status=~"5.."` finds nothing where all is well.
    pub fn of(numerator: &VectorSelector, denominators: &[&VectorSelector]) -> Option<Self> {
        let labels = required(numerator);
        let name = names(numerator);
        let same_metric = |other: &VectorSelector| numerator.name == other.name && name == names(other);
        let metric_is_proved = match denominators {
            [denominator] if same_metric(denominator) => {
                if labels.is_subset(&required(denominator)) {
                    return None;
                }
                true
            }
            _ => false,
        };
        if numerator.name.is_none() && name.is_empty() && labels.is_empty() {
            return None;
        }
        let present = labels.iter().map(|label| Matcher::new(MatchOp::NotEqual, label, ""));
        let matchers = Matchers::new(name.into_iter().cloned().chain(present).collect());
        let selector = VectorSelector { name: numerator.name.clone(), matchers, offset: None, at: None };
        let query = format!("count({})", Expr::VectorSelector(selector));
        Some(Self { query, missing: missing(numerator, &labels, metric_is_proved) })
    }
}

fn missing(selector: &VectorSelector, labels: &BTreeSet<&str>, metric_is_proved: bool) -> String {
    let noun = if labels.len() == 1 { "label" } else { "labels" };
    let list = labels.iter().copied().collect::<Vec<_>>().join(", ");
    match (&selector.name, labels.is_empty()) {
        (Some(name), true) => format!("no series is named {name}"),
        (Some(name), false) if metric_is_proved => format!("no series of {name} has the {noun} {list}"),
        (Some(name), false) => format!("no series is named {name} and has the {noun} {list}"),
        (None, true) => format!("no series is selected by {selector}"),
        (None, false) => format!("no series has the {noun} {list}"),
    }
}

/// The matchers of a selector on the name of the metric.
fn names(selector: &VectorSelector) -> Vec<&Matcher> {
    tokens::matchers(selector).filter(|matcher| matcher.name == "__name__").collect()
}

/// The labels without which no series is selected. Alternatives require none.
fn required(selector: &VectorSelector) -> BTreeSet<&str> {
    let matchers = selector.matchers.matchers.iter();
    let required = matchers.filter(|matcher| matcher.name != "__name__" && !matcher.is_match(""));
    required.map(|matcher| matcher.name.as_str()).collect()
}
