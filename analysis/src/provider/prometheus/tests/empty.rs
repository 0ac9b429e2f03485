use super::*;

const SEED: &str = "rate(http_requests_total{status=~\"5..\"}[5m]) /\nrate(http_requests_total[5m])\n";
const CORRECTED: &str = "sum(rate(http_requests_total{status=~\"5..\"}[5m])) / sum(rate(http_requests_total[5m]))";

/// A Prometheus with these answers by query; everything else is empty.
async fn knowing(answers: &'static [(&'static str, &'static str)]) -> Server {
    Server::start(move |seen| {
        let query = seen.field("query").unwrap_or_default();
        let known = answers.iter().find(|(known, _)| *known == query.trim());
        Reply::json(known.map_or_else(|| vector(&[]), |(_, value)| vector(&[value])))
    })
    .await
}

async fn check_empty(query: &str, answers: &'static [(&'static str, &'static str)], expect: (&str, &[&str])) {
    let server = knowing(answers).await;
    let sample = provider().sample(&metric(server.url(), query), at(), EmptyAnswer::AskDenominator).await;
    let notes: Vec<&str> = sample.notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!((told(&sample).as_str(), &notes[..]), expect, "{query}");
    assert!(
        server.seen().iter().all(|seen| seen.field("time").as_deref() == Some("1767323045.5")),
        "all are asked as of one instant"
    );
}

#[tokio::test]
async fn no_errors_in_much_traffic_is_zero_and_says_so() {
    let answers: &[(&str, &str)] =
        &[("sum(increase(http_requests_total[5m]))", "1239.7"), ("count(http_requests_total{status!=\"\"})", "3")];
    let warning = format!(
        "both sides of the division keep the label status, so each 5xx series is divided by itself and yields 1; write {CORRECTED}"
    );
    check_empty(SEED, answers, ("[0]", &["no 5xx series; 1,240 requests in the denominator", &warning])).await;
    check_empty(CORRECTED, answers, ("[0]", &["no 5xx series; 1,240 requests in the denominator"])).await;
    check_empty(&format!("1 - {CORRECTED}"), answers, ("[1]", &["no 5xx series; 1,240 requests in the denominator"]))
        .await;
}

#[tokio::test]
async fn a_typing_error_in_the_numerator_is_no_success() {
    const TRAFFIC: &[(&str, &str)] = &[("sum(increase(http_requests_total[1m]))", "1239.7")];
    let advice = "check the names in the numerator, or write (... or vector(0)) around it if there may be none";
    for (numerator, missing) in [
        ("http_errros_total", "no series is named http_errros_total"),
        ("http_requests_total{sttaus=~\"5..\"}", "no series of http_requests_total has the label sttaus"),
    ] {
        let query = format!("sum(rate({numerator}[1m])) / sum(rate(http_requests_total[1m]))");
        let server = knowing(TRAFFIC).await;
        let sample = provider().sample(&metric(server.url(), &query), at(), EmptyAnswer::AskDenominator).await;
        assert_eq!(told(&sample), "[]");
        let [note] = &sample.notes[..] else { panic!("{:?}", sample.notes) };
        assert_eq!((note.warning, note.text.as_str()), (true, &*format!("no data: {missing}; {advice}")));
    }
}

#[tokio::test]
async fn a_metric_of_another_name_counts_as_zero_where_it_is_in_use_and_is_asked_for_once() {
    let server = knowing(&[("sum(increase(requests_total[1m]))", "10"), ("count(errors_total{app!=\"\"})", "2")]).await;
    let query = "sum(rate(errors_total{app=\"web\"}[1m])) / sum(rate(requests_total[1m]))";
    let provider = provider();
    for round in 1..=2 {
        let sample = provider.sample(&metric(server.url(), query), at(), EmptyAnswer::AskDenominator).await;
        let notes: Vec<&str> = sample.notes.iter().map(|note| note.text.as_str()).collect();
        let note = "no series with app=\"web\"; 10 requests in the denominator";
        assert_eq!((told(&sample).as_str(), &notes[..]), ("[0]", &[note][..]));
        assert_eq!(server.seen().len(), 1 + 3 * round);
    }
}

#[tokio::test]
async fn nothing_anywhere_stays_nothing() {
    check_empty(CORRECTED, &[], ("[]", &["no data: no 5xx series, and none in the denominator"])).await;
    let idle = &[("sum(increase(http_requests_total[5m]))", "0")];
    check_empty(CORRECTED, idle, ("[]", &["no data: no 5xx series, and no traffic in the denominator"])).await;
    check_empty("up", &[], ("[]", &[])).await;
    check_empty("a / b > 1", &[("sum(b)", "5")], ("[]", &[])).await;
}

/// What `[NaN]` for a query comes to, with these answers to other queries.
async fn check_nan(
    query: &'static str,
    answers: &'static [(&'static str, &'static str)],
    empty: EmptyAnswer,
    expect: (&str, &[&str]),
) {
    let server = Server::start(move |seen| {
        let asked = seen.field("query").unwrap_or_default();
        let known = answers.iter().find(|(known, _)| *known == asked.trim());
        Reply::json(match known {
            _ if asked == query => vector(&["NaN", "NaN"]),
            Some((_, value)) => vector(&[value]),
            None => vector(&[]),
        })
    })
    .await;
    let sample = provider().sample(&metric(server.url(), query), at(), empty).await;
    let notes: Vec<&str> = sample.notes.iter().filter(|n| !n.text.starts_with("both")).map(|n| &*n.text).collect();
    assert_eq!((told(&sample).as_str(), &notes[..]), expect, "{query}");
}

