use serde_json::{Value, json};

use super::*;
use crate::core::stage::Attempt;

fn canary() -> CanaryStrategy {
    CanaryStrategy {
        canary_service: Some("web-canary".into()),
        stable_service: Some("web-stable".into()),
        ..CanaryStrategy::default()
    }
}

fn routers_of(canary: &CanaryStrategy, nginx: &Value) -> Result<Vec<Arc<dyn Router>>, RouteFault> {
    let nginx: NginxTrafficRouting = serde_json::from_value(nginx.clone()).expect("a router");
    routers(canary, &nginx, Owner { rollout: &Key::new("shop", "web"), uid: "u-1" })
}

fn router() -> Arc<dyn Router> {
    let nginx = json!({
        "stableIngress": "web", "additionalIngressAnnotations": {"canary-by-header": "X-Canary"},
        "canaryIngressAnnotations": {"example.com/owner": "team"},
    });
    routers_of(&canary(), &nginx).expect("a router").remove(0)
}

fn stable() -> Arc<Value> {
    let path = |service: &str| json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": service, "port": {"number": 80}}}});
    Arc::new(json!({
        "metadata": {"name": "web", "namespace": "shop", "annotations": {"nginx.ingress.kubernetes.io/ssl-redirect": "true"}},
        "spec": {"ingressClassName": "nginx", "rules": [
            {"host": "web.example.com", "http": {"paths": [path("web-stable"), path("other")]}},
            {"host": "other.example.com", "http": {"paths": [path("other")]}},
        ]},
    }))
}

fn moving(to: i64, way: Way) -> Move {
    Move { from: Weight::ZERO, to: Weight::clamped(to), managed: Vec::new(), way }
}

fn patched(object: &Value, write: Option<Write>) -> Value {
    let Some(Write::Patch(ops)) = write else { panic!("a patch: {write:?}") };
    let patch: json_patch::Patch = serde_json::from_value(json!(ops)).expect("a JSON Patch");
    let mut object = object.clone();
    json_patch::patch(&mut object, &patch).expect("the tests hold");
    object
}

fn created(to: i64) -> Value {
    match router().write(&[None, Some(stable())], &moving(to, Way::Up)).expect("steerable") {
        Some(Write::Create(mut object)) => {
            object["metadata"]["resourceVersion"] = json!("5");
            object
        }
        other => panic!("created: {other:?}"),
    }
}

fn share(object: &Value) -> Weight {
    router().read(&[Some(Arc::new(object.clone())), Some(stable())]).expect("steerable").exposure.share()
}

#[test]
fn the_canary_ingress_is_made_when_traffic_first_goes_there_and_has_only_the_paths_of_the_stable_service() {
    assert_eq!(router().write(&[None, Some(stable())], &moving(0, Way::Up)), Ok(None));
    let object = created(20);
    assert_eq!(object["metadata"]["name"], "web-web-canary");
    assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "u-1");
    let annotations = &object["metadata"]["annotations"];
    assert_eq!(annotations["nginx.ingress.kubernetes.io/canary"], "true");
    assert_eq!(annotations["nginx.ingress.kubernetes.io/canary-weight"], "20");
    assert_eq!(annotations["nginx.ingress.kubernetes.io/canary-by-header"], "X-Canary");
    assert_eq!(annotations["nginx.ingress.kubernetes.io/ssl-redirect"], "true");
    assert_eq!(annotations["example.com/owner"], "team");
    assert_eq!(object["spec"]["ingressClassName"], "nginx");
    let rules = object["spec"]["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), 1);
    assert_eq!(rules[0]["http"]["paths"][0]["backend"]["service"]["name"], "web-canary");
    assert_eq!(share(&object), Weight::clamped(20));
}

#[test]
fn a_raise_rests_on_the_version_and_a_lowering_on_nothing_but_the_object() {
    let object = created(20);
    let objects = [Some(Arc::new(object.clone())), Some(stable())];
    let up = router().write(&objects, &moving(50, Way::Up)).expect("steerable");
    let Some(Write::Patch(ops)) = &up else { panic!("{up:?}") };
    assert_eq!(ops[0]["path"], "/metadata/resourceVersion");
    assert_eq!(share(&patched(&object, up)), Weight::clamped(50));
    // The stable Ingress may be gone: that keeps nobody on the canary.
    let down = router().write(&[objects[0].clone(), None], &moving(0, Way::Down)).expect("lowered");
    let Some(Write::Patch(ops)) = &down else { panic!("{down:?}") };
    assert!(ops.iter().all(|op| op["op"] != "test"));
    assert_eq!(share(&patched(&object, down)), Weight::ZERO);
    assert_eq!(router().write(&objects, &moving(60, Way::Down)), Ok(None), "a lowering lifts nothing");
}

