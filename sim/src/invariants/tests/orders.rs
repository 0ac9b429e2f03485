//! Aborts, evidence, verdicts, orders: S5 to S8.

use serde_json::{Value, json};

use super::{super::*, HistoryBuilder, US, breaks, keeps, owners};

#[test]
fn s5_sees_an_aborted_canary_raised_again() {
    breaks(&HistoryBuilder::releasing().weight(0).aborted().wait(1_000).weight(20), "S5");
}

#[test]
fn s5_sees_a_failed_canary_raised_before_the_abort_is_recorded() {
    let tale = HistoryBuilder::releasing().verdict(Some(1), "Failed", 0).wait(1_000).set("v2", 5, 5);
    breaks(&tale.weight(50), "S5");
}

#[test]
fn s5_lets_a_retry_raise_again_and_forgives_a_write_under_way() {
    let retried = |it: &mut Value| it["status"]["abort"] = false.into();
    keeps(&HistoryBuilder::releasing().weight(0).aborted().wait(1_000).person(retried).weight(20));
    let ready = || HistoryBuilder::new().begun().set("v2", 2, 2).select("canary", "v2");
    let abort = |it: &mut Value| it["status"]["abort"] = true.into();
    keeps(&ready().read("rollouts", "shop").person(abort).weight(20));
    breaks(&ready().person(abort).read("rollouts", "shop").weight(20), "S5");
    breaks(&ready().person(abort).weight(20), "S5");
}

