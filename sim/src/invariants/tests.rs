//! Each promise, seen to be broken and seen to be kept. Histories are made by hand, write by write.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::*;

const US: &str = "serin-controller";

/// A history being told: the standard release of `shop` from v1 to v2, and whatever a test adds.
struct Tale {
    checker: Checker,
    now: Timestamp,
}

impl Tale {
    /// `shop` at v1, promoted, with 10 pods, host-level routing and two analyses.
    fn new() -> Self {
        let now = "2026-01-01T00:00:00Z".parse().expect("an instant");
        let mut tale = Self {
            checker: Checker::new(US),
            now,
        };
        let analysis = json!({"analysis": {"templates": [{"templateName": "errors"}]}});
        let canary = json!({
            "canaryService": "canary", "stableService": "stable",
            "trafficRouting": {"istio": {"virtualService": {"name": "routes", "routes": ["primary"]}}},
            "steps": [{"setWeight": 20}, analysis, {"setWeight": 50}, analysis],
        });
        tale.make("person", "rollouts", "shop", json!({
            "kind": "Rollout", "metadata": {"name": "shop", "namespace": "default"},
            "spec": {"replicas": 10, "strategy": {"canary": canary}},
            "status": {"stableRS": "v1", "currentPodHash": "v1", "currentStepHash": "s", "currentStepIndex": 4, "phase": "Healthy"},
        }));
        for name in ["stable", "canary"] {
            tale.make("person", "services", name, json!({"metadata": {}, "spec": {"selector": {"app": "shop", view::HASH_LABEL: "v1"}}}));
        }
        tale.make("person", "virtualservices", "routes", json!({"metadata": {}, "spec": {"http": [
            {"name": "primary", "retries": {"attempts": 3}, "route": [
                {"destination": {"host": "stable"}, "weight": 100}, {"destination": {"host": "canary"}, "weight": 0}]}]}}));
        tale.set("v1", 10, 10).wait(5_000)
    }

    /// The release of v2, at step 1 with 20 % and two of its pods available.
    fn releasing() -> Self {
        Self::new()
            .begun()
            .set("v2", 2, 2)
            .select("canary", "v2")
            .weight(20)
            .step(1)
    }

