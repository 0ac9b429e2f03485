//! Instants, time zones and spans.

pub(crate) mod duration;
pub(crate) mod layout;
pub(crate) mod methods;
pub(crate) mod parsing;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub enum Zone {
    /// Coordinated universal time.
    Utc,
    /// A fixed distance from it in seconds, with the abbreviation it was written with (may be empty).
    Fixed(i32, String),
    /// A zone of the time zone database.
    Named(String, TimeZone),
}

impl Zone {
    /// Looks a zone up by its name; the empty name is UTC.
    pub(crate) fn load(name: &str) -> Result<Self, String> {
        if matches!(name, "" | "UTC" | "Local") {
            return Ok(Self::Utc);
        }
        match TimeZone::get(name) {
            Ok(zone) => Ok(Self::Named(name.to_owned(), zone)),
            Err(_) => Err(format!("the time zone {name:?} is not known")),
        }
    }

    /// The name that it was looked up by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Utc => "UTC".to_owned(),
            Self::Fixed(_, name) | Self::Named(name, _) => name.clone(),
        }
    }

    /// The distance from UTC in seconds at an instant, and the abbreviation used then.
    pub(crate) fn at(&self, instant: Timestamp) -> (i32, String) {
        match self {
            Self::Utc => (0, "UTC".to_owned()),
            Self::Fixed(seconds, name) => (*seconds, name.clone()),
            Self::Named(_, zone) => {
                let info = zone.to_offset_info(instant);
                (info.offset().seconds(), info.abbreviation().to_owned())
            }
        }
    }

    /// Is it summer time at an instant?
    pub(crate) fn is_summer(&self, instant: Timestamp) -> bool {
        match self {
            Self::Named(_, zone) => zone.to_offset_info(instant).dst().is_dst(),
            _ => false,
        }
    }

    /// The instant of a date and time in this zone.
    pub(crate) fn instant(&self, civil: DateTime) -> Result<Timestamp, String> {
        let problem = |_| "the date is beyond the years that can be told apart".to_owned();
        match self {
            Self::Utc => Offset::UTC.to_timestamp(civil).map_err(problem),
            Self::Fixed(seconds, _) => {
                Offset::from_seconds(*seconds).and_then(|offset| offset.to_timestamp(civil)).map_err(problem)
            }
            Self::Named(_, zone) => zone.to_timestamp(civil).map_err(problem),
        }
    }
}

/// An instant, seen from a time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    pub(crate) instant: Timestamp,
    pub(crate) zone: Zone,
}

impl Moment {
    pub(crate) fn utc(instant: Timestamp) -> Self {
        Self { instant, zone: Zone::Utc }
    }

    /// The date and time that a clock in the zone shows.
    pub(crate) fn civil(&self) -> DateTime {
        let (seconds, _) = self.zone.at(self.instant);
        let offset = Offset::from_seconds(seconds).unwrap_or(Offset::UTC);
        offset.to_datetime(self.instant)
    }

    /// The instant a span later.
    pub(crate) fn plus(&self, span: i64) -> Result<Self, String> {
        let nanoseconds = self.instant.as_nanosecond().saturating_add(i128::from(span));
        match Timestamp::from_nanosecond(nanoseconds) {
            Ok(instant) => Ok(Self { instant, zone: self.zone.clone() }),
            Err(_) => Err("the time is beyond the years that can be told apart".to_owned()),
        }
    }

    /// The span since another instant; the longest span where it does not fit.
    pub(crate) fn minus(&self, other: &Self) -> i64 {
        let span = self.instant.as_nanosecond().saturating_sub(other.instant.as_nanosecond());
        i64::try_from(span).unwrap_or(if span < 0 { i64::MIN } else { i64::MAX })
    }

    /// The text that `string(...)` and `String()` give.
    pub(crate) fn display(&self) -> String {
        layout::format(self, "2006-01-02 15:04:05.999999999 -0700 MST")
    }

    /// The text in JSON; none for years that RFC 3339 cannot write.
    pub(crate) fn json(&self) -> Option<String> {
        let year = self.civil().year();
        (0..=9999).contains(&year).then(|| layout::format(self, "2006-01-02T15:04:05.999999999Z07:00"))
    }
}
