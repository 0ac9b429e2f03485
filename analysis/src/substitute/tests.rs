use serde_json::json;
use serin_crds::analysis::{Argument, Metric, SecretKeyRef, ValueFrom};

use super::*;
use crate::secret::{SecretKeys, SecretSet};

fn metric(value: Value) -> Metric {
    serde_json::from_value(value).unwrap()
}

fn query(text: &str) -> Metric {
    metric(json!({"name": "m", "provider": {"prometheus": {"query": text}}}))
}

fn arg(name: &str, value: &str) -> Argument {
    Argument { name: name.into(), value: Some(value.into()), value_from: None }
}

fn secret_arg(name: &str) -> Argument {
    let secret_key_ref = Some(SecretKeyRef { name: "prom".into(), key: name.into() });
    Argument { name: name.into(), value: None, value_from: Some(ValueFrom { secret_key_ref, field_ref: None }) }
}

fn filled(args: &[Argument], metric: &Metric) -> Result<Metric, SubstituteError> {
    Arguments::masked(args)?.fill(metric)
}

fn check(text: &str, args: &[Argument], expect: Result<&str, &str>) {
    let found = filled(args, &query(text))
        .map(|metric| metric.provider.prometheus.unwrap().query.unwrap())
        .map_err(|error| error.to_string());
    assert_eq!(found, expect.map(str::to_owned).map_err(str::to_owned));
}

