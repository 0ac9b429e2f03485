//! Spans of time as text.

/// Units with their nanoseconds, longest spelling first where one begins like another.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The largest span either way, in nanoseconds.
const LIMIT: u64 = 1 << 63;

/// Reads spans such as `1h30m`, `-1.5s` or `250ms`.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let problem =
        || format!("{text:?} is not a duration; write one like \"1h30m\" or \"90s\" (units: h, m, s, ms, us, ns)");
    let negative = text.starts_with('-');
    let mut rest = text.strip_prefix(['-', '+']).unwrap_or(text);
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(problem());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let number_length = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_length);
        let unit_length = after.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_length);
        let size = UNITS.iter().find(|(name, _)| *name == unit).map(|(_, size)| *size).ok_or_else(problem)?;
        let part = amount(number, size).ok_or_else(problem)?;
        total = total.checked_add(part).filter(|total| *total <= LIMIT).ok_or_else(problem)?;
        rest = after;
    }
    if negative {
        return Ok(0_i64.wrapping_sub_unsigned(total));
    }
    i64::try_from(total).map_err(|_| problem())
}

/// A decimal number of units, in nanoseconds, rounded down.
fn amount(number: &str, size: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return None;
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let base = whole.checked_mul(size).filter(|base| *base <= LIMIT)?;
    let mut digits: u64 = 0;
    let mut scale: f64 = 1.0;
    for c in fraction.chars() {
        let digit = u64::from(c.to_digit(10)?);
        let Some(next) = digits.checked_mul(10).and_then(|d| d.checked_add(digit)).filter(|d| *d < LIMIT) else {
            break;
        };
        digits = next;
        scale *= 10.0;
    }
    base.checked_add(scaled(digits, size, scale)).filter(|sum| *sum <= LIMIT)
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the fraction is computed in floats, as the language does, and is below one unit"
)]
fn scaled(digits: u64, size: u64, scale: f64) -> u64 {
    (digits as f64 * (size as f64 / scale)) as u64
}

/// Writes a span as `1h30m0s`, `1.5s` or `250ms`.
pub(crate) fn display(span: i64) -> String {
    let size = span.unsigned_abs();
    let sign = if span < 0 { "-" } else { "" };
    match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => format!("{sign}{}µs", decimal(size, 1_000)),
        1_000_000..1_000_000_000 => format!("{sign}{}ms", decimal(size, 1_000_000)),
        _ => {
            let seconds = size / 1_000_000_000;
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let rest = decimal(size % 60_000_000_000, 1_000_000_000);
            match (hours, minutes) {
                (0, 0) => format!("{sign}{rest}s"),
                (0, _) => format!("{sign}{minutes}m{rest}s"),
                _ => format!("{sign}{hours}h{minutes}m{rest}s"),
            }
        }
    }
}

/// `size / unit` as a decimal without trailing zeros; `unit` is a power of ten.
fn decimal(size: u64, unit: u64) -> String {
    let (whole, fraction) = (size / unit, size % unit);
    if fraction == 0 {
        return whole.to_string();
    }
    let width = usize::try_from(unit.ilog10()).unwrap_or(0);
    let digits = format!("{fraction:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// The nearest multiple of `step` towards zero; the span itself if `step` is not positive.
pub(crate) fn truncate(span: i64, step: i64) -> i64 {
    if step <= 0 { span } else { span.wrapping_sub(span.wrapping_rem(step)) }
}

/// The nearest multiple of `step`, halves away from zero; the span itself if `step` is not positive.
pub(crate) fn round(span: i64, step: i64) -> i64 {
    if step <= 0 {
        return span;
    }
    let rest = i128::from(span) % i128::from(step);
    let towards_zero = i128::from(span) - rest;
    let away = if rest.abs() * 2 >= i128::from(step) { i128::from(step) * rest.signum() } else { 0 };
    let rounded = towards_zero + away;
    i64::try_from(rounded).unwrap_or(if rounded < 0 { i64::MIN } else { i64::MAX })
}
