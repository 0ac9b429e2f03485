//! How runs end, and who hears of it when.

use serin_analysis::provider::FetchError;

use super::prometheus::Reply;
use super::*;
use crate::runs::{Endpoints, ObservedRun};
use crate::runtime::key::Key;

#[tokio::test(start_paused = true)]
async fn a_breach_is_called_out_before_it_is_written() {
    let world = World::new(|_, _| Reply::Value(9.0));
    world.api.0.lock().unwrap().latency = Duration::from_secs(5);
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(1000).await;
    assert_eq!(*world.called.lock().unwrap(), [(0, Key::new("shop", "web"))]);
    let verdict = world.verdict("r");
    assert_eq!((verdict.phase, verdict.evidence, verdict.stored), (Failed, 1, false));
    let why = "Metric \"errors\" assessed Failed due to failed (1) > failureLimit (0)";
    assert_eq!(verdict.message.as_deref(), Some(why));
    assert!(world.writes().is_empty());
    world.at(6000).await;
    assert!(world.verdict("r").stored);
    assert_eq!((world.writes(), world.phase("r").as_str()), (vec![5000], "Failed"));
    assert_eq!(world.called.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_success_is_called_out_when_it_is_stored() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.api.0.lock().unwrap().latency = Duration::from_secs(2);
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(1000).await;
    assert!(world.called.lock().unwrap().is_empty());
    assert_eq!((world.verdict("r").phase, world.verdict("r").standing()), (Successful, Running));
    world.at(2000).await;
    assert_eq!(world.called.lock().unwrap().len(), 1);
    assert_eq!((world.verdict("r").phase, world.verdict("r").stored), (Successful, true));
}

#[tokio::test(start_paused = true)]
async fn a_slow_sibling_does_not_delay_a_breach() {
    let world = World::new(|query, _| match query {
        "slow" => Reply::After(Duration::from_secs(25), 0.5),
        _ => Reply::After(Duration::from_millis(100), 9.0),
    });
    world.create(run("r", &[metric("slow", &json!({})), metric("errors", &json!({}))]));
    world.at(200).await;
    assert_eq!(world.called.lock().unwrap()[0].0, 100);
    assert_eq!((world.phase("r").as_str(), world.executor.live()), ("Failed", 0));
    let results = world.status("r")["metricResults"].clone();
    assert_eq!(results.as_array().unwrap().len(), 1, "{results}");
}

#[tokio::test(start_paused = true)]
async fn a_breach_is_not_lost_beside_an_inconclusive_metric_that_answers_sooner() {
    let world = World::new(|query, _| match query {
        "errors" => Reply::After(Duration::from_secs(5), 9.0),
        _ => Reply::Value(0.5),
    });
    let unsure = json!({"interval": "20s", "successCondition": "result > 1", "failureCondition": "result < 0"});
    let metrics = [metric("traffic", &unsure), metric("errors", &json!({"interval": "20s"}))];
    world.create(run("r", &metrics));
    world.create(run("other-way-round", &metrics.iter().rev().cloned().collect::<Vec<_>>()));
    world.at(1000).await;
    assert_eq!((world.phase("r").as_str(), world.verdict("r").phase), ("Running", Running));
    world.at(5100).await;
    assert_eq!((world.phase("r").as_str(), world.phase("other-way-round").as_str()), ("Failed", "Failed"));
    assert_eq!(world.asked().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn hanging_providers_hold_up_nobody_else() {
    let world = World::with(
        |query, _| match query {
            "hangs" => Reply::After(Duration::from_secs(3600), 0.5),
            _ => Reply::Value(9.0),
        },
        Endpoints::new(2),
    );
    for index in 0..5 {
        let mut hanging = metric("hangs", &json!({}));
        hanging["provider"]["prometheus"]["address"] = json!("http://broken:9090");
        world.create(run(&format!("hang-{index}"), &[hanging]));
    }
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(100).await;
    assert_eq!((world.phase("r").as_str(), world.executor.live()), ("Failed", 5));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_is_asked_a_bounded_number_of_questions_at_once() {
    let world = World::with(|_, _| Reply::After(Duration::from_millis(50), 0.5), Endpoints::new(16));
    for index in 0..200 {
        world.create(run(&format!("r-{index}"), &[metric("errors", &json!({}))]));
    }
    world.at(2000).await;
    let asked = world.prometheus.asked.lock().unwrap();
    assert_eq!((asked.log.len(), asked.most), (200, 16));
    assert_eq!(world.executor.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn terminating_a_run_ends_it_at_once_even_in_the_middle_of_a_question() {
    let world =
        World::new(|_, nth| if nth == 0 { Reply::Value(0.5) } else { Reply::After(Duration::from_secs(20), 9.0) });
    world.create(run("r", &[metric("errors", &json!({"interval": "10s"}))]));
    world.at(12_000).await;
    world.api.edit("r", |object| object["spec"]["terminate"] = json!(true));
    world.at(12_010).await;
    let status = world.status("r");
    assert_eq!((&status["phase"], &status["message"]), (&json!("Successful"), &json!("Run Terminated")));
    assert_eq!((world.verdict("r").evidence, world.executor.live()), (1, 0));
    world.at(60_000).await;
    assert_eq!(world.status("r"), status);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_terminated_before_it_measured_has_no_evidence() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(run("r", &[metric("errors", &json!({"interval": "10s", "initialDelay": "1h"}))]));
    world.at(1000).await;
    assert_eq!((world.verdict("r").phase, world.writes().len()), (Running, 0));
    world.api.edit("r", |object| object["spec"]["terminate"] = json!(true));
    world.at(1010).await;
    assert_eq!((world.verdict("r").phase, world.verdict("r").evidence), (Successful, 0));
}

#[tokio::test(start_paused = true)]
async fn a_finished_run_is_deleted_after_its_time_to_live() {
    let world = World::new(|_, _| Reply::Value(0.5));
    let mut object = run("r", &[metric("errors", &json!({}))]);
    object["spec"]["ttlStrategy"] = json!({"secondsAfterCompletion": 30});
    world.create(object);
    world.at(30_900).await;
    assert!(world.api.0.lock().unwrap().objects.contains_key("r"));
    world.at(31_100).await;
    assert!(!world.api.0.lock().unwrap().objects.contains_key("r"));
    assert_eq!((world.executor.live(), world.board.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_deleted_is_left_alone() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(run("r", &[metric("errors", &json!({"interval": "1s"}))]));
    world.at(3000).await;
    world.api.delete("r");
    world.at(60_000).await;
    assert!(world.asked().iter().all(|at| *at <= 3000));
    assert_eq!((world.executor.live(), world.board.is_empty()), (0, true));
}

#[tokio::test(start_paused = true)]
async fn finished_runs_cost_nothing() {
    let world = World::new(|_, _| Reply::Value(0.5));
    let mut object = run("r", &[metric("errors", &json!({}))]);
    object["status"] = json!({"phase": "Failed"});
    world.create(object);
    world.at(60_000).await;
    assert_eq!((world.executor.live(), world.asked().len(), world.writes().len()), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_run_ends_with_the_reason() {
    let world = World::new(|_, _| Reply::Value(0.5));
    world.create(run("empty", &[]));
    let mut wrong = run("wrong", &[metric("errors", &json!({}))]);
    wrong["spec"]["metrics"][0]["count"] = json!({"not": "a number"});
    world.create(wrong);
    world.at(60_000).await;
    let message = |name: &str| world.status(name)["message"].as_str().unwrap().to_owned();
    assert_eq!(message("empty"), "Analysis spec invalid: no metrics specified");
    assert!(message("wrong").starts_with("Analysis spec invalid: spec.metrics[0].count"), "{}", message("wrong"));
    assert!([world.phase("empty"), world.phase("wrong")].iter().all(|phase| phase == "Error"));
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_provider_is_not_supported_holds_and_says_so_once() {
    let world = World::new(|_, _| Reply::Value(9.0));
    let mut object = run("r", &[metric("smoke", &json!({"provider": {"job": {"spec": {}}}}))]);
    let measured = json!({"name": "smoke", "phase": "Running", "count": 1, "successful": 1,
        "measurements": [{"phase": "Successful", "startedAt": world::EPOCH, "finishedAt": world::EPOCH}]});
    object["spec"]["metrics"][0]["interval"] = json!("10s");
    object["status"]["metricResults"] = json!([measured]);
    world.create(object);
    world.at(3_600_000).await;
    let status = world.status("r");
    assert_eq!((&status["phase"], &status["metricResults"]), (&json!("Running"), &json!([measured])));
    let waits = "Waiting: metric \"smoke\" needs the metric provider job, which is not supported; \
                 remove it, or terminate the run";
    assert_eq!((&status["message"], world.writes().len()), (&json!(waits), 1));
    assert_eq!((world.verdict("r").message.as_deref(), world.told.lock().unwrap().len()), (Some(waits), 0));
}

#[tokio::test(start_paused = true)]
async fn a_web_metric_is_judged_by_the_part_of_the_answer_that_counts() {
    let world = World::new(|_, _| Reply::Value(0.5));
    let web = |path: &str| json!({"web": {"url": "http://checks.shop/x", "jsonPath": path}});
    let judged = |path: &str, condition: &str| json!({"provider": web(path), "successCondition": condition});
    world.create(run("good", &[metric("kind", &judged("{$.data.resultType}", "result == 'scalar'"))]));
    world.create(run("bad", &[metric("kind", &judged("{$.data.result[0]}", "result > 1"))]));
    world.at(1000).await;
    assert_eq!((world.phase("good").as_str(), world.phase("bad").as_str()), ("Successful", "Failed"));
    assert_eq!(world.status("good")["metricResults"][0]["measurements"][0]["value"], json!("\"scalar\""));
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_provider_ends_the_run_after_five_attempts() {
    let world = World::new(|_, _| Reply::Fail);
    world.create(run("r", &[metric("errors", &json!({"interval": "1h"}))]));
    world.at(60_000).await;
    let asked: Vec<u64> = world.asked().iter().map(|at| at / 1000).collect();
    assert_eq!((asked, world.verdict("r").phase), (vec![0, 10, 20, 30, 40], Error));
    let error = FetchError::Connect { to: "http://p".into(), why: "refused".into() }.to_string();
    assert!(world.verdict("r").message.unwrap().contains(&error));
}

#[tokio::test(start_paused = true)]
async fn events_are_told_once() {
    let world = World::new(|_, _| Reply::Value(9.0));
    world.create(run("r", &[metric("errors", &json!({}))]));
    world.at(5000).await;
    let told = world.told.lock().unwrap();
    let reasons: Vec<_> = told.iter().map(|told| told.notice.reason.as_str()).collect();
    assert_eq!(reasons, ["MetricFailed", "AnalysisRunFailed"]);
    assert_eq!(
        (told[0].run.to_string(), told[0].rollout.as_ref().unwrap().to_string()),
        ("shop/r".into(), "shop/web".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_argument_that_would_write_another_query_ends_the_run_before_anything_is_asked() {
    let world = World::new(|_, _| Reply::Value(0.0));
    let query =
        json!({"provider": {"prometheus": {"address": "http://p", "query": "rate(m{app=\"{{args.app}}\"}[5m])"}}});
    let with = |name: &str, query: &Value, value: &str| {
        let mut object = run(name, &[metric("errors", query)]);
        object["spec"]["args"] = json!([{"name": "app", "value": value}]);
        object
    };
    world.create(with("forged", &query, "web\"}[5m]) or vector(0) #"));
    world.create(with("plain", &query, "web"));
    let whole = json!({"provider": {"prometheus": {"address": "http://p", "query": "{{args.app}}"}}});
    world.create(with("whole", &whole, "rate(m{app=\"web\"}[5m]) or vector(0)"));
    world.at(5000).await;
    let message = world.status("forged")["message"].clone();
    assert_eq!(
        (world.phase("forged").as_str(), message.as_str().unwrap()),
        (
            "Error",
            "Unable to resolve metric arguments: argument \"app\" ends the string that it stands in, in the query of \
             metric \"errors\"; write \\\" for a quote and \\\\ for a backslash in its value"
        )
    );
    assert_eq!((world.phase("plain").as_str(), world.phase("whole").as_str()), ("Successful", "Successful"));
    assert_eq!(world.asked().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_breach_counts_that_comes_in_the_instant_of_an_order_to_end() {
    for _ in 0..20 {
        let world = World::new(|_, _| Reply::After(Duration::from_secs(2), 9.0));
        world.create(run("r", &[metric("errors", &json!({"interval": "10s"}))]));
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.api.edit("r", |object| object["spec"]["terminate"] = json!(true));
        let seen = world.api.0.lock().unwrap().objects["r"].clone();
        world.executor.saw(ObservedRun::of(seen).unwrap());
        world.at(3000).await;
        assert_eq!(world.phase("r"), "Failed");
    }
}
