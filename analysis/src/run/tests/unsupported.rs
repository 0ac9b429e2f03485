//! Metrics of a provider that cannot be asked.

use super::*;

fn job(name: &str) -> Value {
    metric(name, &json!({"interval": "1m", "provider": {"job": {"spec": {}}}}))
}

/// A run of a job and a metric that can be measured, taken over when the job had succeeded twice.
fn taken_over() -> World {
    let mut world = World::of(&[job("smoke"), metric("errors", &json!({"interval": "1m"}))]);
    let good = |second| serin_crds::analysis::Measurement {
        phase: Successful,
        started_at: Some(at(second)),
        finished_at: Some(at(second)),
        ..Default::default()
    };
    world.status.metric_results.push(serin_crds::analysis::MetricResult {
        name: "smoke".into(),
        phase: Running,
        measurements: vec![good(-120), good(-60)],
        count: 2,
        successful: 2,
        consecutive_success: 2,
        ..Default::default()
    });
    world
}

const WAITS: &str = "Waiting: metric \"smoke\" needs the metric provider job, which is not supported; \
                     remove it, or terminate the run";

#[test]
fn a_run_holds_for_a_metric_that_nobody_can_measure() {
    let mut world = World::of(&[job("smoke")]);
    for now in [0, 60, 86_400] {
        world.now = at(now);
        let turn = world.plan();
        assert_eq!((turn.due, turn.wake, word(world.status.phase), world.message()), (vec![], None, 'R', WAITS));
    }
    assert_eq!((evidence(&world.status), world.notices.len()), (0, 0));
}

#[test]
fn what_somebody_else_measured_stays_and_the_rest_is_measured_on() {
    let mut world = taken_over();
    let before = world.result("smoke").clone();
    assert_eq!(world.plan().due, [Due { metric: 1, at: at(0) }]);
    world.measure("-S");
    assert_eq!((word(world.status.phase), world.message()), ('R', WAITS));
    assert_eq!(world.result("smoke"), &before);
    world.measure("-F");
    assert_eq!(word(world.status.phase), 'F');
}

#[test]
fn an_end_waits_for_no_metric_that_nobody_can_measure() {
    let mut world = taken_over();
    world.measure("-I");
    assert_eq!(word(world.status.phase), 'I');
    let mut world = World::of(&[job("smoke"), metric("errors", &json!({"consecutiveErrorLimit": 0}))]);
    world.measure("-E");
    assert_eq!(word(world.status.phase), 'E');
}

#[test]
fn a_run_that_holds_can_be_terminated_and_proves_nothing_by_it() {
    let mut world = World::of(&[job("smoke")]);
    world.terminate();
    assert_eq!((word(world.status.phase), world.message(), evidence(&world.status)), ('S', "Run Terminated", 0));
}

#[test]
fn nobody_waits_for_a_dry_run_that_cannot_be_made() {
    let mut world = World::new(spec(json!({
        "metrics": [job("smoke"), metric("errors", &json!({}))],
        "dryRun": [{"metricName": "smoke"}],
    })));
    assert_eq!((word(world.status.phase), world.message()), ('R', ""));
    world.measure("-S");
    assert_eq!((word(world.status.phase), evidence(&world.status)), ('S', 1));
}
