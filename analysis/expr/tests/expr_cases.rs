//! Every condition of `expr-cases.tsv` gives the verdict written beside it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use serin_expr::{ExprError, Program, ResultValue};

/// The result of a row: `f` a list of floats, `s` one float, `j` JSON.
fn result(kind: &str, text: &str) -> ResultValue {
    match kind {
        "f" if text.is_empty() => ResultValue::Vector(Vec::new()),
        "f" => ResultValue::Vector(text.split(',').map(|number| number.parse().unwrap()).collect()),
        "s" => ResultValue::Scalar(text.parse().unwrap()),
        _ => ResultValue::Json(serde_json::from_str(text).unwrap()),
    }
}

/// The verdict in the words of the file.
fn verdict(condition: &str, result: &ResultValue) -> String {
    let now = "2026-11-20T12:00:00Z".parse().unwrap();
    let outcome = Program::compile(condition, &result.result_type()).and_then(|program| program.verdict(result, now));
    match outcome {
        Ok(verdict) => verdict.to_string(),
        Err(ExprError::NotBool { found }) => format!("ERR(notbool {found})"),
        Err(_) => "ERR".to_owned(),
    }
}

fn check(file: &str) {
    let mut wrong = Vec::new();
    let mut rows = 0;
    for line in file.lines().filter(|line| !line.starts_with('#')) {
        let [kind, value, condition, expected] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("a row has four columns: {line}");
        };
        rows += 1;
        let found = verdict(condition, &result(kind, value));
        if found != expected {
            wrong.push(format!("{kind} {value}: {condition} is {expected}, not {found}"));
        }
    }
    assert!(rows > 100, "the file is nearly empty");
    assert!(wrong.is_empty(), "{} of {rows} rows differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn conditions_give_the_verdicts_of_the_original() {
    check(include_str!("expr-cases.tsv"));
}

#[test]
fn the_rest_of_the_language_gives_the_verdicts_of_the_original() {
    check(include_str!("expr-language.tsv"));
}
