use super::*;

mod hostile;
mod strings;

const SEED: &str = "rate(http_requests_total{status=~\"5..\"}[5m]) /\nrate(http_requests_total[5m])\n";

fn reading(query: &str) -> Reading {
    parse(query).unwrap_or_else(|why| panic!("{query}: {why}"));
    Reading::of(query)
}

/// The ratio rule of a query as `missing | numerator | denominator | value at zero`, or nothing.
fn check_ratio(query: &str, expect: Option<&str>) {
    let told = reading(query).ratio.map(|ratio| {
        let Ratio { numerator, nonzero, denominator, known, missing, value_at_zero, scalar } = ratio;
        let inner = numerator.strip_prefix("count(").and_then(|text| text.strip_suffix(')')).unwrap();
        assert_eq!(nonzero, format!("count(({inner}) != 0)"));
        parse(&nonzero).unwrap();
        known.map(|known| parse(&known.query).unwrap());
        let scalar = if scalar { " | scalar" } else { "" };
        format!("{missing} | {numerator} | {} | {value_at_zero}{scalar}", denominator.query)
    });
    assert_eq!(told.as_deref(), expect, "{query}");
}

fn check_corrected(query: &str, expect: Option<&str>) {
    let corrected = reading(query).self_division.map(|fault| fault.corrected);
    assert_eq!(corrected.as_deref(), expect, "{query}");
    if let Some(corrected) = corrected {
        assert_eq!(reading(&corrected).self_division, None, "the correction of {query} is wrong itself");
    }
}

#[test]
fn the_seed_query_is_a_ratio_whose_denominator_counts_requests() {
    check_ratio(
        SEED,
        Some(
            "no 5xx series | count(rate(http_requests_total{status=~\"5..\"}[5m])) | sum(increase(http_requests_total[5m])) | 0",
        ),
    );
    let ratio = reading(SEED).ratio.expect("ratio");
    assert_eq!(
        format!("{}; {}", ratio.missing, ratio.denominator.describe(1240.3)),
        "no 5xx series; 1,240 requests in the denominator"
    );
}

#[test]
fn ratios_are_found_through_what_keeps_their_elements() {
    let inner = "count(sum(rate(m_total{code=~\"5..\"}[1m]))) | sum(increase(m_total[1m]))";
    let query = "sum(rate(m_total{code=~\"5..\"}[1m])) / sum(rate(m_total[1m]))";
    check_ratio(query, Some(&format!("no 5xx series | {inner} | 0")));
    check_ratio(&format!("({query})"), Some(&format!("no 5xx series | {inner} | 0")));
    check_ratio(&format!("{query} * 100"), Some(&format!("no 5xx series | {inner} | 0")));
    check_ratio(&format!("100 * ({query})"), Some(&format!("no 5xx series | {inner} | 0")));
    check_ratio(&format!("1 - ({query})"), Some(&format!("no 5xx series | {inner} | 1")));
    check_ratio(&format!("(1 - ({query})) * 100"), Some(&format!("no 5xx series | {inner} | 100")));
    check_ratio(&format!("max({query})"), Some(&format!("no 5xx series | {inner} | 0")));
    check_ratio(&format!("scalar({query})"), Some(&format!("no 5xx series | {inner} | 0 | scalar")));
}

#[test]
fn the_denominator_is_counted_where_it_is_a_rate_and_asked_for_its_value_elsewhere() {
    check_ratio("errors_total / requests", Some("no series of errors_total | count(errors_total) | sum(requests) | 0"));
    check_ratio(
        "sum by (app) (irate(x_total{result=\"bad\"}[2m])) / sum by (app) (irate(x_total[2m]))",
        Some(
            "no series with result=\"bad\" | count(sum by (app) (irate(x_total{result=\"bad\"}[2m]))) | sum(increase(x_total[2m])) | 0",
        ),
    );
    check_ratio(
        "sum(rate(a{code=\"500\"}[5m])) / (sum(rate(b[5m])) + 1)",
        Some("no 500 series | count(sum(rate(a{code=\"500\"}[5m]))) | sum((sum(rate(b[5m])) + 1)) | 0"),
    );
    check_ratio(
        "sum(increase(a{code=~\"4..|5..\"}[5m])) / scalar(sum(increase(a[5m])))",
        Some("no 4xx/5xx series | count(sum(increase(a{code=~\"4..|5..\"}[5m]))) | sum(increase(a[5m])) | 0"),
    );
}

