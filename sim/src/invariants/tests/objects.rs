//! Who owns what, who selects whom, how long waits last, and what is nobody's business: S13 to S19.

use serde_json::{Value, json};

use super::{super::*, HistoryBuilder, US, breaks, keeps, owners};

#[test]
fn s13_sees_a_second_set_for_one_template_or_one_hash() {
    let same_template = HistoryBuilder::releasing().we("replicasets", "shop-v9", |it| {
        it["metadata"] = json!({"labels": {view::HASH_LABEL: "v9"}, "ownerReferences": owners()});
        it["spec"]["template"]["spec"]["containers"] = json!([{"image": "v2"}]);
    });
    breaks(&same_template, "S13");
    let same_hash = HistoryBuilder::releasing().we("replicasets", "other", |it| {
        it["metadata"] = json!({"labels": {view::HASH_LABEL: "v2"}, "ownerReferences": owners()});
        it["spec"]["template"]["spec"]["containers"] = json!([{"image": "x"}]);
    });
    breaks(&same_hash, "S13");
}

#[test]
fn s13_lets_an_orphan_be_adopted_but_takes_from_nobody() {
    let orphan =
        |owner: Value| {
            let mut tale = HistoryBuilder::new();
            let labels = json!({view::HASH_LABEL: "v0"});
            tale.make("person", "replicasets", "shop-v0", json!({
            "metadata": {"labels": labels, "ownerReferences": owner}, "spec": {"replicas": 0, "template": {"x": 1}},
        }));
            tale.we("replicasets", "shop-v0", |it| it["metadata"]["ownerReferences"] = owners())
        };
    keeps(&orphan(json!([])));
    let taken = orphan(json!([{"kind": "Deployment", "name": "shop", "uid": "d", "controller": true}]));
    assert!(taken.broken().contains(&"S13"), "{:?}", taken.broken());
}

/// The release of `releasing` with its template from a Deployment of 10 pods.
fn referring(mode: &str) -> HistoryBuilder {
    let refer = |it: &mut Value| {
        it["spec"]["workloadRef"] =
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop", "scaleDown": mode});
    };
    let mut tale = HistoryBuilder::releasing().person(refer);
    tale.make("person", "deployments", "shop", json!({"metadata": {}, "spec": {"replicas": 10}}));
    tale
}

/// A write of ours to the scale of the Deployment.
fn scaled(mut tale: HistoryBuilder, to: i64) -> HistoryBuilder {
    let after = json!({"metadata": {}, "spec": {"replicas": to}});
    tale.write_to(Some("scale"), US, Key::new("deployments", "default", "shop"), Some(after));
    tale
}

#[test]
fn s11_lets_us_scale_a_deployment_that_a_rollout_lets_us_scale_and_nothing_else() {
    keeps(&scaled(referring("onsuccess"), 0));
    breaks(&scaled(referring("never"), 0), "S11");
    let mut stranger = HistoryBuilder::releasing();
    stranger.make("person", "deployments", "shop", json!({"metadata": {}, "spec": {"replicas": 10}}));
    breaks(&scaled(stranger, 0), "S11");
    breaks(&referring("onsuccess").we("deployments", "shop", |it| it["spec"]["paused"] = true.into()), "S11");
}

#[test]
fn s21_sees_a_deployment_taken_down_before_the_rollouts_own_pods_serve() {
    // 12 pods of both revisions are there.
    let left = |stable: i64, canary: i64| referring("progressively").available("v1", stable).available("v2", canary);
    keeps(&scaled(left(4, 1), 5));
    breaks(&scaled(left(4, 1), 4), "S21");
    breaks(&scaled(left(0, 0), 9), "S21");
    keeps(&scaled(scaled(left(10, 0), 0), 10));
    breaks(&scaled(left(10, 0), 11), "S21");
}

#[test]
fn s14_sees_two_runs_that_go_on_for_one_step() {
    let again = |tale: HistoryBuilder, step: &str| {
        let labels = json!({view::HASH_LABEL: "v2", "rollout-type": "Step", "step-index": step});
        tale.we("analysisruns", "again", |it| {
            it["metadata"] = json!({"labels": labels, "ownerReferences": owners()});
        })
    };
    let going_on = || HistoryBuilder::releasing().verdict(Some(1), "Running", 1);
    breaks(&again(going_on(), "1"), "S14");
    keeps(&again(going_on(), "3"));
    keeps(&again(HistoryBuilder::releasing().verdict(Some(1), "Inconclusive", 1), "1"));
}

#[test]
fn s15_sees_a_service_turned_to_nobody() {
    let waiting = || HistoryBuilder::new().begun().set("v2", 2, 0);
    breaks(&waiting().select("canary", "v2"), "S15");
    keeps(&waiting().available("v2", 1).select("canary", "v2"));
    let nobody = waiting().available("v1", 0);
    keeps(&nobody.select("canary", "v2"));
}

