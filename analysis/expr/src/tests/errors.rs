//! What errors say and where they point.

use super::super::{ExprError, Program, ResultType, eval_time};
use super::{json, now, vector, verdict};

fn check(condition: &str, result: &super::ResultValue, expect: &str) {
    assert_eq!(verdict(condition, result).unwrap_err().to_string(), expect, "{condition}");
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    let list = vector(&[0.5]);
    check(
        "result > 0.5",
        &list,
        "`>` does not work between a list of numbers and a number; use result[0] for its first element \
         (line 1, column 8)",
    );
    check("result[0] >", &list, "the end of the expression is not expected here (line 1, column 12)");
    check(
        "reslt > 1",
        &list,
        "the name reslt is not known; the value of the metric is called result (line 1, column 1)",
    );
    check(
        "true &&\n  foo(1)",
        &list,
        "the name foo is not known; the value of the metric is called result (line 2, column 3)",
    );
    check("'é' + \"x", &list, "the string is not closed; add \" (line 1, column 7)");
    check("result[3] > 1", &list, "there is no element 3: the list has 1 (line 1, column 7)");
    check(
        "# > 1",
        &list,
        "# and .name stand for an element; they only work inside a predicate such as all(list, # > 0) (line 1, column 1)",
    );
    check("upper(1) == ''", &list, "upper takes a string here, not an integer (line 1, column 7)");
    check("len(1, 2) > 0", &list, "len takes 1 argument, but 2 are given (line 1, column 1)");
    check("nil ?? 1 > 0", &list, "?? and > need parentheses around one of them (line 1, column 10)");
}

#[test]
fn a_value_that_is_no_bool_is_named_as_in_go() {
    check("result", &vector(&[]), "expected bool, but got []float64");
    check("result.a", &json(r#"{"a": {}}"#), "expected bool, but got map[string]interface {}");
    check("nil", &json("1"), "expected bool, but got <nil>");
}

#[test]
fn a_program_runs_on_the_type_it_was_compiled_for_only() {
    let program = Program::compile("result > 1", &ResultType::Scalar).unwrap();
    let error = program.verdict(&vector(&[2.0]), now()).unwrap_err();
    assert_eq!(error.to_string(), "the condition was compiled for a number, but the result is a list of numbers");
    assert_eq!(program.verdict(&json("2"), now()), Ok(true));
}

#[test]
fn instants_are_computed_from_now() {
    let check = |source: &str, expect: &str| {
        let found = eval_time(source, now()).map_or_else(|error| error.to_string(), |instant| instant.to_string());
        assert_eq!(found, expect, "{source}");
    };
    check("now()", "2026-11-20T12:00:00Z");
    check("now() - duration(\"1h30m\")", "2026-11-20T10:30:00Z");
    check("now().Truncate(duration('24h'))", "2026-11-20T00:00:00Z");
    check("date('2026-01-02T03:04:05+01:00')", "2026-01-02T02:04:05Z");
    check("duration('1h')", "expected a time such as now() - duration(\"1h\"), but got time.Duration");
    check("isNaN(0.0 / 0.0) ? now() - duration('1h') : now()", "2026-11-20T11:00:00Z");
    check("isInf(1.0) ? now() - duration('1h') : now()", "2026-11-20T12:00:00Z");
    check("asInt('1')", "the name asInt is not known; the value of the metric is called result (line 1, column 1)");
    check("result", "there is no `result` here (line 1, column 1)");
    check("now() - 1", "`-` does not work between a time and an integer (line 1, column 7)");
    check(
        "now() + duration('1d')",
        "\"1d\" has the unknown unit \"d\"; the units are ns, us, ms, s, m and h (write 24h for a day) (line 1, column 9)",
    );
}

#[test]
fn errors_tell_their_stages_apart() {
    let list = vector(&[0.5]);
    assert!(matches!(verdict("1 +", &list), Err(ExprError::Syntax(_))));
    assert!(matches!(verdict("1 + 'a' == 2", &list), Err(ExprError::Type(_))));
    assert!(matches!(verdict("result[9] == 1", &list), Err(ExprError::Run(_))));
    assert!(matches!(verdict("len(1..2000000) > 1", &list), Err(ExprError::Limit(_))));
    assert!(matches!(verdict("1", &list), Err(ExprError::NotBool { .. })));
}
