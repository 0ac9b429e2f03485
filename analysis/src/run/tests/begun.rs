//! Measurements that take longer than one question.

use super::*;
use crate::provider::Begun;

fn slow() -> Value {
    json!({"interval": "1m", "count": 3})
}

fn job(nth: u32) -> BTreeMap<String, String> {
    BTreeMap::from([("job-name".to_owned(), format!("j{nth}"))])
}

impl World {
    fn begin(&mut self, metric: usize, begun: Begun) {
        let taken = BegunMeasurement::new(metric, self.now, begun, &Redactor::default());
        let recorded = self.run.begin(&self.status, taken, self.now);
        self.status = recorded.status;
    }
}

#[test]
fn a_sample_that_was_begun_is_looked_at_again_when_its_provider_says() {
    let mut world = World::of(&[metric("m", &slow())]);
    assert_eq!((begun(&world.status, "m"), next_nth(&world.status, "m")), (None, 1));
    let first = Begun { metadata: job(1), resume_at: Some(at(5)) };
    world.begin(0, first.clone());
    assert_eq!((begun(&world.status, "m"), next_nth(&world.status, "m")), (Some(first), 1));
    assert_eq!((world.plan().wake, evidence(&world.status)), (Some(at(5)), 0));
    world.now = at(5);
    assert_eq!(world.plan().due, [Due { metric: 0, at: at(5) }]);
    world.begin(0, Begun { metadata: job(1), resume_at: Some(at(9)) });
    world.now = at(9);
    world.measure("S");
    let result = world.result("m");
    assert_eq!((result.measurements.len(), result.count), (1, 1));
    assert_eq!((result.measurements[0].started_at, result.measurements[0].finished_at), (Some(at(0)), Some(at(9))));
    assert_eq!((begun(&world.status, "m"), next_nth(&world.status, "m")), (None, 2));
}

#[test]
fn what_is_not_there_at_the_end_of_the_run_is_closed_and_counts_for_nothing() {
    for end in ["breach", "order"] {
        let mut world = World::of(&[metric("m", &slow()), metric("other", &slow())]);
        world.begin(0, Begun { metadata: job(1), resume_at: Some(at(3600)) });
        if end == "breach" {
            world.measure("-F");
        } else {
            world.terminate();
        }
        let result = world.result("m");
        assert_eq!((result.phase, result.count, result.inconclusive), (Successful, 0, 0), "{end}");
        let measurement = &result.measurements[0];
        assert_eq!(
            (measurement.phase, measurement.finished_at, measurement.resume_at),
            (Inconclusive, Some(at(0)), None)
        );
        assert_eq!(word(world.status.phase), if end == "breach" { 'F' } else { 'S' });
        assert_eq!(evidence(&world.status), usize::from(end == "breach"));
    }
}

#[test]
fn an_end_waits_for_a_sample_only_as_long_as_it_was_to_be_there_by_then() {
    for (resume_at, expect) in [(at(1), 'R'), (at(60), 'I')] {
        let mut world = World::of(&[metric("m", &slow()), metric("other", &slow())]);
        world.begin(0, Begun { metadata: job(1), resume_at: Some(resume_at) });
        world.measure("-I");
        assert_eq!(word(world.status.phase), expect, "{resume_at}");
    }
}

#[test]
fn measurements_that_are_dropped_are_named_with_their_number() {
    let mut world = World::new(spec(json!({
        "metrics": [metric("m", &json!({"interval": "1s", "consecutiveErrorLimit": 9}))],
        "measurementRetention": [{"metricName": "m", "limit": 2}],
    })));
    let mut dropped = Vec::new();
    for (nth, outcome) in (1..).zip("SESSE".chars()) {
        world.begin(0, Begun { metadata: job(nth), resume_at: None });
        let sample = sample(outcome).with_metadata("job-name", format!("j{nth}"));
        let taken = world.taken(0, sample);
        let recorded = world.run.record(&world.status, vec![taken], world.now);
        world.status = recorded.status;
        dropped.extend(recorded.dropped.into_iter().map(|dropped| (dropped.nth, dropped.begun.metadata)));
    }
    assert_eq!(dropped, [(1, job(1)), (2, job(2)), (3, job(3))]);
}