/// The release of `releasing`, split between subsets.
fn subsets() -> HistoryBuilder {
    let named = |it: &mut Value| {
        let canary = &mut it["spec"]["strategy"]["canary"];
        for service in ["canaryService", "stableService"] {
            drop(canary.as_object_mut().map(|canary| canary.remove(service)));
        }
        canary["trafficRouting"]["istio"]["destinationRule"] =
            json!({"name": "rule", "canarySubsetName": "canary", "stableSubsetName": "stable"});
    };
    let mut tale = HistoryBuilder::new().person(named).begun();
    let labels = json!({view::HASH_LABEL: "v1"});
    tale.make(
        "person",
        "destinationrules",
        "rule",
        json!({"metadata": {}, "spec": {"host": "shop", "subsets": [
        {"name": "stable", "labels": labels}, {"name": "canary", "labels": labels}]}}),
    );
    tale.edit("person", ("virtualservices", "routes"), |it| {
        let route = &mut it["spec"]["http"][0]["route"];
        route[0]["destination"] = json!({"host": "shop", "subset": "stable"});
        route[1]["destination"] = json!({"host": "shop", "subset": "canary"});
    })
}

fn label(tale: HistoryBuilder, hash: &str) -> HistoryBuilder {
    tale.we("destinationrules", "rule", |it| it["spec"]["subsets"][1]["labels"][view::HASH_LABEL] = hash.into())
}

#[test]
fn s16_sees_weight_on_a_subset_that_selects_nobody_or_is_not_declared() {
    keeps(&label(subsets().set("v2", 2, 2), "v2").weight(20));
    let weighted = || subsets().set("v2", 2, 0).weights("person", 80, 20);
    let labelled = label(weighted(), "v2");
    assert!(labelled.broken().contains(&"S16"), "{:?}", labelled.broken());
    let dropped = subsets().set("v2", 2, 2).weights("person", 80, 20).we("destinationrules", "rule", |it| {
        drop(it["spec"]["subsets"].as_array_mut().map(Vec::pop));
    });
    assert!(dropped.broken().contains(&"S16"), "{:?}", dropped.broken());
}

/// At a pause of a minute.
fn pausing() -> HistoryBuilder {
    let pause = |it: &mut Value| it["spec"]["strategy"]["canary"]["steps"][1] = json!({"pause": {"duration": "1m"}});
    HistoryBuilder::releasing().person(pause).we("rollouts", "shop", |it| {
        it["status"]["pauseConditions"] = json!([{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:05Z"}]);
    })
}

fn unpaused(tale: HistoryBuilder) -> HistoryBuilder {
    tale.we("rollouts", "shop", |it| {
        it["status"]["pauseConditions"] = Value::Null;
        it["status"]["currentStepIndex"] = 2.into();
    })
}

#[test]
fn s17_sees_a_pause_that_is_cut_short() {
    breaks(&unpaused(pausing().wait(58_000)), "S17");
    keeps(&unpaused(pausing().wait(60_000)));
    let never = HistoryBuilder::releasing().person(|it| {
        it["spec"]["strategy"]["canary"]["steps"][1] = json!({"pause": {"duration": 60}});
    });
    breaks(&never.wait(90_000).step(2), "S17");
}

#[test]
fn s17_lets_a_person_end_a_pause() {
    keeps(&unpaused(pausing().wait(1_000).person(|it| it["status"]["pauseConditions"] = Value::Null)));
    let without_end = |it: &mut Value| it["spec"]["strategy"]["canary"]["steps"][1] = json!({"pause": {}});
    breaks(&unpaused(pausing().person(without_end).wait(90_000)), "S17");
}

#[test]
fn s17_sees_old_pods_go_before_their_time() {
    let promoted = || {
        let tale = HistoryBuilder::releasing().verdict(Some(1), "Successful", 3).verdict(Some(3), "Successful", 3);
        tale.set("v2", 10, 10).weight(100).promoted().select("stable", "v2").weight(0)
    };
    let gone = |tale: HistoryBuilder| tale.we("replicasets", "shop-v1", |it| it["spec"]["replicas"] = 0.into());
    breaks(&gone(promoted().wait(20_000)), "S17");
    keeps(&gone(promoted().wait(30_000)));
    let soon = |it: &mut Value| it["spec"]["strategy"]["canary"]["scaleDownDelaySeconds"] = 10.into();
    keeps(&gone(promoted().person(soon).wait(20_000)));
}

#[test]
fn s18_sees_a_secret_in_what_we_write() {
    let known = |key: &str, value: &str| {
        let mut tale = HistoryBuilder::releasing();
        tale.make("person", "secrets", "token", json!({"metadata": {}, (key): {"token": value}}));
        tale
    };
    let say =
        |tale: HistoryBuilder, text: &str| tale.we("rollouts", "shop", |it| it["status"]["message"] = text.into());
    keeps(&say(known("stringData", "hunter2hunter2"), "no answer from http://prometheus"));
    breaks(&say(known("stringData", "hunter2hunter2"), "401 for hunter2hunter2"), "S18");
    breaks(&say(known("data", "aHVudGVyMmh1bnRlcjI="), "401 for hunter2hunter2"), "S18");
}

#[test]
fn s19_sees_writes_where_no_rollout_lives() {
    let about = json!({"metadata": {}, "involvedObject": {"kind": "Rollout"}});
    let mut tale = HistoryBuilder::new();
    tale.write(US, Key::new("events", "default", "x"), Some(about.clone()));
    keeps(&tale);
    tale.write(US, Key::new("events", "kube-system", "x"), Some(about));
    breaks(&tale, "S19");
}