#[test]
fn an_abort_leaves_a_mark_that_the_next_raise_removes() {
    let object = created(20);
    let attempt = Attempt { revision: 2, hash: "abc".into() };
    let way = Way::Abort { attempt: attempt.clone(), reason: "error rate".into() };
    let objects = [Some(Arc::new(object.clone())), Some(stable())];
    let aborted = patched(&object, router().write(&objects, &moving(0, way.clone())).expect("lowered"));
    let objects = [Some(Arc::new(aborted.clone())), Some(stable())];
    assert_eq!(router().read(&objects).expect("seen").aborted, Some((attempt, "error rate".to_owned())));
    assert_eq!(router().write(&objects, &moving(0, way)), Ok(None), "an abort that is done writes nothing");
    let retried = patched(&aborted, router().write(&objects, &moving(0, Way::Up)).expect("raised"));
    let objects = [Some(Arc::new(retried)), Some(stable())];
    assert_eq!(router().read(&objects).expect("seen").aborted, None);
}

#[test]
fn a_total_other_than_one_hundred_is_split_as_finely() {
    let mut object = created(20);
    object["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight-total"] = json!("1000");
    object["metadata"]["annotations"]["nginx.ingress.kubernetes.io/canary-weight"] = json!("200");
    assert_eq!(share(&object), Weight::clamped(20));
    let objects = [Some(Arc::new(object.clone())), Some(stable())];
    let up = router().write(&objects, &moving(25, Way::Up)).expect("raised");
    let Some(Write::Patch(ops)) = up else { panic!("a patch") };
    assert!(ops.iter().any(|op| op["value"] == "250"), "{ops:?}");
}

#[test]
fn what_is_missing_is_named() {
    let refused = |objects: &[Option<Arc<Value>>], says: &str| {
        let fault = router().read(objects).expect_err(says).to_string();
        assert!(fault.contains(says), "{fault:?} should say {says:?}");
    };
    refused(&[None, None], "Ingress \"web\" not found; create it in namespace shop");
    let mut other = (*stable()).clone();
    other["spec"]["rules"].as_array_mut().expect("rules").remove(0);
    refused(&[None, Some(Arc::new(other))], "has no rules using service web-stable backend");
    let mut foreign = created(20);
    foreign["metadata"]["ownerReferences"][0]["uid"] = json!("u-2");
    refused(&[Some(Arc::new(foreign)), Some(stable())], "does not belong to this Rollout");
    let nobody = CanaryStrategy::default();
    let says = routers_of(&nobody, &json!({"stableIngress": "web"})).expect_err("refused").to_string();
    assert!(says.contains("spec.strategy.canary.stableService is missing"), "{says}");
    let says = routers_of(&canary(), &json!({})).expect_err("refused").to_string();
    assert!(says.contains("give stableIngress or stableIngresses"), "{says}");
}

#[test]
fn several_ingresses_are_several_routers() {
    let several = routers_of(&canary(), &json!({"stableIngresses": ["a", "b"]})).expect("routers");
    let written: Vec<String> = several.iter().map(|router| router.objects()[0].key.to_string()).collect();
    assert_eq!(written, ["shop/web-a-canary", "shop/web-b-canary"]);
    assert!(canary_name(&"r".repeat(253), "web").len() <= 253);
}

#[test]
fn weights_are_parts_of_the_whole_that_the_rollout_names() {
    let mut canary = canary();
    let routing = json!({"maxTrafficWeight": 1000, "nginx": {"stableIngress": "web"}});
    canary.traffic_routing = Some(serde_json::from_value(routing).expect("a routing"));
    let router = routers_of(&canary, &json!({"stableIngress": "web"})).expect("a router").remove(0);
    let to = |parts, way| Move { from: Weight::ZERO, to: Weight::of(parts, 1000), way, managed: Vec::new() };
    let annotation = |object: &Value, name: &str| {
        object["metadata"]["annotations"][format!("nginx.ingress.kubernetes.io/{name}")].as_str().map(str::to_owned)
    };
    let Some(Write::Create(made)) = router.write(&[None, Some(stable())], &to(5, Way::Up)).expect("steerable") else {
        panic!("created")
    };
    assert_eq!(annotation(&made, "canary-weight").as_deref(), Some("5"));
    assert_eq!(annotation(&made, "canary-weight-total").as_deref(), Some("1000"));
    let seen = |object: Value| router.read(&[Some(Arc::new(object)), Some(stable())]).expect("seen").exposure;
    assert_eq!(seen(made).share().parts_of(1000), 5);
    // An Ingress of before counts to 100; taking traffic off it changes nothing but its weight.
    let before = created(20);
    assert_eq!(seen(before.clone()).share(), Weight::clamped(20));
    let object = Some(Arc::new(before.clone()));
    let down = router.write(&[object.clone(), Some(stable())], &to(50, Way::Down)).expect("steerable");
    let down = patched(&before, down);
    assert_eq!(
        (annotation(&down, "canary-weight").as_deref(), annotation(&down, "canary-weight-total")),
        (Some("5"), None)
    );
    let up = patched(&before, router.write(&[object, Some(stable())], &to(300, Way::Up)).expect("steerable"));
    assert_eq!(annotation(&up, "canary-weight").as_deref(), Some("300"));
    assert_eq!(annotation(&up, "canary-weight-total").as_deref(), Some("1000"));
}
