//! Samples of a provider that takes longer than one question: started, resumed, collected, cleaned up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::FutureExt;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use serin_analysis::expr::ResultValue;
use serin_analysis::provider::{Begun, MetricSource, Progress, Question};
use serin_analysis::sample::Sample;
use serin_crds::analysis::Metric;

use super::*;
use crate::runs::{Executor, ObservedRun};

/// A provider whose samples are there when they have been looked at twice, three seconds apart.
#[derive(Default)]
struct Slow {
    done: Mutex<Vec<String>>,
    hangs: bool,
}

impl Slow {
    fn note(&self, what: &str, question: Question<'_>) -> String {
        let Question { metric, run, nth, .. } = question;
        let name = format!("{}.{}.{nth}", run.uid, metric.name);
        self.done.lock().unwrap().push(format!("{what} {name}"));
        name
    }

    fn done(&self) -> Vec<String> {
        std::mem::take(&mut *self.done.lock().unwrap())
    }
}

impl MetricSource for Slow {
    fn endpoint(&self, _: &Metric) -> String {
        String::new()
    }

    fn start<'a>(&'a self, question: Question<'a>) -> BoxFuture<'a, Progress> {
        let metadata = BTreeMap::from([("looks".to_owned(), "0".to_owned())]);
        let resume_at = question.at.saturating_add(SignedDuration::from_secs(3)).ok();
        self.note("start", question);
        async move {
            if self.hangs {
                std::future::pending::<()>().await;
            }
            Progress::Begun(Begun { metadata, resume_at })
        }
        .boxed()
    }

    fn resume<'a>(&'a self, question: Question<'a>, begun: &'a Begun) -> BoxFuture<'a, Progress> {
        self.note("resume", question);
        let looks: u32 = begun.metadata["looks"].parse().unwrap();
        let metadata = BTreeMap::from([("looks".to_owned(), (looks + 1).to_string())]);
        let resume_at = question.at.saturating_add(SignedDuration::from_secs(3)).ok();
        let progress = match looks {
            0 => Progress::Begun(Begun { metadata, resume_at }),
            _ => Progress::Finished(Sample::of(ResultValue::Scalar(0.5), "0.5").with_metadata("looks", "2")),
        };
        async { progress }.boxed()
    }

    fn clean_up<'a>(&'a self, question: Question<'a>, begun: Option<&'a Begun>) -> BoxFuture<'a, ()> {
        self.note(if begun.is_some() { "remove" } else { "remove what may be there of" }, question);
        async {}.boxed()
    }
}

fn slow_run(settings: &Value) -> Value {
    run("r", &[metric("m", settings)])
}

#[tokio::test(start_paused = true)]
async fn a_sample_is_started_once_and_looked_at_until_it_is_there() {
    let source = Arc::new(Slow::default());
    let world = World::measured_by(source.clone());
    world.create(slow_run(&json!({})));
    world.at(4000).await;
    assert_eq!(source.done(), ["start uid-r.m.1", "resume uid-r.m.1"]);
    let measurement = &world.status("r")["metricResults"][0]["measurements"][0];
    assert_eq!((&measurement["phase"], &measurement["metadata"]["looks"]), (&json!("Running"), &json!("1")));
    world.at(7000).await;
    assert_eq!(source.done(), ["resume uid-r.m.1"]);
    assert_eq!((world.phase("r").as_str(), world.verdict("r").evidence), ("Successful", 1));
}

#[tokio::test(start_paused = true)]
async fn another_process_looks_at_what_was_begun_and_begins_nothing_again() {
    let source = Arc::new(Slow::default());
    let world = World::measured_by(source.clone());
    world.watch(Duration::from_secs(3600));
    world.create(slow_run(&json!({})));
    let seen = || ObservedRun::of(world.api.0.lock().unwrap().objects["r"].clone()).unwrap();
    world.executor.saw(seen());
    world.at(1000).await;
    world.executor.stop();
    world.board.forget("uid-r");
    let successor = Executor::new(world.context.clone());
    successor.saw(seen());
    world.at(10_000).await;
    assert_eq!(source.done(), ["start uid-r.m.1", "resume uid-r.m.1", "resume uid-r.m.1"]);
    assert_eq!(world.phase("r"), "Successful");
}

#[tokio::test(start_paused = true)]
async fn what_a_run_leaves_open_at_its_end_is_removed() {
    for hangs in [false, true] {
        let source = Arc::new(Slow { hangs, ..Slow::default() });
        let world = World::measured_by(source.clone());
        world.create(slow_run(&json!({"interval": "1m"})));
        world.at(1000).await;
        world.api.edit("r", |object| object["spec"]["terminate"] = json!(true));
        world.at(2000).await;
        let removed = if hangs { "remove what may be there of uid-r.m.1" } else { "remove uid-r.m.1" };
        assert_eq!(source.done(), ["start uid-r.m.1", removed]);
        assert_eq!((world.phase("r").as_str(), world.executor.live()), ("Successful", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_no_longer_kept_is_removed() {
    let source = Arc::new(Slow::default());
    let world = World::measured_by(source.clone());
    let mut object = slow_run(&json!({"interval": "1s", "count": 4}));
    object["spec"]["measurementRetention"] = json!([{"metricName": "m", "limit": 2}]);
    world.create(object);
    world.at(60_000).await;
    let done = source.done();
    let removed: Vec<_> = done.iter().filter(|done| done.starts_with("remove")).collect();
    assert_eq!(removed, ["remove uid-r.m.1", "remove uid-r.m.2"], "{done:?}");
    assert_eq!(world.phase("r"), "Successful");
}
