use proptest::prelude::*;

use super::*;

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

fn check(input: &str, nanos: i64) {
    assert_eq!(parse(input), Ok(SignedDuration::from_nanos(nanos)), "{input}");
}

fn refuse(input: &str, expect: &str) {
    assert_eq!(parse(input).expect_err(input).to_string(), expect, "{input}");
}

#[test]
fn durations_are_read_as_go_reads_them() {
    check("0", 0);
    check("-0", 0);
    check("+0", 0);
    check("8s", 8 * SECOND);
    check("90s", 90 * SECOND);
    check("-5m", -5 * MINUTE);
    check("+1h", HOUR);
    check("2.0s", 2 * SECOND);
    check("7.25s", 7 * SECOND + 250_000_000);
    check("4.s", 4 * SECOND);
    check(".5s", 500_000_000);
    check("20.00300s", 20 * SECOND + 3_000_000);
    check("40ns", 40);
    check("41us", 41_000);
    check("42\u{b5}s", 42_000);
    check("43\u{3bc}s", 43_000);
    check("44ms", 44_000_000);
    check("1h30m", HOUR + 30 * MINUTE);
    check("2h15m30.5s", 2 * HOUR + 15 * MINUTE + 30 * SECOND + 500_000_000);
    check("1.5s2m", 2 * MINUTE + SECOND + 500_000_000);
    check("-3m1.2s", -(3 * MINUTE + SECOND + 200_000_000));
    check("6h5m4s3ms2us1ns", 6 * HOUR + 5 * MINUTE + 4 * SECOND + 3_002_001);
    check("0.3333333333333333333h", 20 * MINUTE);
    check("0.2500000000000000000000000h", 15 * MINUTE);
    check("9007199254740993ns", (1 << 53) + 1);
    check("9223372036854775807ns", i64::MAX);
    check("-9223372036854775808ns", i64::MIN);
    check("-9223372036854775.808us", i64::MIN);
    check("-9223372036s854ms775us808ns", i64::MIN);
}

#[test]
fn what_is_no_duration_is_refused_with_what_to_change() {
    refuse("", "a duration such as 90s, 10m or 1h30m is wanted");
    refuse("3", "\"3\" has a number without a unit; add s, m or h");
    refuse("-", "\"-\" is no duration; write it like 90s, 10m or 1h30m");
    refuse("s", "\"s\" is no duration; write it like 90s, 10m or 1h30m");
    refuse(".", "\".\" is no duration; write it like 90s, 10m or 1h30m");
    refuse("-.s", "\"-.s\" is no duration; write it like 90s, 10m or 1h30m");
    refuse(" 5s", "\" 5s\" is no duration; write it like 90s, 10m or 1h30m");
    refuse("5 s", "\"5 s\" has the unknown unit \" s\"; the units are ns, us, ms, s, m and h (write 24h for a day)");
    refuse("1d", "\"1d\" has the unknown unit \"d\"; the units are ns, us, ms, s, m and h (write 24h for a day)");
    refuse("1H", "\"1H\" has the unknown unit \"H\"; the units are ns, us, ms, s, m and h (write 24h for a day)");
    refuse("++1s", "\"++1s\" is no duration; write it like 90s, 10m or 1h30m");
    refuse("9223372036854775808ns", "\"9223372036854775808ns\" is too long");
    refuse("9223372036854775810ns", "\"9223372036854775810ns\" is too long");
    refuse("-9223372036854775809ns", "\"-9223372036854775809ns\" is too long");
    refuse("3000000h", "\"3000000h\" is too long");
    refuse("99999999999999999999s", "\"99999999999999999999s\" is too long");
}

fn check_pause(input: impl Into<IntOrString>, expect: Result<i64, &str>) {
    let input = input.into();
    let found = pause_duration(&input).map(|pause| pause.as_secs()).map_err(|error| error.to_string());
    assert_eq!(found, expect.map_err(ToOwned::to_owned), "{input:?}");
}

#[test]
fn a_pause_is_a_number_of_seconds_or_a_duration() {
    check_pause(60, Ok(60));
    check_pause(0, Ok(0));
    check_pause("60", Ok(60));
    check_pause("+60", Ok(60));
    check_pause("10m", Ok(600));
    check_pause("1h30m", Ok(5400));
    check_pause("900ms", Ok(0));
    check_pause("1.9s", Ok(1));
    check_pause(-1, Err("\"-1\" is negative"));
    check_pause("-5m", Err("\"-5m\" is negative"));
    check_pause("soon", Err("\"soon\" is no duration; write it like 90s, 10m or 1h30m"));
    check_pause("3000000000", Err("\"3000000000\" has a number without a unit; add s, m or h"));
    check_pause(3_000_000_000_i64, Err("\"3000000000\" is too long"));
    check_pause("2000000h", Err("\"2000000h\" is too long"));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[-+]?([0-9]{0,20}(\\.[0-9]{0,25})?(ns|us|ms|s|m|h|d|µs)?){0,4}|\\PC{0,20}") {
        let _ = parse(&text);
        let _ = pause_duration(&IntOrString::String(text));
    }
}
