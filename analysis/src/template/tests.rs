use serde_json::{Value, json};

use super::*;

fn spec(value: Value) -> AnalysisTemplateSpec {
    serde_json::from_value(value).unwrap()
}

fn including(names: &[&str]) -> AnalysisTemplateSpec {
    let templates: Vec<Value> = names
        .iter()
        .map(|name| match name.strip_prefix('+') {
            Some(cluster) => json!({"templateName": cluster, "clusterScope": true}),
            None => json!({"templateName": name}),
        })
        .collect();
    spec(json!({"templates": templates}))
}

fn references(names: &[&str]) -> Vec<TemplateRef> {
    including(names).templates
}

/// Templates by name (`+name` for cluster ones) with what they include; each has one metric of its own name.
fn library(templates: &[(&str, &[&str])]) -> TemplateMap {
    let mut map = TemplateMap::default();
    for (name, inner) in templates {
        let mut spec = including(inner);
        spec.metrics.push(Metric { name: (*name).into(), ..Metric::default() });
        match name.strip_prefix('+') {
            Some(cluster) => map.cluster.insert(cluster.into(), spec),
            None => map.namespaced.insert((*name).into(), spec),
        };
    }
    map
}

fn expanded(names: &[&str], map: &TemplateMap) -> Result<Vec<String>, Vec<String>> {
    let found = expand(&references(names), map, "spec.analysis")
        .map_err(|faults| faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>())?;
    let merged = merge(&[], &found.templates, &found.cluster_templates, &[], &[]).unwrap();
    Ok(merged.metrics.into_iter().map(|metric| metric.name).collect())
}

#[test]
fn nested_templates_follow_their_parent_and_cluster_templates_come_last() {
    let map = library(&[("a", &["b", "+c"]), ("b", &["d"]), ("d", &[]), ("e", &[]), ("+c", &["e"])]);
    assert_eq!(expanded(&["a"], &map).unwrap(), ["a", "b", "d", "e", "+c"]);
    assert_eq!(expanded(&["+c", "a"], &map).unwrap(), ["e", "a", "b", "d", "+c"]);
}

#[test]
fn a_template_is_taken_once_however_often_it_is_named() {
    let map = library(&[("a", &["c"]), ("b", &["c"]), ("c", &[]), ("+c", &[])]);
    assert_eq!(expanded(&["a", "b", "a", "+c"], &map).unwrap(), ["a", "c", "b", "+c"]);
}

#[test]
fn missing_templates_are_all_named_with_their_place() {
    let map = library(&[("a", &["nope"])]);
    assert_eq!(
        expanded(&["a", "+gone"], &map).unwrap_err(),
        [
            "AnalysisTemplate 'a' spec.templates[0].templateName: Invalid value: \"nope\": \
             AnalysisTemplate 'nope' not found",
            "spec.analysis.templates[1].templateName: Invalid value: \"gone\": ClusterAnalysisTemplate 'gone' not found",
        ]
    );
}

#[test]
fn a_circle_is_told_instead_of_followed() {
    let map = library(&[("a", &["b"]), ("b", &["+c"]), ("+c", &["a"]), ("self", &["self"])]);
    assert_eq!(
        expanded(&["a", "self"], &map).unwrap_err(),
        [
            "ClusterAnalysisTemplate 'c' spec.templates[0].templateName: AnalysisTemplate 'a' includes itself: \
             a -> b -> c -> a; remove one of these references",
            "AnalysisTemplate 'self' spec.templates[0].templateName: AnalysisTemplate 'self' includes itself: \
             self -> self; remove one of these references",
        ]
    );
}

#[test]
fn a_long_chain_is_refused_and_a_wide_lattice_is_not_walked_twice() {
    let names: Vec<String> = (0..100).map(|index| format!("t{index}")).collect();
    let mut chain = TemplateMap::default();
    for pair in names.windows(2) {
        chain.namespaced.insert(pair[0].clone(), including(&[&pair[1]]));
    }
    let faults = expand(&references(&["t0"]), &chain, "spec.analysis").unwrap_err();
    assert!(faults[0].message.ends_with("templates are nested more than 32 deep"), "{faults:?}");

    let mut lattice = TemplateMap::default();
    for level in 0..30 {
        let (left, right) = (format!("l{}", level + 1), format!("r{}", level + 1));
        lattice.namespaced.insert(format!("l{level}"), including(&[&left, &right]));
        lattice.namespaced.insert(format!("r{level}"), including(&[&left, &right]));
    }
    lattice.namespaced.insert("l30".into(), spec(json!({})));
    lattice.namespaced.insert("r30".into(), spec(json!({})));
    let found = expand(&references(&["l0"]), &lattice, "spec.analysis").unwrap();
    assert_eq!(found.templates.len(), 61);
}