    fn begun(self) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["currentPodHash"] = "v2".into();
            it["status"]["currentStepIndex"] = 0.into();
            it["status"]["phase"] = "Progressing".into();
        })
    }

    fn write(&mut self, user: &str, key: Key, after: Option<Value>) {
        let before = self.checker.history().get(&key).cloned().map(Arc::new);
        let verb = if after.is_none() { "delete" } else { "update" }.to_owned();
        let subresource = (key.resource == "rollouts" && user == US).then(|| "status".to_owned());
        let after = after.map(Arc::new);
        self.checker.see(&WriteRecord {
            at: self.now,
            user: user.into(),
            verb,
            key,
            subresource,
            before,
            after,
            code: 200,
        });
        self.now += SignedDuration::from_millis(1);
    }

    fn make(&mut self, user: &str, resource: &str, name: &str, object: Value) {
        self.write(user, Key::new(resource, "default", name), Some(object));
    }

    fn edit(
        mut self,
        user: &str,
        (resource, name): (&str, &str),
        edit: impl FnOnce(&mut Value),
    ) -> Self {
        let key = Key::new(resource, "default", name);
        let mut object = self
            .checker
            .history()
            .get(&key)
            .cloned()
            .unwrap_or_else(|| json!({"metadata": {}}));
        edit(&mut object);
        self.write(user, key, Some(object));
        self
    }

    fn we(self, resource: &str, name: &str, edit: impl FnOnce(&mut Value)) -> Self {
        self.edit(US, (resource, name), edit)
    }

    fn person(self, edit: impl FnOnce(&mut Value)) -> Self {
        self.edit("person", ("rollouts", "shop"), edit)
    }

    fn wait(mut self, millis: i64) -> Self {
        self.now += SignedDuration::from_millis(millis);
        self
    }

    /// A ReplicaSet of shop: its size by us, its available pods by Kubernetes.
    fn set(self, hash: &str, size: i64, available: i64) -> Self {
        let name = format!("shop-{hash}");
        let fill = |it: &mut Value| {
            it["metadata"]["labels"] = json!({view::HASH_LABEL: hash});
            it["metadata"]["ownerReferences"] =
                json!([{"kind": "Rollout", "name": "shop", "controller": true}]);
            it["spec"]["replicas"] = size.into();
        };
        self.we("replicasets", &name, fill)
            .available(hash, available)
    }

    fn available(self, hash: &str, available: i64) -> Self {
        let name = format!("shop-{hash}");
        self.edit("kubernetes", ("replicasets", &name), |it| {
            it["status"]["availableReplicas"] = available.into()
        })
    }

    fn select(self, service: &str, hash: &str) -> Self {
        self.we("services", service, |it| {
            it["spec"]["selector"][view::HASH_LABEL] = hash.into()
        })
    }

    fn weights(self, user: &str, stable: i64, canary: i64) -> Self {
        self.edit(user, ("virtualservices", "routes"), |it| {
            let route = &mut it["spec"]["http"][0]["route"];
            route[0]["weight"] = stable.into();
            route[1]["weight"] = canary.into();
        })
    }

    fn weight(self, canary: i64) -> Self {
        self.weights(US, 100 - canary, canary)
    }

    fn step(self, step: i64) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["currentStepIndex"] = step.into()
        })
    }

    /// An analysis run of the step (or of the whole release when there is none) comes to a verdict.
    fn verdict(self, step: Option<i64>, phase: &str, successful: i64) -> Self {
        let name = format!("run-{}", step.unwrap_or(-1));
        self.we("analysisruns", &name, |it| {
            let kind = if step.is_some() { "Step" } else { "Background" };
            it["metadata"]["labels"] = json!({view::HASH_LABEL: "v2", "rollout-type": kind});
            if let Some(step) = step {
                it["metadata"]["labels"]["step-index"] = step.to_string().into();
            }
            it["metadata"]["ownerReferences"] = json!([{"kind": "Rollout", "name": "shop", "controller": true}]);
            it["status"] = json!({"phase": phase, "metricResults": [{"name": "errors", "successful": successful}]});
        })
    }

    fn promoted(self) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["stableRS"] = "v2".into();
            it["status"]["currentStepIndex"] = 4.into();
            it["status"]["promoteFull"] = false.into();
        })
    }

    fn aborted(self) -> Self {
        self.we("rollouts", "shop", |it| {
            it["status"]["abort"] = true.into();
            it["status"]["currentStepIndex"] = 0.into();
            it["status"]["phase"] = "Degraded".into();
        })
    }

    /// The names of the promises that were broken.
    fn broken(&self) -> Vec<&'static str> {
        self.checker
            .violations()
            .iter()
            .map(|violation| violation.invariant)
            .collect()
    }
}

#[track_caller]
fn keeps(tale: &Tale) {
    assert_eq!(tale.checker.violations(), [], "no promise is broken");
}

#[track_caller]
fn breaks(tale: &Tale, invariant: &str) {
    assert_eq!(
        tale.broken(),
        [invariant],
        "{:?}",
        tale.checker.violations()
    );
}

#[test]
fn a_whole_good_release_breaks_nothing() {
    let tale = Tale::releasing()
        .verdict(Some(1), "Running", 1)
        .verdict(Some(1), "Successful", 3)
        .step(2);
    let tale = tale
        .set("v2", 5, 5)
        .weight(50)
        .step(3)
        .verdict(Some(3), "Successful", 3)
        .step(4);
    let tale = tale
        .set("v2", 10, 10)
        .weight(100)
        .promoted()
        .select("stable", "v2")
        .weight(0);
    keeps(&tale.wait(30_000).we("replicasets", "shop-v1", |it| {
        it["spec"]["replicas"] = 0.into()
    }));
}

#[test]
fn a_whole_aborted_release_breaks_nothing() {
    let tale = Tale::releasing()
        .verdict(Some(1), "Failed", 0)
        .weight(0)
        .aborted()
        .select("canary", "v1")
        .wait(30_000);
    let mut tale = tale.we("replicasets", "shop-v2", |it| {
        it["spec"]["replicas"] = 0.into()
    });
    tale.checker.at_rest(tale.now);
    keeps(&tale);
}

