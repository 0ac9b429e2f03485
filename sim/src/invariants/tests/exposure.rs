//! Weights and capacity: S1 to S4.

use serde_json::{Value, json};

use super::{super::*, HistoryBuilder, US, breaks, keeps};

#[test]
fn a_whole_good_release_breaks_nothing() {
    let tale = HistoryBuilder::releasing().verdict(Some(1), "Running", 1).verdict(Some(1), "Successful", 3).step(2);
    let tale = tale.set("v2", 5, 5).weight(50).step(3).verdict(Some(3), "Successful", 3).step(4);
    let tale = tale.set("v2", 10, 10).weight(100).promoted().select("stable", "v2").weight(0);
    keeps(&tale.wait(30_000).we("replicasets", "shop-v1", |it| {
        it["spec"]["replicas"] = 0.into();
    }));
}

#[test]
fn a_whole_aborted_release_breaks_nothing() {
    let tale = HistoryBuilder::releasing()
        .verdict(Some(1), "Failed", 0)
        .weight(0)
        .aborted()
        .select("canary", "v1")
        .wait(30_000);
    let mut tale = tale.we("replicasets", "shop-v2", |it| {
        it["spec"]["replicas"] = 0.into();
    });
    tale.checker.at_rest(tale.now);
    keeps(&tale);
}

#[test]
fn s1_sees_weights_that_do_not_sum_to_100() {
    breaks(&HistoryBuilder::releasing().weights(US, 80, 10), "S1");
    breaks(&HistoryBuilder::releasing().weights(US, 110, -10), "S1");
}