#[test]
fn tags_are_replaced_whatever_the_value_holds() {
    let args = [arg("a", "x"), arg("quote", r#"a"b\c"#), arg("control", "\u{0}\u{7}\n"), arg("tag", "{{args.a}}")];
    check("{{args.a}}", &args, Ok("x"));
    check("{{ args.a }}-{{args.a}}", &args, Ok("x-x"));
    check("rate(x{s=~\"5..\"}[5m])", &args, Ok("rate(x{s=~\"5..\"}[5m])"));
    check("{{args.quote}}", &args, Ok(r#"a"b\c"#));
    check("{{args.control}}", &args, Ok("\u{0}\u{7}\n"));
    check("{{args.tag}}", &args, Ok("{{args.a}}"));
    check("é{{args.a}}ü", &args, Ok("éxü"));
}

#[test]
fn what_cannot_be_replaced_is_named() {
    let args = [arg("a", "x")];
    check("{{args.b}}", &args, Err("failed to resolve {{args.b}}"));
    check("{{a}}", &args, Err("failed to resolve {{a}}"));
    check("{{ inputs.a }}", &args, Err("failed to resolve {{ inputs.a }}"));
    check("{{}}", &args, Err("failed to resolve {{}}"));
    check("{{args.a", &args, Err("cannot find end tag=\"}}\" in \"{{args.a\""));
}

#[test]
fn a_value_that_ends_the_string_of_a_query_is_refused_by_name() {
    let args = [arg("app", "web\"} or vector(0) #"), arg("ok", "a\\\"b")];
    let why = "argument \"app\" ends the string that it stands in, in the query of metric \"m\"; ";
    let remedy = "write \\\" for a quote and \\\\ for a backslash in its value";
    check("up{app=\"{{args.app}}\"}", &args, Err(&format!("{why}{remedy}")));
    check("up{app=`{{args.ok}}`}", &args, Ok("up{app=`a\\\"b`}"));
    check("up{app=\"{{args.ok}}\"}", &args, Ok("up{app=\"a\\\"b\"}"));
    check("{{args.app}}", &args, Ok("web\"} or vector(0) #"));
    check(
        "up{app=`{{args.raw}}`}",
        &[arg("raw", "`")],
        Err(&format!("{}leave backquotes out of its value", why.replace("app", "raw"))),
    );

    let revealed = {
        let mut secrets = SecretSet::new();
        secrets.insert("prom", Ok(SecretKeys::from([("app".to_owned(), Secret::new("hunter2\" or up"))])));
        Arguments::revealed(&[secret_arg("app")], &secrets).ok().unwrap()
    };
    let error = revealed.fill(&query("up{app=\"{{args.app}}\"}")).unwrap_err().to_string();
    assert_eq!(error, format!("{why}{remedy}"));
}

#[test]
fn an_argument_without_value_is_an_error_even_if_no_tag_uses_it() {
    let empty = Argument { name: "a".into(), ..Argument::default() };
    check("up", &[empty], Err("argument \"a\" was not supplied"));
    let value_from = ValueFrom {
        secret_key_ref: None,
        field_ref: Some(serin_crds::analysis::FieldRef { field_path: "metadata.name".into() }),
    };
    let unresolved = Argument { name: "b".into(), value: None, value_from: Some(value_from) };
    check("up", &[unresolved], Err("argument \"b\" was not supplied"));
}

#[test]
fn every_field_can_hold_tags() {
    let template = metric(json!({
        "name": "{{args.name}}",
        "interval": "{{args.interval}}",
        "count": "{{args.n}}",
        "failureLimit": "{{args.n}}",
        "successCondition": "result < {{args.n}}",
        "provider": {"plugin": {"{{args.name}}/p": {"list": ["{{args.n}}", 1, null, true]}}},
    }));
    let args = [arg("name", "errors"), arg("interval", "1m"), arg("n", "5")];
    let found = serde_json::to_value(filled(&args, &template).unwrap()).unwrap();
    assert_eq!(
        found,
        json!({
            "name": "errors",
            "interval": "1m",
            "count": "5",
            "failureLimit": "5",
            "successCondition": "result < 5",
            "provider": {"plugin": {"errors/p": {"list": ["5", 1, null, true]}}},
        })
    );
}

#[test]
fn secrets_are_filled_in_only_where_they_are_revealed() {
    let args = [secret_arg("token"), arg("a", "x")];
    let mut secrets = SecretSet::new();
    secrets.insert("prom", Ok(SecretKeys::from([("token".to_owned(), Secret::new("hunter2"))])));
    let template = query("up{t=\"{{ args.token }}\",a=\"{{args.a}}\"}");
    let text = |metric: Metric| metric.provider.prometheus.unwrap().query.unwrap();

    let revealed = Arguments::revealed(&args, &secrets).ok().unwrap();
    assert_eq!(text(revealed.fill(&template).unwrap()), "up{t=\"hunter2\",a=\"x\"}");
    assert_eq!(revealed.redactor().clean("no hunter2"), "no *****");
    assert_eq!(text(filled(&args, &template).unwrap()), "up{t=\"{{args.token}}\",a=\"x\"}");
    let missing = Arguments::revealed(&args, &SecretSet::new()).err().unwrap();
    assert_eq!(missing.to_string(), "secrets \"prom\" not found");
}

#[test]
fn a_large_argument_is_filled_in_and_a_flood_of_it_is_refused() {
    let args = [arg("big", &"x".repeat(1 << 20))];
    let once = filled(&args, &query("{{args.big}}")).unwrap();
    assert_eq!(once.provider.prometheus.unwrap().query.unwrap().len(), 1 << 20);
    let flood = "{{args.big}}".repeat(1000);
    assert_eq!(filled(&args, &query(&flood)), Err(SubstituteError::TooLarge));
}

proptest::proptest! {
    #[test]
    fn any_value_comes_through_unchanged(value in ".*", before in "[^{}]*", after in "[^{}]*") {
        let text = format!("{before}{{{{args.v}}}}{after}");
        let found = filled(&[arg("v", &value)], &metric(json!({"name": text, "provider": {}}))).unwrap();
        proptest::prop_assert_eq!(found.name, format!("{}{}{}", before, value, after));
        if let Ok(found) = filled(&[arg("v", &value)], &query(&text)) {
            let found = found.provider.prometheus.unwrap().query.unwrap();
            proptest::prop_assert_eq!(found, format!("{}{}{}", before, value, after));
        }
    }
}
