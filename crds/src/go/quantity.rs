//! Kubernetes quantities: how Go prints one after reading it, and what amount it is.
//!
//! # Source
//! `k8s.io/apimachinery/pkg/api/resource`, whose rules have corners that hashes depend on: a number that looks canonical
//! is printed as it was written (`1.500`), another is not (`1.5` becomes `1500m`).

/// How a quantity was written, which decides how it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// With or without one of `n u m k M G T P E`.
    Decimal,
    /// With one of `Ki Mi Gi Ti Pi Ei`.
    Binary,
    /// With an exponent, such as `1e3`.
    Exponent,
}

/// The parts of a quantity as written.
#[derive(Debug)]
struct Written<'a> {
    negative: bool,
    /// Digits before the point, without leading zeros; `0` if there are none.
    whole: &'a str,
    /// Digits after the point.
    fraction: &'a str,
    format: Format,
    /// Power of ten, or of two for [`Format::Binary`].
    exponent: i32,
}

/// An exact amount: `unscaled` times ten to the `exponent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Amount {
    unscaled: i128,
    exponent: i32,
}

/// Smallest power of ten that is kept.
const NANO: i32 = -9;
/// Digits that surely fit 64 bits.
const SAFE_DIGITS: usize = 18;
/// Suffixes of powers of 1000, from [`NANO`] on.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
/// Suffixes of powers of 1024, from 2^10 on.
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// The text that Go prints after reading this one; none if it is no quantity, or one beyond all measure.
pub(crate) fn canonical(text: &str) -> Option<String> {
    if text == "0" {
        return Some(text.to_owned());
    }
    let written = read(text)?;
    if let Some(looks_canonical) = fast(&written) {
        if looks_canonical {
            return Some(text.to_owned());
        }
        return print(amount(&written)?, written.format);
    }
    let (amount, format) = rounded(&written)?;
    print(amount, format)
}

/// The amount in units of 10^-9; none if it is no quantity, or one beyond all measure.
pub(crate) fn nano(text: &str) -> Option<i128> {
    let (amount, _) = rounded(&read(text)?)?;
    let power = u32::try_from(amount.exponent.checked_sub(NANO)?).ok()?;
    amount.unscaled.checked_mul(10i128.checked_pow(power)?)
}

/// The amount in units of 10^-3, away from zero, as the API server rounds resources; the text itself if it is none.
pub(crate) fn milli(text: &str) -> String {
    const UNIT: i128 = 1_000_000;
    nano(text).map_or_else(
        || text.to_owned(),
        |amount| format!("{}m", amount / UNIT + amount.signum() * i128::from(amount % UNIT != 0)),
    )
}

fn read(text: &str) -> Option<Written<'_>> {
    if text.is_empty() {
        return None;
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, rest) = digits(unsigned.trim_start_matches('0'));
    let (fraction, suffix) = rest.strip_prefix('.').map_or(("", rest), digits);
    let (format, exponent) = interpret(suffix)?;
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(Written { negative: text.starts_with('-'), whole, fraction, format, exponent })
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn interpret(suffix: &str) -> Option<(Format, i32)> {
    let step = |index: usize| i32::try_from(index).ok();
    if let Some(index) = DECIMAL.iter().position(|known| *known == suffix) {
        return Some((Format::Decimal, NANO + 3 * step(index)?));
    }
    if let Some(index) = BINARY.iter().position(|known| *known == suffix) {
        return Some((Format::Binary, 10 * (step(index)? + 1)));
    }
    let exponent = suffix.strip_prefix(['e', 'E'])?;
    Some((Format::Exponent, exponent.parse().ok()?))
}

