//! Decoding that forgives what the API server or an older controller may have stored, and small rules of serialising.

use serde::{Deserialize, Deserializer};

use crate::IntOrString;

/// Whether a flag is unset, so that it need not be written.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub fn is_false(flag: &bool) -> bool {
    !flag
}

/// Whether a number is zero, so that it need not be written.
pub fn is_zero<N: Default + PartialEq>(number: &N) -> bool {
    is_default(number)
}

/// Whether a value says nothing, so that it need not be written.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The text of a string or a number; empty and null count as absent, as in Go.
pub fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Text(String),
        Number(i64),
    }
    Ok(match Option::deserialize(deserializer)? {
        Some(Text::Text(text)) if !text.is_empty() => Some(text),
        Some(Text::Number(number)) => Some(number.to_string()),
        _ => None,
    })
}

/// A number or a string that is not empty; anything else counts as absent.
pub fn int_or_string<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<IntOrString>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    let read: Option<IntOrString> = serde_json::from_value(value).ok();
    Ok(read.filter(|it| *it != IntOrString::String(String::new())))
}

/// A known word; an unknown one, the empty one and null count as absent.
pub fn word<'de, D: Deserializer<'de>, T: std::str::FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.and_then(|word| word.parse().ok()))
}
