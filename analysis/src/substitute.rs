//! Fills `{{args.name}}` into a metric.
//!
//! The metric is walked as JSON and every string in it is rendered, so a value can hold quotes, control characters or
//! braces without breaking out of the field that it was put in.

use std::collections::BTreeMap;

use serde_json::Value;
use serin_crds::analysis::{Argument, Metric};

use crate::provider::promql::{BreakOut, check_substitution};
use crate::secret::{self, Redactor, Secret, SecretLookup};

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// How large a metric may become when its arguments are filled in.
const LARGEST: usize = 4 * 1024 * 1024;

/// Longest tag that an error shows, in characters.
const SHOWN: usize = 100;

/// Why arguments cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteError {
    /// A tag names nothing that exists.
    #[error("failed to resolve {{{{{0}}}}}")]
    Unknown(String),
    /// A tag has no end.
    #[error("cannot find end tag=\"}}}}\" in {0:?}")]
    Unclosed(String),
    /// An argument has no value.
    #[error("argument \"{0}\" was not supplied")]
    NotSupplied(String),
    /// The value of an argument cannot be read from its Secret.
    #[error("{0}")]
    Secret(String),
    /// The result would be too large.
    #[error("metric is larger than {LARGEST} bytes with its arguments filled in")]
    TooLarge,
    /// A value does more to a query than take its place in a string.
    #[error(
        "argument \"{argument}\" ends the string that it stands in, in the query of metric \"{metric}\"; {}",
        remedy(*.quote)
    )]
    BreaksOut {
        /// The name of the argument.
        argument: String,
        /// What the string is quoted with.
        quote: char,
        /// The name of the metric.
        metric: String,
    },
    /// The result is no metric any more.
    #[error("metric cannot be read with its arguments filled in: {0}")]
    Malformed(String),
}

/// What to change about a value that ends its string.
fn remedy(quote: char) -> String {
    match quote {
        '`' => "leave backquotes out of its value".to_owned(),
        quote => format!("write \\{quote} for a quote and \\\\ for a backslash in its value"),
    }
}

/// The arguments of a run, each with its value.
pub struct Arguments {
    values: BTreeMap<String, Filling>,
}

enum Filling {
    Plain(String),
    Secret(Secret),
}

impl Arguments {
    /// The arguments with `{{args.name}}` itself in the place of each secret: for everything that is stored or shown.
    ///
    /// # Errors
    /// If an argument has neither a value nor a Secret to take it from.
    pub fn masked(args: &[Argument]) -> Result<Self, SubstituteError> {
        Self::with(args, |arg, _| Ok(Filling::Plain(format!("{OPEN}args.{}{CLOSE}", arg.name))))
    }

    /// The arguments with their secrets: for what is sent.
    ///
    /// # Errors
    /// If an argument has neither a value nor a Secret that can be read.
    pub fn revealed(args: &[Argument], secrets: &dyn SecretLookup) -> Result<Self, SubstituteError> {
        Self::with(args, |_, reference| secrets.find(reference).map(Filling::Secret).map_err(SubstituteError::Secret))
    }

    fn with(
        args: &[Argument],
        secret: impl Fn(&Argument, &serin_crds::analysis::SecretKeyRef) -> Result<Filling, SubstituteError>,
    ) -> Result<Self, SubstituteError> {
        let mut values = BTreeMap::new();
        for arg in args {
            let filling = match (secret::reference(arg), &arg.value) {
                (Some(reference), _) => secret(arg, reference)?,
                (None, Some(value)) => Filling::Plain(value.clone()),
                (None, None) => return Err(SubstituteError::NotSupplied(arg.name.clone())),
            };
            values.insert(format!("args.{}", arg.name), filling);
        }
        Ok(Self { values })
    }

    /// What takes the secrets among the arguments out of texts.
    pub fn redactor(&self) -> Redactor {
        Redactor::new(self.values.values().filter_map(|filling| match filling {
            Filling::Plain(_) => None,
            Filling::Secret(secret) => Some(secret),
        }))
    }

    /// Fills the arguments into a metric.
    ///
    /// # Errors
    /// If a tag is unknown or open, the result is too large, or a value ends the string of a query that it stands in.
    pub fn fill(&self, metric: &Metric) -> Result<Metric, SubstituteError> {
        let malformed = |error: serde_json::Error| SubstituteError::Malformed(error.to_string());
        let mut json = serde_json::to_value(metric).map_err(malformed)?;
        if !mentions_tag(&json) {
            return Ok(metric.clone());
        }
        let mut room = LARGEST;
        self.walk(&mut json, &mut room)?;
        let filled: Metric = serde_json::from_value(json).map_err(malformed)?;
        let query = metric.provider.prometheus.as_ref().and_then(|prometheus| prometheus.query.as_deref());
        check_substitution(query.unwrap_or_default(), |tag| self.value_of(tag)).map_err(
            |BreakOut { tag, quote }| {
                let argument = tag.strip_prefix("args.").unwrap_or(&tag).to_owned();
                SubstituteError::BreaksOut { argument, quote, metric: filled.name.clone() }
            },
        )?;
        Ok(filled)
    }

    /// The value in the place of a tag.
    fn value_of(&self, tag: &str) -> Option<&str> {
        Some(match self.values.get(tag)? {
            Filling::Plain(value) => value,
            Filling::Secret(secret) => secret.expose(),
        })
    }

    fn walk(&self, value: &mut Value, room: &mut usize) -> Result<(), SubstituteError> {
        match value {
            Value::String(text) => {
                if let Some(rendered) = self.render(text, room)? {
                    *text = rendered;
                }
            }
            Value::Array(items) => {
                for item in items {
                    self.walk(item, room)?;
                }
            }
            Value::Object(fields) => {
                for (mut key, mut field) in std::mem::take(fields) {
                    self.walk(&mut field, room)?;
                    if let Some(rendered) = self.render(&key, room)? {
                        key = rendered;
                    }
                    fields.insert(key, field);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }

    /// The text with its tags replaced; none if it has no tag.
    fn render(&self, text: &str, room: &mut usize) -> Result<Option<String>, SubstituteError> {
        if !text.contains(OPEN) {
            return Ok(None);
        }
        let mut rendered = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            let Some((tag, after)) = after.split_once(CLOSE) else {
                return Err(SubstituteError::Unclosed(cut(rest)));
            };
            let value = self.value_of(tag.trim()).ok_or_else(|| SubstituteError::Unknown(cut(tag)))?;
            *room = room.checked_sub(before.len() + value.len()).ok_or(SubstituteError::TooLarge)?;
            rendered.push_str(before);
            rendered.push_str(value);
            rest = after;
        }
        rendered.push_str(rest);
        Ok(Some(rendered))
    }
}

fn mentions_tag(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(OPEN),
        Value::Array(items) => items.iter().any(mentions_tag),
        Value::Object(fields) => fields.iter().any(|(key, field)| key.contains(OPEN) || mentions_tag(field)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
