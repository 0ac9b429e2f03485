//! What only grows, and what is ours: S9 to S12.

use serde_json::{Value, json};

use super::{super::*, HistoryBuilder, US, breaks, keeps};

#[test]
fn s9_sees_what_goes_back() {
    breaks(&HistoryBuilder::releasing().step(3).step(2), "S9");
    let observed = |n: &'static str| move |it: &mut Value| it["status"]["observedGeneration"] = n.into();
    let tale = HistoryBuilder::releasing().we("rollouts", "shop", observed("10"));
    breaks(&tale.we("rollouts", "shop", observed("9")), "S9");
    let at = |at: &'static str| {
        move |it: &mut Value| {
            it["status"]["conditions"] = json!([{"type": "Paused", "lastTransitionTime": at}]);
        }
    };
    let tale = HistoryBuilder::releasing().we("rollouts", "shop", at("2026-01-01T00:00:02Z"));
    breaks(&tale.we("rollouts", "shop", at("2026-01-01T00:00:01Z")), "S9");
    let revision = |n: &'static str| move |it: &mut Value| it["metadata"]["annotations"] = json!({view::REVISION: n});
    let tale = HistoryBuilder::releasing().we("rollouts", "shop", revision("10"));
    breaks(&tale.we("rollouts", "shop", revision("9")), "S9");
}

#[test]
fn s9_lets_an_abort_and_a_new_revision_begin_again() {
    keeps(&HistoryBuilder::releasing().step(3).aborted());
    breaks(&HistoryBuilder::releasing().aborted().step(3).step(2), "S9");
    keeps(&HistoryBuilder::releasing().step(3).we("rollouts", "shop", |it| {
        it["status"]["currentPodHash"] = "v3".into();
        it["status"]["currentStepIndex"] = 0.into();
    }));
}

#[test]
fn s11_sees_writes_that_are_none_of_our_business() {
    breaks(&HistoryBuilder::new().we("secrets", "token", |it| it["data"] = json!({})), "S11");
    breaks(&HistoryBuilder::new().we("leases", "kube-scheduler", |it| it["spec"] = json!({})), "S11");
    breaks(
        &HistoryBuilder::new().we("replicasets", "other", |it| {
            it["spec"] = json!({"replicas": 1});
        }),
        "S11",
    );
    breaks(
        &HistoryBuilder::new().we("services", "stable", |it| {
            it["spec"]["type"] = "NodePort".into();
        }),
        "S11",
    );
    let tale = HistoryBuilder::new().edit("person", ("services", "other"), |it| {
        it["spec"] = json!({"selector": {"app": "x"}});
    });
    breaks(
        &tale.we("services", "other", |it| {
            it["spec"]["selector"][view::HASH_LABEL] = "v1".into();
        }),
        "S11",
    );
    breaks(&HistoryBuilder::new().we("events", "x", |it| it["involvedObject"] = json!({"kind": "Node"})), "S11");
    breaks(
        &HistoryBuilder::new().we("services", "stable", |it| {
            it["metadata"]["annotations"] = json!({"example.argoproj.io/mine": "x"});
        }),
        "S11",
    );
    let gone = |it: &mut Value| it["metadata"]["uid"] = "another".into();
    breaks(&HistoryBuilder::releasing().person(gone).set("v2", 3, 3), "S11");
    breaks(
        &HistoryBuilder::releasing().we("replicasets", "shop-v2", |it| {
            it["spec"]["template"]["spec"]["containers"][0]["image"] = "x".into();
        }),
        "S11",
    );
    breaks(
        &HistoryBuilder::releasing()
            .verdict(Some(1), "Running", 0)
            .we("analysisruns", "run-1", |it| it["spec"]["args"] = json!([])),
        "S11",
    );
}

#[test]
fn s11_lets_us_write_what_is_ours() {
    let tale = HistoryBuilder::new().we("leases", "argo-rollouts-controller-lock", |it| {
        it["spec"] = json!({});
    });
    let tale = tale.we("events", "x", |it| it["involvedObject"] = json!({"kind": "Rollout"}));
    keeps(&tale.we("services", "stable", |it| {
        it["metadata"]["annotations"] = json!({super::diff::MANAGED_BY: "shop"});
    }));
}

