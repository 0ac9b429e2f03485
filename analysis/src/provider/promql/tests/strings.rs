use proptest::prelude::*;

use super::*;

/// The tag of the argument that breaks out of its string, if one does.
fn check_strings(template: &str, values: &[(&str, &str)], expect: Result<(), &str>) {
    let value_of = |name: &str| values.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
    let found = check_substitution(template, value_of).map_err(|out| out.tag);
    assert_eq!(found, expect.map_err(str::to_owned), "{template} with {values:?}");
}

#[test]
fn values_may_be_whatever_argo_can_paste() {
    let cases = [
        ("m{app=\"{{args.a}}\"}", "web"),
        ("m{app=\"{{ args.a }}\"}", ""),
        ("m{app=~\"{{args.a}}-.*\"}", "(a|b){2}"),
        ("m{app=~\"{{args.a}}\"}", "a\\\\.b"),
        ("m{app=\"{{args.a}}\"}", "says \\\"hello\\\""),
        ("m{app=\"{{args.a}}\"}", "it's # no comment"),
        ("m{app='{{args.a}}'}", "it\"s"),
        ("m{app=`{{args.a}}`}", "\\"),
        ("rate(m[{{args.a}}])", "5m"),
        ("rate(m[{{args.a}}m])", "5"),
        ("max_over_time(m[{{args.a}}])", "1h:5m"),
        ("rate(m[5m] offset {{args.a}})", "1h"),
        ("rate({{args.a}}[5m])", "m{job=\"x\"}"),
        ("rate({{args.a}}_total[5m])", "m"),
        ("m{ {{args.a}} }", "job=\"x\", code=~\"5..\""),
        ("m{app={{args.a}}}", "\"x\",b=\"y\""),
        ("{{args.a}} / b", "0 * c + d"),
        ("sum({{args.a}}) / sum(b)", "a or vector(0)"),
        ("m > {{args.a}}", "-0.5"),
        ("{{args.a}}", "sum(m{a=\"b\"}) # \"odd"),
        ("# don't mind {{args.a}}\nm{a=\"x\"}", "a \"quote"),
        ("# don't\nm{app=\"{{args.a}}\"}", "it's"),
        ("beyond~~us{a=\"{{args.a}}\"}", "web"),
    ];
    for (template, value) in cases {
        check_strings(template, &[("args.a", value)], Ok(()));
    }
}

#[test]
fn values_that_end_their_string_are_refused() {
    let cases = [
        ("m{app=\"{{args.a}}\"}", "x\"} or vector(1) #"),
        ("m{app=\"{{args.a}}\"}", "x\",code=\"200"),
        ("m{app='{{args.a}}'}", "x'} or n{a='"),
        ("m{app=`{{args.a}}`}", "x`} or n{a=`"),
        ("m{app=\"{{args.a}}\"}", "x\\\\\"} or vector(1) #"),
        ("m{app=\"{{args.a}}\"} > 1", "ends in \\"),
        ("m{app=\"\\{{args.a}}\"} > 1", ""),
        ("# don't\nm{app=\"{{args.a}}\"}", "x\"} or vector(1) #"),
        ("beyond~~us{a=\"{{args.a}}\"}", "web\"} or x{b=\""),
    ];
    for (template, value) in cases {
        check_strings(template, &[("args.a", value)], Err("args.a"));
    }
}

#[test]
fn the_argument_that_breaks_out_is_named() {
    let template = "m{a=\"{{args.a}}\",b=\"{{args.b}}{{args.c}}\"}";
    check_strings(template, &[("args.a", "x"), ("args.b", "y\""), ("args.c", "z")], Err("args.b"));
    check_strings(template, &[("args.a", "x"), ("args.b", "y\\"), ("args.c", "\"")], Ok(()));
    check_strings(template, &[("args.a", "x"), ("args.b", "y"), ("args.c", "z\\")], Err("args.c"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_value_in_a_string_changes_more_than_the_string(value in "[ -~\n\\\\\"'`{}()\\[\\]#]{0,24}") {
        let template = "sum(rate(m{a=\"{{args.v}}\",b!~'x'}[5m])) / sum(rate(m{b=\"y\"}[5m])) * 2";
        if check_substitution(template, |_| Some(&value)).is_ok()
            && let Ok(tree) = parse(&template.replace("{{args.v}}", &value))
        {
            let shown = tree.to_string();
            let tail = ",b!~\"x\"}[5m])) / sum(rate(m{b=\"y\"}[5m])) * 2";
            prop_assert!(shown.starts_with("sum(rate(m{a=\"") && shown.ends_with(tail), "{value} made {shown}");
        }
    }
}
