//! The router as a whole: words of its tests, and what it never changes.

use std::sync::Arc;

use serde_json::{Value, json};
use serin_crds::rollout::{CanaryStep, RolloutSpec};

use crate::routers::{self, Owner, Router};
use crate::runtime::key::Key;

/// Steps that ask for a header route, and for a mirror route.
pub fn steps() -> Vec<CanaryStep> {
    serde_json::from_value(json!([
        {"setHeaderRoute": {"name": "header", "match": [
            {"headerName": "x-tester", "headerValue": {"exact": "yes"}},
            {"headerName": "agent", "headerValue": {"regex": ".*bot.*"}},
        ]}},
        {"setMirrorRoute": {"name": "mirror", "percentage": 35, "match": [
            {"method": {"exact": "GET"}, "path": {"prefix": "/"}},
        ]}},
    ]))
    .unwrap()
}

/// The router of a Rollout with those steps; `canary` replaces fields of its strategy.
pub fn router(canary: &Value) -> Arc<dyn Router> {
    let mut strategy = json!({
        "canaryService": "c", "stableService": "s", "steps": steps(),
        "trafficRouting": {
            "istio": {"virtualService": {"name": "web", "routes": ["main"]}},
            "managedRoutes": [{"name": "mirror"}, {"name": "header"}],
        },
    });
    for (field, value) in canary.as_object().unwrap() {
        strategy[field] = value.clone();
    }
    let spec: RolloutSpec = serde_json::from_value(json!({"strategy": {"canary": strategy}})).unwrap();
    let key = Key::new("shop", "web");
    routers::of(&spec, Owner { rollout: &key, uid: "uid" }).expect("a router").remove(0)
}

/// A `VirtualService` with a route of somebody else, and ours with a share of the canary.
pub fn routed(canary: i64) -> Value {
    json!({"metadata": {"name": "web", "resourceVersion": "7"}, "spec": {"hosts": ["web"], "http": [
        {"name": "other", "match": [{"uri": {"prefix": "/other"}}], "route": [{"destination": {"host": "other"}}]},
        {"name": "main", "timeout": "3s", "route": [
            {"destination": {"host": "s"}, "weight": 100 - canary},
            {"destination": {"host": "c", "port": {"number": 80}}, "weight": canary},
        ]},
    ]}})
}

/// An object after a patch whose tests hold.
pub fn applied(object: &Value, patch: &[Value]) -> Value {
    let patch: json_patch::Patch = serde_json::from_value(json!(patch)).expect("a JSON Patch");
    let mut changed = object.clone();
    json_patch::patch(&mut changed, &patch).expect("the tests hold");
    changed
}

mod foreign {
    use proptest::prelude::*;

    use super::*;
    use crate::core::managed::ManagedRoute;
    use crate::core::plan::{Move, Way};
    use crate::core::stage::Attempt;
    use crate::core::weight::Weight;
    use crate::routers::istio::noted::ROUTES_ANNOTATION;
    use crate::routers::istio::subsets;
    use crate::routers::{ABORTED_ANNOTATION, Write};