/// Whether the quantity is simple enough for Go's short way, and if so, whether it is printed as written.
fn fast(written: &Written<'_>) -> Option<bool> {
    let Written { whole, fraction, format, exponent, .. } = written;
    let digits = format!("{whole}{fraction}");
    if *format == Format::Binary {
        let spent = whole.len() + usize::try_from(exponent * 3 / 10).ok()? + 1;
        if !fraction.is_empty() || spent > 15 {
            return None;
        }
        let value: i64 = digits.parse().ok()?;
        value.checked_mul(1i64.checked_shl(u32::try_from(*exponent).ok()?)?)?;
        return Some(value & 7 != 0);
    }
    let scale = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    if digits.len() > SAFE_DIGITS || scale < NANO {
        return None;
    }
    Some(scale % 3 == 0 && !digits.ends_with("000") && !digits.starts_with('0'))
}

/// The exact amount as written.
fn amount(written: &Written<'_>) -> Option<Amount> {
    let Written { negative, whole, fraction, format, exponent } = written;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let digits = if *negative { -digits } else { digits };
    let places = i32::try_from(fraction.len()).ok()?;
    Some(match format {
        Format::Binary => Amount {
            unscaled: digits.checked_mul(1i128.checked_shl(u32::try_from(*exponent).ok()?)?)?,
            exponent: -places,
        },
        Format::Decimal | Format::Exponent => Amount { unscaled: digits, exponent: exponent.checked_sub(places)? },
    })
}

/// The amount within the bounds of a quantity: nothing finer than [`NANO`] (away from zero), binary ones at most 2^63-1.
fn rounded(written: &Written<'_>) -> Option<(Amount, Format)> {
    let mut amount = amount(written)?;
    if amount.unscaled != 0 && amount.exponent < NANO {
        let unit = u32::try_from(NANO - amount.exponent).ok().and_then(|power| 10i128.checked_pow(power));
        let magnitude = amount.unscaled.checked_abs()?;
        // Beyond the range of a unit every digit is below it, and what is not zero counts as one.
        let units = unit.map_or(1, |unit| magnitude / unit + i128::from(magnitude % unit != 0));
        amount = Amount { unscaled: units * amount.unscaled.signum(), exponent: NANO };
    }
    let mut format = written.format;
    if format == Format::Binary {
        let one = 10i128.checked_pow(u32::try_from(-amount.exponent).ok()?)?;
        let most = one.checked_mul(i64::MAX.into())?;
        amount.unscaled = amount.unscaled.clamp(-most, most);
        if amount.unscaled != 0 && amount.unscaled.abs() < one {
            format = Format::Decimal;
        }
    }
    Some((amount, format))
}

fn print(amount: Amount, format: Format) -> Option<String> {
    if amount.unscaled == 0 {
        return Some("0".to_owned());
    }
    if format == Format::Binary
        && let Some(printed) = whole_number(amount).filter(|number| number.unsigned_abs() >= 1024).map(print_binary)
    {
        return Some(printed);
    }
    let Amount { mut unscaled, mut exponent } = amount;
    while unscaled % 10 == 0 {
        unscaled /= 10;
        exponent = exponent.checked_add(1)?;
    }
    while exponent % 3 != 0 {
        unscaled = unscaled.checked_mul(10)?;
        exponent = exponent.checked_sub(1)?;
    }
    let suffix = match (format, exponent) {
        (Format::Exponent, 0) => String::new(),
        (Format::Exponent, exponent) => format!("e{exponent}"),
        _ => {
            let index = usize::try_from((exponent - NANO) / 3).ok();
            index.and_then(|index| DECIMAL.get(index)).copied().unwrap_or_default().to_owned()
        }
    };
    Some(format!("{unscaled}{suffix}"))
}

fn whole_number(amount: Amount) -> Option<i128> {
    let one = 10i128.checked_pow(u32::try_from(-amount.exponent).ok()?)?;
    (amount.unscaled % one == 0).then_some(amount.unscaled / one)
}

fn print_binary(mut number: i128) -> String {
    let mut power = 0usize;
    while number % 1024 == 0 {
        number /= 1024;
        power += 1;
    }
    let suffix = power.checked_sub(1).and_then(|index| BINARY.get(index)).copied().unwrap_or_default();
    format!("{number}{suffix}")
}

#[cfg(test)]
mod tests;
