//! Durations as Go reads them (`1h30m`, `.5s`, `-5m`), because manifests are full of them.
//!
//! # Source
//! Go's `time.ParseDuration`: a sign, then numbers with a unit each (`ns us ms s m h`); no days.

use jiff::SignedDuration;

use crate::int_or_string::IntOrString;

/// Why a text is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// There is nothing.
    #[error("a duration such as 90s, 10m or 1h30m is wanted")]
    Empty,
    /// A number is missing or broken.
    #[error("{0:?} is no duration; write it like 90s, 10m or 1h30m")]
    NoNumber(String),
    /// A number has no unit.
    #[error("{0:?} has a number without a unit; add s, m or h")]
    NoUnit(String),
    /// A unit is not known.
    #[error("{text:?} has the unknown unit {unit:?}; the units are ns, us, ms, s, m and h (write 24h for a day)")]
    UnknownUnit {
        /// The whole text.
        text: String,
        /// The unit.
        unit: String,
    },
    /// It is beyond what 64 bits of nanoseconds hold, or what 32 bits of seconds hold for a pause.
    #[error("{0:?} is too long")]
    TooLong(String),
    /// It is negative where that has no meaning.
    #[error("{0:?} is negative")]
    Negative(String),
}

/// Reads a duration; a lone `0` needs no unit.
///
/// # Errors
/// If it does not follow Go's grammar, or is longer than 292 years.
pub fn parse(text: &str) -> Result<SignedDuration, DurationError> {
    let (negative, unsigned) = match text.as_bytes().first() {
        None => return Err(DurationError::Empty),
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        Some(_) => (false, text),
    };
    if unsigned == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if unsigned.is_empty() {
        return Err(DurationError::NoNumber(text.to_owned()));
    }
    let mut nanos: u64 = 0;
    let mut rest = unsigned;
    while !rest.is_empty() {
        let (part, after) = part(text, rest)?;
        // The most negative number has one more than the most positive.
        nanos = nanos.checked_add(part).filter(|sum| *sum <= 1 << 63).ok_or_else(|| too_long(text))?;
        rest = after;
    }
    let nanos = i128::from(nanos) * if negative { -1 } else { 1 };
    i64::try_from(nanos).map(SignedDuration::from_nanos).map_err(|_| too_long(text))
}

/// One number with its unit, in nanoseconds, and what follows it.
fn part<'a>(text: &str, rest: &'a str) -> Result<(u64, &'a str), DurationError> {
    let (whole, rest) = digits(rest);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return Err(DurationError::NoNumber(text.to_owned()));
    }
    let (unit, rest) = split(rest, |c| c == '.' || c.is_ascii_digit());
    if unit.is_empty() {
        return Err(DurationError::NoUnit(text.to_owned()));
    }
    let scale: u64 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => {
            return Err(DurationError::UnknownUnit { text: text.to_owned(), unit: unit.to_owned() });
        }
    };
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long(text))? };
    let nanos = whole.checked_mul(scale).and_then(|nanos| nanos.checked_add(below_one(fraction, scale)));
    nanos.map(|nanos| (nanos, rest)).ok_or_else(|| too_long(text))
}

/// The part after the point, cut to nanoseconds; digits beyond what 63 bits hold don't count, as in Go.
fn below_one(fraction: &str, scale: u64) -> u64 {
    let mut value: u64 = 0;
    let mut places: f64 = 1.0;
    for digit in fraction.bytes() {
        let next = value.checked_mul(10).and_then(|value| value.checked_add(u64::from(digit - b'0')));
        match next.filter(|next| *next <= 1 << 63) {
            Some(next) => {
                value = next;
                places *= 10.0;
            }
            None => break,
        }
    }
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "Go counts the fraction in floating point, too; the result is below one unit"
    )]
    let nanos = (value as f64 * (scale as f64 / places)) as u64;
    nanos
}

fn digits(text: &str) -> (&str, &str) {
    split(text, |c| !c.is_ascii_digit())
}

fn split(text: &str, at: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at_checked(text.find(at).unwrap_or(text.len())).unwrap_or((text, ""))
}

fn too_long(text: &str) -> DurationError {
    DurationError::TooLong(text.to_owned())
}

/// How long a pause lasts: a number, also in quotes, is seconds; anything else a duration cut to whole seconds.
///
/// # Errors
/// If it is no duration, negative, or longer than 68 years.
pub fn pause_duration(duration: &IntOrString) -> Result<SignedDuration, DurationError> {
    let text = duration.to_string();
    let seconds = match duration {
        IntOrString::Int(seconds) => *seconds,
        IntOrString::String(text) => match text.parse::<i32>() {
            Ok(seconds) => seconds.into(),
            Err(_) => parse(text)?.as_secs(),
        },
    };
    if seconds < 0 {
        return Err(DurationError::Negative(text));
    }
    match i32::try_from(seconds) {
        Ok(seconds) => Ok(SignedDuration::from_secs(seconds.into())),
        Err(_) => Err(too_long(&text)),
    }
}

#[cfg(test)]
mod tests;
