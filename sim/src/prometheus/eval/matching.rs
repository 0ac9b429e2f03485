//! Which elements of two vectors belong together.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

use super::binary::Operator;
use super::{Element, unique};
use crate::prometheus::error::QueryError;
use crate::prometheus::labels::{Labels, NAME};

/// How elements are matched.
#[derive(Clone, Copy)]
pub(super) struct Matching<'a> {
    labels: Option<&'a LabelModifier>,
    cardinality: &'a VectorMatchCardinality,
}

impl<'a> Matching<'a> {
    pub(super) fn of(modifier: Option<&'a BinModifier>) -> Self {
        const ONE_TO_ONE: &VectorMatchCardinality = &VectorMatchCardinality::OneToOne;
        Self {
            labels: modifier.and_then(|modifier| modifier.matching.as_ref()),
            cardinality: modifier.map_or(ONE_TO_ONE, |modifier| &modifier.card),
        }
    }

    /// What an element must share with those that it is matched with.
    fn key(self, labels: &Labels) -> Labels {
        match self.labels {
            Some(LabelModifier::Include(on)) => labels.only(&on.labels),
            Some(LabelModifier::Exclude(ignored)) => labels.without(&ignored.labels).nameless(),
            None => labels.nameless(),
        }
    }
}

fn keys(elements: &[Element], matching: Matching<'_>) -> BTreeSet<Labels> {
    elements.iter().map(|element| matching.key(&element.labels)).collect()
}

/// The elements of the left side that meet one of the right.
pub(super) fn and(left: Vec<Element>, right: &[Element], matching: Matching<'_>) -> Vec<Element> {
    let keys = keys(right, matching);
    left.into_iter().filter(|element| keys.contains(&matching.key(&element.labels))).collect()
}

/// The elements of the left side that meet none of the right.
pub(super) fn unless(left: Vec<Element>, right: &[Element], matching: Matching<'_>) -> Vec<Element> {
    let keys = keys(right, matching);
    left.into_iter().filter(|element| !keys.contains(&matching.key(&element.labels))).collect()
}

/// The left side, and what of the right side meets nothing in it.
pub(super) fn or(left: Vec<Element>, right: Vec<Element>, matching: Matching<'_>) -> Vec<Element> {
    let keys = keys(&left, matching);
    let rest = right.into_iter().filter(|element| !keys.contains(&matching.key(&element.labels)));
    left.into_iter().chain(rest).collect()
}

/// Applies an operator to each pair of elements that belong together.
pub(super) fn join(
    operator: Operator,
    left: Vec<Element>,
    right: Vec<Element>,
    matching: Matching<'_>,
) -> Result<Vec<Element>, QueryError> {
    let swapped = matches!(matching.cardinality, VectorMatchCardinality::OneToMany(_));
    let (many, one) = if swapped { (right, left) } else { (left, right) };
    let one_to_one = matches!(matching.cardinality, VectorMatchCardinality::OneToOne);
    let mut partners: BTreeMap<Labels, Element> = BTreeMap::new();
    for element in one {
        let key = matching.key(&element.labels);
        if let Some(other) = partners.get(&key) {
            let side = if swapped { "left" } else { "right" };
            return Err(QueryError::Execution(format!(
                "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                element.labels, other.labels
            )));
        }
        partners.insert(key, element);
    }
    let mut met = BTreeSet::new();
    let mut results = Vec::new();
    for element in many {
        let key = matching.key(&element.labels);
        let Some(partner) = partners.get(&key) else {
            continue;
        };
        let (a, b) = if swapped { (partner.value, element.value) } else { (element.value, partner.value) };
        let value = operator.apply(a, b);
        if one_to_one && !met.insert(key) {
            let why = "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
            return Err(QueryError::Execution(why.into()));
        }
        if let Some(value) = value {
            results
                .push(Element { labels: result_labels(operator, &element.labels, &partner.labels, matching), value });
        }
    }
    unique(results)
}

/// The labels of a result.
fn result_labels(operator: Operator, many: &Labels, one: &Labels, matching: Matching<'_>) -> Labels {
    let mut labels = if operator.keeps_name() { many.clone() } else { many.nameless() };
    match matching.cardinality {
        VectorMatchCardinality::ManyToOne(copied) | VectorMatchCardinality::OneToMany(copied) => {
            for name in &copied.labels {
                labels.set(name, one.get(name));
            }
            labels
        }
        VectorMatchCardinality::OneToOne | VectorMatchCardinality::ManyToMany => match matching.labels {
            Some(LabelModifier::Include(on)) => {
                let mut names = on.labels.clone();
                if operator.keeps_name() {
                    names.retain(|name| name != NAME);
                }
                labels.only(&names)
            }
            Some(LabelModifier::Exclude(ignored)) => labels.without(&ignored.labels),
            None => labels,
        },
    }
}
