//! When metrics are measured.

use super::*;

#[test]
fn the_first_measurement_is_due_at_once() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    let turn = world.plan();
    assert_eq!(turn.due, [Due { metric: 0, at: at(0) }]);
    assert_eq!((turn.wake, world.status.started_at, world.status.phase), (None, Some(at(0)), Running));
}

#[test]
fn an_initial_delay_counts_from_the_start_of_the_run() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m", "initialDelay": "30s"}))]);
    let turn = world.plan();
    assert_eq!((turn.due, turn.wake), (vec![], Some(at(30))));
    world.now = at(29);
    assert!(world.plan().due.is_empty());
    world.now = at(30);
    assert_eq!(world.plan().due, [Due { metric: 0, at: at(30) }]);
}

#[test]
fn an_interval_is_over_strictly_after_it() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    world.measure("S");
    world.now = at(60);
    let turn = world.plan();
    assert!(turn.due.is_empty());
    assert_eq!(turn.wake.map(milliseconds), Some(60_001));
}

#[test]
fn measurements_keep_to_their_grid_however_long_a_query_takes_within_its_second() {
    let mut world = World::of(&[metric("m", &json!({"interval": "10s"}))]);
    let mut began = Vec::new();
    for _ in 0..5 {
        world.sleep();
        began.push(milliseconds(world.now));
        world.now = world.now.saturating_add(SignedDuration::from_millis(800)).unwrap();
        world.measure("S");
    }
    assert_eq!(began, [0, 10_001, 20_001, 30_001, 40_001]);
}

#[test]
fn a_slow_query_is_followed_by_a_whole_interval() {
    let mut world = World::of(&[metric("m", &json!({"interval": "10s"}))]);
    world.now = at(7);
    world.measure("S");
    assert_eq!(world.plan().wake.map(milliseconds), Some(17_001));
}

#[test]
fn errors_are_tried_again_after_ten_seconds_whatever_the_interval() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1h"}))]);
    let mut began = Vec::new();
    while !world.status.phase.is_terminal() {
        world.sleep();
        began.push(world.now.as_second() - at(0).as_second());
        world.measure("E");
    }
    assert_eq!(began, [0, 10, 20, 30, 40]);
    assert_eq!(world.status.phase, Error);
}

#[test]
fn a_metric_without_interval_is_tried_again_only_after_an_error() {
    let mut world = World::of(&[metric("m", &json!({})), metric("n", &json!({"interval": "1m"}))]);
    world.measure("SS");
    assert_eq!(world.sleep(), [1]);
}

#[test]
fn an_interval_of_less_than_a_second_counts_as_a_second() {
    for interval in ["0s", "1ms", "-5s"] {
        let mut world = World::of(&[metric("m", &json!({"interval": interval}))]);
        world.measure("S");
        assert_eq!(world.plan().wake.map(milliseconds), Some(1001), "{interval}");
    }
}

#[test]
fn each_metric_has_its_own_time_and_none_is_measured_twice_at_once() {
    let mut world = World::of(&[metric("a", &json!({"interval": "10s"})), metric("b", &json!({"interval": "25s"}))]);
    world.measure("SS");
    let mut order = Vec::new();
    for _ in 0..4 {
        let due = world.sleep();
        order.push((world.now.as_second() - at(0).as_second(), due.clone()));
        world.measure(["S", "-S"][usize::from(due == [1])]);
    }
    assert_eq!(order, [(10, vec![0]), (20, vec![0]), (25, vec![1]), (30, vec![0])]);
    let turn = world.run.plan(&world.status, &BTreeSet::from([0]), at(3600));
    assert_eq!(turn.due.iter().map(|due| due.metric).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_measurement_that_comes_late_is_one_of_now() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    world.measure("S");
    world.now = at(3600);
    assert_eq!(world.plan().due, [Due { metric: 0, at: at(3600) }]);
}

#[test]
fn a_measurement_that_somebody_left_unfinished_is_made_again_in_its_place() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    world.status.metric_results.push(MetricResult {
        name: "m".into(),
        phase: Running,
        measurements: vec![serin_crds::analysis::Measurement {
            phase: Running,
            started_at: Some(at(-5)),
            resume_at: Some(at(20)),
            ..Default::default()
        }],
        ..MetricResult::default()
    });
    assert_eq!(world.plan().wake, Some(at(20)));
    world.now = at(20);
    assert_eq!(world.plan().due.len(), 1);
    world.measure("S");
    assert_eq!(world.result("m").measurements.len(), 1);
    assert_eq!(world.result("m").measurements[0].phase, Successful);
}

#[test]
fn a_run_that_is_being_ended_measures_nothing() {
    let mut world = World::of(&[metric("m", &json!({"interval": "1m"}))]);
    world.now = at(3600);
    world.terminate();
    let turn = world.plan();
    assert_eq!((turn.due, turn.wake), (vec![], None));
}

#[test]
fn ten_measurements_are_kept_or_as_many_as_a_rule_says() {
    let mut world = World::new(spec(json!({
        "metrics": [metric("a", &json!({"interval": "1m"})), metric("b", &json!({"interval": "1m"}))],
        "measurementRetention": [{"metricName": "^b$", "limit": 3}],
    })));
    for second in 0..15 {
        world.now = at(second);
        world.measure("SS");
    }
    let kept = |name| world.result(name).measurements.iter().map(|m| m.finished_at.unwrap()).collect::<Vec<_>>();
    assert_eq!(kept("a"), (5..15).map(at).collect::<Vec<_>>());
    assert_eq!(kept("b"), (12..15).map(at).collect::<Vec<_>>());
    assert_eq!(world.result("b").count, 15);
}

#[test]
fn results_stay_in_the_order_of_the_spec() {
    let once = json!({"interval": "1m"});
    let mut world = World::of(&[metric("c", &once), metric("a", &once), metric("b", &once)]);
    for round in ["--S", "S", "-S"] {
        world.measure(round);
    }
    let names: Vec<_> = world.status.metric_results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names, ["c", "a", "b"]);
}

#[test]
fn the_spread_of_a_run_is_its_own_and_stays() {
    let spreads: BTreeSet<_> = (0..100).map(|index| spread_of(&format!("uid-{index}"))).collect();
    assert!(spreads.len() > 50, "{spreads:?}");
    assert!(spreads.iter().all(|spread| (1..500).contains(&spread.as_millis())), "{spreads:?}");
    assert_eq!((spread_of("uid-1").as_millis(), spread_of("uid-2").as_millis()), (244, 190));
}