#[test]
fn s11_lets_us_take_our_marks_out_of_what_nobody_names_any_more() {
    for (mark, ours) in [("rollouts.serin.dev/aborted-revision", true), ("example.org/aborted-revision", false)] {
        let left = |it: &mut Value| it["metadata"]["annotations"] = json!({mark: "x"});
        let tale = HistoryBuilder::new().edit("person", ("virtualservices", "left"), left);
        let tale = tale.we("virtualservices", "left", |it| it["metadata"]["annotations"] = json!({}));
        assert_eq!(tale.broken().contains(&"S11"), !ours, "{mark}");
    }
}

#[test]
fn s12_sees_foreign_fields_that_change() {
    breaks(
        &HistoryBuilder::releasing().we("virtualservices", "routes", |it| {
            it["spec"]["http"][0]["retries"]["attempts"] = 5.into();
        }),
        "S12",
    );
    breaks(
        &HistoryBuilder::releasing().we("virtualservices", "routes", |it| {
            it["spec"]["http"].as_array_mut().expect("routes").push(json!({"name": "other", "route": []}));
        }),
        "S12",
    );
    breaks(
        &HistoryBuilder::releasing().we("virtualservices", "routes", |it| {
            it["spec"]["http"][0]["route"].as_array_mut().expect("destinations").reverse();
        }),
        "S12",
    );
}

#[test]
fn s12_lets_us_take_away_what_we_have_added_when_nobody_names_it_and_nothing_else() {
    let managed = |it: &mut Value| {
        it["spec"]["strategy"]["canary"]["trafficRouting"]["managedRoutes"] = json!([{"name": "header"}]);
    };
    let unnamed = |it: &mut Value| {
        it["spec"]["strategy"]["canary"]["trafficRouting"]["managedRoutes"] = json!([]);
    };
    let add = |it: &mut Value| {
        it["metadata"]["annotations"]["rollouts.serin.dev/managed-routes"] = "x".into();
        it["spec"]["http"].as_array_mut().expect("routes").insert(0, json!({"name": "header", "route": []}));
    };
    let take = |it: &mut Value| drop(it["spec"]["http"].as_array_mut().expect("routes").remove(0));
    let routes = ("virtualservices", "routes");
    let tale = |user: &str| HistoryBuilder::new().person(managed).edit(user, routes, add).person(unnamed);
    keeps(&tale(US).edit(US, routes, take));
    breaks(&tale("person").edit(US, routes, take), "S12");
    let written_again = tale(US).edit("person", routes, take).edit("person", routes, add);
    breaks(&written_again.edit(US, routes, take), "S12");
}

#[test]
fn s12_lets_routes_and_labels_of_ours_come_and_go() {
    let managed = |it: &mut Value| {
        let canary = &mut it["spec"]["strategy"]["canary"];
        canary["trafficRouting"]["managedRoutes"] = json!([{"name": "header"}]);
        canary["trafficRouting"]["istio"]["destinationRule"] =
            json!({"name": "rule", "canarySubsetName": "canary", "stableSubsetName": "stable"});
    };
    let rule = json!({"metadata": {}, "spec": {"host": "shop", "subsets": [
        {"name": "stable", "labels": {"app": "shop"}}, {"name": "canary"}]}});
    let mut tale = HistoryBuilder::new().person(managed);
    tale.make("person", "destinationrules", "rule", rule);
    let label = |it: &mut Value| it["spec"]["subsets"][1]["labels"] = json!({view::HASH_LABEL: "v1"});
    let tale = tale.we("destinationrules", "rule", label).we("virtualservices", "routes", |it| {
        it["spec"]["http"].as_array_mut().expect("routes").insert(0, json!({"name": "header", "route": []}));
    });
    keeps(&tale);
    breaks(
        &tale.we("destinationrules", "rule", |it| {
            it["spec"]["subsets"][0]["labels"]["app"] = "x".into();
        }),
        "S12",
    );
}
