use super::*;

/// Two jobs with two pods each, and one without.
fn zoo() -> Tsdb {
    world([
        ("m{job=\"a\",pod=\"1\"}", vec![(600, 1.0)]),
        ("m{job=\"a\",pod=\"2\"}", vec![(600, 2.0)]),
        ("m{job=\"b\",pod=\"1\"}", vec![(600, 4.0)]),
        ("m{job=\"b\",pod=\"3\"}", vec![(600, -8.5)]),
        ("limit{job=\"a\"}", vec![(600, 10.0)]),
        ("limit{job=\"b\"}", vec![(600, 20.0)]),
        ("void", vec![(600, f64::NAN)]),
    ])
}

fn check_all(cases: &[(&str, &str)]) {
    let zoo = zoo();
    for (query, expect) in cases {
        check(&zoo, query, expect);
    }
}

#[test]
fn literals_are_what_they_say() {
    check_all(&[
        ("1", "1"),
        ("-1.5e3", "-1500"),
        ("0x10", "16"),
        ("Inf", "+Inf"),
        ("-Inf", "-Inf"),
        ("NaN", "NaN"),
        ("1 + 2 * 3", "7"),
        ("(1 + 2) * 3", "9"),
        ("-2 ^ 2", "-4"),
        ("2 ^ 3 ^ 2", "512"),
        ("7 % 4", "3"),
        ("-7 % 4", "-3"),
        ("1 / 0", "+Inf"),
        ("0 / 0", "NaN"),
        ("2 > bool 1", "1"),
        ("2 == bool 1", "0"),
        ("1 atan2 0", "1.5707963267948966"),
        ("time()", "600"),
        ("vector(3)", "{} 3"),
        ("scalar(vector(3)) + 1", "4"),
    ]);
}

#[test]
fn selectors_pick_by_name_and_by_all_kinds_of_matchers() {
    let (a1, a2, b1, b3) = (
        "{__name__=m,job=a,pod=1} 1",
        "{__name__=m,job=a,pod=2} 2",
        "{__name__=m,job=b,pod=1} 4",
        "{__name__=m,job=b,pod=3} -8.5",
    );
    let all = [a1, a2, b1, b3].join("; ");
    check_all(&[
        ("m", &all),
        ("{__name__=\"m\"}", &all),
        ("{__name__=~\"m|nothing\"}", &all),
        ("m{job=\"a\"}", &[a1, a2].join("; ")),
        ("m{job!=\"a\"}", &[b1, b3].join("; ")),
        ("m{pod=~\"[12]\"}", &[a1, a2, b1].join("; ")),
        ("m{pod!~\"1|2\"}", b3),
        ("m{pod=~\".\",job=\"a\",pod!=\"2\"}", a1),
        ("m{job=~\"a.\"}", ""),
        ("m{zone=\"\"}", &all),
        ("m{zone!=\"\"}", ""),
        ("m offset 1s", ""),
        ("m offset -1s", &all),
        ("m @ 599", ""),
        ("-m{pod=\"3\"}", "{job=b,pod=3} 8.5"),
    ]);
}

#[test]
fn aggregations_group_by_and_without() {
    check_all(&[
        ("sum(m)", "{} -1.5"),
        ("sum by (job) (m)", "{job=a} 3; {job=b} -4.5"),
        ("sum without (pod) (m)", "{job=a} 3; {job=b} -4.5"),
        ("sum by (nothing) (m)", "{} -1.5"),
        ("avg by (job) (m)", "{job=a} 1.5; {job=b} -2.25"),
        ("min(m)", "{} -8.5"),
        ("max by (pod) (m)", "{pod=1} 4; {pod=2} 2; {pod=3} -8.5"),
        ("count(m)", "{} 4"),
        ("count(nothing)", ""),
        ("sum(nothing)", ""),
        ("group by (job) (m)", "{job=a} 1; {job=b} 1"),
        ("topk(2, m)", "{__name__=m,job=b,pod=1} 4; {__name__=m,job=a,pod=2} 2"),
        ("bottomk(1, m)", "{__name__=m,job=b,pod=3} -8.5"),
        ("topk by (job) (1, m)", "{__name__=m,job=a,pod=2} 2; {__name__=m,job=b,pod=1} 4"),
        ("topk(0, m)", ""),
        ("quantile(0.5, m)", "{} 1.5"),
        ("stddev(limit)", "{} 5"),
        ("stdvar(limit)", "{} 25"),
        ("max({__name__=~\"void|limit\"})", "{} 20"),
        ("sum({__name__=~\"void|limit\"})", "{} NaN"),
    ]);
}

