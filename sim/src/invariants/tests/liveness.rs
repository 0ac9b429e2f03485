//! Rest and haste: L1 and L9.

use super::{super::*, HistoryBuilder, US, breaks, keeps};

fn call(tale: &mut HistoryBuilder, verb: &str, resource: &str, times: usize) {
    for _ in 0..times {
        let (at, key) = (tale.now, Key::new(resource, "default", "shop"));
        tale.checker.hear(&CallRecord { at, verb: verb.to_owned(), key, version: 0, code: 200 });
    }
}

fn ended(mut tale: HistoryBuilder) -> HistoryBuilder {
    tale.checker.over_time(tale.now);
    tale
}

fn resting() -> HistoryBuilder {
    let mut tale = HistoryBuilder::new();
    tale.checker.rest(tale.now);
    tale.wait(30_000)
}

#[test]
fn l1_sees_reads_and_writes_when_nothing_happens_any_more() {
    keeps(&ended(resting()));
    let mut reading = resting();
    call(&mut reading, "get", "rollouts", 1);
    breaks(&ended(reading), "L1");
    let same = resting().we("virtualservices", "routes", |_| {});
    breaks(&ended(same), "L1");
}

#[test]
fn l1_lets_watches_be_opened_again_and_others_write() {
    let mut watching = resting();
    call(&mut watching, "watch", "rollouts", 2);
    keeps(&ended(watching.edit("kubernetes", ("pods", "shop-1"), |_| {})));
}

#[test]
fn l5_sees_weights_of_others_that_stay() {
    let edited = || HistoryBuilder::releasing().weights("person", 10, 90);
    keeps(&ended(edited().wait(5_000).weight(20).wait(60_000)));
    keeps(&ended(edited().wait(5_000).weights("gitops", 80, 20).wait(60_000)));
    breaks(&ended(edited().wait(11_000)), "L5");
    breaks(&ended(edited().wait(11_000).weight(20)), "L5");
    let mut faulty = edited();
    faulty.checker = faulty.checker.under_faults();
    keeps(&ended(faulty.wait(11_000)));
}

#[test]
fn l9_sees_refused_writes_that_are_tried_again_and_again() {
    let mut tale = HistoryBuilder::new().wait(60_000);
    call(&mut tale, "create", "analysisruns", 30);
    keeps(&ended(tale));
    let mut tale = HistoryBuilder::new().wait(60_000);
    call(&mut tale, "create", "analysisruns", 61);
    breaks(&ended(tale), "L9");
}

#[test]
fn l9_grants_calls_for_what_others_change_but_not_for_what_we_do() {
    let mut tale = HistoryBuilder::new().wait(60_000);
    for _ in 0..10 {
        tale.make("kubernetes", "pods", "shop-1", serde_json::json!({}));
    }
    call(&mut tale, "get", "rollouts", 90);
    keeps(&ended(tale));
    let mut tale = HistoryBuilder::new().wait(60_000);
    for _ in 0..10 {
        tale.make(US, "events", "shop-1", serde_json::json!({"involvedObject": {"kind": "Rollout"}}));
    }
    call(&mut tale, "get", "rollouts", 90);
    breaks(&ended(tale), "L9");
}

#[test]
fn l9_sees_watches_that_are_opened_without_pause() {
    let mut tale = HistoryBuilder::new().wait(60_000);
    call(&mut tale, "watch", "services", 13);
    breaks(&ended(tale), "L9");
}