    /// Whatever somebody may have written, numbers and order of fields included.
    fn anything() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1000i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
            "[a-z/~ é\"]{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
                prop::collection::btree_map("[a-z/~]{1,5}", inner, 0..3).prop_map(|map| json!(map)),
            ]
        })
    }

    /// Fields that nobody here knows, to be added to an object.
    fn unknown() -> impl Strategy<Value = Vec<(String, Value)>> {
        prop::collection::vec(("x[a-z]{1,4}", anything()), 0..3)
    }

    fn with(mut object: Value, fields: Vec<(String, Value)>) -> Value {
        for (name, value) in fields {
            object[name] = value;
        }
        object
    }

    fn foreign_route() -> impl Strategy<Value = Value> {
        let name = prop_oneof![Just(None), Just(Some("x")), Just(Some("headers")), Just(Some("mirro"))];
        (name, unknown(), unknown()).prop_map(|(name, route, destination)| {
            let destination = with(json!({"destination": {"host": "c"}, "weight": 100}), destination);
            let route = with(json!({"route": [destination]}), route);
            name.map_or(route.clone(), |name| with(route, vec![("name".to_owned(), json!(name))]))
        })
    }

    fn main_route() -> impl Strategy<Value = Value> {
        (0i64..120, 0i64..120, unknown(), unknown(), any::<bool>()).prop_map(|(canary, stable, route, side, third)| {
            let mut list = vec![
                with(json!({"destination": {"host": "s"}, "weight": stable}), side.clone()),
                with(json!({"destination": {"host": "c", "port": {"number": 80}}, "weight": canary}), side),
            ];
            if third {
                list.push(json!({"destination": {"host": "third"}, "weight": 5, "headers": {}}));
            }
            with(json!({"name": "main", "route": list}), route)
        })
    }

    /// Routes under our names: as a step asks for, or as nobody does.
    fn our_route() -> impl Strategy<Value = Value> {
        (prop_oneof![Just("header"), Just("mirror")], unknown())
            .prop_map(|(name, fields)| with(json!({"name": name, "route": [{"destination": {"host": "s"}}]}), fields))
    }

    fn service() -> impl Strategy<Value = Value> {
        let before = prop::collection::vec(prop_oneof![foreign_route(), our_route()], 0..4);
        let after = prop::collection::vec(prop_oneof![foreign_route(), our_route()], 0..4);
        (before, main_route(), after, unknown(), unknown()).prop_map(|(mut http, main, after, spec, top)| {
            http.push(main);
            http.extend(after);
            let spec = with(json!({"hosts": ["web"], "http": http}), spec);
            with(json!({"metadata": {"name": "web", "resourceVersion": "7"}, "spec": spec}), top)
        })
    }

    /// What is left of an object without what is ours, as text: byte for byte.
    fn bare(object: &Value) -> String {
        let mut object = object.clone();
        if let Some(annotations) = object["metadata"].as_object_mut().and_then(|m| m.get_mut("annotations")) {
            for ours in [ABORTED_ANNOTATION, ROUTES_ANNOTATION] {
                annotations.as_object_mut().unwrap().remove(ours);
            }
        }
        if object.pointer("/metadata/annotations").is_some_and(|a| a == &json!({})) {
            object["metadata"].as_object_mut().unwrap().remove("annotations");
        }
        let http = object["spec"]["http"].as_array_mut().unwrap();
        http.retain(|route| route["name"] != "header" && route["name"] != "mirror");
        for route in http.iter_mut().filter(|route| route["name"] == "main") {
            for destination in route["route"].as_array_mut().unwrap() {
                if destination["destination"]["host"] != "third" {
                    destination.as_object_mut().unwrap().remove("weight");
                }
            }
        }
        object.to_string()
    }

    fn way() -> impl Strategy<Value = Way> {
        let attempt = Attempt { revision: 2, hash: "new".into() };
        prop_oneof![Just(Way::Up), Just(Way::Down), Just(Way::Abort { attempt, reason: "error rate".into() })]
    }

    fn moved(object: &Value, change: &Move) -> Value {
        match router(&json!({})).write(&[Some(Arc::new(object.clone()))], change).expect("steerable") {
            Some(Write::Patch(patch)) => applied(object, &patch),
            Some(Write::Create(_)) => panic!("made anew"),
            None => object.clone(),
        }
    }

    proptest! {
        #[test]
        fn what_others_wrote_stays_byte_for_byte(
            object in service(), percent in 0i64..=100, way in way(), which in prop::sample::subsequence(vec![1usize, 0], 0..=2),
        ) {
            let (to, all) = (Weight::clamped(percent), steps());
            let managed: Vec<_> = which.iter().map(|index| ManagedRoute::of(&all[*index]).unwrap()).collect();
            let change = Move { from: to, to, managed: managed.clone(), way: way.clone() };
            let after = moved(&object, &change);
            prop_assert_eq!(bare(&after), bare(&object));
            prop_assert_eq!(&moved(&after, &change), &after, "a second write changes nothing");
            let seen = router(&json!({})).read(&[Some(Arc::new(after))]).expect("steerable").exposure;
            prop_assert!(!seen.managed.exceeds(&managed) && !seen.exceeds(to));
            if way == Way::Up {
                prop_assert!(!seen.managed.falls_short(&managed) && seen.is(to), "{seen:?}");
            }
        }

        #[test]
        fn a_destination_rule_keeps_all_but_our_labels(
            fields in unknown(), subset in unknown(), spec in unknown(), more in prop::collection::vec(unknown(), 0..3),
        ) {
            let mut list: Vec<Value> = ["canary", "stable"]
                .iter()
                .map(|name| with(json!({"name": name, "labels": {"app": "web"}}), subset.clone()))
                .collect();
            list.extend(more.into_iter().map(|fields| with(json!({"name": "third"}), fields)));
            let spec = with(json!({"host": "web", "subsets": list}), spec);
            let rule = with(json!({"metadata": {"name": "web", "resourceVersion": "7"}, "spec": spec}), fields);
            let bare = |rule: &Value| {
                let mut rule = rule.clone();
                rule["metadata"].as_object_mut().unwrap().remove("annotations");
                for subset in rule["spec"]["subsets"].as_array_mut().unwrap() {
                    if let Some(labels) = subset.get_mut("labels").and_then(Value::as_object_mut) {
                        labels.remove(serin_crds::names::HASH_LABEL);
                    }
                }
                rule.to_string()
            };
            let patch = subsets::hash_patch(&rule, ("canary", "stable"), ("new", "old"), "web").expect("a patch");
            let after = applied(&rule, &patch);
            prop_assert_eq!(bare(&after), bare(&rule));
            if let Some(release) = subsets::release_patch(&after) {
                prop_assert_eq!(bare(&applied(&after, &release)), bare(&rule));
            }
        }
    }
}
