use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// A stack half as large as that of the threads that turns run on.
const STACK: usize = 1024 * 1024;

/// Reads a query on a small stack; says how long it took.
fn read_on_a_small_stack(query: String) -> Duration {
    let reader = move || {
        let start = Instant::now();
        let _ = Reading::of(&query);
        start.elapsed()
    };
    std::thread::Builder::new().stack_size(STACK).spawn(reader).expect("thread").join().expect("a reading never panics")
}

fn check_refused(query: &str) {
    assert!(parse(query).is_err(), "{}", query.get(..80).unwrap_or(query));
    assert_eq!(Reading::of(query), Reading::default());
}

#[test]
fn monstrous_queries_are_not_looked_into() {
    for query in [
        "(".repeat(100_000),
        format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000)),
        format!("{}1{}", "(".repeat(300), ")".repeat(300)),
        format!("# don't\n{}1{}", "(".repeat(300), ")".repeat(300)),
        format!("`\\`{}1{}", "(".repeat(300), ")".repeat(300)),
        format!("{}1{}", "sum(".repeat(2000), ")".repeat(2000)),
        "-".repeat(5000) + "1",
        vec!["1"; 300].join("+"),
        vec!["a"; 300].join(" or "),
        "a offset 1s".repeat(300),
        format!("a{{b=\"{}\"}}", "x".repeat(10_000)),
        "a".repeat(1 << 20),
        "{".repeat(1 << 20),
        "\"".repeat(1 << 20),
    ] {
        check_refused(&query);
    }
}

#[test]
fn numbers_beyond_measure_are_errors() {
    for number in ["1e400", "1e20", "99999999999999999999", "0x", "1e", "NaN", "-1", "1e400s"] {
        check_refused(&format!("up[{number}]"));
        check_refused(&format!("rate(up[{number}])"));
        check_refused(&format!("sum(rate(a{{code=~\"5..\"}}[{number}])) / sum(rate(a[{number}]))"));
        for query in ["up offset ", "up @ ", "up > ", "1 / "] {
            read_on_a_small_stack(format!("{query}{number}"));
        }
        read_on_a_small_stack(format!("up[{number}:{number}]"));
        read_on_a_small_stack(format!("topk({number}, up)"));
    }
}

#[test]
fn what_the_limits_let_through_needs_little_stack() {
    let queries = [
        format!("{}1{}", "(".repeat(256), ")".repeat(256)),
        format!("{}1{}", "-(".repeat(190), ")".repeat(190)),
        format!("{}a{}", "sum(".repeat(256), ")".repeat(256)),
        format!("{}a{} / b", "1 + abs(".repeat(128), ")".repeat(128)),
        vec!["a"; 190].join(" ^ "),
        format!("{}a{}", "a / (".repeat(128), ")".repeat(128)),
        format!("a{}", "[5m:1m]".repeat(200)),
    ];
    for query in queries {
        assert_eq!(limits::check(&query), Ok(()), "{query}");
        read_on_a_small_stack(query);
    }
}

#[test]
fn regular_expressions_that_repeat_too_much_are_not_compiled() {
    let many = |regex: &str| (0..60).map(|n| format!("a{n}=~\"{regex}\"")).collect::<Vec<_>>().join(",");
    for query in [
        "m{a=~\"((a{100}){100}){9}\"}".to_owned(),
        "m{a=~\"((a{100}'){100}'){9}\"}".to_owned(),
        "m{a=~`((a{100}\\'){100}\\'){9}`}".to_owned(),
        "m{a=~\"(\\\\pL{100}){9}\"}".to_owned(),
        format!("m{{{}}}", many("(a{100}){9}")),
        format!("m{{a=~\"{}\"}}", "\\\\w".repeat(1500)),
        "m{a=~\"a{99999999999999999999}\"}".to_owned(),
    ] {
        check_refused(&query);
        let took = read_on_a_small_stack(query.clone());
        assert!(took < Duration::from_millis(200), "{query} took {took:?}");
    }
    let ordinary = "m{pod=~\"web-[a-z0-9]{8,10}-[a-z0-9]{5}\",code=~\"5\\\\d{2}\",name=~\"[\\\\w-]{1,63}\"}";
    assert!(Reading::of(&format!("sum(rate({ordinary}[5m])) / sum(rate(m[5m]))")).ratio.is_some());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reading_panic(text in "[a-z0-9_ \\-+*/%^()\\[\\]{}=!~<>\"'`,.:@#\\\\µ]{0,60}") {
        let _ = Reading::of(&text);
        let _ = check_substitution(&text, |_| Some(&text));
    }

    #[test]
    fn no_sequence_of_tokens_makes_the_reading_panic(tokens in prop::collection::vec(prop::sample::select(vec![
        "sum", "by", "(", ")", "rate", "[5m]", "[", "]", "m", "{", "}", "a=\"b\"", "=~", "/", "*", "on", "group_left",
        "offset", "1h", "5", "NaN", "Inf", "@", "start()", "\"x\"", "'", "and", "bool", ">", ",", "-", ":", "scalar",
        "1e999", "0x", "[1e400]", "[1e20:]", "#", "\n", "`\\`", "=~\"a{9}\"", "fill(", "label_replace", "absent", "é",
    ]), 0..24)) {
        let _ = Reading::of(&tokens.join(" "));
        let _ = Reading::of(&tokens.concat());
    }

    #[test]
    fn no_nesting_of_sensible_queries_makes_the_reading_panic(query in query()) {
        read_on_a_small_stack(query);
    }
}

/// Queries that are mostly valid, with numbers that are not always.
fn query() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec!["5m", "0", "1e400", "1e19", "7", "1h30m", "0x1F", ".5", "99999999999y"]);
    let leaf = (prop::sample::select(vec!["m", "m{code=~\"5..\"}", "1", "vector(1)", "{a='b'}"]), number.clone())
        .prop_map(|(selector, at)| if at == "7" { format!("{selector} @ {at}") } else { selector.to_owned() });
    leaf.prop_recursive(40, 120, 2, move |inner| {
        let number = number.clone();
        prop_oneof![
            (inner.clone(), number.clone()).prop_map(|(inner, n)| format!("rate({inner}[{n}])")),
            (inner.clone(), number.clone()).prop_map(|(inner, n)| format!("({inner})[{n}:{n}] offset {n}")),
            inner.clone().prop_map(|inner| format!("sum by (code) ({inner})")),
            inner.clone().prop_map(|inner| format!("-({inner})")),
            inner.clone().prop_map(|inner| format!("scalar({inner})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) / ({b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("{a} / on (code) {b}")),
        ]
    })
}
