use serde_json::{Value, json};

use super::*;
use crate::sample::SampleError;

fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn metric(success: &str, failure: &str) -> Metric {
    serde_json::from_value(json!({"name": "m", "successCondition": success, "failureCondition": failure})).unwrap()
}

fn vector(values: &[f64]) -> Sample {
    let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
    Sample::of(ResultValue::Vector(values.to_vec()), format!("[{}]", texts.join(",")))
}

fn scalar(value: f64) -> Sample {
    Sample::of(ResultValue::Scalar(value), value.to_string())
}

fn json(value: Value) -> Sample {
    let text = value.to_string();
    Sample::of(ResultValue::Json(value), text)
}

const S: AnalysisPhase = AnalysisPhase::Successful;
const F: AnalysisPhase = AnalysisPhase::Failed;
const E: AnalysisPhase = AnalysisPhase::Error;
const I: AnalysisPhase = AnalysisPhase::Inconclusive;

/// The outcome with only the success condition, only the failure condition, and both.
fn check(sample: &Sample, success: &str, failure: &str, expect: [AnalysisPhase; 3]) {
    let found = [metric(success, ""), metric("", failure), metric(success, failure)];
    let found = found.map(|metric| judge(&metric, sample, now()).phase);
    assert_eq!(found, expect, "{} {success} {failure}", sample.display);
}

#[test]
fn without_conditions_every_answer_is_a_success_and_no_answer_an_error() {
    let free = metric("", "");
    for sample in [scalar(1.0), scalar(f64::NAN), vector(&[]), vector(&[1.0]), json(Value::Null)] {
        assert_eq!(judge(&free, &sample, now()).phase, S, "{}", sample.display);
    }
    for error in [SampleError::Query("timeout".into()), SampleError::Setup("timeout".into())] {
        let judged = judge(&free, &Sample::failed(error), now());
        assert_eq!((judged.phase, judged.sentence.as_str(), judged.no_data), (E, "timeout", true));
    }
}

#[test]
fn failure_goes_before_success_and_neither_is_inconclusive() {
    let (success, failure) = ("result < 1", "result > 2");
    check(&scalar(0.5), success, failure, [S, S, S]);
    check(&scalar(1.5), success, failure, [F, S, I]);
    check(&scalar(3.0), success, failure, [F, F, F]);
    check(&scalar(3.0), "result > 0", failure, [S, F, F]);
}

#[test]
fn nan_meets_no_condition() {
    check(&scalar(f64::NAN), "result < 1", "result > 2", [F, S, I]);
    check(&vector(&[f64::NAN]), "result[0] < 1", "result[0] > 2", [F, S, I]);
    check(&scalar(f64::NAN), "isNaN(result) || result < 1", "false", [S, S, S]);
    assert!(judge(&metric("result < 1", ""), &scalar(f64::NAN), now()).no_data);
    assert!(judge(&metric("result < 1", ""), &scalar(f64::INFINITY), now()).no_data);
    assert!(!judge(&metric("result < 1", ""), &scalar(0.0), now()).no_data);
}

#[test]
fn an_error_in_either_condition_is_an_error() {
    check(&scalar(0.5), "result < ", "result > 2", [E, S, E]);
    check(&scalar(0.5), "result < 1", "result[0] > 2", [S, E, E]);
    check(&scalar(0.5), "result", "1", [E, E, E]);
    check(&vector(&[0.5]), "result[1] < 1", "result[0] > 2", [E, S, E]);
}

fn check_error(sample: &Sample, success: &str, expect: &str) {
    let judged = judge(&metric(success, ""), sample, now());
    assert_eq!((judged.phase, judged.sentence.as_str()), (E, expect));
}

#[test]
fn an_empty_answer_is_told_as_such_wherever_a_condition_fails_on_it() {
    let empty = "metric result is nil or empty: no data returned from the metric provider";
    let expect = |condition: &str| format!("could not evaluate successCondition \"{condition}\": {empty}");
    check_error(&vector(&[]), "result[0] >= 0.95", &expect("result[0] >= 0.95"));
    check_error(&vector(&[]), "result < 0.05", &expect("result < 0.05"));
    check_error(&json(Value::Null), "result > 1", &expect("result > 1"));
    check_error(&json(json!([])), "result[0] > 1", &expect("result[0] > 1"));
    check_error(&vector(&[]), "result", &expect("result"));
    check(&vector(&[]), "len(result) == 0 || result[0] > 9", "len(result) > 0", [S, S, S]);
    check(&vector(&[]), "isNil(result)", "len(default(result, 0)) == 0", [F, F, F]);
}