#[test]
fn s1_sees_tcp_and_tls_routes_too() {
    for (kind, named) in
        [("tcp", json!({"tcpRoutes": [{"port": 9000}]})), ("tls", json!({"tlsRoutes": [{"port": 9000}]}))]
    {
        let steer = |it: &mut Value| {
            let service = &mut it["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]["virtualService"];
            *service = json!({"name": "routes"});
            service.as_object_mut().expect("an object").extend(named.as_object().cloned().expect("an object"));
        };
        let destination = |host: &str, weight: i64| json!({"destination": {"host": host}, "weight": weight});
        let route = |canary: i64| json!([{"match": [{"port": 9000}], "route": [destination("stable", 80), destination("canary", canary)]}]);
        let tale = || {
            let tale = HistoryBuilder::new().person(steer).begun().set("v2", 2, 2).select("canary", "v2");
            tale.edit("person", ("virtualservices", "routes"), |it| it["spec"][kind] = route(0))
        };
        keeps(&tale().we("virtualservices", "routes", |it| it["spec"][kind] = route(20)));
        breaks(&tale().we("virtualservices", "routes", |it| it["spec"][kind] = route(10)), "S1");
    }
}

#[test]
fn s1_leaves_weights_of_others_to_them() {
    let tale = HistoryBuilder::releasing().weights("person", 30, 30);
    keeps(&tale.we("virtualservices", "routes", |it| {
        it["metadata"]["annotations"]["rollouts.serin.dev/why"] = "x".into();
    }));
}

#[test]
fn s2_sees_traffic_raised_towards_pods_that_are_not_there() {
    let ready = || HistoryBuilder::new().begun().set("v2", 2, 2).select("canary", "v2");
    breaks(&ready().available("v2", 0).weight(20), "S2");
    breaks(&ready().available("v2", 1).weight(20), "S2");
}

#[test]
fn s2_sees_a_service_switched_under_a_live_weight() {
    let weighted = || HistoryBuilder::new().begun().weights("person", 80, 20);
    breaks(&weighted().set("v2", 2, 1).select("canary", "v2"), "S2");
    keeps(&weighted().set("v2", 2, 2).select("canary", "v2"));
}

#[test]
fn s2_sees_stable_raised_while_only_the_canary_can_answer() {
    breaks(&HistoryBuilder::releasing().available("v1", 0).wait(1_000).weight(0), "S2");
}

#[test]
fn s2_sees_stable_raised_beyond_what_it_can_carry_unless_the_canary_is_bad_or_weak() {
    // A quarter of ten may be missing: eight are enough for everything.
    keeps(&HistoryBuilder::releasing().available("v1", 8).weight(0));
    breaks(&HistoryBuilder::releasing().available("v1", 7).weight(0), "S2");
    keeps(&HistoryBuilder::releasing().available("v1", 1).person(|it| it["status"]["abort"] = true.into()).weight(0));
    keeps(&HistoryBuilder::releasing().available("v1", 1).verdict(Some(1), "Failed", 0).weight(0));
    keeps(&HistoryBuilder::releasing().available("v1", 1).available("v2", 1).weight(0));
}

#[test]
fn s2_excuses_only_what_changed_after_the_last_live_read() {
    let dies = |tale: HistoryBuilder| tale.available("v2", 1).weight(20);
    let ready = || HistoryBuilder::new().begun().set("v2", 2, 2).select("canary", "v2");
    breaks(&dies(ready()), "S2");
    keeps(&dies(ready().read("replicasets", "shop-v2")));
    breaks(&dies(ready().read("replicasets", "shop-v2").wait(11_000)), "S2");
}

#[test]
fn s2_forgives_pods_that_die_by_themselves() {
    keeps(&HistoryBuilder::releasing().available("v2", 0).wait(1_000).weight(0));
    keeps(&HistoryBuilder::releasing().available("v1", 9).wait(1_000).weight(0));
}

#[test]
fn s2_lets_a_spec_size_the_canary_by_hand() {
    let tale = HistoryBuilder::new().person(|it| {
        let steps = it["spec"]["strategy"]["canary"]["steps"].as_array_mut().expect("steps");
        steps.insert(0, json!({"setCanaryScale": {"replicas": 1}}));
    });
    keeps(&tale.begun().set("v2", 1, 1).select("canary", "v2").weight(20));
}

#[test]
fn s3_sees_stable_shrunk_before_the_release_is_over() {
    breaks(&HistoryBuilder::releasing().set("v1", 8, 8), "S3");
}

#[test]
fn s3_lets_stable_follow_its_share_when_asked_to() {
    let dynamic = |it: &mut Value| it["spec"]["strategy"]["canary"]["dynamicStableScale"] = true.into();
    keeps(&HistoryBuilder::releasing().person(dynamic).set("v1", 8, 8));
    breaks(&HistoryBuilder::releasing().person(dynamic).set("v1", 5, 5), "S3");
}

#[test]
fn s3_lets_stable_follow_the_number_of_replicas() {
    keeps(&HistoryBuilder::releasing().person(|it| it["spec"]["replicas"] = 4.into()).set("v1", 4, 4));
}

#[test]
fn s3_sees_a_superseded_revision_shrunk_under_its_share() {
    let superseded = || {
        HistoryBuilder::releasing().we("rollouts", "shop", |it| {
            it["status"]["currentPodHash"] = "v3".into();
            it["status"]["currentStepIndex"] = 0.into();
        })
    };
    let many = |it: &mut Value| it["spec"]["replicas"] = 100.into();
    let wide = || {
        let tale = superseded().person(many).set("v1", 100, 100).set("v2", 60, 60);
        tale.weights("person", 40, 60)
    };
    breaks(&wide().set("v2", 30, 30), "S3");
    let lowered = || wide().weight(0);
    breaks(&lowered().wait(1_000).set("v2", 30, 30), "S3");
    keeps(&lowered().wait(6_000).set("v2", 30, 30));
}

#[test]
fn s3_sees_more_pods_than_the_spec_allows() {
    breaks(&HistoryBuilder::releasing().set("v2", 50, 2), "S3");
    let basic = |it: &mut Value| {
        it["spec"]["strategy"]["canary"]["maxSurge"] = 1.into();
        drop(it["spec"]["strategy"]["canary"].as_object_mut().map(|it| it.remove("trafficRouting")));
    };
    keeps(&HistoryBuilder::new().person(basic).begun().set("v2", 1, 0));
    breaks(&HistoryBuilder::new().person(basic).begun().set("v2", 2, 0), "S3");
}

#[test]
fn s3_counts_pods_where_nothing_else_splits_traffic() {
    let basic = |it: &mut Value| {
        let canary = it["spec"]["strategy"]["canary"].as_object_mut().expect("a canary");
        canary.remove("trafficRouting");
        canary.insert("maxSurge".to_owned(), 5.into());
    };
    keeps(&HistoryBuilder::new().person(basic).begun().set("v2", 2, 2).set("v1", 8, 8));
    breaks(&HistoryBuilder::new().person(basic).begun().set("v2", 5, 0).set("v1", 5, 5), "S3");
}

#[test]
fn s4_sees_pods_taken_from_under_traffic() {
    breaks(
        &HistoryBuilder::releasing().we("replicasets", "shop-v2", |it| {
            it["spec"]["replicas"] = 0.into();
        }),
        "S4",
    );
    let empty = HistoryBuilder::releasing().weight(0).wait(5_000);
    breaks(
        &empty.we("replicasets", "shop-v2", |it| {
            it["spec"]["replicas"] = 0.into();
        }),
        "S4",
    );
}

#[test]
fn s4_waits_until_proxies_know() {
    let tale = HistoryBuilder::releasing().weight(0).select("canary", "v1").wait(4_000);
    breaks(
        &tale.we("replicasets", "shop-v2", |it| {
            it["spec"]["replicas"] = 0.into();
        }),
        "S4",
    );
    let tale = HistoryBuilder::releasing().weight(0).select("canary", "v1").wait(5_000);
    keeps(&tale.we("replicasets", "shop-v2", |it| {
        it["spec"]["replicas"] = 0.into();
    }));
}

#[test]
fn s4_sees_a_deletion_too() {
    let mut tale = HistoryBuilder::releasing();
    tale.write(US, Key::new("replicasets", "default", "shop-v2"), None);
    breaks(&tale, "S4");
}

#[test]
fn s4_lets_0_replicas_be_0() {
    let tale = HistoryBuilder::new().person(|it| it["spec"]["replicas"] = 0.into());
    keeps(&tale.we("replicasets", "shop-v1", |it| {
        it["spec"]["replicas"] = 0.into();
    }));
}

/// The release of `releasing`, with a managed route that leads to the canary.
fn header_route(tale: HistoryBuilder, by: &str) -> HistoryBuilder {
    let tale = tale.person(|it| {
        it["spec"]["strategy"]["canary"]["trafficRouting"]["managedRoutes"] = json!([{"name": "header"}]);
    });
    tale.edit(by, ("virtualservices", "routes"), |it| {
        let route = json!({"name": "header", "route": [{"destination": {"host": "canary"}, "weight": 100}]});
        it["spec"]["http"].as_array_mut().expect("routes").insert(0, route);
    })
}

#[test]
fn a_managed_route_is_an_exposure_of_its_own() {
    let gone = |tale: HistoryBuilder| {
        tale.we("virtualservices", "routes", |it| drop(it["spec"]["http"].as_array_mut().expect("routes").remove(0)))
    };
    keeps(&gone(header_route(HistoryBuilder::releasing(), US)));
    let ready = || HistoryBuilder::new().begun().set("v2", 2, 2).select("canary", "v2");
    keeps(&header_route(ready(), US));
    breaks(&header_route(ready().available("v2", 0), US), "S2");
    let aborted = || HistoryBuilder::releasing().verdict(Some(1), "Failed", 0).weight(0).aborted();
    breaks(&header_route(aborted(), US), "S5");
}
