//! Dates as text.

use jiff::civil::{Date, DateTime, Time};

use super::layout::{DAYS, MONTHS, Part, parts};
use super::{Moment, Zone};

/// The layouts that `date(...)` tries, in this order.
const LAYOUTS: [&str; 7] = [
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
];

/// Reads a date in any of the usual layouts.
pub(crate) fn parse_any(text: &str, zone: &Zone) -> Result<Moment, String> {
    let found = LAYOUTS.iter().find_map(|layout| parse(text, layout, zone).ok());
    found.ok_or_else(|| format!("{text:?} is not a date; write one like \"2006-01-02\" or \"2006-01-02T15:04:05Z\""))
}

/// Reads a date by a layout; where the text names no zone, it is in `zone`.
pub(crate) fn parse(text: &str, layout: &str, zone: &Zone) -> Result<Moment, String> {
    let problem = || format!("{text:?} does not fit the layout {layout:?}");
    let parts = parts(layout);
    let mut reader = Reader { rest: text, found: Found::default() };
    for (index, part) in parts.iter().enumerate() {
        reader.part(*part, parts.get(index.saturating_add(1)).copied()).ok_or_else(problem)?;
    }
    if !reader.rest.is_empty() {
        return Err(problem());
    }
    let found = reader.found;
    let civil = found.civil().ok_or_else(problem)?;
    let own = found.zone(zone, civil);
    // A zone known by its abbreviation alone has no known distance: the clock is taken as UTC.
    let foreign = matches!((&own, &found.name), (Zone::Fixed(..), Some(_))) && found.offset.is_none();
    let instant = if foreign { Zone::Utc.instant(civil)? } else { own.instant(civil)? };
    Ok(Moment { instant, zone: own })
}

/// What has been read so far.
#[derive(Default)]
struct Found {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
    day_of_year: Option<i16>,
    time: (i8, i8, i8, i32),
    half: Option<bool>,
    offset: Option<i32>,
    name: Option<String>,
    z: bool,
}

impl Found {
    fn civil(&self) -> Option<DateTime> {
        let date = match self.day_of_year {
            Some(day) => {
                let first = Date::new(self.year, 1, 1).ok()?;
                let date = first.with().day_of_year(day).build().ok()?;
                let fits = self.month.is_none_or(|m| m == date.month()) && self.day.is_none_or(|d| d == date.day());
                fits.then_some(date)?
            }
            None => Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1)).ok()?,
        };
        let (hour, minute, second, nanosecond) = self.time;
        let hour = match self.half {
            Some(true) if hour < 12 => hour.saturating_add(12),
            Some(false) if hour == 12 => 0,
            _ => hour,
        };
        Some(date.to_datetime(Time::new(hour, minute, second, nanosecond).ok()?))
    }

    /// The zone of the text, or the one to assume.
    fn zone(&self, assumed: &Zone, civil: DateTime) -> Zone {
        if self.z {
            return Zone::Utc;
        }
        if let Some(offset) = self.offset {
            let same = |zone: &Zone| {
                let shifted = Zone::Fixed(offset, String::new()).instant(civil);
                shifted.is_ok_and(|instant| zone.at(instant).0 == offset)
            };
            let name = self.name.clone().unwrap_or_default();
            return if same(assumed) && name.is_empty() { assumed.clone() } else { Zone::Fixed(offset, name) };
        }
        match self.name.as_deref() {
            None => assumed.clone(),
            Some("UTC") => Zone::Utc,
            Some(name) => named(name, assumed, civil),
        }
    }
}

/// A zone by its abbreviation: the assumed one if it uses it then, else one without a known distance.
fn named(name: &str, assumed: &Zone, civil: DateTime) -> Zone {
    if assumed.instant(civil).is_ok_and(|instant| assumed.at(instant).1 == name) {
        return assumed.clone();
    }
    let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
    Zone::Fixed(hours.saturating_mul(3600), name.to_owned())
}

struct Reader<'a> {
    rest: &'a str,
    found: Found,
}