#[test]
fn s1_sees_weights_that_do_not_sum_to_100() {
    breaks(&Tale::releasing().weights(US, 80, 10), "S1");
    breaks(&Tale::releasing().weights(US, 110, -10), "S1");
}

#[test]
fn s1_leaves_weights_of_others_to_them() {
    let tale = Tale::releasing().weights("person", 30, 30);
    keeps(&tale.we("virtualservices", "routes", |it| {
        it["metadata"]["annotations"]["serin.dev/why"] = "x".into()
    }));
}

#[test]
fn s2_sees_traffic_raised_towards_pods_that_are_not_there() {
    breaks(
        &Tale::new()
            .begun()
            .set("v2", 2, 0)
            .select("canary", "v2")
            .weight(20),
        "S2",
    );
    breaks(
        &Tale::new()
            .begun()
            .set("v2", 2, 1)
            .select("canary", "v2")
            .weight(20),
        "S2",
    );
}

#[test]
fn s2_sees_a_service_switched_under_a_live_weight() {
    breaks(
        &Tale::new()
            .begun()
            .weights("person", 80, 20)
            .set("v2", 2, 0)
            .select("canary", "v2"),
        "S2",
    );
}

#[test]
fn s2_sees_stable_raised_while_only_the_canary_can_answer() {
    breaks(
        &Tale::releasing().available("v1", 0).wait(1_000).weight(0),
        "S2",
    );
}

#[test]
fn s2_forgives_pods_that_die_by_themselves() {
    keeps(&Tale::releasing().available("v2", 0).wait(1_000).weight(0));
    keeps(&Tale::releasing().available("v1", 9).wait(1_000).weight(0));
}

#[test]
fn s2_lets_a_spec_size_the_canary_by_hand() {
    let tale = Tale::new().person(|it| {
        let steps = it["spec"]["strategy"]["canary"]["steps"]
            .as_array_mut()
            .expect("steps");
        steps.insert(0, json!({"setCanaryScale": {"replicas": 1}}));
    });
    keeps(
        &tale
            .begun()
            .set("v2", 1, 1)
            .select("canary", "v2")
            .weight(20),
    );
}

#[test]
fn s3_sees_stable_shrunk_before_the_release_is_over() {
    breaks(&Tale::releasing().set("v1", 8, 8), "S3");
}

#[test]
fn s3_lets_stable_follow_its_share_when_asked_to() {
    let dynamic =
        |it: &mut Value| it["spec"]["strategy"]["canary"]["dynamicStableScale"] = true.into();
    keeps(&Tale::releasing().person(dynamic).set("v1", 8, 8));
    breaks(&Tale::releasing().person(dynamic).set("v1", 5, 5), "S3");
}

#[test]
fn s3_lets_stable_follow_the_number_of_replicas() {
    keeps(
        &Tale::releasing()
            .person(|it| it["spec"]["replicas"] = 4.into())
            .set("v1", 4, 4),
    );
}

#[test]
fn s3_counts_pods_where_nothing_else_splits_traffic() {
    let basic = |it: &mut Value| {
        let canary = it["spec"]["strategy"]["canary"]
            .as_object_mut()
            .expect("a canary");
        canary.remove("trafficRouting");
    };
    keeps(
        &Tale::new()
            .person(basic)
            .begun()
            .set("v2", 2, 2)
            .set("v1", 8, 8),
    );
    breaks(
        &Tale::new()
            .person(basic)
            .begun()
            .set("v2", 5, 0)
            .set("v1", 5, 5),
        "S3",
    );
}

#[test]
fn s4_sees_pods_taken_from_under_traffic() {
    breaks(
        &Tale::releasing().we("replicasets", "shop-v2", |it| {
            it["spec"]["replicas"] = 0.into()
        }),
        "S4",
    );
    let empty = Tale::releasing().weight(0).wait(5_000);
    breaks(
        &empty.we("replicasets", "shop-v2", |it| {
            it["spec"]["replicas"] = 0.into()
        }),
        "S4",
    );
}

