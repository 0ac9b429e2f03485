//! Numbers, spans and patterns on their own.

use super::super::numbers::{display_float, json_float, parse_float, to_int};
use super::super::pattern;
use super::super::time::duration;

#[test]
fn floats_are_read_as_go_reads_them() {
    let check = |text: &str, expect: Option<f64>| assert_eq!(parse_float(text), expect, "{text}");
    check("1.5", Some(1.5));
    check("-1e3", Some(-1000.0));
    check("0x1.8p1", Some(3.0));
    check("1_000", Some(1000.0));
    check("+Inf", Some(f64::INFINITY));
    for text in ["", " 1", "1e", "1__0", "_1", "1_", "0x1", "1e400", "+nan", "one", "0x_p1"] {
        check(text, None);
    }
    assert!(parse_float("NaN").is_some_and(f64::is_nan));
}

#[test]
fn floats_are_written_as_go_writes_them() {
    let check = |value: f64, plain: &str, json: &str| {
        assert_eq!((display_float(value).as_str(), json_float(value).as_str()), (plain, json));
    };
    check(0.0, "0", "0");
    check(-0.0, "-0", "-0");
    check(0.97, "0.97", "0.97");
    check(123_456.0, "123456", "123456");
    check(1_234_567.0, "1.234567e+06", "1234567");
    check(1e21, "1e+21", "1e+21");
    check(1e-5, "1e-05", "0.00001");
    check(1e-7, "1e-07", "1e-7");
    assert_eq!(display_float(f64::NEG_INFINITY), "-Inf");
}

#[test]
fn floats_beyond_the_integers_become_the_smallest_one() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19, -1e19, 9_223_372_036_854_775_808.0] {
        assert_eq!(to_int(value), i64::MIN, "{value}");
    }
    assert_eq!(to_int(-9_223_372_036_854_775_808.0), i64::MIN);
    assert_eq!(to_int(-1.9), -1);
}

#[test]
fn spans_are_read_and_written() {
    let check = |text: &str, expect: &str| {
        let found = duration::parse(text).map_or_else(|_| "error".to_owned(), duration::display);
        assert_eq!(found, expect, "{text}");
    };
    check("1h", "1h0m0s");
    check("90m", "1h30m0s");
    check("-1.5s", "-1.5s");
    check("1us", "1µs");
    check("1.000000001s", "1.000000001s");
    check("0", "0s");
    check("2562047h47m16.854775807s", "2562047h47m16.854775807s");
    for text in ["", "1", "h", "1d", ".s", "1.2.3s", "1h-1m", " 1h", "2562047h47m16.854775808s"] {
        check(text, "error");
    }
    assert_eq!(duration::parse("-2562047h47m16.854775808s"), Ok(i64::MIN));
}

#[test]
fn patterns_follow_re2() {
    let check = |pattern: &str, text: &str, expect: Option<bool>| {
        let found = pattern::compile(pattern).ok().map(|pattern| pattern.is_match(text.as_bytes()));
        assert_eq!(found, expect, "{pattern} on {text}");
    };
    check(r"^\d+$", "42", Some(true));
    check(r"\d", "٣", Some(false));
    check(r"[[:upper:]]\w", "Ab", Some(true));
    check(r"[a&&b]", "&", Some(true));
    check(r"a{,2}", "a{,2}", Some(true));
    check(r"\Qa.c", "a.c", Some(true));
    check(r"(?i)AB", "ab", Some(true));
    check(r"a#b c", "a#b c", Some(true));
    for pattern in ["(", ")", "[", "*", "a**", r"\1", "(?=a)", "a{1001}", r"\p{Nope}", "[z-a]", r"\"] {
        check(pattern, "a", None);
    }
}
