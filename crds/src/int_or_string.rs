//! A field that takes a number or a string, such as `maxSurge: 1` or `maxSurge: 25%`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A number or a string.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum IntOrString {
    /// A number.
    Int(i64),
    /// A string, such as a percentage, a duration or a number in quotes.
    String(String),
}

impl IntOrString {
    /// The number, of a number or of a string of decimal digits.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::String(text) => text.parse().ok(),
        }
    }

    /// The percentage of a string: *any* string is one, with or without `%`, as in Argo Rollouts (`"25"` is 25 %).
    pub fn as_percent(&self) -> Option<i64> {
        match self {
            Self::Int(_) => None,
            Self::String(text) => text.strip_suffix('%').unwrap_or(text).parse().ok(),
        }
    }

    /// The share of `total` that this asks for, rounded up.
    ///
    /// None if it is a string that says no percentage.
    pub fn scaled_up(&self, total: i64) -> Option<i64> {
        self.scaled(total, 99)
    }

    /// The share of `total` that this asks for, rounded down.
    ///
    /// None if it is a string that says no percentage.
    pub fn scaled_down(&self, total: i64) -> Option<i64> {
        self.scaled(total, 0)
    }

    fn scaled(&self, total: i64, add: i64) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            Self::String(_) => Some(self.as_percent()?.saturating_mul(total).saturating_add(add).div_euclid(100)),
        }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for IntOrString {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "IntOrString".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "x-kubernetes-int-or-string": true })
    }

    fn inline_schema() -> bool {
        true
    }
}

impl Default for IntOrString {
    fn default() -> Self {
        Self::Int(0)
    }
}

impl fmt::Display for IntOrString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(number) => number.fmt(f),
            Self::String(text) => text.fmt(f),
        }
    }
}

impl From<i64> for IntOrString {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<i32> for IntOrString {
    fn from(number: i32) -> Self {
        Self::Int(number.into())
    }
}

impl From<&str> for IntOrString {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: impl Into<IntOrString>, total: i64, up: Option<i64>, down: Option<i64>) {
        let value = value.into();
        assert_eq!((value.scaled_up(total), value.scaled_down(total)), (up, down), "{value:?} of {total}");
    }

    #[test]
    fn numbers_are_taken_as_they_are_and_strings_as_percentages() {
        check(3, 10, Some(3), Some(3));
        check("25%", 10, Some(3), Some(2));
        check("25", 10, Some(3), Some(2));
        check("1", 10, Some(1), Some(0));
        check("100%", 7, Some(7), Some(7));
        check("0%", 7, Some(0), Some(0));
        check("ten", 10, None, None);
        check("9223372036854775807%", i64::MAX, Some(i64::MAX / 100), Some(i64::MAX / 100));
    }
}
