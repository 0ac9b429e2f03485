use serde_json::{Value, json};

use super::*;
use crate::core::managed::ManagedRoute;
use crate::core::plan::{Move, Way};
use crate::core::weight::Weight;
use crate::routers::Write;
use crate::routers::istio::tests::{applied, routed, router, steps};
use std::sync::Arc;

fn web() -> Key {
    Key::new("shop", "web")
}

fn with(object: &Value, names: &[&str], adds: bool, rollout: &Key) -> Value {
    let on = web();
    let Edits { tests, writes } = edits(object, names, adds, Mark { rollout, on: &on });
    applied(object, &[tests, writes].concat())
}

fn released(object: &Value, rollout: &Key) -> Option<Value> {
    let on = web();
    release_patch(object, Mark { rollout, on: &on }).map(|patch| applied(object, &patch))
}

fn names(object: &Value) -> Vec<&str> {
    object["spec"]["http"].as_array().unwrap().iter().map(|route| route["name"].as_str().unwrap_or("-")).collect()
}

/// An object after a move to 20 % with these of the steps, by the router of a Rollout with these managed routes.
fn moved(object: &Value, managed: &[&str], wanted: &[usize], way: Way) -> Value {
    let routes: Vec<Value> = managed.iter().map(|name| json!({"name": name})).collect();
    let router = router(&json!({"trafficRouting": {
        "istio": {"virtualService": {"name": "web"}}, "managedRoutes": routes,
    }}));
    let all = steps();
    let wanted = wanted.iter().map(|index| ManagedRoute::of(&all[*index]).unwrap()).collect();
    let to = Weight::clamped(20);
    match router
        .write(&[Some(Arc::new(object.clone()))], &Move { from: to, to, managed: wanted, way })
        .expect("steerable")
    {
        Some(Write::Patch(patch)) => applied(object, &patch),
        Some(Write::Create(_)) => panic!("made anew"),
        None => object.clone(),
    }
}

/// A `VirtualService` whose only other route has no name, with the header and the mirror route in it.
fn both() -> Value {
    let mut object = routed(20);
    object["spec"]["http"].as_array_mut().unwrap().remove(0);
    moved(&object, &["mirror", "header"], &[1, 0], Way::Up)
}

#[test]
fn each_rollout_has_its_names_and_the_last_one_takes_the_note_away() {
    let other = Key::new("mesh", "api");
    let one = with(&routed(0), &["a", "b"], true, &web());
    assert_eq!(text(&one), Some(r#"{"web":["a","b"]}"#));
    let two = with(&one, &["c"], true, &other);
    assert_eq!(text(&two), Some(r#"{"mesh/api":["c"],"web":["a","b"]}"#));
    assert_eq!(owners(text(&two).unwrap(), &web()), [other.clone(), web()]);
    let less = with(&two, &["b", "never"], false, &web());
    assert_eq!(text(&less), Some(r#"{"mesh/api":["c"],"web":["b"]}"#));
    let none = with(&with(&less, &[], false, &web()), &[], false, &other);
    assert_eq!((text(&none), &none["spec"]), (None, &routed(0)["spec"]));
}

#[test]
fn a_route_is_noted_with_the_write_that_adds_it_and_forgotten_with_the_one_that_takes_it_away() {
    let added = both();
    assert_eq!(text(&added), Some(r#"{"web":["mirror","header"]}"#));
    assert_eq!(names(&added), ["mirror", "header", "main"]);
    let less = moved(&added, &["mirror", "header"], &[0], Way::Down);
    assert_eq!((text(&less), names(&less)), (Some(r#"{"web":["header"]}"#), vec!["header", "main"]));
    let none = moved(&less, &["mirror", "header"], &[], Way::Down);
    assert_eq!((text(&none), names(&none)), (None, vec!["main"]));
}

#[test]
fn a_name_that_is_dropped_from_the_list_loses_its_route_and_the_others_stay_in_place() {
    let added = both();
    let observed = router(&json!({"trafficRouting": {
        "istio": {"virtualService": {"name": "web"}}, "managedRoutes": [{"name": "header"}],
    }}));
    let live = observed.read(&[Some(Arc::new(added.clone()))]).expect("the one route that is not managed").exposure;
    let live: Vec<_> = live.managed.0[0].iter().map(|live| (live.name.as_str(), live.route.is_some())).collect();
    assert_eq!(live, [("mirror", false), ("header", true)]);
    let dropped = moved(&added, &["header"], &[0], Way::Down);
    assert_eq!((text(&dropped), names(&dropped)), (Some(r#"{"web":["header"]}"#), vec!["header", "main"]));
}

#[test]
fn a_route_that_nobody_noted_is_its_writers() {
    let mut object = routed(20);
    object["spec"]["http"][0]["name"] = json!("mirror");
    let router = router(&json!({"trafficRouting": {
        "istio": {"virtualService": {"name": "web", "routes": ["main"]}}, "managedRoutes": [{"name": "header"}],
    }}));
    let live = router.read(&[Some(Arc::new(object.clone()))]).expect("steerable").exposure.managed;
    assert!(live.is_none(), "{live:?}");
    assert_eq!(released(&object, &web()), None);
}

#[test]
fn what_a_rollout_leaves_is_its_routes_its_note_and_its_mark() {
    let mut object = with(&routed(20), &["a"], true, &web());
    object["metadata"]["annotations"][ABORTED_ANNOTATION] = json!("web 2 abc: why");
    let http = object["spec"]["http"].as_array_mut().unwrap();
    http.insert(0, json!({"name": "a", "route": []}));
    http.insert(1, json!({"name": "b", "route": []}));
    let after = released(&object, &web()).expect("a patch");
    assert_eq!(after["metadata"]["annotations"], json!({}));
    assert_eq!(names(&after), ["b", "other", "main"]);
    assert_eq!(released(&after, &web()), None);
}

#[test]
fn a_route_that_another_rollout_has_too_stays_with_it() {
    let other = Key::new("shop", "api");
    let mut object = with(&with(&routed(20), &["a"], true, &web()), &["a"], true, &other);
    object["spec"]["http"].as_array_mut().unwrap().insert(0, json!({"name": "a", "route": []}));
    let after = released(&object, &web()).expect("a patch");
    assert_eq!((text(&after), names(&after)), (Some(r#"{"api":["a"]}"#), vec!["a", "other", "main"]));
}

#[test]
fn what_is_no_note_of_ours_says_nothing_and_is_left_alone() {
    for junk in ["", "[]", "web", r#"{"web": "a"}"#] {
        let mut object = routed(20);
        object["metadata"]["annotations"] = json!({ROUTES_ANNOTATION: junk});
        assert_eq!((released(&object, &web()), owners(junk, &web())), (None, vec![]), "{junk:?}");
    }
}
