//! Whatever a condition says, it ends soon and takes little memory.

use super::super::ExprError;
use super::{json, verdict};

/// The condition ends in a limit; without one it would not end while anybody waits.
fn check(condition: &str) {
    let found = verdict(condition, &json(r#"{"a": 1, "s": "abc"}"#));
    let shown: String = condition.chars().take(80).collect();
    assert!(matches!(found, Err(ExprError::Limit(_))), "{shown} gave {found:?}");
}

#[test]
fn text_that_is_too_long_is_refused() {
    check(&format!("true // {}", "x".repeat(70_000)));
    assert_eq!(verdict(&format!("true // {}", "x".repeat(60_000)), &json("1")), Ok(true));
}

#[test]
fn nesting_is_bounded() {
    check(&format!("{}1{}", "(".repeat(500), ")".repeat(500)));
    check(&format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000)));
    check(&format!("{}true", "!".repeat(20_000)));
    check(&format!("{}1", "if true {1} else ".repeat(3_000)));
    check(&format!("result{}", ".a".repeat(5_000)));
    check(&format!("1{}", " + 1".repeat(5_000)));
    check(&format!("{}1{}", "any([1], ".repeat(100), ")".repeat(100)));
}

#[test]
fn the_deepest_that_is_allowed_runs() {
    assert_eq!(verdict(&vec!["1 == 1"; 190].join(" && "), &json("1")), Ok(true));
    assert_eq!(verdict(&format!("{}true{}", "any([1], ".repeat(60), ")".repeat(60)), &json("1")), Ok(true));
    assert_eq!(verdict(&format!("{}true{}", "(".repeat(60), ")".repeat(60)), &json("1")), Ok(true));
}

#[test]
fn parts_that_are_written_once_and_used_twice_do_not_double_forever() {
    check(&format!("{}result.a{} == 1", "(".repeat(60), " ?: 1)".repeat(60)));
    check(&format!("{}1{}", "0 < (".repeat(60), ") < 2".repeat(60)));
}

#[test]
fn steps_are_bounded() {
    check("all(1..1500, all(1..1500, # > 0))");
    check("count(1..900000, # in [1.5, 2.5, nil, result.a]) == 0");
    check("len(uniq(1..5000)) > 0");
    check("any(1..9999, replace(repeat('a', 9999), 'a', 'b') == '')");
}

#[test]
fn memory_is_bounded() {
    check("len(1..1000000) > 0");
    check("len(map(1..1000, 1..1000)) > 0");
    check("len(reduce(1..60, #acc + #acc, 'abc')) > 0");
    check("len(repeat('abc', 400000)) > 0");
    check("let t = reduce(1..12, #acc + #acc, 'abc'); len(map(1..9999, t + 'x')) > 0");
    check("len(reduce(1..60, concat(#acc, #acc), [1])) > 0");
}

#[test]
fn values_that_contain_themselves_many_times_are_not_walked_forever() {
    check("reduce(1..60, [#acc, #acc], 1) == reduce(1..60, [#acc, #acc], 1)");
    check("len(string(reduce(1..60, [#acc, #acc], 1))) > 0");
    check("len(toJSON(reduce(1..60, [#acc, #acc], 1))) > 0");
    check("len(flatten(reduce(1..60, [#acc, #acc], 1))) > 0");
    check("mean(reduce(1..60, [#acc, #acc], 1)) > 0");
    check("max(reduce(1..60, [#acc, #acc], 1)) > 0");
    check("reduce(1..100000, [#acc], 1) == nil");
    check("reduce(1..100000, ({'a': #acc}), 1) == nil");
}

#[test]
fn patterns_are_bounded() {
    let long = format!("'a' matches '{}'", "a".repeat(5_000));
    assert!(matches!(verdict(&long, &json("1")), Err(ExprError::Type(_))));
    assert!(matches!(verdict("'a' matches '((a{900}){900}){900}'", &json("1")), Err(ExprError::Type(_))));
    check(&vec!["'a' matches 'a'"; 100].join(" && "));
    check("all(1..1000, 'a' matches 'a|' + string(#))");
    assert_eq!(verdict("repeat('a', 90000) matches '(a*)*(a|b)*c'", &json("1")), Ok(false));
}

#[test]
fn calls_in_calls_are_checked_once_each() {
    // Checked once a level, twice each, they would take longer than the universe has stood.
    let refused = |condition: String| {
        let found = verdict(&condition, &json(r#"{"a": 1, "s": "abc"}"#));
        assert!(matches!(found, Err(ExprError::Type(_) | ExprError::Run(_))), "{condition} gave {found:?}");
    };
    refused(format!("{}1{}", "sort(".repeat(60), ")".repeat(60)));
    refused(format!("{}1 + 'a'{}", "trim(split(".repeat(30), ", 'a'))".repeat(30)));
    refused(format!("{}result.a{}", "replace(".repeat(60), ", 'a', 'b')".repeat(60)));
}
