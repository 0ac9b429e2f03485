use super::*;

const SEED: &str = "rate(http_requests_total{status=~\"5..\"}[5m]) /\nrate(http_requests_total[5m])\n";

/// A counter that grows by `rate` a second since second 0.
fn steady(rate: f64) -> Vec<(i64, f64)> {
    scraped(0, 600, move |t| rate * t)
}

#[test]
fn a_steady_counter_has_its_rate() {
    // 20 samples from 315 to 600: 570 in 285 s, and 15 s before the first, less than 1.1 intervals: 570 * 300 / 285.
    let tsdb = world([("m", steady(2.0))]);
    check(&tsdb, "rate(m[5m])", "{} 1.9999999999999998");
    check(&tsdb, "increase(m[5m])", "{} 600");
    check(&tsdb, "irate(m[5m])", "{} 2");
    check(&tsdb, "rate(m[1m])", "{} 1.9999999999999998");
    check(&tsdb, "delta(m[5m])", "{} 600");
    check(&tsdb, "idelta(m[5m])", "{} 30");
}

#[test]
fn a_counter_is_extended_no_further_than_half_an_interval_and_zero() {
    // 11 samples from 450 on, 0 to 100: it was 0 at the first one, so nothing lies before it.
    let from_zero = world([("m", scraped(450, 600, |t| (t - 450.0) / 1.5))]);
    check(&from_zero, "increase(m[5m])", "{} 100");
    // 1000 to 1100 in 150 s: half an interval before the first: 100 * 157.5 / 150.
    let from_far = world([("m", scraped(450, 600, |t| 1000.0 + (t - 450.0) / 1.5))]);
    check(&from_far, "increase(m[5m])", "{} 105");
    // 2 to 102 in 150 s: it would have been 0 three seconds before: 100 * 153 / 150.
    let from_near = world([("m", scraped(450, 600, |t| 2.0 + (t - 450.0) / 1.5))]);
    check(&from_near, "increase(m[5m])", "{} 102");
    // Ends at 540, 60 s before the window does: 7.5 s after the last one; 4 samples of 30 in 45 s: 90 * (45 + 7.5 + 7.5) / 45.
    let ended = world([("m", scraped(495, 540, |t| t * 2.0))]);
    check(&ended, "increase(m[5m])", "{} 120");
    check(&ended, "rate(m[5m])", "{} 0.4");
}

#[test]
fn a_counter_that_falls_has_begun_again() {
    // 10 20 5 15: 10 + 5 + 10 in 45 s, and half an interval before: 25 * 52.5 / 45.
    let tsdb = world([("m", vec![(555, 10.0), (570, 20.0), (585, 5.0), (600, 15.0)])]);
    check(&tsdb, "increase(m[5m])", "{} 29.166666666666668");
    check(&tsdb, "resets(m[5m])", "{} 1");
    let falling = world([("m", vec![(585, 20.0), (600, 5.0)])]);
    check(&falling, "irate(m[5m])", "{} 0.3333333333333333");
    // A gauge just falls: -15 * (15 + 7.5) / 15.
    check(&falling, "delta(m[5m])", "{} -22.5");
}

#[test]
fn one_sample_has_no_rate() {
    let tsdb = world([("m", vec![(600, 10.0)])]);
    for query in ["rate(m[5m])", "increase(m[5m])", "irate(m[5m])", "delta(m[5m])"] {
        check(&tsdb, query, "");
    }
}

#[test]
fn windows_exclude_their_start() {
    let tsdb = world([("m", vec![(540, 1.0), (555, 2.0), (570, 4.0), (585, 8.0), (600, 16.0)])]);
    check(&tsdb, "m[1m]", "2 4 8 16");
    check(&tsdb, "m[61s]", "1 2 4 8 16");
    check(&tsdb, "m[30s] offset 15s", "4 8");
    check(&tsdb, "m[30s] @ 570", "2 4");
}

#[test]
fn windows_are_summed_up() {
    let tsdb = world([("m", vec![(540, 1.0), (555, 2.0), (570, 4.0), (585, 8.0), (600, 1.0)])]);
    let cases = [
        ("sum_over_time(m[1m])", "{} 15"),
        ("avg_over_time(m[1m])", "{} 3.75"),
        ("min_over_time(m[1m])", "{} 1"),
        ("max_over_time(m[1m])", "{} 8"),
        ("count_over_time(m[1m])", "{} 4"),
        ("last_over_time(m[1m])", "{__name__=m} 1"),
        ("present_over_time(m[1m])", "{} 1"),
        ("changes(m[1m])", "{} 3"),
        ("sum_over_time(nothing[1m])", ""),
    ];
    for (query, expect) in cases {
        check(&tsdb, query, expect);
    }
}

#[test]
fn the_seed_query_gives_one_for_each_series_of_errors() {
    let tsdb = world([
        ("http_requests_total{pod=\"a\",status=\"200\"}", steady(100.0)),
        ("http_requests_total{pod=\"a\",status=\"500\"}", steady(0.1)),
        ("http_requests_total{pod=\"b\",status=\"200\"}", steady(100.0)),
        ("http_requests_total{pod=\"b\",status=\"503\"}", steady(0.3)),
    ]);
    check(&tsdb, SEED, "{pod=a,status=500} 1; {pod=b,status=503} 1");
    // 0.4 errors among 200.4 requests a second.
    check(
        &tsdb,
        "sum(rate(http_requests_total{status=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))",
        "{} 0.0019960079840319364",
    );
    check(&tsdb, "sum(increase(http_requests_total[5m]))", "{} 60120");
}

#[test]
fn the_seed_query_gives_nothing_without_errors() {
    let tsdb = world([("http_requests_total{status=\"200\"}", steady(4.0))]);
    check(&tsdb, SEED, "");
    check(&tsdb, "sum(increase(http_requests_total[5m]))", "{} 1200");
    check(&tsdb, "count(rate(http_requests_total{status=~\"5..\"}[5m]))", "");
}
