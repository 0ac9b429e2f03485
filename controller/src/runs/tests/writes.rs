//! When what is written.

use super::prometheus::Reply;
use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_measurement_and_the_end_are_written_at_once_and_successes_in_batches() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(run("r", &[metric("errors", &json!({"interval": "2s", "count": 10}))]));
    world.at(60_000).await;
    assert_eq!(world.asked().len(), 10);
    assert_eq!(world.phase("r"), "Successful");
    let writes = world.writes();
    assert_eq!(writes.len(), 3, "{writes:?}");
    assert_eq!((writes[0], writes[1]), (0, 10_000));
    let result = &world.status("r")["metricResults"][0];
    assert_eq!((&result["count"], &result["measurements"].as_array().unwrap().len()), (&json!(10), &10));
    assert_eq!(world.executor.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_run_of_one_measurement_is_one_write() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(1000).await;
    assert_eq!((world.writes(), world.phase("r").as_str()), (vec![0], "Successful"));
    assert!(world.api.0.lock().unwrap().reads.is_empty());
}

#[tokio::test(start_paused = true)]
async fn everything_but_a_success_is_written_at_once() {
    let world = World::new(|_, nth| match nth {
        1 => Reply::Value(9.0),
        2 => Reply::Fail,
        _ => Reply::Value(0.5),
    });
    let settings = json!({"interval": "2s", "failureLimit": 5});
    world.create(run("r", &[metric("errors", &settings)]));
    world.at(9000).await;
    assert_eq!(world.writes().iter().map(|at| at / 1000).collect::<Vec<_>>(), [0, 2, 4]);
    let result = &world.status("r")["metricResults"][0];
    assert_eq!((&result["failed"], &result["error"]), (&json!(1), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_came_without_a_status_says_that_it_runs() {
    let world = World::new(|_, _| Reply::Value(0.5));
    let mut object = run("r", &[metric("errors", &json!({"interval": "1m", "initialDelay": "30s"}))]);
    object.as_object_mut().unwrap().remove("status");
    world.create(object);
    world.at(1000).await;
    assert_eq!((world.phase("r").as_str(), world.asked().len()), ("Running", 0));
    assert_eq!(world.status("r")["startedAt"], json!("2026-01-01T00:00:00Z"));
    world.at(31_000).await;
    assert_eq!(world.asked(), [30_000]);
}

#[tokio::test(start_paused = true)]
async fn a_write_touches_the_status_only_and_names_its_version() {
    let world = World::new(|_, _| Reply::Value(0.5));
    let mut object = run("r", &[metric("errors", &json!({}))]);
    object["status"]["message"] = json!("an old message");
    object["status"]["unknown"] = json!({"kept": true});
    world.create(object);
    world.at(1000).await;
    let body = world.api.0.lock().unwrap().writes[0].body.clone();
    assert_eq!(body.as_object().unwrap().keys().collect::<Vec<_>>(), ["metadata", "status"]);
    assert_eq!(body["metadata"], json!({"resourceVersion": "101"}));
    assert_eq!(body["status"]["message"], Value::Null);
    assert_eq!(world.status("r")["unknown"], json!({"kept": true}));
}

#[tokio::test(start_paused = true)]
async fn measurements_keep_to_their_grid_and_runs_are_spread_over_the_second() {
    let world = World::new(|_, _| Reply::Value(0.5));
    for name in ["a", "b", "c", "d", "e", "f"] {
        world.create(run(name, &[metric(name, &json!({"interval": "10s"}))]));
    }
    world.at(35_000).await;
    let asked = world.prometheus.asked.lock().unwrap();
    let mut offsets = std::collections::BTreeSet::new();
    for name in ["a", "b", "c", "d", "e", "f"] {
        let at: Vec<u64> = asked.log.iter().filter(|(_, query)| query == name).map(|(at, _)| *at).collect();
        let [0, second, third, fourth] = at[..] else { panic!("{at:?}") };
        assert_eq!((third - second, fourth - third), (10_000, 10_000));
        assert!((10_001..10_501).contains(&second), "{second}");
        offsets.insert(second);
    }
    assert!(offsets.len() >= 5, "{offsets:?}");
}
