//! What goes wrong with writes, watches, other writers and ourselves.

use super::api::Trouble;
use super::prometheus::Reply;
use super::*;
use crate::runs::{Executor, ObservedRun};

fn good() -> World {
    World::new(|_, _| Reply::Value(0.5))
}

fn trouble(world: &World, troubles: &[Trouble]) {
    world.api.0.lock().unwrap().troubles.extend(troubles);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_read_again_and_decided_again() {
    let world = good();
    trouble(&world, &[Trouble::Race]);
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(100).await;
    assert_eq!((world.phase("r").as_str(), world.writes()), ("Successful", vec![0]));
    assert_eq!(world.api.0.lock().unwrap().reads, ["run r"]);
    assert_eq!(world.api.0.lock().unwrap().objects["r"]["metadata"]["labels"]["touched"], json!("yes"));
}

#[tokio::test(start_paused = true)]
async fn a_server_in_trouble_is_tried_again_ever_more_slowly() {
    let world = good();
    trouble(&world, &[Trouble::Refuse; 6]);
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(60_000).await;
    assert_eq!(world.phase("r"), "Successful");
    let writes = world.writes();
    assert_eq!(writes.len(), 1);
    assert!((1000..10_000).contains(&writes[0]), "{writes:?}");
    let scrape = world.registry.render();
    assert!(scrape.contains("analysis_run_reconcile_error{namespace=\"shop\",name=\"r\"} 6\n"), "{scrape}");
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_was_lost_is_recognised_as_written() {
    for lost in [Trouble::Swallow, Trouble::Lie] {
        let world = good();
        trouble(&world, &[lost]);
        world.create(run("r", &[metric("errors", &json!({}))]));
        world.at(60_000).await;
        assert_eq!((world.phase("r").as_str(), world.writes().len()), ("Successful", 1), "{lost:?}");
        assert!(world.verdict("r").stored);
        assert_eq!(world.executor.live(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn measuring_goes_on_while_writes_hang() {
    let world = good();
    trouble(&world, &[Trouble::Swallow]);
    world.create(run("r", &[metric("errors", &json!({"interval": "1s"}))]));
    world.at(9000).await;
    assert_eq!(world.asked().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_forged_end_is_not_believed_while_the_run_is_under_way() {
    let world = good();
    world.create(run("r", &[metric("errors", &json!({"interval": "5s"}))]));
    world.at(1000).await;
    world.api.edit("r", |object| {
        object["status"] = json!({"phase": "Successful", "message": "trust me"});
    });
    world.at(2000).await;
    assert_eq!((world.phase("r").as_str(), world.verdict("r").phase), ("Running", Running));
    assert_eq!(world.status("r")["message"], Value::Null);
    world.at(21_000).await;
    assert_eq!(world.asked().len(), 5);
    assert_eq!(world.status("r")["metricResults"][0]["count"], json!(3));
}

#[tokio::test(start_paused = true)]
async fn a_forged_end_of_which_only_the_version_is_seen_is_put_right_at_once() {
    let world = good();
    world.watch(Duration::from_secs(3600));
    let object = run("r", &[metric("errors", &json!({"interval": "1h"}))]);
    world.create(object.clone());
    world.executor.saw(ObservedRun::of(world.api.0.lock().unwrap().objects["r"].clone()).unwrap());
    world.at(1000).await;
    let written = world.status("r");
    let saw_end = |world: &World| {
        let version = world.api.0.lock().unwrap().objects["r"]["metadata"]["resourceVersion"].clone();
        world.executor.saw_end("uid-r", version.as_str().unwrap());
    };
    saw_end(&world);
    world.at(1500).await;
    assert_eq!(world.writes().len(), 1, "what we wrote ourselves is not doubted");
    world.api.edit("r", |object| {
        object["status"] = json!({"phase": "Successful", "message": "trust me", "completedAt": world::EPOCH});
    });
    saw_end(&world);
    world.at(2000).await;
    assert_eq!((world.status("r"), world.writes().len()), (written, 2));
    assert_eq!(world.verdict("r").phase, Running);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_keeps_forging_causes_no_storm() {
    let world = good();
    world.create(run("r", &[metric("errors", &json!({"interval": "1m"}))]));
    for round in 1..200_u64 {
        world.at(round * 100).await;
        world.api.edit("r", |object| {
            object["status"]["phase"] = json!("Successful");
        });
    }
    world.at(60_000).await;
    let writes = world.writes().len();
    assert!(writes < 15, "{writes}");
    assert_eq!(world.phase("r"), "Running");
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_lags_brings_no_ended_run_back() {
    let world = good();
    world.watch(Duration::from_secs(3));
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(3100).await;
    assert_eq!((world.phase("r").as_str(), world.executor.live()), ("Successful", 0));
    let stale = run("r", &[metric("errors", &json!({}))]);
    world.executor.saw(ObservedRun::of(stale).unwrap());
    world.at(30_000).await;
    assert_eq!((world.asked().len(), world.writes().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_closed_gate_stops_writes_and_nothing_else() {
    let world = World::new(|_, _| Reply::Value(9.0));
    *world.gate.lock().unwrap() = false;
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(5000).await;
    assert_eq!((world.verdict("r").phase, world.writes().len()), (Failed, 0));
    *world.gate.lock().unwrap() = true;
    world.at(6000).await;
    assert_eq!((world.phase("r").as_str(), world.writes().len()), ("Failed", 1));
}

#[tokio::test(start_paused = true)]
async fn another_process_goes_on_where_this_one_stopped() {
    let world = good();
    let count = 6;
    world.create(run("r", &[metric("errors", &json!({"interval": "10s", "count": count}))]));
    world.at(31_000).await;
    world.executor.stop();
    world.board.forget("uid-r");
    assert_eq!(world.executor.live(), 0);
    world.at(45_000).await;
    assert_eq!(world.asked().len(), 4);
    let successor = Executor::new(world.context.clone());
    successor.saw(ObservedRun::of(world.api.0.lock().unwrap().objects["r"].clone()).unwrap());
    world.at(120_000).await;
    assert_eq!(world.phase("r"), "Successful");
    let result = &world.status("r")["metricResults"][0];
    assert_eq!(result["count"], json!(count));
    // What was measured and not yet written is measured again; nothing is counted twice.
    assert!((6..=8).contains(&world.asked().len()), "{:?}", world.asked());
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_measurement_is_an_error_of_its_own_metric() {
    let world = World::new(|query, nth| if query == "bad" && nth == 0 { Reply::Panic } else { Reply::Value(0.5) });
    world.create(run("r", &[metric("bad", &json!({})), metric("good", &json!({}))]));
    world.create(run("other", &[metric("other", &json!({}))]));
    world.at(1000).await;
    assert_eq!((world.phase("other").as_str(), world.phase("r").as_str()), ("Successful", "Running"));
    world.at(11_000).await;
    assert_eq!(world.phase("r"), "Successful");
    assert_eq!(world.status("r")["metricResults"][0]["error"], json!(1));
}

#[tokio::test(start_paused = true)]
async fn a_run_made_again_under_the_same_name_is_not_written_by_the_old_actor() {
    let world = World::new(|_, _| Reply::After(Duration::from_secs(2), 9.0));
    world.watch(Duration::from_secs(3600));
    let old = run("r", &[metric("errors", &json!({}))]);
    world.create(old.clone());
    world.executor.saw(ObservedRun::of(world.api.0.lock().unwrap().objects["r"].clone()).unwrap());
    world.at(1000).await;
    world.api.edit("r", |object| object["metadata"]["uid"] = json!("another"));
    world.at(30_000).await;
    assert_eq!((world.phase("r").as_str(), world.writes().len(), world.executor.live()), ("Running", 0, 0));
}
