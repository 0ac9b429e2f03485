//! Instants as Kubernetes writes them: RFC 3339 in UTC, whole seconds; fractions are read and kept out of what is written.
//!
//! # Source
//! Kubernetes API conventions, "Primitive types": `metav1.Time`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serializer};

/// The text of an instant, such as `2026-01-02T03:04:05Z`; a fraction of a second is cut off.
pub fn format(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// The instant that a text says, or none if it says none.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// Writes an instant in whole seconds.
///
/// # Errors
/// Those of the serializer.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub fn serialize<S: Serializer>(instant: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*instant))
}

/// Reads an instant; null is the Unix epoch, which stands for the zero time of Go.
///
/// # Errors
/// If the text is not an instant.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// An instant as its JSON schema has it.
#[cfg(feature = "schema")]
pub struct Wire;

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Wire {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }

    fn inline_schema() -> bool {
        true
    }
}

/// The same for fields that may be absent.
pub mod option {
    use super::{Deserialize, Deserializer, Serializer, Timestamp};

    /// Writes an instant in whole seconds, or null.
    ///
    /// # Errors
    /// Those of the serializer.
    #[allow(clippy::ref_option, reason = "serde passes a reference")]
    pub fn serialize<S: Serializer>(instant: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match instant {
            Some(instant) => super::serialize(instant, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads an instant; null is absent.
    ///
    /// # Errors
    /// If the text is not an instant.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        Option::<std::borrow::Cow<'de, str>>::deserialize(deserializer)?
            .map(|text| text.parse().map_err(|_| serde::de::Error::custom(format!("{text:?} is not an RFC 3339 time"))))
            .transpose()
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "crate::time")]
        at: Timestamp,
    }

    fn check(input: &str, expect: &str) {
        let holder: Holder = serde_json::from_value(serde_json::json!({ "at": input })).expect(input);
        assert_eq!(serde_json::to_value(&holder).expect(input), serde_json::json!({ "at": expect }));
    }

    #[test]
    fn instants_are_written_in_whole_seconds_of_utc() {
        check("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z");
        check("2026-01-02T03:04:05.999999Z", "2026-01-02T03:04:05Z");
        check("2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z");
        check("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        assert!(serde_json::from_value::<Holder>(serde_json::json!({ "at": "yesterday" })).is_err());
    }
}
