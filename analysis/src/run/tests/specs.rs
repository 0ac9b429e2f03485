//! Specs that cannot be run, and specs that are given an end.

use super::*;
use crate::template::MergedSpec;

fn check(spec: Value, expect: &str) {
    let mut world = World::new(super::spec(spec));
    assert_eq!((world.message(), world.status.phase), (expect, Error));
    assert_eq!(world.status.completed_at, Some(at(0)));
    assert_eq!(world.notices.len(), 1);
    assert!(world.plan().due.is_empty());
}

fn check_metric(settings: &Value, expect: &str) {
    check(json!({"metrics": [metric("m", settings)]}), &format!("Analysis spec invalid: metrics[0]: {expect}"));
}

#[test]
fn a_run_without_usable_metrics_is_an_error() {
    check(json!({"metrics": []}), "Analysis spec invalid: no metrics specified");
    check(
        json!({"metrics": [metric("m", &json!({})), metric("m", &json!({}))]}),
        "Analysis spec invalid: metrics[1]: duplicate name 'm'",
    );
    check_metric(&json!({"provider": {}}), "no provider specified");
    check_metric(&json!({"provider": {"plugin": {}}}), "no provider specified");
    check_metric(&json!({"provider": {"prometheus": {}, "web": {}}}), "multiple providers specified");
    check_metric(&json!({"provider": {"plugin": {"a": 1, "b": 2}}}), "multiple providers specified");
}

#[test]
fn limits_that_contradict_each_other_are_an_error() {
    check_metric(&json!({"count": 2}), "interval must be specified when count > 1");
    check_metric(&json!({"failureLimit": -2}), "failureLimit must be >= 0, or -1 to be disabled");
    check_metric(
        &json!({"failureLimit": -1}),
        "consecutiveSuccessLimit cannot be 0 when failureLimit is -1: nothing would end the metric",
    );
    check_metric(&json!({"inconclusiveLimit": -1}), "inconclusiveLimit must be >= 0");
    check_metric(&json!({"consecutiveErrorLimit": -1}), "consecutiveErrorLimit must be >= 0");
    check_metric(&json!({"consecutiveSuccessLimit": -1}), "consecutiveSuccessLimit must be >= 0");
    let failures = json!({"count": 1, "failureLimit": 2});
    check_metric(&failures, "count (1) must be >= failureLimit + consecutiveSuccessLimit (2 + 0) if both >= 0");
    check_metric(&json!({"count": 1, "inconclusiveLimit": 2}), "count must be >= inconclusiveLimit");
    let both = json!({"interval": "1m", "count": 3, "failureLimit": 2, "consecutiveSuccessLimit": 2});
    check_metric(&both, "count (3) must be >= failureLimit + consecutiveSuccessLimit (2 + 2) if both >= 0");
    let unlimited = json!({"interval": "1m", "count": 1, "failureLimit": -1, "consecutiveSuccessLimit": 2});
    check_metric(&unlimited, "count must be >= consecutiveSuccessLimit");
}

#[test]
fn durations_that_are_none_are_an_error() {
    check_metric(
        &json!({"interval": "soon"}),
        "invalid interval string: \"soon\" is no duration; write it like 90s, 10m or 1h30m",
    );
    check_metric(
        &json!({"interval": "5"}),
        "invalid interval string: \"5\" has a number without a unit; add s, m or h",
    );
    check_metric(
        &json!({"initialDelay": "1d"}),
        "invalid startDelay string: \"1d\" has the unknown unit \"d\"; \
         the units are ns, us, ms, s, m and h (write 24h for a day)",
    );
}

#[test]
fn rules_that_match_no_metric_are_an_error() {
    let with = |rules: Value| {
        let mut spec = json!({"metrics": [metric("errors", &json!({}))]});
        spec.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());
        spec
    };
    let rule = "Rule didn't match any metric name(s)";
    let dry = |names: &[&str]| {
        let rules: Vec<_> = names.iter().map(|name| json!({"metricName": name})).collect();
        with(json!({"dryRun": rules}))
    };
    check(dry(&["latency"]), &format!("Analysis spec invalid: dryRun[0]: {rule}"));
    check(dry(&[".*", "*"]), &format!("Analysis spec invalid: dryRun[1]: {rule}"));
    check(dry(&["((((a{1000}){1000}){1000}){1000})"]), &format!("Analysis spec invalid: dryRun[0]: {rule}"));
    check(
        with(json!({"measurementRetention": [{"metricName": "x", "limit": 5}]})),
        &format!("Analysis spec invalid: measurementRetention[0]: {rule}"),
    );
    let resolved = Resolved::of(&super::spec(dry(&["rr"]))).unwrap();
    assert!(resolved.metrics[0].dry_run);
}

#[test]
fn arguments_that_cannot_be_resolved_are_an_error() {
    let prefix = "Unable to resolve metric arguments:";
    let query = json!({"provider": {"prometheus": {"query": "{{args.service}}"}}});
    check(json!({"metrics": [metric("m", &query)]}), &format!("{prefix} failed to resolve {{{{args.service}}}}"));
    check(
        json!({"metrics": [metric("m", &query)], "args": [{"name": "service"}]}),
        &format!("{prefix} argument \"service\" was not supplied"),
    );
    let mut world = World::of(&[metric("m", &json!({}))]);
    let failed = world.run.fail(&world.status, &unresolved("secrets \"s\" not found"), at(1));
    world.status = failed.status;
    assert_eq!(
        (world.message(), world.status.phase),
        ("Unable to resolve metric arguments: secrets \"s\" not found", Error)
    );
}