#[test]
fn s4_waits_until_proxies_know() {
    let tale = Tale::releasing().weight(0).select("canary", "v1").wait(100);
    breaks(
        &tale.we("replicasets", "shop-v2", |it| {
            it["spec"]["replicas"] = 0.into()
        }),
        "S4",
    );
    let tale = Tale::releasing()
        .weight(0)
        .select("canary", "v1")
        .wait(2_000);
    keeps(&tale.we("replicasets", "shop-v2", |it| {
        it["spec"]["replicas"] = 0.into()
    }));
}

#[test]
fn s4_sees_a_deletion_too() {
    let mut tale = Tale::releasing();
    tale.write(US, Key::new("replicasets", "default", "shop-v2"), None);
    breaks(&tale, "S4");
}

#[test]
fn s4_lets_0_replicas_be_0() {
    let tale = Tale::new().person(|it| it["spec"]["replicas"] = 0.into());
    keeps(&tale.we("replicasets", "shop-v1", |it| {
        it["spec"]["replicas"] = 0.into()
    }));
}

#[test]
fn s5_sees_an_aborted_canary_raised_again() {
    breaks(
        &Tale::releasing().weight(0).aborted().wait(1_000).weight(20),
        "S5",
    );
}

#[test]
fn s5_sees_a_failed_canary_raised_before_the_abort_is_recorded() {
    let tale = Tale::releasing()
        .verdict(Some(1), "Failed", 0)
        .wait(1_000)
        .set("v2", 5, 5);
    breaks(&tale.weight(50), "S5");
}

#[test]
fn s5_lets_a_retry_raise_again_and_forgives_a_write_under_way() {
    let retried = |it: &mut Value| it["status"]["abort"] = false.into();
    keeps(
        &Tale::releasing()
            .weight(0)
            .aborted()
            .wait(1_000)
            .person(retried)
            .weight(20),
    );
    let tale = Tale::new().begun().set("v2", 2, 2).select("canary", "v2");
    keeps(
        &tale
            .person(|it| it["status"]["abort"] = true.into())
            .weight(20),
    );
}

#[test]
fn s5_sees_what_is_left_over_when_nothing_moves() {
    let mut tale = Tale::releasing().aborted();
    tale.checker.at_rest(tale.now);
    assert_eq!(
        tale.broken(),
        ["S5", "S5"],
        "the weight and the Service are left over"
    );
}

#[test]
fn s6_sees_a_promotion_without_evidence() {
    breaks(
        &Tale::releasing()
            .verdict(Some(1), "Successful", 3)
            .step(4)
            .set("v2", 10, 10)
            .promoted(),
        "S6",
    );
}

#[test]
fn s6_does_not_take_an_empty_success_for_evidence() {
    let tale =
        Tale::releasing()
            .verdict(Some(1), "Successful", 0)
            .verdict(Some(3), "Successful", 3);
    breaks(&tale.set("v2", 10, 10).promoted(), "S6");
}

#[test]
fn s6_takes_a_persons_word() {
    let full = |it: &mut Value| it["status"]["promoteFull"] = true.into();
    keeps(&Tale::releasing().person(full).set("v2", 10, 10).promoted());
    let skip = |it: &mut Value| it["status"]["currentStepIndex"] = 2.into();
    let tale = Tale::releasing()
        .person(skip)
        .verdict(Some(3), "Successful", 1);
    keeps(&tale.set("v2", 10, 10).promoted());
}

#[test]
fn s6_asks_for_new_evidence_after_a_retry() {
    let tale = Tale::releasing()
        .verdict(Some(1), "Successful", 3)
        .verdict(Some(3), "Successful", 3)
        .weight(0)
        .aborted();
    let tale = tale
        .person(|it| it["status"]["abort"] = false.into())
        .set("v2", 10, 10);
    breaks(&tale.promoted(), "S6");
}