fn merged(given: &Value, templates: &[Value], rules: &Value) -> Result<MergedSpec, Vec<String>> {
    let given: Vec<Argument> = serde_json::from_value(given.clone()).unwrap();
    let rules = spec(rules.clone());
    let templates: Vec<AnalysisTemplateSpec> = templates.iter().cloned().map(spec).collect();
    let named = |(index, spec)| Named { name: format!("AnalysisTemplate 't{index}'"), spec };
    let templates: Vec<Named<'_>> = templates.iter().enumerate().map(named).collect();
    merge(&given, &templates, &[], &rules.dry_run, &rules.measurement_retention)
        .map_err(|faults| faults.into_iter().map(|fault| fault.message).collect())
}

fn check_args(given: &Value, templates: &[Value], expect: &Value) {
    let templates: Vec<Value> = templates.iter().map(|args| json!({"args": args})).collect();
    let args = merged(given, &templates, &json!({})).unwrap().args;
    assert_eq!(serde_json::to_value(args).unwrap(), *expect);
}

#[test]
fn the_first_value_of_an_argument_wins_and_given_ones_override() {
    let declared = json!([{"name": "a"}, {"name": "b", "value": "1"}]);
    let more = json!([{"name": "a", "value": "2"}, {"name": "b"}, {"name": "b", "value": "1"}]);
    check_args(
        &json!([]),
        &[declared.clone(), more.clone()],
        &json!([{"name": "a", "value": "2"}, {"name": "b", "value": "1"}]),
    );
    check_args(
        &json!([{"name": "a", "value": "3"}, {"name": "b", "value": ""}]),
        &[declared, more],
        &json!([{"name": "a", "value": "3"}, {"name": "b", "value": ""}]),
    );
    let secret = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    check_args(
        &json!([]),
        &[json!([{"name": "a", "valueFrom": secret}]), json!([{"name": "a"}])],
        &json!([{"name": "a", "valueFrom": secret}]),
    );
}

#[test]
fn a_value_and_a_reference_of_two_templates_are_not_mixed() {
    let (value, secret) = (
        json!({"name": "a", "value": "1"}),
        |name: &str| json!({"name": "a", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}),
    );
    check_args(&json!([]), &[json!([secret("s")]), json!([value])], &json!([value]));
    check_args(&json!([]), &[json!([value]), json!([secret("s")])], &json!([value]));
    check_args(&json!([]), &[json!([secret("s")]), json!([secret("t")])], &json!([secret("t")]));
}

#[test]
fn arguments_that_no_template_has_are_left_out_and_named() {
    let given = json!([{"name": "a", "value": "1"}, {"name": "stray", "value": "2"}]);
    let merged = merged(&given, &[json!({"args": [{"name": "a"}]})], &json!({})).unwrap();
    assert_eq!((merged.args.len(), merged.ignored_args), (1, vec!["stray".to_owned()]));
}

#[test]
fn the_rules_of_the_rollout_come_first() {
    let template = json!({
        "dryRun": [{"metricName": "t"}],
        "measurementRetention": [{"metricName": "t", "limit": 1}],
    });
    let rules = json!({
        "dryRun": [{"metricName": "r"}],
        "measurementRetention": [{"metricName": "r", "limit": 2}],
    });
    let merged = merged(&json!([]), &[template], &rules).unwrap();
    let names: Vec<_> = merged.dry_run.iter().map(|rule| &*rule.metric_name).collect();
    let limits: Vec<_> = merged.measurement_retention.iter().map(|rule| rule.limit).collect();
    assert_eq!((names, limits), (vec!["r", "t"], vec![2, 1]));
}

#[test]
fn all_contradictions_are_told_at_once() {
    let template = json!({
        "metrics": [{"name": "x"}, {"name": "x"}, {"name": "x"}],
        "args": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}, {"name": "b"}],
        "dryRun": [{"metricName": "d"}, {"metricName": "d"}],
        "measurementRetention": [{"metricName": "m", "limit": 1}, {"metricName": "m", "limit": 2}],
    });
    assert_eq!(
        merged(&json!([]), &[template, json!({"args": [{"name": "a", "value": "3"}]})], &json!({})).unwrap_err(),
        [
            "two metrics have the same name 'x'",
            "two Dry-Run metric rules have the same metric name 'd'",
            "two Measurement Retention metric rules have the same metric name 'm'",
            "Argument `a` specified multiple times with different values: '1', '2' \
             (in AnalysisTemplate 't0' and in AnalysisTemplate 't0')",
            "Argument `a` specified multiple times with different values: '1', '3' \
             (in AnalysisTemplate 't0' and in AnalysisTemplate 't1')",
            "args.b was not resolved; give it a value where the templates are named",
        ]
    );
}

#[test]
fn an_argument_of_a_megabyte_is_refused_with_its_name() {
    let given = json!([{"name": "big", "value": "x".repeat(1 << 20)}]);
    let faults = merged(&given, &[json!({"args": [{"name": "big"}, {"name": "b", "value": "1"}]})], &json!({}));
    assert_eq!(
        faults.unwrap_err(),
        ["args take 1048581 bytes; the arguments of one analysis may take 262144, \
          and args.big alone takes 1048579: shorten it"]
    );
}
