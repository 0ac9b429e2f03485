//! Conditions on one number, tried on each element of a list.

use super::super::{Compiled, Elements, ExprError, Program, ResultType, verdict_elementwise};
use super::{now, vector};

fn check(condition: &str, numbers: &[f64], expect: Result<&[bool], ExprError>) {
    let found = verdict_elementwise(condition, &vector(numbers), now());
    let verdicts = found.map(|elements| elements.verdicts.iter().map(|(_, holds)| *holds).collect::<Vec<_>>());
    assert_eq!(verdicts, expect.map(<[bool]>::to_vec), "{condition} on {numbers:?}");
}

fn kind(condition: &str, result: ResultType) -> &'static str {
    match Program::compile_for(condition, &result) {
        Ok(Compiled::Plain(_)) => "plain",
        Ok(Compiled::Elementwise(_)) => "elementwise",
        Err(_) => "error",
    }
}

#[test]
fn each_element_gets_its_own_verdict() {
    check("result < 0.05", &[0.01, 0.2, 0.04], Ok(&[true, false, true]));
    check("result >= 0.9 && result < 2", &[0.95, 1.0], Ok(&[true, true]));
    check("isNaN(result) || result > 1", &[f64::NAN, 0.5], Ok(&[true, false]));
    check("default(result, 7) > 1", &[0.5, 3.0], Ok(&[false, true]));
}

#[test]
fn an_empty_list_holds_nothing_to_compare() {
    check("result < 0.05", &[], Err(ExprError::NoData));
}

#[test]
fn the_first_element_that_breaks_or_meets_the_condition_is_named() {
    let elements = Elements { verdicts: vec![(0.01, true), (0.2, false), (0.3, false)] };
    assert_eq!(elements.first(false), Some((1, 0.2)));
    assert_eq!(elements.first(true), Some((0, 0.01)));
    assert_eq!(Elements { verdicts: vec![(0.01, true)] }.first(false), None);
}

#[test]
fn only_conditions_that_treat_a_list_as_a_number_are_tried_on_elements() {
    for condition in
        ["result < 0.05", "result >= 0.9 and result < 2", "result * 100 > 5", "result == 0", "!isNaN(result)"]
    {
        assert_eq!(kind(condition, ResultType::Vector), "elementwise", "{condition}");
        assert_eq!(kind(condition, ResultType::Scalar), "plain", "{condition}");
    }
    for condition in ["result[0] < 0.05", "len(result) == 0", "all(result, # < 1)", "default(result, 0) < 1", "true"] {
        assert_eq!(kind(condition, ResultType::Vector), "plain", "{condition}");
    }
    for condition in ["result[0] < 1 && result < 1", "reslt < 1", "result <", "result.value < 1"] {
        assert_eq!(kind(condition, ResultType::Vector), "error", "{condition}");
    }
    assert_eq!(kind("result < 0.05", ResultType::JsonArray), "error");
}

#[test]
fn a_condition_that_fits_neither_list_nor_number_reports_on_the_list() {
    let error = Program::compile_for("result + 'x' == ''", &ResultType::Vector).unwrap_err();
    assert!(error.to_string().contains("a list of numbers"), "{error}");
}

#[test]
fn all_elements_together_stay_within_the_bounds_of_one_evaluation() {
    let numbers = vec![1.0; 2_000];
    let error = verdict_elementwise("all(1..9999, # > 0) && result > 0", &vector(&numbers), now()).unwrap_err();
    assert!(matches!(error, ExprError::Limit(_)), "{error}");
}
