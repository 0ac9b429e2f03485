use serde_json::{Value, json};

use super::{Picked, Target, pick};
use crate::core::exposure::Exposure;
use crate::core::weight::Weight;

fn target() -> Target {
    Target { canary_service: "web-canary".into(), stable_service: "web-stable".into(), ..Target::default() }
}

#[allow(clippy::needless_pass_by_value, reason = "short at the place of use")]
fn http(routes: Value) -> Value {
    json!({"spec": {"hosts": ["web"], "http": routes}})
}

fn split(name: Option<&str>, stable: Value, canary: Value) -> Value {
    let mut route = json!({"route": [
        {"destination": {"host": "web-stable.default.svc.cluster.local"}},
        {"destination": {"host": "web-canary"}},
    ]});
    for (i, weight) in [stable, canary].into_iter().enumerate() {
        if !weight.is_null() {
            route["route"][i]["weight"] = weight;
        }
    }
    if let Some(name) = name {
        route["name"] = json!(name);
    }
    route
}

fn seen(virtual_service: &Value, target: &Target, canary: i64, even: bool) -> Vec<Picked> {
    let routes = pick(virtual_service, target).expect("a route that can be steered");
    let exposure = Exposure::of(routes.iter().map(Picked::split).collect());
    let share = Weight::clamped(canary);
    assert_eq!((exposure.share(), exposure.is(share)), (share, even), "{virtual_service}");
    routes
}

fn refused(virtual_service: &Value, target: &Target, says: &str) {
    let fault = pick(virtual_service, target).expect_err(says).to_string();
    assert!(fault.contains(says), "{fault:?} should say {says:?}");
}

#[test]
fn the_share_of_the_canary_is_read_relative_to_the_sum() {
    seen(&http(json!([split(None, json!(80), json!(20))])), &target(), 20, true);
    seen(&http(json!([split(None, json!(4), json!(1))])), &target(), 20, false);
    seen(&http(json!([split(None, json!(100), Value::Null)])), &target(), 0, true);
    seen(&http(json!([split(None, Value::Null, Value::Null)])), &target(), 0, false);
    seen(&http(json!([split(None, json!(99), json!(2))])), &target(), 2, false);
}

#[test]
fn the_only_route_needs_no_name_and_managed_routes_do_not_count() {
    let mut wanted = target();
    wanted.managed = vec!["header".into()];
    let header = json!({"name": "header", "route": [{"destination": {"host": "web-canary"}, "weight": 100}]});
    seen(&http(json!([header, split(Some("main"), json!(70), json!(30))])), &wanted, 30, true);
    let two = http(json!([split(Some("a"), json!(1), json!(0)), split(Some("b"), json!(1), json!(0))]));
    refused(&two, &target(), "exactly one route");
}

#[test]
fn named_routes_are_found_and_a_missing_one_is_named() {
    let mut wanted = target();
    wanted.http = vec!["a".into(), "b".into()];
    let both = http(json!([split(Some("a"), json!(90), json!(10)), split(Some("b"), json!(60), json!(40))]));
    seen(&both, &wanted, 40, false);
    wanted.http.push("c".into());
    refused(&both, &wanted, "HTTP Route 'c' is not found in the defined Virtual Service.");
}

#[test]
fn a_subset_says_more_than_a_shared_host() {
    let mut wanted = target();
    wanted.subsets = Some(("canary".into(), "stable".into()));
    wanted.canary_service = "web".into();
    let routes = json!([{"route": [
        {"destination": {"host": "web", "subset": "stable"}, "weight": 75},
        {"destination": {"host": "web", "subset": "canary"}, "weight": 25},
    ]}]);
    let routes = seen(&http(routes), &wanted, 25, true);
    let subsets: Vec<_> = routes[0].destinations.iter().map(|d| (&*d.host, d.subset.as_deref())).collect();
    assert_eq!(subsets, [("web", Some("stable")), ("web", Some("canary"))]);
}

#[test]
fn what_cannot_be_steered_is_refused_with_what_to_change() {
    refused(&json!({"spec": {}}), &target(), "Unable to get any of the HTTP, TCP or TLS routes");
    refused(&json!({"spec": {"http": "x"}}), &target(), "Unable to get HTTP routes");
    refused(&json!({"spec": {"http": ["x"]}}), &target(), "Unable to get HTTP routes");
    let lonely = http(json!([{"route": [{"destination": {"host": "web-stable"}}]}]));
    refused(&lonely, &target(), "Canary Service 'web-canary' not found in route");
    let lonely = http(json!([{"route": [{"destination": {"host": "web-canary"}}]}]));
    refused(&lonely, &target(), "Stable Service 'web-stable' not found in route");
    refused(&http(json!([])), &target(), "exactly one route");
}

#[test]
fn tls_and_tcp_routes_are_picked_by_port_and_hosts() {
    let route = |port: i64, sni: Value| {
        json!({"match": [{"port": port, "sniHosts": sni}], "route": [
            {"destination": {"host": "web-stable"}, "weight": 100}, {"destination": {"host": "web-canary"}},
        ]})
    };
    let mut wanted = target();
    wanted.tls = vec![(Some(443), vec!["b".into(), "a".into()])];
    let two = json!({"spec": {"tls": [route(443, json!(["a"])), route(443, json!(["a", "b"]))]}});
    let picked = seen(&two, &wanted, 0, true);
    assert_eq!(picked.iter().map(|r| (r.section, r.index)).collect::<Vec<_>>(), [("tls", 1)]);
    wanted.tls = vec![(Some(444), vec![])];
    refused(&two, &wanted, "No matching TLS routes");
    let tcp = json!({"spec": {"tcp": [route(1, json!(null)), route(2, json!(null))]}});
    refused(&tcp, &target(), "tcpRoutes");
    wanted.tls.clear();
    wanted.tcp = vec![Some(2)];
    seen(&tcp, &wanted, 0, true);
}

#[test]
fn a_section_of_somebody_else_is_not_looked_at() {
    let foreign = json!({"match": [{"port": 9000}], "route": [{"destination": {"host": "web-thread"}, "weight": 100}]});
    let mut object = http(json!([split(Some("main"), json!(80), json!(20))]));
    object["spec"]["tcp"] = json!([foreign, foreign]);
    assert_eq!(seen(&object, &target(), 20, true).len(), 1);
    object["spec"]["tls"] = json!([foreign]);
    assert_eq!(seen(&object, &target(), 20, true).len(), 1);
}
