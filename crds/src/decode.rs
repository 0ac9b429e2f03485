//! Decoding of raw JSON into our types, with the path of what does not fit.

mod path;
mod salvage;

use serde::de::DeserializeOwned;
use serde_json::Value;

use self::path::Path;
pub use self::salvage::salvage;

/// Something in an object that is wrong: where, what it says, and what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// JSON path, such as `spec.strategy.canary.steps[2].setWeight`.
    pub path: String,
    /// What stands there, cut to a readable length; empty if nothing does.
    pub value: String,
    /// The whole sentence, with path and value.
    pub message: String,
}

/// Longest text of a value that a fault shows, in characters.
const SHOWN: usize = 120;

impl Fault {
    /// A fault whose sentence is `<path> is <value>; <rule>`, or `<path> is missing; <rule>` where nothing stands.
    pub fn new(path: impl Into<String>, value: Option<&dyn std::fmt::Display>, rule: &str) -> Self {
        let path = path.into();
        let value = value.map(|value| shorten(&value.to_string()));
        let message = match &value {
            Some(value) if value.is_empty() => format!("{path} is empty; {rule}"),
            Some(value) => format!("{path} is {value}; {rule}"),
            None => format!("{path} is missing; {rule}"),
        };
        Self { path, value: value.unwrap_or_default(), message }
    }

    /// A fault whose sentence is `<path> <rule>`.
    pub fn saying(path: impl Into<String>, rule: &str) -> Self {
        let path = path.into();
        let message = format!("{path} {rule}");
        Self { path, value: String::new(), message }
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Most letters that may differ between what somebody wrote and what they meant.
const NEAR: usize = 2;

/// The name that is nearest to one that nobody knows, unless all are far.
pub fn nearest<'a>(names: impl Iterator<Item = &'a str>, wrong: &str) -> Option<&'a str> {
    let distance = |name: &str| strsim::damerau_levenshtein(&name.to_lowercase(), &wrong.to_lowercase());
    let near = names.map(|name| (distance(name), name)).filter(|(distance, _)| *distance <= NEAR);
    near.min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// The value as our type, or the place where it does not fit.
///
/// # Errors
/// A fault with the path of the first field that does not fit.
#[allow(clippy::needless_pass_by_value, reason = "the twin of salvage, which edits the value")]
pub fn decode<T: DeserializeOwned>(value: Value) -> Result<T, Fault> {
    attempt(&value).map_err(|misfit| misfit.fault(&misfit.path))
}

/// What did not fit: where, what stands there, and why.
struct Misfit {
    path: Path,
    value: Option<String>,
    why: String,
}

fn attempt<T: DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = Path::from(error.path());
        let found = path.find(value).map(|found| shorten(&found.to_string()));
        Misfit { path, value: found, why: error.inner().to_string() }
    })
}

impl Misfit {
    /// The fault, whose path is told as this one.
    fn fault(&self, told: &Path) -> Fault {
        let path = told.to_string();
        match &self.value {
            Some(value) => Fault::new(path, Some(value), &rule(&self.why)),
            None => Fault::saying(path, &format!("cannot be read: {}", self.why)),
        }
    }
}

/// What a decoder complains about, as a rule in words that users know.
fn rule(why: &str) -> String {
    const UNTAGGED: &str = "data did not match any variant of untagged enum ";
    if let Some(name) = why.strip_prefix(UNTAGGED) {
        let wanted = if name == "IntOrString" { "a whole number or a string" } else { "a string" };
        return format!("it must be {wanted}");
    }
    let expected = why.strip_prefix("invalid").and_then(|rest| rest.rsplit_once("expected "));
    let Some((_, expected)) = expected else {
        return why.to_owned();
    };
    let wanted = match expected {
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" => "a whole number",
        "a boolean" => "true or false",
        "a string" | "string" | "a borrowed string" => "a string",
        "a sequence" => "a list",
        other if other == "a map" || other.starts_with("struct ") || other.starts_with("internally") => "an object",
        other => other,
    };
    format!("it must be {wanted}")
}

#[cfg(test)]
mod tests;
