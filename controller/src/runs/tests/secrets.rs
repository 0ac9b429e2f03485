//! Arguments from Secrets.

use super::prometheus::Reply;
use super::*;

fn with_secret(name: &str) -> Value {
    let settings = json!({
        "interval": "10s",
        "provider": {"prometheus": {
            "address": "http://prometheus:9090",
            "query": "up",
            "headers": [{"key": "Authorization", "value": "Bearer {{args.token}}"}],
        }},
    });
    let mut object = run(name, &[metric("errors", &settings)]);
    let reference = json!({"secretKeyRef": {"name": "prom", "key": "token"}});
    object["spec"]["args"] = json!([{"name": "token", "valueFrom": reference}]);
    object["status"] = json!({"phase": "Running", "startedAt": world::EPOCH});
    object
}

fn secret(world: &World, secret: Result<Value, u16>) {
    world.api.0.lock().unwrap().secrets.insert("prom".into(), secret);
}

fn reads(world: &World) -> usize {
    world.api.0.lock().unwrap().reads.iter().filter(|read| read.starts_with("secret")).count()
}

#[tokio::test(start_paused = true)]
async fn secrets_are_read_for_each_measurement_and_stored_nowhere() {
    let world = World::new(|_, nth| if nth == 2 { Reply::Fail } else { Reply::Value(0.5) });
    // "hunter2"
    secret(&world, Ok(json!({"token": "aHVudGVyMg=="})));
    world.create(with_secret("r"));
    world.at(45_000).await;
    assert_eq!((reads(&world), world.asked().len()), (5, 5));
    let stored = world.api.0.lock().unwrap().objects["r"].to_string();
    assert!(!stored.contains("hunter2"), "{stored}");
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_read_where_none_is_asked_for() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(5000).await;
    assert_eq!(reads(&world), 0);
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_there_ends_the_run() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(with_secret("r"));
    world.at(1000).await;
    let status = world.status("r");
    assert_eq!(status["phase"], json!("Error"));
    assert_eq!(status["message"], json!("Unable to resolve metric arguments: secrets \"prom\" not found"));

    secret(&world, Ok(json!({"other": "eA=="})));
    world.create(with_secret("s"));
    world.at(2000).await;
    let why = "Unable to resolve metric arguments: key 'token' does not exist in secret 'prom'";
    assert_eq!(world.status("s")["message"], json!(why));
    assert!(world.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_cannot_answer_just_now_is_asked_again() {
    let world = World::new(|_, _| Reply::Value(0.5));
    secret(&world, Err(500));
    world.create(with_secret("r"));
    world.at(5000).await;
    assert_eq!(world.phase("r"), "Running");
    secret(&world, Ok(json!({"token": "aHVudGVyMg=="})));
    world.at(15_000).await;
    let result = &world.status("r")["metricResults"][0];
    assert_eq!((&result["error"], &result["count"]), (&json!(1), &json!(1)));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_disappears_loses_no_breach_that_is_in_flight() {
    let world = World::new(|_, _| Reply::After(Duration::from_secs(5), 9.0));
    secret(&world, Ok(json!({"token": "aHVudGVyMg=="})));
    let mut object = with_secret("r");
    let mut later = object["spec"]["metrics"][0].clone();
    (later["name"], later["initialDelay"]) = (json!("later"), json!("2s"));
    object["spec"]["metrics"].as_array_mut().unwrap().push(later);
    world.create(object);
    world.at(1000).await;
    world.api.0.lock().unwrap().secrets.clear();
    world.at(4000).await;
    assert_eq!(world.phase("r"), "Running");
    world.at(5000).await;
    assert_eq!((world.phase("r").as_str(), world.asked().len()), ("Failed", 1));
}
