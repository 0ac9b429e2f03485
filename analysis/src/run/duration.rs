//! Durations as manifests write them: `1h30m`, `1.5s`.

use jiff::SignedDuration;

/// Reads a duration.
///
/// # Errors
/// If the text is no duration, or one that does not fit into 64 bits of nanoseconds.
///
/// # Source
/// Go, package time, `ParseDuration`.
pub(super) fn parse(text: &str) -> Result<SignedDuration, String> {
    let invalid = || format!("time: invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(end);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        if unit.is_empty() && !number.is_empty() {
            return Err(format!("time: missing unit in duration {text:?}"));
        }
        let scale = scale(unit).ok_or_else(|| format!("time: unknown unit {unit:?} in duration {text:?}"))?;
        total = total.saturating_add(nanoseconds(number, scale).ok_or_else(invalid)?);
        if total > i128::from(i64::MAX) {
            return Err(invalid());
        }
        rest = tail;
    }
    let nanoseconds = i64::try_from(total).map_err(|_| invalid())?;
    let duration = SignedDuration::from_nanos(nanoseconds);
    Ok(if negative { -duration } else { duration })
}

fn scale(unit: &str) -> Option<i128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    })
}

fn nanoseconds(number: &str, scale: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok().map(i128::from) };
    let fraction = fraction.get(..fraction.len().min(15))?;
    let parts = 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    Some(digits(whole)?.saturating_mul(scale).saturating_add(digits(fraction)?.saturating_mul(scale) / parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<i64>) {
        assert_eq!(parse(text).ok().map(|duration| duration.as_nanos()), expect.map(i128::from), "{text}");
    }

    #[test]
    fn durations_are_read_as_in_go() {
        check("30s", Some(30_000_000_000));
        check("1h30m", Some(5_400_000_000_000));
        check("1.5s", Some(1_500_000_000));
        check(".5s", Some(500_000_000));
        check("1.s", Some(1_000_000_000));
        check("100ms", Some(100_000_000));
        check("5µs", Some(5_000));
        check("-1m", Some(-60_000_000_000));
        check("+1m", Some(60_000_000_000));
        check("0", Some(0));
        check("0.100000000000000000000h", Some(360_000_000_000));
        for text in ["", "1", "1d", "s", ".s", "1s2", "1..5s", "1 s", "9999999999999h", "-", "1m-1s", "{{x}}"] {
            check(text, None);
        }
    }
}