#[test]
fn operators_join_vectors_and_numbers() {
    check_all(&[
        ("m{job=\"a\"} * 2", "{job=a,pod=1} 2; {job=a,pod=2} 4"),
        ("10 - m{job=\"a\"}", "{job=a,pod=1} 9; {job=a,pod=2} 8"),
        ("m > 1", "{__name__=m,job=a,pod=2} 2; {__name__=m,job=b,pod=1} 4"),
        ("1 < m", "{__name__=m,job=a,pod=2} 2; {__name__=m,job=b,pod=1} 4"),
        ("m{job=\"a\"} > bool 1", "{job=a,pod=1} 0; {job=a,pod=2} 1"),
        ("m == 4", "{__name__=m,job=b,pod=1} 4"),
        ("m{job=\"a\"} != 1", "{__name__=m,job=a,pod=2} 2"),
        ("m >= 4", "{__name__=m,job=b,pod=1} 4"),
        ("m <= -8.5", "{__name__=m,job=b,pod=3} -8.5"),
        ("void > 0", ""),
        ("void != 0", "{__name__=void} NaN"),
    ]);
}

#[test]
fn operators_match_vectors_by_their_labels() {
    check_all(&[
        ("m / m", "{job=a,pod=1} 1; {job=a,pod=2} 1; {job=b,pod=1} 1; {job=b,pod=3} 1"),
        ("m{job=\"a\"} + m{job=\"b\"}", ""),
        ("m{job=\"a\"} + ignoring (job) m{job=\"b\"}", "{pod=1} 5"),
        ("m{job=\"a\"} + on (pod) m{job=\"b\"}", "{pod=1} 5"),
        ("m{job=\"b\"} > ignoring (job) m{job=\"a\"}", "{__name__=m,pod=1} 4"),
        ("sum by (job) (m) / limit", "{job=a} 0.3; {job=b} -0.225"),
        ("m{job=\"a\"} / on (job) group_left () limit", "{job=a,pod=1} 0.1; {job=a,pod=2} 0.2"),
        ("m{job=\"a\"} / ignoring (pod) group_left limit", "{job=a,pod=1} 0.1; {job=a,pod=2} 0.2"),
        ("limit / on (job) group_right () m{job=\"a\"}", "{job=a,pod=1} 10; {job=a,pod=2} 5"),
        ("limit * on () group_left (pod) m{pod=\"3\"}", "{job=a,pod=3} -85; {job=b,pod=3} -170"),
        ("m and limit", ""),
        ("m and on (job) limit{job=\"a\"}", "{__name__=m,job=a,pod=1} 1; {__name__=m,job=a,pod=2} 2"),
        (
            "m{job=\"a\"} or m{job=\"b\",pod=\"1\"}",
            "{__name__=m,job=a,pod=1} 1; {__name__=m,job=a,pod=2} 2; {__name__=m,job=b,pod=1} 4",
        ),
        (
            "m{job=\"a\"} or on (pod) m{job=\"b\"}",
            "{__name__=m,job=a,pod=1} 1; {__name__=m,job=a,pod=2} 2; {__name__=m,job=b,pod=3} -8.5",
        ),
        ("m unless on (pod) m{job=\"a\"}", "{__name__=m,job=b,pod=3} -8.5"),
        ("nothing or vector(0)", "{} 0"),
        ("sum(nothing) / sum(m)", ""),
    ]);
}

#[test]
fn functions_change_elements() {
    check_all(&[
        ("abs(m{job=\"b\"})", "{job=b,pod=1} 4; {job=b,pod=3} 8.5"),
        ("ceil(m{pod=\"3\"})", "{job=b,pod=3} -8"),
        ("floor(m{pod=\"3\"})", "{job=b,pod=3} -9"),
        ("round(m{pod=\"3\"})", "{job=b,pod=3} -8"),
        ("round(vector(0.1234), 0.01)", "{} 0.12"),
        ("clamp(m{job=\"b\"}, 0, 3)", "{job=b,pod=1} 3; {job=b,pod=3} 0"),
        ("clamp(m, 3, 0)", ""),
        ("clamp_min(m{job=\"b\"}, 0)", "{job=b,pod=1} 4; {job=b,pod=3} 0"),
        ("clamp_max(m{job=\"b\"}, 0)", "{job=b,pod=1} 0; {job=b,pod=3} -8.5"),
        ("scalar(m)", "NaN"),
        ("scalar(m{pod=\"3\"})", "-8.5"),
        ("absent(m)", ""),
        ("absent(nothing{a=\"b\",c=~\"d\"})", "{a=b} 1"),
        ("absent(sum(nothing))", "{} 1"),
        (
            "sort(m)",
            "{__name__=m,job=b,pod=3} -8.5; {__name__=m,job=a,pod=1} 1; {__name__=m,job=a,pod=2} 2; {__name__=m,job=b,pod=1} 4",
        ),
        ("sort_desc(limit)", "{__name__=limit,job=b} 20; {__name__=limit,job=a} 10"),
        ("sqrt(limit{job=\"a\"} + 6)", "{job=a} 4"),
        ("sgn(m{job=\"b\"})", "{job=b,pod=1} 1; {job=b,pod=3} -1"),
    ]);
}