#[test]
fn s6_asks_the_background_analysis_too() {
    let background = |it: &mut Value| {
        it["spec"]["strategy"]["canary"]["analysis"] =
            json!({"templates": [{"templateName": "errors"}]});
        it["spec"]["strategy"]["canary"]["steps"] = json!([{"setWeight": 20}]);
    };
    let tale = || Tale::new().person(background).begun().set("v2", 10, 10);
    breaks(&tale().verdict(None, "Running", 0).promoted(), "S6");
    keeps(&tale().verdict(None, "Running", 1).promoted());
}

#[test]
fn s7_sees_a_step_after_a_bad_verdict() {
    for phase in ["Failed", "Error", "Inconclusive"] {
        breaks(&Tale::releasing().verdict(Some(1), phase, 0).step(2), "S7");
    }
    breaks(
        &Tale::releasing()
            .verdict(None, "Failed", 0)
            .wait(1_000)
            .step(2),
        "S7",
    );
}

#[test]
fn s7_lets_a_person_decide_and_a_terminated_run_end() {
    let skip = |it: &mut Value| it["status"]["currentStepIndex"] = 2.into();
    keeps(
        &Tale::releasing()
            .verdict(Some(1), "Inconclusive", 0)
            .person(skip)
            .step(3),
    );
    let tale = Tale::releasing().we("analysisruns", "run-1", |it| {
        it["metadata"] = json!({"labels": {view::HASH_LABEL: "v2"}, "ownerReferences": [{"kind": "Rollout", "name": "shop", "controller": true}]});
        it["spec"]["terminate"] = true.into();
    });
    keeps(
        &tale
            .we("analysisruns", "run-1", |it| {
                it["status"]["phase"] = "Inconclusive".into()
            })
            .step(2),
    );
}

#[test]
fn s8_sees_orders_that_are_lost() {
    let order =
        |field: &'static str, value: Value| move |it: &mut Value| it["status"][field] = value;
    let forget = |field: &'static str| {
        move |it: &mut Value| drop(it["status"].as_object_mut().map(|it| it.remove(field)))
    };
    let lost = |field: &'static str| {
        Tale::releasing()
            .person(order(field, true.into()))
            .we("rollouts", "shop", forget(field))
    };
    breaks(&lost("abort"), "S8");
    breaks(&lost("promoteFull"), "S8");
    let paused = Tale::releasing().person(|it| it["spec"]["paused"] = true.into());
    breaks(
        &paused.we("rollouts", "shop", |it| {
            it["status"]["message"] = "x".into()
        }),
        "S8",
    );
    let pause = json!([{"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}]);
    let paused =
        || Tale::releasing().we("rollouts", "shop", order("pauseConditions", pause.clone()));
    let resumed = || paused().person(order("pauseConditions", Value::Null));
    breaks(
        &resumed().we("rollouts", "shop", order("pauseConditions", pause.clone())),
        "S8",
    );
    keeps(&resumed().step(2));
}

#[test]
fn s8_sees_a_spec_put_back() {
    let put_back = |it: &mut Value| it["spec"]["replicas"] = 10.into();
    let mut tale = Tale::releasing().person(|it| it["spec"]["replicas"] = 12.into());
    let key = Key::new("rollouts", "default", "shop");
    let mut object = tale
        .checker
        .history()
        .get(&key)
        .cloned()
        .expect("the Rollout");
    put_back(&mut object);
    tale.write(US, key, Some(object));
    assert!(tale.broken().contains(&"S8"), "{:?}", tale.broken());
}

#[test]
fn s8_lets_a_finished_release_drop_an_abort() {
    let abort = |it: &mut Value| it["status"]["abort"] = true.into();
    keeps(&Tale::new().person(abort).we("rollouts", "shop", |it| {
        it["status"]["abort"] = false.into()
    }));
}

#[test]
fn s9_sees_what_goes_back() {
    breaks(&Tale::releasing().step(3).step(2), "S9");
    let observed =
        |n: &'static str| move |it: &mut Value| it["status"]["observedGeneration"] = n.into();
    let tale = Tale::releasing().we("rollouts", "shop", observed("10"));
    breaks(&tale.we("rollouts", "shop", observed("9")), "S9");
    let at = |at: &'static str| {
        move |it: &mut Value| {
            it["status"]["conditions"] = json!([{"type": "Paused", "lastTransitionTime": at}])
        }
    };
    let tale = Tale::releasing().we("rollouts", "shop", at("2026-01-01T00:00:02Z"));
    breaks(
        &tale.we("rollouts", "shop", at("2026-01-01T00:00:01Z")),
        "S9",
    );
    let revision = |n: &'static str| {
        move |it: &mut Value| it["metadata"]["annotations"] = json!({view::REVISION: n})
    };
    let tale = Tale::releasing().we("rollouts", "shop", revision("10"));
    breaks(&tale.we("rollouts", "shop", revision("9")), "S9");
}

