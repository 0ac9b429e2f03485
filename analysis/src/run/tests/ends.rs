//! How a run of several metrics ends.

use super::*;

fn background() -> Value {
    json!({"interval": "1m"})
}

/// Plays rounds of two metrics; expects the phases of both and of the run.
fn check(settings: [&Value; 2], rounds: &[&str], expect: &str) {
    let mut world = World::of(&[metric("a", settings[0]), metric("b", settings[1])]);
    for round in rounds {
        world.measure(round);
    }
    let phase = |name: &str| world.status.metric_results.iter().find(|r| r.name == name).map_or('.', |r| word(r.phase));
    let found: String = [phase("a"), phase("b"), ' ', word(world.status.phase)].into_iter().collect();
    assert_eq!(found, expect, "{rounds:?}");
}

#[test]
fn a_run_ends_when_all_metrics_have_ended() {
    let once = json!({});
    check([&once, &once], &["S-"], "S. R");
    check([&once, &once], &["S-", "-S"], "SS S");
    check([&once, &background()], &["SS"], "SR R");
}

#[test]
fn one_metric_that_ends_badly_ends_the_run_in_the_same_turn() {
    let once = json!({});
    check([&once, &background()], &["FS"], "FS F");
    check([&once, &background()], &["F-"], "F. F");
    check([&once, &background()], &["IS"], "IS I");
    check([&json!({"consecutiveErrorLimit": 0}), &background()], &["ES"], "ES E");
}

#[test]
fn the_worst_metric_names_the_phase() {
    let once = json!({});
    let brittle = json!({"consecutiveErrorLimit": 0});
    check([&once, &once], &["IF"], "IF F");
    check([&once, &once], &["FI"], "FI F");
    check([&brittle, &once], &["EF"], "EF F");
    check([&brittle, &once], &["EI"], "EI E");
    check([&once, &once], &["SI"], "SI I");
}

#[test]
fn nothing_is_taken_in_after_the_end() {
    let mut world = World::of(&[metric("m", &background())]);
    world.measure("F");
    let ended = world.status.clone();
    world.measure("S");
    world.now = at(3600);
    let turn = world.plan();
    assert_eq!((world.status, turn.due, turn.wake), (ended, vec![], None));
}

#[test]
fn dry_run_metrics_do_not_count() {
    let dry = json!([{"metricName": "dry"}]);
    let with = |rest: Value| spec(json!({"metrics": [metric("dry", &json!({})), rest], "dryRun": dry}));
    let mut world = World::new(with(metric("real", &json!({}))));
    world.measure("F-");
    assert_eq!((word(world.status.phase), world.result("dry").dry_run), ('R', true));
    assert_eq!(
        world.result("dry").message.as_deref(),
        Some("Metric assessed Failed due to failed (1) > failureLimit (0)")
    );
    world.measure("-S");
    assert_eq!(word(world.status.phase), 'S');
    let summary = |s: &serin_crds::analysis::RunSummary| [s.count, s.successful, s.failed, s.inconclusive, s.error];
    assert_eq!(summary(&world.status.run_summary), [1, 1, 0, 0, 0]);
    assert_eq!(summary(world.status.dry_run_summary.as_ref().unwrap()), [1, 0, 1, 0, 0]);
    assert_eq!(evidence(&world.status), 1);
}

#[test]
fn a_run_of_dry_run_metrics_alone_is_successful_when_they_were_measured() {
    let all_dry = json!({"metrics": [metric("a", &json!({}))], "dryRun": [{"metricName": ".*"}]});
    for (outcomes, expect) in [("S", 1), ("F", 1), ("EEEEE", 5)] {
        let mut world = World::new(spec(all_dry.clone()));
        assert_eq!(evidence(&world.status), 0);
        outcomes.chars().for_each(|outcome| world.measure(&outcome.to_string()));
        assert_eq!((word(world.status.phase), evidence(&world.status)), ('S', expect), "{outcomes}");
    }
    let mut world = World::new(spec(all_dry));
    world.terminate();
    assert_eq!((word(world.status.phase), evidence(&world.status)), ('S', 0));
    let mut world = World::new(spec(json!({
        "metrics": [metric("a", &json!({})), metric("b", &background())],
        "dryRun": [{"metricName": "b"}],
    })));
    world.measure("SS");
    assert_eq!(word(world.status.phase), 'R');
}