#[test]
fn settings_can_come_from_arguments() {
    let settings = json!({"interval": "{{args.every}}", "count": "{{args.n}}", "failureLimit": "{{args.none}}"});
    let resolved = Resolved::of(&super::spec(json!({
        "metrics": [metric("m", &settings)],
        "args": [
            {"name": "every", "value": "30s"},
            {"name": "n", "value": "5"},
            {"name": "none", "value": "many"},
        ],
    })))
    .unwrap();
    let found = &resolved.metrics[0];
    assert_eq!(found.interval, Some(SignedDuration::from_secs(30)));
    assert_eq!((found.limits.count, found.limits.failure), (Some(5), 0));
}

fn bounded(settings: &Value) -> Option<i64> {
    let merged = MergedSpec {
        metrics: vec![serde_json::from_value(metric("m", settings)).unwrap()],
        args: serde_json::from_value(json!([{"name": "n", "value": "3"}])).unwrap(),
        ..MergedSpec::default()
    };
    bounded_for_step(merged).metrics[0].count.as_ref().and_then(serin_crds::IntOrString::as_i64)
}

#[test]
fn a_metric_of_a_step_takes_as_many_measurements_as_could_break_its_limits() {
    assert_eq!(bounded(&json!({"interval": "1m"})), Some(1));
    assert_eq!(bounded(&json!({"interval": "1m", "failureLimit": 3})), Some(4));
    assert_eq!(bounded(&json!({"interval": "1m", "failureLimit": "{{args.n}}"})), Some(4));
    assert_eq!(bounded(&json!({"interval": "1m", "failureLimit": 1, "inconclusiveLimit": 5})), Some(6));
    assert_eq!(bounded(&json!({"interval": "1m", "count": 7, "failureLimit": 3})), Some(7));
    assert_eq!(bounded(&json!({"interval": "1m", "count": 0, "failureLimit": 3})), Some(4));
    assert_eq!(bounded(&json!({})), None);
    assert_eq!(bounded(&json!({"interval": "1m", "failureLimit": 1, "consecutiveSuccessLimit": 3})), Some(6));
    assert_eq!(bounded(&json!({"interval": "1m", "failureLimit": -1, "consecutiveSuccessLimit": 3})), None);
    assert_eq!(bounded(&json!({"interval": "{{args.unknown}}"})), None);
}

proptest::proptest! {
    #[test]
    fn a_metric_of_a_step_always_comes_to_an_end(
        outcomes in "[SFI]{60}",
        failure in 0..4_i64,
        inconclusive in 0..3_i64,
        successes in 0..4_i64,
    ) {
        let settings = json!({
            "interval": "1m", "failureLimit": failure, "inconclusiveLimit": inconclusive,
            "consecutiveSuccessLimit": successes,
        });
        let mut settings = settings;
        settings["count"] = json!(bounded(&settings));
        let mut world = World::of(&[metric("m", &settings)]);
        proptest::prop_assert_eq!(world.message(), "");
        for outcome in outcomes.chars() {
            world.measure(&outcome.to_string());
        }
        proptest::prop_assert!(world.status.phase.is_terminal());
        let ran_out = world.message().contains("consecutiveSuccessLimit");
        proptest::prop_assert!(!ran_out, "{} {}", settings, world.message());
    }
}

#[test]
fn names_and_labels_are_those_of_argo_rollouts() {
    assert_eq!(name("web", "abc", "2", Purpose::Background), "web-abc-2");
    assert_eq!(name("web", "abc", "2", Purpose::Step(3)), "web-abc-2-3");
    assert_eq!(name("web", "abc", "2", Purpose::PrePromotion), "web-abc-2-pre");
    assert_eq!(name("web", "abc", "2", Purpose::PostPromotion), "web-abc-2-post");
    assert_eq!(name("trial", "", "", Purpose::Experiment("errors")), "trial-errors");
    let map = |entries: &[(&str, &str)]| entries.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let (metadata, selector) = (map(&[("team", "a"), ("app", "x")]), map(&[("app", "web")]));
    let identity = Identity {
        hash: "abc",
        purpose: Purpose::Step(3),
        instance_id: Some("blue"),
        metadata: Some(&metadata),
        selector: Some(&selector),
    };
    assert_eq!(
        serde_json::to_value(labels(identity)).unwrap(),
        json!({
            "app": "web",
            "argo-rollouts.argoproj.io/controller-instance-id": "blue",
            "rollout-type": "Step",
            "rollouts-pod-template-hash": "abc",
            "step-index": "3",
            "team": "a",
        })
    );
    let background =
        Identity { purpose: Purpose::Background, instance_id: None, metadata: None, selector: None, ..identity };
    assert_eq!(
        serde_json::to_value(labels(background)).unwrap(),
        json!({"rollout-type": "Background", "rollouts-pod-template-hash": "abc"})
    );
    assert_eq!(
        serde_json::to_value(labels(Identity { purpose: Purpose::Experiment("errors"), ..identity })).unwrap(),
        json!({"app": "x", "argo-rollouts.argoproj.io/controller-instance-id": "blue", "team": "a"})
    );
}