impl Reader<'_> {
    fn part(&mut self, part: Part<'_>, next: Option<Part<'_>>) -> Option<()> {
        match part {
            Part::Plain(text) => self.plain(text)?,
            Part::Year { long: true } => self.found.year = i16::try_from(self.digits(4, 4)?).ok()?,
            Part::Year { long: false } => {
                let year = i16::try_from(self.digits(2, 2)?).ok()?;
                self.found.year = if year >= 69 { year + 1900 } else { year + 2000 };
            }
            Part::MonthName { long } => self.found.month = Some(self.name(&MONTHS, long)?.checked_add(1)?),
            Part::Month { pad } => self.found.month = Some(self.small(pad)?),
            Part::DayName { long } => {
                self.name(&DAYS, long)?;
            }
            Part::Day { pad } => {
                if pad == Some(' ') {
                    self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
                }
                self.found.day = Some(self.small(pad == Some('0'))?);
            }
            Part::DayOfYear { pad } => {
                let spaces = if pad == ' ' { self.rest.len().saturating_sub(self.rest.trim_start().len()) } else { 0 };
                self.rest = self.rest.trim_start_matches(' ');
                let width = 3_usize.checked_sub(spaces)?;
                self.found.day_of_year = Some(i16::try_from(self.digits(width, width)?).ok()?);
            }
            Part::Hour => self.found.time.0 = self.small(true)?,
            Part::Hour12 { pad } => self.found.time.0 = self.small(pad).filter(|hour| *hour <= 12)?,
            Part::Half { upper } => {
                let (text, rest) = self.rest.split_at_checked(2)?;
                let half = if upper { ["AM", "PM"] } else { ["am", "pm"] };
                self.found.half = Some(half.iter().position(|known| *known == text)? == 1);
                self.rest = rest;
            }
            Part::Minute { pad } => self.found.time.1 = self.small(pad)?,
            Part::Second { pad } => {
                self.found.time.2 = self.small(pad)?;
                if !matches!(next, Some(Part::Fraction { .. })) {
                    self.loose_fraction();
                }
            }
            Part::Fraction { trim: true, .. } => self.loose_fraction(),
            Part::Fraction { digits, .. } => self.exact_fraction(digits)?,
            Part::ZoneName => self.zone_name()?,
            Part::Offset { z, colon, fields } => self.offset(z, colon, fields)?,
        }
        Some(())
    }

    /// Plain text; spaces may be repeated or missing at will.
    fn plain(&mut self, text: &str) -> Option<()> {
        let mut wanted = text.chars().peekable();
        while let Some(c) = wanted.next() {
            if c == ' ' {
                while wanted.next_if_eq(&' ').is_some() {}
                if !self.rest.is_empty() && !self.rest.starts_with(' ') {
                    return None;
                }
                self.rest = self.rest.trim_start_matches(' ');
            } else {
                self.rest = self.rest.strip_prefix(c)?;
            }
        }
        Some(())
    }

    /// Between `least` and `most` digits.
    fn digits(&mut self, least: usize, most: usize) -> Option<u32> {
        let count = self.rest.chars().take(most).take_while(char::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(count).filter(|_| count >= least)?;
        self.rest = rest;
        number.parse().ok()
    }

    fn small(&mut self, pad: bool) -> Option<i8> {
        let number = self.digits(if pad { 2 } else { 1 }, 2)?;
        i8::try_from(number).ok()
    }

    fn name(&mut self, names: &[&str], long: bool) -> Option<i8> {
        for (index, name) in names.iter().enumerate() {
            let wanted = if long { name } else { name.get(..3)? };
            let begins = self.rest.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted));
            if begins {
                self.rest = self.rest.get(wanted.len()..)?;
                return i8::try_from(index).ok();
            }
        }
        None
    }

    /// A fraction of a second, if there is one.
    fn loose_fraction(&mut self) {
        let Some(body) = self.rest.strip_prefix(['.', ',']) else { return };
        let count = body.chars().take_while(char::is_ascii_digit).count();
        if let Some((digits, rest)) = body.split_at_checked(count).filter(|_| count > 0) {
            self.rest = rest;
            self.found.time.3 = nanoseconds(digits);
        }
    }

    fn exact_fraction(&mut self, digits: usize) -> Option<()> {
        let body = self.rest.strip_prefix(['.', ','])?;
        let (fraction, rest) = body.split_at_checked(digits)?;
        if !fraction.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        self.rest = rest;
        self.found.time.3 = nanoseconds(fraction);
        Some(())
    }

    fn zone_name(&mut self) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix("UTC") {
            self.found.z = true;
            self.rest = rest;
            return Some(());
        }
        let length = abbreviation_length(self.rest)?;
        let (name, rest) = self.rest.split_at_checked(length)?;
        self.found.name = Some(name.to_owned());
        self.rest = rest;
        Some(())
    }

    fn offset(&mut self, z: bool, colon: bool, fields: u8) -> Option<()> {
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| z) {
            self.found.z = true;
            self.rest = rest;
            return Some(());
        }
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['-', '+'])?;
        let mut seconds: i32 = 0;
        for (index, unit) in [3600, 60, 1].into_iter().take(usize::from(fields)).enumerate() {
            if colon && index > 0 {
                self.rest = self.rest.strip_prefix(':')?;
            }
            let limit = if index == 0 { 24 } else { 59 };
            let number = i32::try_from(self.digits(2, 2)?).ok().filter(|number| *number <= limit)?;
            seconds = seconds.saturating_add(number.saturating_mul(unit));
        }
        let seconds = if negative { -seconds } else { seconds };
        self.found.z = seconds == 0;
        self.found.offset = Some(seconds);
        Some(())
    }
}

fn nanoseconds(digits: &str) -> i32 {
    let nine: String = digits.chars().chain(std::iter::repeat('0')).take(9).collect();
    nine.parse().unwrap_or(0)
}

/// How long the abbreviation of a zone at the start of a text is: three letters, four ending in T, five ending in ST,
/// `GMT+3`, or a signed number of hours.
fn abbreviation_length(text: &str) -> Option<usize> {
    let signed = |text: &str| -> Option<usize> {
        let digits = text.strip_prefix(['+', '-'])?.chars().take(2).take_while(char::is_ascii_digit).count();
        let hours: u32 = text.get(1..digits.checked_add(1)?)?.parse().ok()?;
        (hours <= 23).then(|| digits.saturating_add(1))
    };
    if let Some(after) = text.strip_prefix("GMT") {
        return Some(signed(after).unwrap_or(0).saturating_add(3));
    }
    if text.starts_with(['+', '-']) {
        return signed(text);
    }
    if text.starts_with("ChST") || text.starts_with("MeST") || text.starts_with("WITA") {
        return Some(4);
    }
    let letters = text.chars().take(6).take_while(char::is_ascii_uppercase).count();
    let ends = |end: &str| text.get(..letters).is_some_and(|name| name.ends_with(end));
    match letters {
        3 => Some(3),
        4 if ends("T") => Some(4),
        5 if ends("ST") => Some(5),
        _ => None,
    }
}
