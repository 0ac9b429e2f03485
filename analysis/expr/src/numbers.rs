//! Numbers in text, read and written as Go does.

use super::ast::Kind;

/// The value of a number in an expression.
pub(crate) fn literal(text: &str) -> Result<Kind, String> {
    let digits = text.replace('_', "").to_ascii_lowercase();
    if let Some(hex) = digits.strip_prefix("0x") {
        return integer(text, hex, 16);
    }
    if digits.contains(['.', 'e']) {
        return match parse_float(&digits) {
            Some(value) => Ok(Kind::Float(value)),
            None => Err(format!("`{text}` is not a number, or is too large")),
        };
    }
    if let Some(binary) = digits.strip_prefix("0b") {
        return integer(text, binary, 2);
    }
    if let Some(octal) = digits.strip_prefix("0o") {
        return integer(text, octal, 8);
    }
    integer(text, &digits, 10)
}

fn integer(text: &str, digits: &str, radix: u32) -> Result<Kind, String> {
    match i64::from_str_radix(digits, radix) {
        Ok(value) => Ok(Kind::Int(value)),
        Err(_) => Err(format!("`{text}` is not an integer of at most 64 bits")),
    }
}

/// Reads a float: decimal, hexadecimal with an exponent of two, `inf`, `nan`; none if it is malformed or too large.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let plain = without_underscores(text)?;
    let lower = plain.to_ascii_lowercase();
    let unsigned = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    match unsigned {
        "inf" | "infinity" => return lower.parse().ok(),
        "nan" => return (unsigned.len() == lower.len()).then_some(f64::NAN),
        _ => {}
    }
    let value = match unsigned.strip_prefix("0x") {
        Some(hex) => {
            let magnitude = hex_float(hex)?;
            if lower.starts_with('-') { -magnitude } else { magnitude }
        }
        None => lower.parse::<f64>().ok()?,
    };
    value.is_finite().then_some(value)
}

/// Underscores may stand between digits, and between a base prefix and a digit.
fn without_underscores(text: &str) -> Option<String> {
    if !text.contains('_') {
        return Some(text.to_owned());
    }
    let unsigned = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
    let hex = unsigned.starts_with("0x");
    let body = unsigned.strip_prefix("0x").unwrap_or(&unsigned);
    let mut before = if hex { Some('0') } else { None };
    let mut rest = body.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '_' {
            let digit = |c: char| c.is_ascii_digit() || (hex && c.is_ascii_hexdigit());
            if !before.is_some_and(digit) || !rest.peek().copied().is_some_and(digit) {
                return None;
            }
        }
        before = Some(c);
    }
    Some(text.replace('_', ""))
}

/// `1.8p-2`: hexadecimal digits times a power of two.
fn hex_float(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for c in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(c.to_digit(16)?);
    }
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * f64::powi(2.0, exponent.checked_sub(shift)?.clamp(-2000, 2000)))
}

/// Reads an integer in base ten with an optional sign.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Cuts the fraction off; what does not fit is the smallest integer, as on the processors that Argo runs on.
#[expect(clippy::cast_possible_truncation, reason = "the bounds are checked first")]
pub(crate) fn to_int(value: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&value) { value as i64 } else { i64::MIN }
}

/// The float nearest to an integer.
#[expect(clippy::cast_precision_loss, reason = "rounding to the nearest float is what the language does")]
pub(crate) fn to_float(value: i64) -> f64 {
    value as f64
}

/// The shortest text that reads back as the same float, with an exponent below 1e-4 and from 1e6 on.
pub(crate) fn display_float(value: f64) -> String {
    shortest(value, -4..6, 2)
}

/// The shortest text of a finite float in JSON, with an exponent below 1e-6 and from 1e21 on.
pub(crate) fn json_float(value: f64) -> String {
    shortest(value, -6..21, 1)
}

fn shortest(value: f64, plain: std::ops::Range<i32>, exponent_digits: usize) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() };
    }
    let scientific = format!("{value:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let power: i32 = exponent.parse().unwrap_or(0);
    if value == 0.0 || plain.contains(&power) {
        return format!("{value}");
    }
    let sign = if power < 0 { "e-" } else { "e+" };
    let size = power.unsigned_abs();
    format!("{digits}{sign}{size:0exponent_digits$}")
}
