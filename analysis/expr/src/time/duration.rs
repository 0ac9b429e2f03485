//! Spans of time as text.

/// Reads spans such as `1h30m`, `-1.5s` or `250ms`, in nanoseconds.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let span = serin_crds::duration::parse(text).map_err(|why| why.to_string())?;
    i64::try_from(span.as_nanos()).map_err(|_| format!("{text:?} is too long"))
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