#[test]
fn a_list_succeeds_if_every_element_does_and_fails_if_any_element_does() {
    check(&vector(&[0.01]), "result < 0.05", "result >= 0.05", [S, S, S]);
    check(&vector(&[0.01, 0.02]), "result < 0.05", "result >= 0.05", [S, S, S]);
    check(&vector(&[0.01, 0.2]), "result < 0.05", "result >= 0.05", [F, F, F]);
    check(&vector(&[0.9, 0.01]), "result < 1", "result > 0.05", [S, F, F]);
    check(&vector(&[0.01, 0.07]), "result < 0.05", "result > 0.1", [F, S, I]);
    check(&vector(&[1.0, 1.0]), "result < 0.05", "result >= 0.05", [F, F, F]);
    check(&vector(&[0.01, f64::INFINITY]), "result < 0.05", "result >= 0.05", [F, F, F]);
}

#[test]
fn elements_that_are_no_number_are_left_out_and_nothing_else_is_no_data() {
    check(&vector(&[0.01, f64::NAN]), "result < 0.05", "result >= 0.05", [S, S, S]);
    check(&vector(&[f64::NAN, 0.2]), "result < 0.05", "result >= 0.05", [F, F, F]);
    check(&vector(&[f64::NAN, f64::NAN]), "result < 0.05", "result >= 0.05", [E, E, E]);
    check_error(
        &vector(&[f64::NAN]),
        "result < 0.05",
        "could not evaluate successCondition \"result < 0.05\": every element of the metric result is NaN: \
         no data returned from the metric provider",
    );
}

#[test]
fn what_argo_rollouts_judges_is_judged_the_same() {
    check(&vector(&[0.5, 9.0]), "result[0] < 1", "result[0] > 2", [S, S, S]);
    check(&vector(&[0.5, 9.0]), "all(result, # < 1)", "any(result, # > 2)", [F, F, F]);
    check(&json(json!({"code": 200})), "result.code == 200", "result.code >= 500", [S, S, S]);
    check(&json(json!("ok")), "result == 'ok'", "result == 'bad'", [S, S, S]);
}

fn check_sentence(sample: &Sample, success: &str, failure: &str, expect: &str) {
    assert_eq!(judge(&metric(success, failure), sample, now()).sentence, expect);
}

#[test]
fn the_sentence_says_value_and_condition() {
    check_sentence(&scalar(0.5), "result < 1", "", "0.5 meets result < 1");
    check_sentence(&scalar(1.5), "result < 1", "", "1.5 does not meet result < 1");
    check_sentence(&vector(&[0.5, 9.0]), "result < 1", "", "[0.5,9] (element 1 is 9) does not meet result < 1");
    check_sentence(
        &vector(&[f64::NAN, 0.5, 9.0]),
        "",
        "result > 2",
        "[NaN,0.5,9] (element 2 is 9) meets failureCondition result > 2",
    );
    check_sentence(&scalar(0.5), "", "result > 2", "0.5 does not meet failureCondition result > 2");
    check_sentence(&scalar(3.0), "", "result > 2", "3 meets failureCondition result > 2");
    check_sentence(&scalar(0.5), "", "", "0.5, which nothing is asked of");
}

#[test]
fn it_is_known_which_metrics_judge_an_empty_answer_and_which_judge_nan() {
    let check = |success: &str, failure: &str, expect: (bool, bool)| {
        let metric = metric(success, failure);
        assert_eq!((judges_emptiness(&metric, now()), judges_nan(&metric, now())), expect, "{success} {failure}");
    };
    check("", "", (true, true));
    check("len(result) == 0 || result[0] < 1", "", (true, true));
    check("result[0] < 1", "", (false, true));
    check("", "result[0] > 1", (false, true));
    check("isNaN(result[0]) || result[0] < 1", "", (false, true));
    check("result < 1", "", (false, false));
    check("", "result > 1", (false, false));
    check("result < 1", "result[0] > 1", (false, false));
    check("len(result) == 0", "result[0] > 1", (false, true));
}