#[test]
fn quantiles_of_histograms_are_taken_inside_their_bucket() {
    let bucket = |le: &str, count: f64| (format!("h_bucket{{job=\"a\",le=\"{le}\"}}"), vec![(600, count)]);
    let buckets = [bucket("0.1", 50.0), bucket("0.5", 90.0), bucket("1", 100.0), bucket("+Inf", 100.0)];
    let tsdb = world(buckets.iter().map(|(labels, samples)| (labels.as_str(), samples.clone())));
    let cases = [
        // The 25th of 50 in 0..0.1, the 90th at the end of 0.1..0.5, the 95th half way in 0.5..1.
        ("histogram_quantile(0.25, h_bucket)", "{job=a} 0.05"),
        ("histogram_quantile(0.5, h_bucket)", "{job=a} 0.1"),
        ("histogram_quantile(0.7, h_bucket)", "{job=a} 0.30000000000000004"),
        ("histogram_quantile(0.9, h_bucket)", "{job=a} 0.5"),
        ("histogram_quantile(0.95, sum by (le) (h_bucket))", "{} 0.75"),
        ("histogram_quantile(1, h_bucket)", "{job=a} 1"),
        ("histogram_quantile(-1, h_bucket)", "{job=a} -Inf"),
        ("histogram_quantile(2, h_bucket)", "{job=a} +Inf"),
        ("histogram_quantile(0.5, h_bucket{le!=\"+Inf\"})", "{job=a} NaN"),
        ("histogram_quantile(0.5, nothing)", ""),
    ];
    for (query, expect) in cases {
        check(&tsdb, query, expect);
    }
    let open = world([("h_bucket{le=\"1\"}", vec![(600, 1.0)]), ("h_bucket{le=\"+Inf\"}", vec![(600, 10.0)])]);
    check(&open, "histogram_quantile(0.9, h_bucket)", "{} 1");
    let idle = world([("h_bucket{le=\"1\"}", vec![(600, 0.0)]), ("h_bucket{le=\"+Inf\"}", vec![(600, 0.0)])]);
    check(&idle, "histogram_quantile(0.9, h_bucket)", "{} NaN");
}

#[test]
fn what_fits_no_series_is_an_error_of_execution() {
    let zoo = zoo();
    check_error(&zoo, "m{job=\"a\"} / on (job) limit", "execution: multiple matches for labels");
    check_error(
        &zoo,
        "limit / on (job) m",
        "execution: found duplicate series for the match group {job=\"a\"} on the right hand-side",
    );
    check_error(&zoo, "m / on (job) group_left () m", "execution: found duplicate series");
    check_error(&zoo, "limit / on (job) group_right () m{job=\"a\"} / on () m", "execution: found duplicate series");
    let twins = world([("x{a=\"1\"}", vec![(600, 1.0)]), ("y{a=\"1\"}", vec![(600, 1.0)])]);
    check_error(&twins, "abs({a=\"1\"})", "execution: vector cannot contain metrics with the same labelset");
}

#[test]
fn what_is_no_query_or_beyond_us_is_bad_data() {
    let zoo = zoo();
    for query in [
        "",
        "m{",
        "sum(",
        "rate(m)",
        "rate(m[5m:1m])",
        "max_over_time(rate(m[5m])[10m:])",
        "predict_linear(m[5m], 60)",
        "label_replace(m, \"a\", \"b\", \"c\", \"d\")",
        "count_values(\"x\", m)",
        "m @ end()",
        "1 > 2",
        "m and 1",
        "sum(1)",
        "{}",
        "m / fill (0) m",
    ] {
        check_error(&zoo, query, "bad_data: ");
        assert_eq!(zoo.query(query, seconds(600)).status, 400, "{query}");
    }
}