#[test]
fn what_a_numerator_asks_for_must_be_in_use() {
    let check = |numerator: &str, denominator: &str, expect: Option<(&str, &str)>| {
        let query = format!("sum(rate({numerator}[1m])) / sum(rate({denominator}[1m]))");
        let known = reading(&query).ratio.unwrap().known;
        let told = known.as_ref().map(|known| (known.query.as_str(), known.missing.as_str()));
        assert_eq!(told, expect, "{query}");
    };
    check("m", "m", None);
    check("m{code!~\"2..\"}", "m", None);
    check("m{app=\"x\"}", "m{app=~\"x|y\"}", None);
    check(
        "m{code=~\"5..\",app=\"x\"}",
        "m{app=\"x\"}",
        Some(("count(m{app!=\"\",code!=\"\"})", "no series of m has the labels app, code")),
    );
    check("m{code=~\"5..\"}", "m", Some(("count(m{code!=\"\"})", "no series of m has the label code")));
    check("errros_total", "m", Some(("count(errros_total)", "no series is named errros_total")));
    check("e{app=\"x\"}", "m{app=\"x\"}", Some(("count(e{app!=\"\"})", "no series is named e and has the label app")));
    let (named, query) = ("{__name__=~\"e.*\",app=\"x\"}", "count({__name__=~\"e.*\",app!=\"\"})");
    check(named, "m", Some((query, "no series has the label app")));
}

#[test]
fn what_can_be_empty_for_other_reasons_is_no_ratio() {
    for query in [
        "a / b > 0.05",
        "a / b or vector(0)",
        "a and b / c",
        "(a - b) / b",
        "(b - a{code=~\"5..\"}) / b",
        "a * b",
        "a / 5",
        "1 / a",
        "sum(1 - a / b)",
        "rate(a[5m])",
        "topk(1, a / b)",
        "histogram_quantile(0.9, a / b)",
        "a / on() group_left() vector(1)",
    ] {
        check_ratio(query, None);
    }
}

#[test]
fn statuses_are_told_as_classes() {
    let cases = [
        ("status=~\"5..\"", "no 5xx series"),
        ("status=~\"^5..$\"", "no 5xx series"),
        ("code=~\"5xx\"", "no 5xx series"),
        ("response_code=~\"5.*\"", "no 5xx series"),
        ("status_code=~\"[45]..\"", "no 4xx/5xx series"),
        ("status=~\"(4..|5..)\"", "no 4xx/5xx series"),
        ("status=~\"500|503\"", "no 500/503 series"),
        ("status=\"503\"", "no 503 series"),
        ("status=~\"5\\\\d\\\\d\"", "no 5xx series"),
        ("status=~\"9..\"", "no series with status=~\"9..\""),
        ("status!~\"2..\"", "no series with status!~\"2..\""),
        ("grpc=\"5..\"", "no series with grpc=\"5..\""),
    ];
    for (matcher, expect) in cases {
        let ratio = reading(&format!("sum(rate(m{{job=\"x\",{matcher}}}[5m])) / sum(rate(m{{job=\"x\"}}[5m]))")).ratio;
        assert_eq!(ratio.map(|ratio| ratio.missing).as_deref(), Some(expect), "{matcher}");
    }
}

