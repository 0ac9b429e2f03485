use serde_json::{Value, json};

use super::*;
use crate::runtime::clock::Clock;
use crate::runtime::projection::{IngressRow, TemplateRow, VirtualServiceRow};
use crate::runtime::store::News;

fn object<K: Projection>(name: &str, more: &Value) -> K {
    let mut object = json!({"metadata": {"namespace": "shop", "name": name, "resourceVersion": "1"}, "spec": {}});
    json_patch::merge(&mut object, more);
    K::from_value(&object).unwrap()
}

fn naming(route: &str, template: &str) -> Value {
    json!({"spec": {"strategy": {"canary": {
        "trafficRouting": {"istio": {"virtualService": {"name": route}}},
        "analysis": {"templates": [{"templateName": template}]}
    }}}})
}

#[test]
fn bodies_are_wanted_of_what_a_rollout_or_a_template_names_and_of_what_a_rollout_has_left() {
    let stores = Stores::new(&Clock::system());
    stores.rollouts.observe_own_write(object("web", &naming("vs", "outer")));
    stores.templates.observe_own_write(object("outer", &json!({"spec": {"templates": [{"templateName": "inner"}]}})));
    let route = |name: &str, more: &Value| wants_body(&stores, &object::<VirtualServiceRow>(name, more));
    assert!(route("vs", &json!({})) && !route("other", &json!({})));
    let mark = json!({"metadata": {"annotations": {"rollouts.serin.dev/aborted-revision": "gone 5d4f: why"}}});
    assert!(route("left", &mark));
    let ingress = |more: &Value| wants_body(&stores, &object::<IngressRow>("web-web-canary", more));
    let owner = json!([{"kind": "Rollout", "name": "gone", "uid": "u", "controller": true}]);
    assert!(ingress(&json!({"metadata": {"ownerReferences": owner}})) && !ingress(&json!({})));
    let template = |name: &str| wants_body(&stores, &object::<TemplateRow>(name, &json!({})));
    assert!(template("outer") && template("inner") && !template("other"));
}

#[test]
fn what_nobody_names_any_more_gives_up_its_body() {
    let stores = Stores::new(&Clock::system());
    for name in ["vs", "shared", "next"] {
        stores.virtual_services.observe_own_write(object(name, &json!({})));
    }
    stores.rollouts.observe_own_write(object("other", &naming("shared", "x")));
    let rollout = |route: &str| Arc::new(object::<RolloutRow>("web", &naming(route, "x")));
    let told = |old: &str, new: Option<&str>| {
        let change = match new {
            Some(new) => Change::shown(Some(rollout(old)), rollout(new), News::Changed),
            None => Change::gone(Key::new("shop", "web"), Some(rollout(old))),
        };
        shed_unnamed(&stores, &change);
    };
    let bodies = || {
        let kept = stores.virtual_services.all().into_iter().filter(|route| route.is_whole());
        kept.map(|route| route.key().name().to_owned()).collect::<Vec<_>>().join(" ")
    };
    told("vs", Some("next"));
    assert_eq!(bodies(), "next shared");
    told("shared", Some("next"));
    assert_eq!(bodies(), "next shared", "another Rollout names it");
    told("next", None);
    assert_eq!(bodies(), "shared");
}

#[test]
fn a_kind_of_workload_is_followed_once_a_rollout_refers_to_one() {
    let referred = watch::Sender::new(BTreeSet::new());
    let told = |spec: &Value| refer(&referred, &Change::shown(None, Arc::new(object("web", spec)), News::Changed));
    told(&naming("vs", "x"));
    assert!(referred.borrow().is_empty());
    told(&json!({"spec": {"workloadRef": {"kind": "Deployment", "name": "web"}}}));
    assert_eq!(*referred.borrow(), BTreeSet::from(["Deployment"]));
}

#[test]
fn every_kind_whose_bodies_are_kept_only_if_named_can_be_given_up() {
    fn check<K: Projection>(stores: &Stores, store: &Store<K>) {
        let row: K = object("x", &json!({}));
        let key = row.key().clone();
        assert!(K::BODY_IF_NAMED, "{}", K::PLACE.kind);
        store.observe_own_write(row);
        stores.shed_unnamed(K::PLACE.kind, &key);
        assert!(store.has_to_be_read(&key), "{}", K::PLACE.kind);
    }
    let stores = Stores::new(&Clock::system());
    check(&stores, &stores.virtual_services);
    check(&stores, &stores.destination_rules);
    check(&stores, &stores.ingresses);
    check(&stores, &stores.templates);
    check(&stores, &stores.cluster_templates);
    check(&stores, &stores.workloads.deployments);
    check(&stores, &stores.workloads.replica_sets);
    check(&stores, &stores.workloads.pod_templates);
}
