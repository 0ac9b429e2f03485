use serde_json::{Value, json};

use super::{LiveRoute, Managed, ManagedRoute, at};
use crate::core::fixtures::with_steps;
use crate::core::snapshot::Snapshot;

fn header(name: &str, value: &str) -> Value {
    json!({"setHeaderRoute": {"name": name, "match": [{"headerName": "x", "headerValue": {"exact": value}}]}})
}

fn mirror(name: &str, percentage: Option<i64>) -> Value {
    json!({"setMirrorRoute": {"name": name, "percentage": percentage, "match": [{"method": {"exact": "GET"}}]}})
}

#[allow(clippy::needless_pass_by_value, reason = "short at the place of use")]
fn snapshot(steps: Value) -> Snapshot {
    with_steps(steps).spec(|spec| {
        let routing = spec.strategy.canary.as_mut().and_then(|canary| canary.traffic_routing.as_mut()).unwrap();
        routing.managed_routes = serde_json::from_value(json!([{"name": "b"}, {"name": "a"}])).unwrap();
    })
}

fn live(route: &ManagedRoute) -> LiveRoute {
    LiveRoute { name: route.name().to_owned(), route: Some(route.clone()) }
}

#[test]
fn of_each_name_the_last_step_decides_and_the_order_is_that_of_the_list() {
    let empty = json!({"setHeaderRoute": {"name": "a"}});
    let s = snapshot(json!([header("a", "1"), mirror("b", None), header("a", "2"), empty, {"pause": {}}]));
    let names = |index| at(&s, index).iter().map(|r| format!("{} {}", r.kind(), r.name())).collect::<Vec<_>>();
    assert_eq!(names(0), ["headerRoute a"]);
    assert_eq!(names(1), ["mirrorRoute b", "headerRoute a"]);
    assert_ne!(at(&s, 1), at(&s, 2), "another match is another route");
    assert_eq!(names(3), ["mirrorRoute b"], "an entry without match takes the route away");
    assert_eq!(names(99), ["mirrorRoute b"], "they stay when all steps are done");
}

#[test]
fn a_percentage_is_whole_where_it_is_absent_and_never_beyond() {
    let percentage = |given| match ManagedRoute::of(&serde_json::from_value(mirror("b", given)).unwrap()) {
        Some(ManagedRoute::Mirror(route)) => route.percentage,
        _ => None,
    };
    assert_eq!(percentage(None), Some(100));
    assert_eq!(percentage(Some(35)), Some(35));
    assert_eq!(percentage(Some(120)), Some(100));
}

#[test]
fn routes_are_ordered_by_inclusion_in_every_place() {
    let s = snapshot(json!([header("a", "1"), mirror("b", Some(5))]));
    let (wanted, one) = (at(&s, 1), at(&s, 0));
    let [b, a] = wanted.as_slice() else { panic!("two routes") };
    let managed = Managed(vec![vec![live(b), live(a)], vec![live(a)]]);
    assert!(managed.falls_short(&wanted) && !managed.exceeds(&wanted));
    assert!(managed.exceeds(&one) && !managed.falls_short(&one));
    assert_eq!(managed.kept(&wanted), one);
    let strange = Managed(vec![vec![LiveRoute { name: "a".into(), route: None }]]);
    assert!(strange.exceeds(&one) && strange.falls_short(&one), "one that is other is too many and too few");
    let nowhere = Managed::default();
    assert!(!nowhere.exceeds(&[]) && !nowhere.falls_short(&wanted) && nowhere.is_none());
}