#[test]
fn counts_are_told_as_people_write_them() {
    let cases = [
        (0.04, "fewer than 0.1 of m"),
        (1.0, "1 of m"),
        (2.34, "2.3 of m"),
        (12.5, "12 of m"),
        (999.6, "1,000 of m"),
        (1240.3, "1,240 of m"),
        (1_234_567.0, "1,234,567 of m"),
        (f64::INFINITY, "+Inf of m"),
    ];
    let probe = Probe { query: String::new(), counts: Some("m".into()) };
    for (value, expect) in cases {
        assert_eq!(probe.describe(value), format!("{expect} in the denominator"));
    }
    let requests = Probe { query: String::new(), counts: Some("http_requests_total".into()) };
    assert_eq!(requests.describe(1.0), "1 request in the denominator");
    let value = Probe { query: String::new(), counts: None };
    assert_eq!(value.describe(0.25), "the denominator is 0.25");
}

#[test]
fn the_seed_query_is_seen_to_divide_series_by_themselves() {
    let fault = reading(SEED).self_division.expect("fault");
    assert_eq!(
        fault.corrected,
        "sum(rate(http_requests_total{status=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))"
    );
    assert_eq!(
        fault.text,
        "both sides of the division keep the label status, so each 5xx series is divided by itself and yields 1; write \
         sum(rate(http_requests_total{status=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))"
    );
}

#[test]
fn self_division_is_corrected_whatever_is_around_it() {
    check_corrected(
        "100 * (rate(m{code=~\"5..\"}[5m]) / rate(m[5m]))",
        Some("100 * (sum(rate(m{code=~\"5..\"}[5m])) / sum(rate(m[5m])))"),
    );
    check_corrected(
        "rate(m{app=\"x\",code!~\"5..\"}[5m]) / rate(m{app=\"x\"}[5m]) or vector(1)",
        Some("sum(rate(m{app=\"x\",code!~\"5..\"}[5m])) / sum(rate(m{app=\"x\"}[5m])) or vector(1)"),
    );
    check_corrected(
        "sum by (code) (rate(m{code=\"500\"}[5m])) / sum by (code) (rate(m[5m]))",
        Some("sum(rate(m{code=\"500\"}[5m])) / sum(rate(m[5m]))"),
    );
    check_corrected(
        "sum by (app, code) (rate(m{code=\"500\"}[5m])) / sum by (app, code) (rate(m[5m]))",
        Some("sum by (app) (rate(m{code=\"500\"}[5m])) / sum by (app) (rate(m[5m]))"),
    );
    check_corrected(
        "sum without (pod) (rate(m{code=\"500\"}[5m])) / sum without (pod) (rate(m[5m]))",
        Some("sum without (pod, code) (rate(m{code=\"500\"}[5m])) / sum without (pod, code) (rate(m[5m]))"),
    );
    check_corrected("m{code=\"500\"} / on (code) m", Some("sum(m{code=\"500\"}) / sum(m)"));
    check_corrected(
        "sum by (app, code) (rate(m{code=\"500\"}[5m])) / on (app, code) rate(m[5m])",
        Some("sum by (app) (rate(m{code=\"500\"}[5m])) / on (app) sum by (app) (rate(m[5m]))"),
    );
}

#[test]
fn divisions_that_mean_what_they_say_are_left_alone() {
    for query in [
        "sum(rate(m{code=~\"5..\"}[5m])) / sum(rate(m[5m]))",
        "sum by (app) (rate(m{code=~\"5..\"}[5m])) / sum by (app) (rate(m[5m]))",
        "rate(m{code=~\"5..\"}[5m]) / ignoring (code) rate(m[5m])",
        "rate(m{code=~\"5..\"}[5m]) / on (app) group_left () sum by (app) (rate(m[5m]))",
        "rate(errors_total{job=\"x\"}[5m]) / rate(requests_total[5m])",
        "rate(m{job=\"x\"}[5m]) / rate(m{job=\"x\"}[5m] offset 1w)",
        "rate(m{job=\"x\"}[5m]) / rate(m[1h])",
        "rate(m[5m]) / rate(m[5m])",
        "rate(m{code=~\"5..\"}[5m]) / rate(m{zone=\"a\"}[5m])",
        "m{code=\"500\"} * m",
        "m{code=\"500\"} / scalar(sum(m))",
    ] {
        check_corrected(query, None);
    }
}
