//! Label and field selectors.

use serde_json::Value;

use super::{
    json::{at_keys, dotted, text},
    kind::{Kind, Origin},
    refusal::Refusal,
};

#[derive(Clone, Debug)]
enum Demand {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Field(String, bool, String),
}

/// Chooses objects by labels and fields.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    demands: Vec<Demand>,
}

impl Selector {
    /// Reads the two query parameters.
    ///
    /// # Errors
    /// A refusal when either can't be read, or a field can't be selected by.
    pub fn parse(kind: &Kind, labels: &str, fields: &str) -> Result<Self, Refusal> {
        let mut demands = Vec::new();
        for term in split_terms(labels) {
            demands.push(label_demand(&term)?);
        }
        for term in fields.split(',').filter(|term| !term.is_empty()) {
            demands.push(field_demand(kind, term)?);
        }
        Ok(Self { demands })
    }

    /// Chooses the objects whose labels are as a `LabelSelector` object says.
    pub fn of_object(selector: &Value) -> Self {
        let mut demands: Vec<Demand> = super::json::texts(selector, &["matchLabels"])
            .map(|(key, value)| Demand::In(key.to_owned(), vec![value.to_owned()]))
            .collect();
        for expression in super::json::list(selector, &["matchExpressions"]) {
            let key = text(expression, &["key"]).to_owned();
            let values = super::json::list(expression, &["values"]);
            let values = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            demands.push(match text(expression, &["operator"]) {
                "In" => Demand::In(key, values),
                "NotIn" => Demand::NotIn(key, values),
                "DoesNotExist" => Demand::Missing(key),
                _ => Demand::Exists(key),
            });
        }
        Self { demands }
    }

    /// Tells whether everything is chosen.
    pub fn is_empty(&self) -> bool {
        self.demands.is_empty()
    }

    /// Tells whether `object` is chosen.
    pub fn matches(&self, object: &Value) -> bool {
        let label = |key: &String| super::json::at(object, &["metadata", "labels", key]).and_then(Value::as_str);
        self.demands.iter().all(|demand| match demand {
            Demand::In(key, values) => label(key).is_some_and(|have| values.iter().any(|value| value == have)),
            Demand::NotIn(key, values) => label(key).is_none_or(|have| values.iter().all(|value| value != have)),
            Demand::Exists(key) => label(key).is_some(),
            Demand::Missing(key) => label(key).is_none(),
            Demand::Field(path, equal, value) => (field(object, path) == *value) == *equal,
        })
    }

    /// Writes the selector of an object as the text that the scale subresource shows.
    pub fn to_text(&self) -> String {
        let terms = self.demands.iter().map(|demand| match demand {
            Demand::In(key, values) => match values.as_slice() {
                [one] => format!("{key}={one}"),
                many => format!("{key} in ({})", many.join(",")),
            },
            Demand::NotIn(key, values) => format!("{key} notin ({})", values.join(",")),
            Demand::Exists(key) => key.clone(),
            Demand::Missing(key) => format!("!{key}"),
            Demand::Field(path, equal, value) => {
                format!("{path}{}{value}", if *equal { "=" } else { "!=" })
            }
        });
        terms.collect::<Vec<_>>().join(",")
    }
}

fn field(object: &Value, path: &str) -> String {
    if path == "source" {
        return text(object, &["source", "component"]).to_owned();
    }
    match at_keys(object, &dotted(path)) {
        None | Some(Value::Null) if path.ends_with("unschedulable") || path.ends_with("hostNetwork") => "false".into(),
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Splits at the commas that are not within brackets.
fn split_terms(labels: &str) -> Vec<String> {
    let (mut terms, mut term, mut depth) = (Vec::new(), String::new(), 0_i32);
    for letter in labels.chars() {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        if letter == ',' && depth == 0 {
            terms.push(std::mem::take(&mut term));
        } else {
            term.push(letter);
        }
    }
    terms.push(term);
    terms.into_iter().map(|term| term.trim().to_owned()).filter(|term| !term.is_empty()).collect()
}

fn label_demand(term: &str) -> Result<Demand, Refusal> {
    let unreadable =
        || Refusal::bad_request(format!("unable to parse requirement: {term:?} is no label selector; write key=value"));
    let own = |text: &str| text.trim().to_owned();
    if let Some(list) = term.strip_suffix(')') {
        let (head, values) = list.split_once('(').ok_or_else(unreadable)?;
        let values = values.split(',').map(own).collect();
        let (key, word) = head.trim().rsplit_once(' ').ok_or_else(unreadable)?;
        return match word {
            "in" => Ok(Demand::In(own(key), values)),
            "notin" => Ok(Demand::NotIn(own(key), values)),
            _ => Err(unreadable()),
        };
    }
    if let Some((key, value)) = term.split_once("!=") {
        return Ok(Demand::NotIn(own(key), vec![own(value)]));
    }
    if let Some((key, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return Ok(Demand::In(own(key), vec![own(value)]));
    }
    if let Some(key) = term.strip_prefix('!') {
        return Ok(Demand::Missing(own(key)));
    }
    if term.contains([' ', '<', '>']) {
        return Err(unreadable());
    }
    Ok(Demand::Exists(own(term)))
}

fn field_demand(kind: &Kind, term: &str) -> Result<Demand, Refusal> {
    let (path, equal, value) = if let Some((path, value)) = term.split_once("!=") {
        (path, false, value)
    } else if let Some((path, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        (path, true, value)
    } else {
        let why = "invalid field selector; can't understand";
        return Err(Refusal::bad_request(format!("{why} '{term}'")));
    };
    let known = match &kind.origin {
        Origin::Builtin(builtin) => builtin.selectable.contains(&path),
        Origin::Custom(custom) => custom.selectable.iter().any(|known| known == path),
    };
    if !(path == "metadata.name" || path == "metadata.namespace" || known) {
        return Err(Refusal::bad_request(format!("field label not supported: {path}")));
    }
    Ok(Demand::Field(path.to_owned(), equal, value.to_owned()))
}
