//! Spans of time as scenario files write them.

use std::{fmt, str::FromStr, time::Duration};

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time written as people write it: `250ms`, `30s`, `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(Duration);

impl Span {
    /// Makes a span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The span as the standard library's type.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// The span as jiff's type, to be added to an instant.
    pub fn signed(self) -> SignedDuration {
        SignedDuration::try_from(self.0).unwrap_or(SignedDuration::MAX)
    }
}

impl From<Duration> for Span {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

/// Why a text is no span.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{text:?} is not a span of time; write one like 30s, 5m or 1h30m")]
pub struct SpanError {
    text: String,
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || SpanError { text: text.to_owned() };
        let signed = text.trim().parse::<SignedDuration>().map_err(|_| error())?;
        Duration::try_from(signed).map(Self).map_err(|_| error())
    }
}

impl fmt::Display for Span {
    /// Prints the span in the form that manifests use, without empty units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, millis) = (self.0.as_secs(), self.0.subsec_millis());
        if seconds == 0 && millis == 0 {
            return f.write_str("0s");
        }
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"), (u64::from(millis), "ms")];
        for (count, unit) in parts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{count}{unit}")?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let seen = text.parse::<Span>().map_or_else(|error| error.to_string(), |span| span.to_string());
        assert_eq!(seen, expect, "{text}");
    }

    #[test]
    fn spans_read_as_people_write_them() {
        check("30s", "30s");
        check("90s", "1m30s");
        check("1h30m", "1h30m");
        check("250ms", "250ms");
        check("0s", "0s");
    }

    #[test]
    fn what_is_no_span_is_refused_with_an_example() {
        for text in ["", "30", "-5s", "soon"] {
            check(text, &format!("{text:?} is not a span of time; write one like 30s, 5m or 1h30m"));
        }
    }
}
