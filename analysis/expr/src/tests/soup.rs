//! No text and no tree makes the evaluator panic or run on.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::super::{Program, eval_time};
use super::{json, now, vector};

/// Compiles and runs a condition on results of every type.
fn survives(condition: &str) {
    let start = Instant::now();
    let results = [
        vector(&[]),
        vector(&[0.97, f64::NAN, f64::INFINITY]),
        super::ResultValue::Scalar(f64::NAN),
        json("null"),
        json("true"),
        json("1e300"),
        json(r#""2026-01-02é""#),
        json(r#"[1, "a", null, [2], {"v": 1}]"#),
        json(r#"{"a": 1, "b": [1, 2], "c": {"d": "x"}, "e": null}"#),
    ];
    for result in results {
        let _ = Program::compile_for(condition, &result.result_type());
        if let Ok(program) = Program::compile(condition, &result.result_type()) {
            let _ = program.verdict(&result, now());
        }
    }
    let _ = eval_time(condition, now());
    assert!(start.elapsed() < Duration::from_secs(50), "{condition} takes too long");
}

const WORDS: &[&str] = &[
    "result",
    "result[0]",
    "result.b",
    "1",
    "0",
    "-1",
    "2.5",
    "1e308",
    "9223372036854775807",
    "'a'",
    "\"é\"",
    "`r`",
    "true",
    "false",
    "nil",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ":",
    "?",
    "?.",
    "??",
    ".",
    "..",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "|",
    "||",
    "&&",
    "not",
    "in",
    "matches",
    "contains",
    "==",
    "!=",
    "<",
    ">=",
    "=",
    "let",
    "x",
    "if",
    "else",
    "#",
    "#acc",
    "#index",
    "len",
    "filter",
    "map",
    "reduce",
    "sortBy",
    "groupBy",
    "all",
    "sum",
    "now",
    "date",
    "duration",
    "string",
    "toJSON",
    "fromJSON",
    "repeat",
    "replace",
    "split",
    "flatten",
    "take",
    "get",
    "$env",
    "::",
    "asInt",
    "isNaN",
    "default",
    ".Year",
    ".Format",
    "//",
    "/*",
    "*/",
    "\\",
    "'",
    "\"",
    "`",
    "@",
    "\u{0}",
];

/// What stands for itself.
const LEAVES: &[&str] = &[
    "result",
    "result[0]",
    "result.a",
    "result?.e?.x",
    "#",
    "1",
    "-2",
    "0.5",
    "1e300",
    "9223372036854775807",
    "'a'",
    "'é,b'",
    "''",
    "nil",
    "true",
    "[]",
    "[1, 'a', nil]",
    "1..5",
    "{}",
    "{'a': [1]}",
    "now()",
    "duration('1h')",
    "date('2026-01-02')",
    "timezone('UTC')",
    "$env",
    "asInt",
];

/// What stands between two.
const OPERATORS: &[&str] = &[
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "==",
    "!=",
    "<",
    ">=",
    "in",
    "not in",
    "&&",
    "||",
    "??",
    "..",
    "matches",
    "contains",
    "startsWith",
];

/// Functions of one argument.
const UNARY: &[&str] = &[
    "len",
    "type",
    "abs",
    "ceil",
    "round",
    "int",
    "float",
    "string",
    "trim",
    "upper",
    "sort",
    "reverse",
    "uniq",
    "flatten",
    "concat",
    "first",
    "last",
    "keys",
    "values",
    "toPairs",
    "fromPairs",
    "toJSON",
    "fromJSON",
    "toBase64",
    "fromBase64",
    "max",
    "mean",
    "median",
    "sum",
    "count",
    "join",
    "duration",
    "date",
    "timezone",
    "bitnot",
    "asInt",
    "asFloat",
    "isNaN",
    "isNil",
];

/// Functions of two arguments.
const BINARY: &[&str] = &[
    "take",
    "get",
    "split",
    "splitAfter",
    "join",
    "repeat",
    "indexOf",
    "hasPrefix",
    "bitand",
    "bitshl",
    "min",
    "concat",
    "default",
    "date",
    "trim",
    "all",
    "any",
    "none",
    "one",
    "filter",
    "map",
    "find",
    "findLast",
    "findIndex",
    "groupBy",
    "sortBy",
    "reduce",
    "count",
    "sum",
];

/// What follows a dot.
const METHODS: &[&str] = &[
    "Year()",
    "Unix()",
    "Month().String()",
    "Format('Jan _2 .000 Z07:00')",
    "Add(duration('-9999999h'))",
    "AddDate(9999, -99999, 99999999)",
    "Sub(now())",
    "Round(duration('7m'))",
    "Hours()",
    "String()",
    "a.b",
    "x()",
];

fn value() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES);
    leaf.prop_map(str::to_owned).prop_recursive(5, 40, 3, |inner| {
        let binary = prop::sample::select(OPERATORS);
        let one = prop::sample::select(UNARY);
        let two = prop::sample::select(BINARY);
        let method = prop::sample::select(METHODS);
        prop_oneof![
            (inner.clone(), binary, inner.clone()).prop_map(|(l, op, r)| format!("({l} {op} {r})")),
            (one, inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            (two, inner.clone(), inner.clone()).prop_map(|(f, x, y)| format!("{f}({x}, {y})")),
            (inner.clone(), method).prop_map(|(x, m)| format!("({x}).{m}")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("({x})[{y}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(x, y, z)| format!("({x})[{y}:{z}]")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(x, y, z)| format!("({x} ? {y} : {z})")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("(let v = {x}; [v, {y}])")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("{{'k': {x}, ({y}): 1}}")),
            (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("reduce({x}, [#acc, #, {y}], #index)")),
            inner.prop_map(|x| format!("-{x}")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_survived(text in "\\PC{0,60}") {
        survives(&text);
    }

    #[test]
    fn any_bytes_that_are_text_are_survived(text in prop::collection::vec(any::<char>(), 0..40)) {
        survives(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_sequence_of_words_is_survived(words in prop::collection::vec(prop::sample::select(WORDS), 0..25)) {
        survives(&words.join(" "));
        survives(&words.concat());
    }

    #[test]
    fn any_tree_is_survived(condition in value()) {
        survives(&condition);
        survives(&format!("{condition} == 1"));
    }
}
