//! Sequences of outcomes, replayed: the phase of the metric and of the run after each.

use super::*;

/// Plays the outcomes of one metric; expects its phase after each, then the phase of the run.
fn check(settings: &Value, outcomes: &str, expect: &str) {
    let mut world = World::of(&[metric("m", settings)]);
    let mut phases = String::new();
    for outcome in outcomes.chars() {
        world.measure(&outcome.to_string());
        phases.push(word(world.result("m").phase));
    }
    phases.push(' ');
    phases.push(word(world.status.phase));
    assert_eq!(phases, expect, "{settings} {outcomes}");
}

#[test]
fn by_default_one_measurement_decides() {
    let settings = json!({});
    check(&settings, "S", "S S");
    check(&settings, "F", "F F");
    check(&settings, "I", "I I");
    check(&settings, "ES", "RS S");
    check(&settings, "EEEEE", "RRRRE E");
    check(&settings, "EEEES", "RRRRS S");
}

#[test]
fn an_interval_without_count_goes_on_until_a_limit_breaks() {
    let settings = json!({"interval": "1m"});
    check(&settings, "SSSSSSSSSSSS", "RRRRRRRRRRRR R");
    check(&settings, "SSF", "RRF F");
    check(&settings, "SSI", "RRI I");
    check(&settings, "SEEEEESSS", "RRRRREEEE E");
}

#[test]
fn failures_are_counted_in_total_and_the_limit_is_tolerated() {
    let settings = json!({"interval": "1m", "failureLimit": 3});
    check(&settings, "FFF", "RRR R");
    check(&settings, "FFFF", "RRRF F");
    check(&settings, "FSFSFSF", "RRRRRRF F");
    check(&settings, "FFFEEEEF", "RRRRRRRF F");
    check(&json!({"interval": "1m", "failureLimit": "2"}), "FFF", "RRF F");
    check(&json!({"interval": "1m", "failureLimit": "two"}), "F", "F F");
}

#[test]
fn inconclusive_measurements_have_a_limit_of_their_own() {
    let settings = json!({"interval": "1m", "inconclusiveLimit": 2, "failureLimit": 1});
    check(&settings, "ISISI", "RRRRI I");
    check(&settings, "IFIF", "RRRF F");
    check(&settings, "IFII", "RRRI I");
}

#[test]
fn errors_count_only_in_a_row() {
    let settings = json!({"interval": "1m", "consecutiveErrorLimit": 1, "failureLimit": 5});
    check(&settings, "ESESE", "RRRRR R");
    check(&settings, "EFEIE", "RRRII I");
    check(&settings, "EE", "RE E");
    check(&json!({"consecutiveErrorLimit": 0}), "E", "E E");
}

#[test]
fn a_count_ends_a_metric_and_errors_do_not_use_it_up() {
    let settings = json!({"interval": "1m", "count": 3, "failureLimit": 1});
    check(&settings, "SSS", "RRS S");
    check(&settings, "SFS", "RRS S");
    check(&settings, "SESES", "RRRRS S");
    check(&settings, "FF", "RF F");
    check(&settings, "SSFS", "RRSS S");
    check(&json!({"interval": "1m", "count": "3"}), "SSS", "RRS S");
    check(&json!({"interval": "1m", "count": 0}), "SSSS", "RRRR R");
    check(&json!({"count": 1}), "S", "S S");
}

#[test]
fn successes_in_a_row_end_a_metric_early() {
    let settings = json!({"interval": "1m", "consecutiveSuccessLimit": 2, "failureLimit": 2});
    check(&settings, "SS", "RS S");
    check(&settings, "SFSFSS", "RRRRRS S");
    check(&settings, "SESS", "RRRS S");
    check(&settings, "FFF", "RRF F");
    let settings = json!({"interval": "1m", "consecutiveSuccessLimit": 2, "failureLimit": 1, "count": 4});
    check(&settings, "SFSS", "RRRS S");
    check(&settings, "SFSE", "RRRR R");
    let settings =
        json!({"interval": "1m", "consecutiveSuccessLimit": 2, "failureLimit": 2, "count": 4, "inconclusiveLimit": 9});
    check(&json!({"interval": "1m", "consecutiveSuccessLimit": 2, "failureLimit": 2, "count": 4}), "SFSF", "RRRI I");
    assert!(World::new(spec(json!({"metrics": [metric("m", &settings)]}))).status.phase.is_terminal());
    let settings = json!({"interval": "1m", "consecutiveSuccessLimit": 2, "failureLimit": -1, "count": 3});
    check(&settings, "FSS", "RRS S");
    check(&settings, "SFS", "RRF F");
    check(&settings, "FFF", "RRF F");
}

