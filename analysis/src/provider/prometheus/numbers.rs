//! Numbers as Argo records them: shortest decimal form without exponent.

use std::fmt::Write as _;

/// How long a recorded list may be; the rest is counted instead of listed.
const LIST_LIMIT: usize = 64 * 1024;

/// A number in its shortest decimal form without exponent; `NaN`, `+Inf` and `-Inf` as such.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        format!("{value}")
    }
}

/// A list of numbers as Argo records it, such as `[0.1,NaN]`; at most 64 KiB long.
pub fn list(values: &[f64]) -> String {
    let mut text = String::from("[");
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        let number = number(*value);
        if text.len() + number.len() > LIST_LIMIT {
            // Writing to a string can't fail.
            let _ = write!(text, "… {} more", values.len() - i);
            break;
        }
        text.push_str(&number);
    }
    text.push(']');
    text
}

/// Reads a number as Go's `ParseFloat` does; what is beyond a double is an error there.
pub(super) fn parse(text: &str) -> Option<f64> {
    let value: f64 = text.parse().ok()?;
    let says_infinite = text.bytes().any(|b| b.eq_ignore_ascii_case(&b'i'));
    let signed_nan = value.is_nan() && text.starts_with(['+', '-']);
    ((!value.is_infinite() || says_infinite) && !signed_nan).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_shortest_decimal_form() {
        let cases = [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (0.1, "0.1"),
            (1.0 / 3.0, "0.3333333333333333"),
            (1e21, "1000000000000000000000"),
            (1e-7, "0.0000001"),
            (123_456_789.125, "123456789.125"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, expect) in cases {
            assert_eq!(number(value), expect);
        }
        assert!(number(5e-324).starts_with("0.000") && number(5e-324).ends_with('5'));
    }

    #[test]
    fn lists_are_written_without_spaces_and_are_bounded() {
        assert_eq!(list(&[]), "[]");
        assert_eq!(list(&[0.5, f64::NAN, 2.0]), "[0.5,NaN,2]");
        let long = list(&vec![1.0 / 3.0; 10_000]);
        assert!(long.len() < LIST_LIMIT + 64 && long.ends_with("more]"), "{}", long.len());
    }

    #[test]
    fn numbers_are_read_as_go_reads_them() {
        for (text, expect) in [
            ("1", Some(1.0)),
            ("1e3", Some(1000.0)),
            ("-2.5", Some(-2.5)),
            ("+Inf", Some(f64::INFINITY)),
            ("-Inf", Some(f64::NEG_INFINITY)),
            ("1e999", None),
            ("-1e999", None),
            ("1e-999", Some(0.0)),
            ("", None),
            (" 1", None),
            ("0x", None),
            ("+NaN", None),
            ("one", None),
        ] {
            assert_eq!(parse(text), expect, "{text}");
        }
        assert!(parse("NaN").is_some_and(f64::is_nan));
    }
}