#[test]
fn s9_lets_an_abort_and_a_new_revision_begin_again() {
    keeps(&Tale::releasing().step(3).aborted());
    keeps(&Tale::releasing().step(3).we("rollouts", "shop", |it| {
        it["status"]["currentPodHash"] = "v3".into();
        it["status"]["currentStepIndex"] = 0.into();
    }));
}

#[test]
fn s11_sees_writes_that_are_none_of_our_business() {
    breaks(
        &Tale::new().we("secrets", "token", |it| it["data"] = json!({})),
        "S11",
    );
    breaks(
        &Tale::new().we("leases", "kube-scheduler", |it| it["spec"] = json!({})),
        "S11",
    );
    breaks(
        &Tale::new().we("replicasets", "other", |it| {
            it["spec"] = json!({"replicas": 1})
        }),
        "S11",
    );
    breaks(
        &Tale::new().we("services", "stable", |it| {
            it["spec"]["type"] = "NodePort".into()
        }),
        "S11",
    );
    let tale = Tale::new().edit("person", ("services", "other"), |it| {
        it["spec"] = json!({"selector": {"app": "x"}})
    });
    breaks(
        &tale.we("services", "other", |it| {
            it["spec"]["selector"][view::HASH_LABEL] = "v1".into()
        }),
        "S11",
    );
    breaks(
        &Tale::releasing()
            .verdict(Some(1), "Running", 0)
            .we("analysisruns", "run-1", |it| it["spec"]["args"] = json!([])),
        "S11",
    );
}

#[test]
fn s11_lets_us_write_what_is_ours() {
    let tale = Tale::new().we("leases", "argo-rollouts-controller-lock", |it| {
        it["spec"] = json!({})
    });
    let tale = tale.we("events", "x", |it| it["reason"] = "y".into());
    keeps(&tale.we("services", "stable", |it| {
        it["metadata"]["annotations"] = json!({super::diff::MANAGED_BY: "shop"})
    }));
}

#[test]
fn s12_sees_foreign_fields_that_change() {
    breaks(
        &Tale::releasing().we("virtualservices", "routes", |it| {
            it["spec"]["http"][0]["retries"]["attempts"] = 5.into()
        }),
        "S12",
    );
    breaks(
        &Tale::releasing().we("virtualservices", "routes", |it| {
            it["spec"]["http"]
                .as_array_mut()
                .expect("routes")
                .push(json!({"name": "other", "route": []}));
        }),
        "S12",
    );
    breaks(
        &Tale::releasing().we("virtualservices", "routes", |it| {
            it["spec"]["http"][0]["route"]
                .as_array_mut()
                .expect("destinations")
                .reverse();
        }),
        "S12",
    );
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
    let mut tale = Tale::new().person(managed);
    tale.make("person", "destinationrules", "rule", rule);
    let label =
        |it: &mut Value| it["spec"]["subsets"][1]["labels"] = json!({view::HASH_LABEL: "v1"});
    let tale = tale
        .we("destinationrules", "rule", label)
        .we("virtualservices", "routes", |it| {
            it["spec"]["http"]
                .as_array_mut()
                .expect("routes")
                .insert(0, json!({"name": "header", "route": []}));
        });
    keeps(&tale);
    breaks(
        &tale.we("destinationrules", "rule", |it| {
            it["spec"]["subsets"][0]["labels"]["app"] = "x".into()
        }),
        "S12",
    );
}