#[test]
fn s5_sees_one_of_several_routes_raised() {
    let two = |it: &mut Value| {
        let mut second = it["spec"]["http"][0].clone();
        second["name"] = "second".into();
        second["route"][0]["weight"] = 100.into();
        second["route"][1]["weight"] = 0.into();
        it["spec"]["http"].as_array_mut().expect("routes").push(second);
    };
    let named = |it: &mut Value| {
        it["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]["virtualService"]["routes"] =
            json!(["primary", "second"]);
    };
    let tale = HistoryBuilder::releasing().person(named).edit("person", ("virtualservices", "routes"), two).aborted();
    breaks(
        &tale.we("virtualservices", "routes", |it| {
            it["spec"]["http"][1]["route"][0]["weight"] = 80.into();
            it["spec"]["http"][1]["route"][1]["weight"] = 20.into();
        }),
        "S5",
    );
}

#[test]
fn s5_sees_an_abort_after_a_full_promotion_and_a_superseded_revision_raised() {
    let full = |it: &mut Value| it["status"]["promoteFull"] = true.into();
    let abort = |it: &mut Value| {
        it["status"]["abort"] = true.into();
        it["status"]["promoteFull"] = false.into();
    };
    breaks(&HistoryBuilder::releasing().person(full).set("v2", 10, 10).person(abort).weight(100), "S5");
    let superseded = |it: &mut Value| {
        it["status"]["currentPodHash"] = "v3".into();
        it["status"]["currentStepIndex"] = 0.into();
    };
    breaks(&HistoryBuilder::releasing().weight(0).we("rollouts", "shop", superseded).weight(20), "S5");
}

#[test]
fn s5_sees_an_abort_that_we_take_back_ourselves() {
    let unabort = |it: &mut Value| {
        it["status"]["abort"] = false.into();
        it["status"]["currentStepHash"] = "other".into();
    };
    breaks(&HistoryBuilder::releasing().aborted().we("rollouts", "shop", unabort), "S5");
}

#[test]
fn s5_sees_what_is_left_over_when_nothing_moves() {
    let mut tale = HistoryBuilder::releasing().aborted();
    tale.checker.at_rest(tale.now);
    assert_eq!(tale.broken(), ["S5", "S5"], "the weight and the Service are left over");
}

#[test]
fn s6_sees_a_promotion_without_evidence() {
    breaks(&HistoryBuilder::releasing().verdict(Some(1), "Successful", 3).step(4).set("v2", 10, 10).promoted(), "S6");
}

#[test]
fn s6_does_not_take_an_empty_success_for_evidence() {
    let tale = HistoryBuilder::releasing().verdict(Some(1), "Successful", 0).verdict(Some(3), "Successful", 3);
    breaks(&tale.set("v2", 10, 10).promoted(), "S6");
}

#[test]
fn s6_takes_a_persons_word() {
    let full = |it: &mut Value| it["status"]["promoteFull"] = true.into();
    keeps(&HistoryBuilder::releasing().person(full).set("v2", 10, 10).promoted());
    breaks(&HistoryBuilder::releasing().we("rollouts", "shop", full).set("v2", 10, 10).promoted(), "S6");
    let skip = |it: &mut Value| it["status"]["currentStepIndex"] = 2.into();
    let tale = HistoryBuilder::releasing().person(skip).verdict(Some(3), "Successful", 1);
    keeps(&tale.set("v2", 10, 10).promoted());
}

#[test]
fn s6_asks_for_new_evidence_after_a_retry() {
    let tale = HistoryBuilder::releasing()
        .verdict(Some(1), "Successful", 3)
        .verdict(Some(3), "Successful", 3)
        .weight(0)
        .aborted();
    let tale = tale.person(|it| it["status"]["abort"] = false.into()).set("v2", 10, 10);
    breaks(&tale.promoted(), "S6");
}

#[test]
fn s6_takes_neither_a_dry_run_nor_what_others_write_for_evidence() {
    let dry = |tale: HistoryBuilder, counting: i64| {
        tale.we("analysisruns", "run-3", |it| {
            it["metadata"]["labels"] = json!({view::HASH_LABEL: "v2", "rollout-type": "Step", "step-index": "3"});
            it["metadata"]["ownerReferences"] = owners();
            it["spec"]["metrics"] = json!([{"name": "a"}, {"name": "b"}]);
            it["status"] = json!({"phase": "Successful", "metricResults": [
                {"name": "a", "successful": 3, "count": 3, "dryRun": true}, {"name": "b", "successful": counting}]});
        })
    };
    let tale = || HistoryBuilder::releasing().verdict(Some(1), "Successful", 3);
    breaks(&dry(tale(), 0).set("v2", 10, 10).promoted(), "S6");
    keeps(&dry(tale(), 1).set("v2", 10, 10).promoted());
    let forged = tale().verdict(Some(3), "Running", 0).edit("person", ("analysisruns", "run-3"), |it| {
        it["status"] = json!({"phase": "Successful", "metricResults": [{"name": "errors", "successful": 3}]});
    });
    let forged = forged.we("analysisruns", "run-3", |it| it["status"]["message"] = "x".into());
    breaks(&forged.set("v2", 10, 10).promoted(), "S6");
}

#[test]
fn s6_asks_nothing_of_an_analysis_that_is_all_dry_run() {
    let tale = HistoryBuilder::releasing().verdict(Some(1), "Successful", 3).we("analysisruns", "run-3", |it| {
        it["metadata"]["labels"] = json!({view::HASH_LABEL: "v2", "rollout-type": "Step", "step-index": "3"});
        it["metadata"]["ownerReferences"] = owners();
        it["spec"]["metrics"] = json!([{"name": "a"}]);
        it["status"] = json!({"phase": "Successful", "metricResults": [
            {"name": "a", "failed": 3, "count": 3, "dryRun": true}]});
    });
    keeps(&tale.set("v2", 10, 10).promoted());
}

#[test]
fn s6_asks_the_background_analysis_too() {
    let background = |it: &mut Value| {
        it["spec"]["strategy"]["canary"]["analysis"] = json!({"templates": [{"templateName": "errors"}]});
        it["spec"]["strategy"]["canary"]["steps"] = json!([{"setWeight": 20}]);
    };
    let tale = || HistoryBuilder::new().person(background).begun().set("v2", 10, 10);
    breaks(&tale().verdict(None, "Running", 0).promoted(), "S6");
    keeps(&tale().verdict(None, "Running", 1).promoted());
}

#[test]
fn s7_sees_a_step_after_a_bad_verdict() {
    for phase in ["Failed", "Error", "Inconclusive"] {
        breaks(&HistoryBuilder::releasing().verdict(Some(1), phase, 0).step(2), "S7");
    }
    breaks(&HistoryBuilder::releasing().verdict(None, "Failed", 0).step(2), "S7");
    let full = |it: &mut Value| it["status"]["promoteFull"] = true.into();
    keeps(&HistoryBuilder::releasing().verdict(Some(1), "Failed", 0).person(full).step(2));
    let later = HistoryBuilder::releasing().person(full).verdict(Some(1), "Failed", 0);
    breaks(&later.set("v2", 10, 10).step(2), "S7");
}

#[test]
fn s7_lets_a_person_decide_and_a_terminated_run_end() {
    let skip = |it: &mut Value| it["status"]["currentStepIndex"] = 2.into();
    keeps(&HistoryBuilder::releasing().verdict(Some(1), "Inconclusive", 0).person(skip).step(3));
    let tale = HistoryBuilder::releasing().we("analysisruns", "run-1", |it| {
        it["metadata"] = json!({"labels": {view::HASH_LABEL: "v2"}, "ownerReferences": owners()});
        it["spec"]["terminate"] = true.into();
    });
    keeps(
        &tale
            .we("analysisruns", "run-1", |it| {
                it["status"]["phase"] = "Inconclusive".into();
            })
            .step(2),
    );
}

#[test]
fn s8_sees_orders_that_are_lost() {
    let order = |field: &'static str, value: Value| move |it: &mut Value| it["status"][field] = value;
    let forget =
        |field: &'static str| move |it: &mut Value| drop(it["status"].as_object_mut().map(|it| it.remove(field)));
    let lost = |field: &'static str| {
        HistoryBuilder::releasing().person(order(field, true.into())).we("rollouts", "shop", forget(field))
    };
    assert!(lost("abort").broken().contains(&"S8"), "{:?}", lost("abort").broken());
    breaks(&lost("promoteFull"), "S8");
    let paused = HistoryBuilder::releasing().person(|it| it["spec"]["paused"] = true.into());
    breaks(
        &paused.we("rollouts", "shop", |it| {
            it["status"]["message"] = "x".into();
        }),
        "S8",
    );
    let pause = json!([{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]);
    let paused = || HistoryBuilder::releasing().we("rollouts", "shop", order("pauseConditions", pause.clone()));
    let resumed = || paused().person(order("pauseConditions", Value::Null));
    breaks(&resumed().we("rollouts", "shop", order("pauseConditions", pause.clone())), "S8");
    keeps(&resumed().step(2));
    // A write of ours that is no status answers nothing.
    let annotated = |tale: HistoryBuilder| {
        let mut tale = tale;
        let key = Key::new("rollouts", "default", "shop");
        let mut object = tale.checker.history().get(&key).cloned().expect("the Rollout");
        object["metadata"]["annotations"] = json!({view::REVISION: "2"});
        tale.write_main(US, key, object);
        tale
    };
    let asked = annotated(HistoryBuilder::releasing().person(order("promoteFull", true.into())));
    breaks(&asked.we("rollouts", "shop", forget("promoteFull")), "S8");
}

#[test]
fn s8_sees_a_spec_put_back() {
    let put_back = |it: &mut Value| it["spec"]["replicas"] = 10.into();
    let mut tale = HistoryBuilder::releasing().person(|it| it["spec"]["replicas"] = 12.into());
    let key = Key::new("rollouts", "default", "shop");
    let mut object = tale.checker.history().get(&key).cloned().expect("the Rollout");
    put_back(&mut object);
    tale.write(US, key, Some(object));
    assert!(tale.broken().contains(&"S8"), "{:?}", tale.broken());
}

#[test]
fn s8_lets_a_finished_release_drop_an_abort() {
    let abort = |it: &mut Value| it["status"]["abort"] = true.into();
    keeps(&HistoryBuilder::new().person(abort).we("rollouts", "shop", |it| {
        it["status"]["abort"] = false.into();
    }));
}
