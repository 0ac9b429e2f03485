//! What is said.

use super::*;

fn check(settings: &Value, outcomes: &str, expect: &str) {
    let mut world = World::of(&[metric("m", settings)]);
    for outcome in outcomes.chars() {
        world.measure(&outcome.to_string());
    }
    assert_eq!(world.message(), expect, "{settings} {outcomes}");
}

#[test]
fn the_run_says_which_limit_was_broken() {
    check(&json!({}), "F", r#"Metric "m" assessed Failed due to failed (1) > failureLimit (0)"#);
    check(
        &json!({"interval": "1m", "failureLimit": 2}),
        "FSFF",
        r#"Metric "m" assessed Failed due to failed (3) > failureLimit (2)"#,
    );
    check(&json!({}), "I", r#"Metric "m" assessed Inconclusive due to inconclusive (1) > inconclusiveLimit (0)"#);
    check(
        &json!({}),
        "EEEEE",
        r#"Metric "m" assessed Error due to consecutiveErrors (5) > consecutiveErrorLimit (4): "Error Message: no route to host""#,
    );
    check(
        &json!({"interval": "1m", "consecutiveSuccessLimit": 2, "failureLimit": 1, "count": 3}),
        "SFS",
        r#"Metric "m" assessed Inconclusive due to consecutiveSuccess (1) < consecutiveSuccessLimit (2)"#,
    );
    check(&json!({}), "S", "");
    check(&json!({"interval": "1m"}), "SS", "");
}

/// The message of the metric and of its last measurement.
fn check_metric(settings: &Value, outcomes: &str, expect: (&str, &str)) {
    let mut world = World::of(&[metric("m", settings)]);
    for outcome in outcomes.chars() {
        world.measure(&outcome.to_string());
    }
    let result = world.result("m");
    let last = result.measurements.last().unwrap().message.as_deref().unwrap_or_default();
    assert_eq!((result.message.as_deref().unwrap_or_default(), last), expect, "{settings} {outcomes}");
}

#[test]
fn the_metric_says_value_condition_and_what_is_left() {
    let windowed = json!({
        "interval": "1m", "failureLimit": 3, "inconclusiveLimit": 1,
        "provider": {"prometheus": {"query": "rate(errors[5m])"}},
    });
    check_metric(&windowed, "S", ("0.5 meets result < 1 over 5m; 3 of 3 failures left", ""));
    check_metric(
        &windowed,
        "F",
        ("3 meets failureCondition result > 2 over 5m; 2 of 3 failures left", "3 meets failureCondition result > 2"),
    );
    check_metric(
        &windowed,
        "I",
        (
            "1.5 meets neither result < 1 nor failureCondition result > 2 over 5m; 0 of 1 inconclusive measurement left",
            "1.5 meets neither result < 1 nor failureCondition result > 2",
        ),
    );
    check_metric(&windowed, "FE", ("no route to host; 3 of 4 errors in a row left", "no route to host"));
    check_metric(
        &json!({}),
        "F",
        ("3 meets failureCondition result > 2; failureLimit 0 is exceeded", "3 meets failureCondition result > 2"),
    );
    check_metric(
        &json!({"interval": "1m", "failureLimit": -1, "consecutiveSuccessLimit": 3}),
        "S",
        ("0.5 meets result < 1; any number of failures is tolerated", ""),
    );
}

#[test]
fn remarks_of_the_provider_are_kept_and_warnings_are_told() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    let taken = world.taken(
        0,
        sample('S')
            .with_note(Note::remark("no 5xx series; 1,240 requests in the denominator"))
            .with_note(Note::warning("each series is divided by itself")),
    );
    world.record(vec![taken]);
    let expect = "0.5 meets result < 1; 0 of 0 failures left; no 5xx series; 1,240 requests in the denominator; \
                  each series is divided by itself";
    assert_eq!(world.result("m").message.as_deref(), Some(expect));
    let told: Vec<_> = world.notices.iter().map(|notice| (notice.reason, notice.message.as_str())).collect();
    assert_eq!(told, [(EventReason::AnalysisRunWarning, "Metric 'm': each series is divided by itself")]);
}

#[test]
fn the_query_is_recorded_with_the_first_measurement_that_was_asked() {
    let query = |world: &World| world.result("m").metadata.get("ResolvedPrometheusQuery").cloned();
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    let taken = world.taken(0, Sample::failed(SampleError::Setup("prometheus address is not configured".into())));
    world.record(vec![taken]);
    assert_eq!(query(&world), None);
    world.measure("E");
    assert_eq!(query(&world).as_deref(), Some("errors"));
}

#[test]
fn secrets_are_in_nothing_that_is_kept() {
    let metrics = json!([metric(
        "m",
        &json!({
            "interval": "1m",
            "successCondition": "result < {{args.key}}",
            "provider": {"prometheus": {"query": "up{t=\"{{args.token}}\"}"}},
        })
    )]);
    let secret = |name: &str| json!({"name": name, "valueFrom": {"secretKeyRef": {"name": "s", "key": name}}});
    let spec = spec(json!({"metrics": metrics, "args": [secret("token"), secret("key")]}));
    let mut secrets = crate::secret::SecretSet::new();
    let keys = [("token", "hunter2"), ("key", "sesame")];
    let keys = keys.map(|(key, value)| (key.to_owned(), crate::secret::Secret::new(value)));
    secrets.insert("s", Ok(keys.into()));
    let args = crate::substitute::Arguments::revealed(&spec.args, &secrets).ok().unwrap();
    let filled = args.fill(&spec.metrics[0]).unwrap();
    let mut world = World::new(spec);
    let samples = [
        Sample::of(ResultValue::Scalar(0.5), "say hunter2").with_metadata("warnings", "hunter2"),
        Sample::failed(SampleError::Query("401 for hunter2".into())).with_note(Note::warning("hunter2")),
    ];
    for sample in samples {
        world.record(vec![JudgedMeasurement::new(0, world.now, &filled, sample, &args.redactor())]);
    }
    let kept = format!("{} {:?}", serde_json::to_string(&world.status).unwrap(), world.notices);
    assert!(!kept.contains("hunter2") && !kept.contains("sesame"), "{kept}");
    assert!(kept.contains("401 for *****") && kept.contains(r#"up{t=\"{{args.token}}\"}"#), "{kept}");
}

#[test]
fn long_texts_are_cut() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m", "failureLimit": 99}))]);
    let huge = "é".repeat(1 << 20);
    for _ in 0..20 {
        let taken = [
            Sample::of(ResultValue::Scalar(3.0), huge.clone()).with_note(Note::warning(huge.clone())),
            Sample::failed(SampleError::Query(huge.clone())),
        ]
        .map(|sample| world.taken(0, sample));
        world.record(taken.into());
    }
    let size = serde_json::to_string(&world.status).unwrap().len();
    assert!(size < 300_000, "{size}");
}
