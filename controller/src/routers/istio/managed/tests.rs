use serde_json::{Value, json};

use crate::core::managed::ManagedRoute;
use crate::core::plan::{Move, Way};
use crate::core::weight::Weight;
use crate::routers::Write;
use crate::routers::istio::tests::{applied, routed, router, steps};
use std::sync::Arc;

/// The HTTP routes, by name, after a move to a weight and these of the steps.
fn after(object: &Value, to: i64, way: Way, wanted: &[usize]) -> Value {
    let router = router(&json!({}));
    let all = steps();
    let managed = wanted.iter().map(|index| ManagedRoute::of(&all[*index]).unwrap()).collect();
    let to = Weight::clamped(to);
    match router.write(&[Some(Arc::new(object.clone()))], &Move { from: to, to, managed, way }).expect("steerable") {
        Some(Write::Patch(patch)) => applied(object, &patch),
        Some(Write::Create(_)) => panic!("made anew"),
        None => object.clone(),
    }
}

fn names(object: &Value) -> Vec<&str> {
    object["spec"]["http"].as_array().unwrap().iter().map(|route| route["name"].as_str().unwrap_or("-")).collect()
}

fn seen(object: &Value) -> Vec<(String, bool)> {
    let observed = router(&json!({})).read(&[Some(Arc::new(object.clone()))]).expect("steerable");
    let live = observed.exposure.managed.0.into_iter().next().expect("a place that can have routes");
    live.into_iter().map(|live| (live.name, live.route.is_some())).collect()
}

#[test]
fn routes_stand_before_all_others_in_the_order_of_the_list() {
    let one = after(&routed(20), 20, Way::Up, &[0]);
    assert_eq!(names(&one), ["header", "other", "main"]);
    let both = after(&one, 20, Way::Up, &[1, 0]);
    assert_eq!(names(&both), ["mirror", "header", "other", "main"]);
    assert_eq!(seen(&both), [("mirror".to_owned(), true), ("header".to_owned(), true)]);
    let last = after(&after(&routed(20), 20, Way::Up, &[1]), 20, Way::Up, &[1, 0]);
    assert_eq!(last, both, "whichever came first");
    assert_eq!(after(&both, 20, Way::Up, &[1, 0]), both, "nothing is written twice");
}

#[test]
fn a_header_route_sends_what_matches_to_the_canary() {
    let one = after(&routed(0), 0, Way::Up, &[0]);
    assert_eq!(
        one["spec"]["http"][0],
        json!({
            "name": "header",
            "match": [{"headers": {"x-tester": {"exact": "yes"}}}, {"headers": {"agent": {"regex": ".*bot.*"}}}],
            "route": [{"destination": {"host": "c", "port": {"number": 80}}, "weight": 100}],
        })
    );
}

#[test]
fn a_mirror_route_splits_as_the_main_route_does_and_follows_it() {
    let one = after(&routed(0), 20, Way::Up, &[1]);
    let mirror = json!({
        "name": "mirror",
        "match": [{"method": {"exact": "GET"}, "uri": {"prefix": "/"}}],
        "route": [
            {"destination": {"host": "s"}, "weight": 80},
            {"destination": {"host": "c", "port": {"number": 80}}, "weight": 20},
        ],
        "mirror": {"host": "c", "port": {"number": 80}},
        "mirrorPercentage": {"value": 35},
    });
    assert_eq!(one["spec"]["http"][0], mirror);
    let more = after(&one, 60, Way::Up, &[1]);
    assert_eq!(more["spec"]["http"][0]["route"][1]["weight"], json!(60));
    let less = after(&more, 0, Way::Down, &[1]);
    assert_eq!(less["spec"]["http"][0]["route"][1]["weight"], json!(0));
    assert_eq!(seen(&less), [("mirror".to_owned(), true)]);
}

#[test]
fn a_move_down_only_takes_routes_away_and_rests_on_no_version() {
    let both = after(&routed(20), 20, Way::Up, &[1, 0]);
    assert_eq!(names(&after(&both, 0, Way::Down, &[])), ["other", "main"]);
    assert_eq!(names(&after(&both, 0, Way::Down, &[0])), ["header", "other", "main"]);
    assert_eq!(names(&after(&routed(20), 0, Way::Down, &[0])), ["other", "main"]);
    let change = Move { from: Weight::ZERO, to: Weight::ZERO, managed: Vec::new(), way: Way::Down };
    let write = router(&json!({})).write(&[Some(Arc::new(both))], &change).expect("steerable");
    let Some(Write::Patch(patch)) = write else { panic!("a patch") };
    assert!(patch.iter().all(|op| op["path"] != "/metadata/resourceVersion"), "{patch:?}");
    assert!(patch.contains(&json!({"op": "test", "path": "/spec/http/1/name", "value": "header"})), "{patch:?}");
}

#[test]
fn a_route_under_our_name_that_no_step_asks_for_is_none_of_the_steps() {
    let good = after(&routed(20), 20, Way::Up, &[1, 0]);
    let check = |change: fn(&mut Vec<Value>), expect: &[(&str, bool)]| {
        let mut object = good.clone();
        change(object["spec"]["http"].as_array_mut().unwrap());
        let expect: Vec<_> = expect.iter().map(|(name, asked)| ((*name).to_owned(), *asked)).collect();
        assert_eq!(seen(&object), expect);
        assert_eq!(after(&object, 20, Way::Up, &[1, 0]), good, "repaired");
    };
    check(|http| http[1]["match"] = json!([]), &[("mirror", true), ("header", false)]);
    check(|http| http[0]["mirror"]["host"] = json!("s"), &[("mirror", false), ("header", true)]);
    check(|http| http.swap(0, 1), &[("header", true), ("mirror", false)]);
    check(|http| http.insert(0, http[1].clone()), &[("header", true), ("mirror", false), ("header", false)]);
    check(
        |http| {
            let header = http.remove(1);
            http.push(header);
        },
        &[("mirror", true), ("header", false)],
    );
}

#[test]
fn with_subsets_the_route_leads_to_the_subset_of_the_canary() {
    let canary = json!({"trafficRouting": {"istio": {
        "virtualService": {"name": "web"},
        "destinationRule": {"name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"},
    }, "managedRoutes": [{"name": "header"}]}});
    let router = router(&canary);
    let object = json!({"metadata": {"resourceVersion": "1"}, "spec": {"hosts": ["web"], "http": [{"route": [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 100},
        {"destination": {"host": "web", "subset": "canary"}, "weight": 0},
    ]}]}});
    let managed = vec![ManagedRoute::of(&steps()[0]).unwrap()];
    let change = Move { from: Weight::ZERO, to: Weight::ZERO, managed, way: Way::Up };
    let write = router.write(&[Some(Arc::new(object.clone()))], &change).expect("steerable");
    let Some(Write::Patch(patch)) = write else { panic!("a patch") };
    let route = applied(&object, &patch)["spec"]["http"][0]["route"].clone();
    assert_eq!(route, json!([{"destination": {"host": "web", "subset": "canary"}, "weight": 100}]));
}

#[test]
fn a_name_that_the_owner_gave_to_a_route_of_theirs_is_never_ours() {
    let canary = json!({"trafficRouting": {
        "istio": {"virtualService": {"name": "web", "routes": ["main"]}},
        "managedRoutes": [{"name": "main"}],
    }});
    let change = Move { from: Weight::ZERO, to: Weight::ZERO, managed: Vec::new(), way: Way::Down };
    assert_eq!(router(&canary).write(&[Some(Arc::new(routed(0)))], &change).expect("steerable"), None);
}