#[test]
fn a_later_limit_overrides_an_earlier_one() {
    let broken = |failed, inconclusive, errors| {
        let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
        world.status.metric_results.push(MetricResult {
            name: "m".into(),
            phase: Running,
            failed,
            inconclusive,
            consecutive_error: errors,
            measurements: vec![serin_crds::analysis::Measurement {
                phase: Successful,
                finished_at: Some(at(0)),
                ..Default::default()
            }],
            ..MetricResult::default()
        });
        world.plan();
        world.status.phase
    };
    assert_eq!(broken(1, 0, 0), Failed);
    assert_eq!(broken(1, 1, 0), Inconclusive);
    assert_eq!(broken(1, 1, 5), Error);
    assert_eq!(broken(1, 0, 5), Error);
}

#[test]
fn counters_follow_each_outcome() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m", "failureLimit": 9, "inconclusiveLimit": 9}))]);
    let mut counters = Vec::new();
    for outcome in "SSFEEISE".chars() {
        world.measure(&outcome.to_string());
        let r = world.result("m");
        counters.push([
            r.count,
            r.successful,
            r.failed,
            r.inconclusive,
            r.error,
            r.consecutive_error,
            r.consecutive_success,
        ]);
    }
    assert_eq!(
        counters,
        [
            [1, 1, 0, 0, 0, 0, 1],
            [2, 2, 0, 0, 0, 0, 2],
            [3, 2, 1, 0, 0, 0, 0],
            [3, 2, 1, 0, 1, 1, 0],
            [3, 2, 1, 0, 2, 2, 0],
            [4, 2, 1, 1, 2, 0, 0],
            [5, 3, 1, 1, 2, 0, 1],
            [5, 3, 1, 1, 3, 1, 0],
        ]
    );
}

/// What Argo Rollouts says of one metric that is measured again and again, written down a second time: from the whole
/// history instead of from counters.
fn oracle(limits: [i32; 5], outcomes: &str) -> char {
    let [count, failure, inconclusive, errors, successes] = limits;
    for end in 1..=outcomes.len() {
        let seen = &outcomes[..end];
        let all = |c: char| i32::try_from(seen.matches(c).count()).unwrap();
        let row = |c: char| i32::try_from(seen.len() - seen.trim_end_matches(c).len()).unwrap();
        let judged = all('S') + all('F') + all('I');
        if row('E') > errors {
            return 'E';
        }
        if all('I') > inconclusive {
            return 'I';
        }
        if failure >= 0 && all('F') > failure {
            return 'F';
        }
        if successes > 0 && row('S') >= successes {
            return 'S';
        }
        if count > 0 && judged >= count {
            return if successes == 0 {
                'S'
            } else if failure >= 0 {
                'I'
            } else {
                'F'
            };
        }
    }
    'R'
}

proptest::proptest! {
    #[test]
    fn any_sequence_ends_as_its_history_says(
        outcomes in "[SFIE]{0,14}",
        count in 0..9_i32,
        failure in -1..4_i32,
        inconclusive in 0..3_i32,
        errors in 0..4_i32,
        successes in 0..4_i32,
    ) {
        let settings = json!({
            "interval": "1m", "count": count, "failureLimit": failure, "inconclusiveLimit": inconclusive,
            "consecutiveErrorLimit": errors, "consecutiveSuccessLimit": successes,
        });
        let mut world = World::of(&[metric("m", &settings)]);
        proptest::prop_assume!(!world.status.phase.is_terminal());
        for outcome in outcomes.chars() {
            world.measure(&outcome.to_string());
        }
        let expect = oracle([count, failure, inconclusive, errors, successes], &outcomes);
        proptest::prop_assert_eq!(word(world.status.phase), expect, "{} {}", settings, outcomes);
    }
}