#[tokio::test]
async fn idle_error_series_in_much_traffic_are_zero_and_say_so() {
    let traffic: &[(&str, &str)] = &[("sum(increase(http_requests_total[5m]))", "1239.7")];
    let note = "no 5xx series with traffic; 1,240 requests in the denominator";
    check_nan(SEED, traffic, EmptyAnswer::AskForNaNToo, ("[0]", &[note])).await;
    let percent_good = "100 - 100 * sum by (pod) (rate(http_requests_total{status=~\"5..\"}[5m])) / sum by (pod) (rate(http_requests_total[5m]))";
    check_nan(percent_good, traffic, EmptyAnswer::AskForNaNToo, ("[100]", &[note])).await;
}

#[tokio::test]
async fn nan_without_any_traffic_is_no_data() {
    let nan = "[NaN,NaN]";
    let check = |answers, expect: &'static [&'static str]| {
        check_nan(CORRECTED, answers, EmptyAnswer::AskForNaNToo, (nan, expect))
    };
    check(&[("sum(increase(http_requests_total[5m]))", "0")], &["no data: no traffic in the denominator"]).await;
    check(&[], &["no data: no series in the denominator"]).await;
    let broken = &[("sum(increase(http_requests_total[5m]))", "NaN")];
    check(broken, &["no data: could not ask for the denominator: the answer is NaN"]).await;
}

#[tokio::test]
async fn nan_that_does_not_come_from_zero_by_zero_is_no_data() {
    let answers = &[
        ("sum(increase(http_requests_total[5m]))", "10"),
        ("count((sum(rate(http_requests_total{status=~\"5..\"}[5m]))) != 0)", "1"),
    ];
    let note = "no data: the division is NaN, and not because its numerator is 0";
    check_nan(CORRECTED, answers, EmptyAnswer::AskForNaNToo, ("[NaN,NaN]", &[note])).await;
}

#[tokio::test]
async fn nan_that_the_conditions_judge_is_left_to_them() {
    let traffic: &[(&str, &str)] = &[("sum(increase(http_requests_total[5m]))", "1239.7")];
    for empty in [EmptyAnswer::Keep, EmptyAnswer::AskDenominator] {
        check_nan(SEED, traffic, empty, ("[NaN,NaN]", &[])).await;
    }
    check_nan("up", traffic, EmptyAnswer::AskForNaNToo, ("[NaN,NaN]", &[])).await;
}

#[tokio::test]
async fn a_numerator_that_has_series_but_meets_none_is_not_zero() {
    let answers = &[("sum(increase(b_total[5m]))", "10"), ("count(sum by (pod) (rate(a_total[5m])))", "2")];
    let note = "no data: both sides of the division have series, but none with equal labels; sum both sides, or match them with on()";
    check_empty("sum by (pod) (rate(a_total[5m])) / sum by (job) (rate(b_total[5m]))", answers, ("[]", &[note])).await;
}

#[tokio::test]
async fn a_denominator_that_cannot_be_asked_leaves_no_data() {
    let server = Server::start(|seen| match seen.field("query").as_deref() {
        Some(CORRECTED) => Reply::json(vector(&[])),
        _ => Reply::status(503, "busy"),
    })
    .await;
    let sample = provider().sample(&metric(server.url(), CORRECTED), at(), EmptyAnswer::AskDenominator).await;
    assert_eq!(told(&sample), "[]");
    assert!(sample.notes[0].warning && sample.notes[0].text.contains("503"), "{:?}", sample.notes);
}

#[tokio::test]
async fn an_empty_answer_that_the_conditions_judge_is_left_to_them() {
    let server = knowing(&[("sum(increase(http_requests_total[5m]))", "1240")]).await;
    let sample = provider().sample(&metric(server.url(), CORRECTED), at(), EmptyAnswer::Keep).await;
    assert_eq!((told(&sample).as_str(), sample.notes.len(), server.seen().len()), ("[]", 0, 1));
}

#[tokio::test]
async fn the_nan_of_scalar_keeps_argos_verdict_and_is_explained() {
    let server = Server::start(|_| Reply::json(success("scalar", &json!([1, "NaN"])))).await;
    let query = format!("scalar({CORRECTED})");
    let sample = provider().sample(&metric(server.url(), &query), at(), EmptyAnswer::AskDenominator).await;
    assert_eq!(told(&sample), "NaN");
    assert!(sample.notes[0].warning && sample.notes[0].text.starts_with("scalar() makes NaN"), "{:?}", sample.notes);
}

#[tokio::test]
async fn series_divided_by_themselves_keep_their_verdict_and_get_a_warning() {
    let server = Server::start(|_| Reply::json(vector(&["1", "1"]))).await;
    let sample = provider().sample(&metric(server.url(), SEED), at(), EmptyAnswer::AskDenominator).await;
    assert_eq!(told(&sample), "[1,1]");
    let [note] = &sample.notes[..] else { panic!("{:?}", sample.notes) };
    assert!(note.warning && note.text.ends_with(&format!("yields 1; write {CORRECTED}")), "{}", note.text);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_query_that_breaks_our_parser_is_asked_all_the_same() {
    for query in ["up[1e400]", &"(".repeat(10_000), &format!("up{}", " ".repeat(1 << 20))] {
        let server = Server::start(|_| Reply::json(vector(&["1"]))).await;
        let sample = provider().sample(&metric(server.url(), query), at(), EmptyAnswer::AskDenominator).await;
        assert_eq!((told(&sample).as_str(), server.seen().len()), ("[1]", 1));
    }
}
