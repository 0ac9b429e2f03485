//! Layouts: dates written as the instant 2006-01-02 15:04:05 -0700 would be.

use jiff::civil::{DateTime, Weekday};

use super::Moment;

pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(crate) const DAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A part of a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Text that stands for itself.
    Plain(&'a str),
    /// `2006` or `06`.
    Year { long: bool },
    /// `January` or `Jan`.
    MonthName { long: bool },
    /// `01` or `1`.
    Month { pad: bool },
    /// `Monday` or `Mon`.
    DayName { long: bool },
    /// `02`, `_2` or `2`; the pad is `0`, a space or none.
    Day { pad: Option<char> },
    /// `002` or `__2`.
    DayOfYear { pad: char },
    /// `15`.
    Hour,
    /// `03` or `3`.
    Hour12 { pad: bool },
    /// `PM` or `pm`.
    Half { upper: bool },
    /// `04` or `4`.
    Minute { pad: bool },
    /// `05` or `5`.
    Second { pad: bool },
    /// `.000` (all digits) or `.999` (no trailing zeros).
    Fraction { digits: usize, trim: bool, comma: bool },
    /// `MST`.
    ZoneName,
    /// `-0700`, `Z07:00` and the like.
    Offset { z: bool, colon: bool, fields: u8 },
}

/// The spellings of parts, longer ones before those they begin with.
const SPELLINGS: [(&str, Part<'static>); 33] = [
    ("January", Part::MonthName { long: true }),
    ("Jan", Part::MonthName { long: false }),
    ("Monday", Part::DayName { long: true }),
    ("Mon", Part::DayName { long: false }),
    ("MST", Part::ZoneName),
    ("2006", Part::Year { long: true }),
    ("__2", Part::DayOfYear { pad: ' ' }),
    ("002", Part::DayOfYear { pad: '0' }),
    ("_2", Part::Day { pad: Some(' ') }),
    ("01", Part::Month { pad: true }),
    ("02", Part::Day { pad: Some('0') }),
    ("03", Part::Hour12 { pad: true }),
    ("04", Part::Minute { pad: true }),
    ("05", Part::Second { pad: true }),
    ("06", Part::Year { long: false }),
    ("15", Part::Hour),
    ("1", Part::Month { pad: false }),
    ("2", Part::Day { pad: None }),
    ("3", Part::Hour12 { pad: false }),
    ("4", Part::Minute { pad: false }),
    ("5", Part::Second { pad: false }),
    ("PM", Part::Half { upper: true }),
    ("pm", Part::Half { upper: false }),
    ("-07:00:00", Part::Offset { z: false, colon: true, fields: 3 }),
    ("-070000", Part::Offset { z: false, colon: false, fields: 3 }),
    ("-07:00", Part::Offset { z: false, colon: true, fields: 2 }),
    ("-0700", Part::Offset { z: false, colon: false, fields: 2 }),
    ("-07", Part::Offset { z: false, colon: false, fields: 1 }),
    ("Z07:00:00", Part::Offset { z: true, colon: true, fields: 3 }),
    ("Z070000", Part::Offset { z: true, colon: false, fields: 3 }),
    ("Z07:00", Part::Offset { z: true, colon: true, fields: 2 }),
    ("Z0700", Part::Offset { z: true, colon: false, fields: 2 }),
    ("Z07", Part::Offset { z: true, colon: false, fields: 1 }),
];

/// Splits a layout into its parts.
pub(crate) fn parts(layout: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let mut begin = 0;
    let mut position = 0;
    while let Some(rest) = layout.get(position..).filter(|rest| !rest.is_empty()) {
        let Some((part, length)) = part_at(rest) else {
            position = position.saturating_add(rest.chars().next().map_or(1, char::len_utf8));
            continue;
        };
        if let Some(plain) = layout.get(begin..position).filter(|plain| !plain.is_empty()) {
            found.push(Part::Plain(plain));
        }
        found.push(part);
        position = position.saturating_add(length);
        begin = position;
    }
    if let Some(plain) = layout.get(begin..).filter(|plain| !plain.is_empty()) {
        found.push(Part::Plain(plain));
    }
    found
}

fn part_at(rest: &str) -> Option<(Part<'static>, usize)> {
    if let Some(found) = fraction_at(rest) {
        return Some(found);
    }
    // `_2006` is a space before the year, not a day.
    if rest.starts_with("_2006") {
        return None;
    }
    let (spelling, part) = SPELLINGS.iter().find(|(spelling, _)| rest.starts_with(spelling))?;
    // A short name counts only where no lower-case letter follows: `Month` holds no day.
    if matches!(*spelling, "Jan" | "Mon")
        && rest.get(3..).is_some_and(|after| after.starts_with(|c: char| c.is_ascii_lowercase()))
    {
        return None;
    }
    Some((*part, spelling.len()))
}

/// `.000` or `,999`, not followed by another digit.
fn fraction_at(rest: &str) -> Option<(Part<'static>, usize)> {
    let comma = rest.starts_with(',');
    let body = rest.strip_prefix(['.', ','])?;
    let digit = body.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = body.chars().take_while(|c| *c == digit).count();
    if body.chars().nth(digits).is_some_and(|c| c.is_ascii_digit()) {
        return None;
    }
    Some((Part::Fraction { digits, trim: digit == '9', comma }, digits.saturating_add(1)))
}

/// The English name of a month, 1 to 12: there are no other months, since nothing can be computed with them.
pub(crate) fn month_name(month: i64) -> &'static str {
    let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.checked_sub(1)?));
    name.copied().unwrap_or_default()
}