#[test]
fn a_measurement_of_a_dry_run_proves_nothing_beside_a_metric_that_counts() {
    let dry = json!([{"metricName": "dry"}]);
    let metrics = [metric("dry", &json!({})), metric("real", &background())];
    let mut world = World::new(spec(json!({"metrics": metrics, "dryRun": dry})));
    world.measure("S-");
    world.measure("-E");
    assert_eq!(evidence(&world.status), 0);
    world.measure("-S");
    assert_eq!(evidence(&world.status), 1);
}

#[test]
fn summaries_count_ended_metrics_only() {
    let mut world = World::of(&[metric("a", &json!({})), metric("b", &background()), metric("c", &json!({}))]);
    world.measure("SS-");
    let summary = &world.status.run_summary;
    assert_eq!([summary.count, summary.successful], [3, 1]);
    world.measure("--F");
    let summary = &world.status.run_summary;
    assert_eq!([summary.count, summary.successful, summary.failed], [3, 2, 1]);
    assert_eq!(world.status.dry_run_summary, Some(serin_crds::analysis::RunSummary::default()));
}

#[test]
fn a_terminated_run_is_successful_unless_something_was_worse() {
    let mut world = World::of(&[metric("a", &background())]);
    world.measure("S");
    world.terminate();
    assert_eq!((word(world.status.phase), world.message()), ('S', "Run Terminated"));
    assert_eq!((world.result("a").phase, evidence(&world.status)), (Successful, 1));

    let mut world = World::of(&[metric("a", &json!({"interval": "1m", "failureLimit": 5}))]);
    world.measure("F");
    world.measure("E");
    world.terminate();
    assert_eq!(word(world.status.phase), 'S');
}

#[test]
fn a_run_that_was_terminated_before_it_measured_is_successful_and_proves_nothing() {
    let mut world = World::of(&[metric("a", &background())]);
    world.terminate();
    assert_eq!((word(world.status.phase), world.message()), ('S', "Run Terminated"));
    assert_eq!(evidence(&world.status), 0);
    assert!(world.status.metric_results.is_empty());
}

#[test]
fn the_end_is_told_once() {
    let mut world = World::of(&[metric("a", &background()), metric("b", &background())]);
    world.measure("FS");
    world.plan();
    let told: Vec<_> = world.notices.iter().map(|notice| (notice.reason.as_str(), notice.message.as_str())).collect();
    assert_eq!(
        told,
        [
            ("MetricFailed", "Metric 'a' Completed. Result: Failed"),
            ("MetricSuccessful", "Metric 'b' Completed. Result: Successful"),
            ("AnalysisRunFailed", "Analysis Completed. Result: Failed"),
        ]
    );
    assert_eq!(world.status.completed_at, Some(at(0)));
}

#[test]
fn a_finished_run_is_deleted_when_its_time_to_live_has_passed() {
    let check = |phase: AnalysisPhase, strategy: Value, expect: Option<i64>| {
        let spec = spec(json!({"metrics": [], "ttlStrategy": strategy}));
        let status = AnalysisRunStatus { phase, completed_at: Some(at(0)), ..AnalysisRunStatus::default() };
        assert_eq!(expires_at(&spec, &status), expect.map(at), "{phase} {strategy}");
    };
    let all = json!({"secondsAfterCompletion": 10, "secondsAfterSuccess": 20, "secondsAfterFailure": 30});
    check(Successful, all.clone(), Some(21));
    check(Failed, all.clone(), Some(31));
    check(Error, all.clone(), Some(11));
    check(Inconclusive, all.clone(), Some(11));
    check(Running, all, None);
    check(Failed, json!({"secondsAfterSuccess": 20}), None);
    check(Error, json!({"secondsAfterFailure": 20}), None);
    check(Successful, json!({"secondsAfterCompletion": 0}), Some(1));
    check(Successful, Value::Null, None);
}