/// The English name of a day of the week, Sunday = 0.
pub(crate) fn day_name(day: i64) -> &'static str {
    usize::try_from(day).ok().and_then(|day| DAYS.get(day)).copied().unwrap_or_default()
}

/// The day of the week, Sunday = 0.
pub(crate) fn weekday(day: Weekday) -> i64 {
    i64::from(day.to_sunday_zero_offset())
}

/// Writes an instant by a layout.
pub(crate) fn format(moment: &Moment, layout: &str) -> String {
    let civil = moment.civil();
    let (offset, name) = moment.zone.at(moment.instant);
    let mut out = String::new();
    for part in parts(layout) {
        match part {
            Part::Plain(text) => out.push_str(text),
            Part::ZoneName if name.is_empty() => push_offset(&mut out, offset, false, 2),
            Part::ZoneName => out.push_str(&name),
            Part::Offset { z: true, .. } if offset == 0 => out.push('Z'),
            Part::Offset { colon, fields, .. } => push_offset(&mut out, offset, colon, fields),
            part => out.push_str(&field(part, civil)),
        }
    }
    out
}

fn push_offset(out: &mut String, offset: i32, colon: bool, fields: u8) {
    let size = offset.unsigned_abs();
    out.push(if offset < 0 { '-' } else { '+' });
    let colon = if colon { ":" } else { "" };
    let numbers = [size / 3600, size / 60 % 60, size % 60];
    let shown: Vec<String> = numbers.iter().take(usize::from(fields)).map(|n| format!("{n:02}")).collect();
    out.push_str(&shown.join(colon));
}

fn field(part: Part<'_>, civil: DateTime) -> String {
    let (year, hour) = (civil.year(), civil.hour());
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    match part {
        Part::Year { long: true } if year < 0 => format!("-{:04}", year.unsigned_abs()),
        Part::Year { long: true } => format!("{year:04}"),
        Part::Year { long: false } => format!("{:02}", year.rem_euclid(100)),
        Part::MonthName { long } => shorten(month_name(i64::from(civil.month())), long),
        Part::Month { pad } => padded(civil.month(), pad),
        Part::DayName { long } => shorten(day_name(weekday(civil.weekday())), long),
        Part::Day { pad: Some(' ') } => format!("{:2}", civil.day()),
        Part::Day { pad } => padded(civil.day(), pad.is_some()),
        Part::DayOfYear { pad: ' ' } => format!("{:3}", civil.day_of_year()),
        Part::DayOfYear { .. } => format!("{:03}", civil.day_of_year()),
        Part::Hour => padded(hour, true),
        Part::Hour12 { pad } => padded(hour12, pad),
        Part::Half { upper: true } => if hour >= 12 { "PM" } else { "AM" }.to_owned(),
        Part::Half { upper: false } => if hour >= 12 { "pm" } else { "am" }.to_owned(),
        Part::Minute { pad } => padded(civil.minute(), pad),
        Part::Second { pad } => padded(civil.second(), pad),
        Part::Fraction { digits, trim, comma } => fraction(civil.subsec_nanosecond(), digits, trim, comma),
        Part::Plain(_) | Part::ZoneName | Part::Offset { .. } => String::new(),
    }
}

fn shorten(name: &str, long: bool) -> String {
    if long { name.to_owned() } else { name.chars().take(3).collect() }
}

fn padded(number: i8, pad: bool) -> String {
    if pad { format!("{number:02}") } else { number.to_string() }
}

fn fraction(nanoseconds: i32, digits: usize, trim: bool, comma: bool) -> String {
    let all = format!("{nanoseconds:09}");
    let mut shown: String = all.chars().chain(std::iter::repeat('0')).take(digits.min(9)).collect();
    if trim {
        shown.truncate(shown.trim_end_matches('0').len());
        if shown.is_empty() {
            return shown;
        }
    }
    format!("{}{shown}", if comma { ',' } else { '.' })
}
