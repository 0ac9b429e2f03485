use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::runtime::clock::Clock;
use crate::runtime::projection::{
    AnalysisRunRow, ClusterTemplateRow, Deployments, DestinationRuleRow, ReplicaSetRow, RolloutRow, ServiceRow,
    TemplateRow, VirtualServiceRow, WorkloadRow,
};

/// Two Rollouts, `a` and `b`, that name the same Service, `VirtualService` and templates, one of them through another;
/// and `c`, that shares nothing, and `d`, that refers to a Deployment.
fn stores() -> Stores {
    let stores = Stores::new(&Clock::system());
    let shared = json!({"strategy": {"canary": {
        "canaryService": "shared", "trafficRouting": {"istio": {"virtualService": {"name": "shared"}}},
        "analysis": {"templates": [{"templateName": "outer"}]}
    }}});
    let single = json!({"strategy": {"canary": {
        "canaryService": "single", "trafficRouting": {"istio": {"destinationRule": {"name": "rule"}}}
    }}});
    for (name, spec) in [("a", &shared), ("b", &shared), ("c", &single)] {
        stores.rollouts.observe_own_write(object(name, &json!({"spec": spec})));
    }
    let referring = json!({"workloadRef": {"kind": "Deployment", "name": "shared-workload"}});
    stores.rollouts.observe_own_write(object("d", &json!({"spec": referring})));
    let inner = json!({"spec": {"templates": [{"templateName": "inner", "clusterScope": true}]}});
    stores.templates.observe_own_write(object("outer", &inner));
    stores
}

fn object<K: Projection>(name: &str, more: &Value) -> K {
    let mut object = json!({"metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": "1"}});
    json_patch::merge(&mut object, more);
    if !K::PLACE.namespaced {
        object["metadata"]["namespace"] = json!("");
    }
    K::from_value(&object).unwrap()
}

fn owned_by(name: &str) -> Value {
    json!({"metadata": {"ownerReferences": [{"kind": "Rollout", "name": name, "uid": name, "controller": true}]}})
}

fn managed_by(name: &str) -> Value {
    json!({"metadata": {"annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": name}}})
}

/// What a change from one version of an object to another wakes: names, `!` before those in the fast lane.
fn woken_by<K: Projection>(old: Option<K>, new: Option<K>, news: News) -> String {
    let (old, new) = (old.map(Arc::new), new.map(Arc::new));
    let change = match new {
        Some(new) => Change::shown(old, new, news),
        None => Change::gone(old.as_ref().unwrap().key().clone(), old),
    };
    let (keys, lane) = woken(&stores(), &change);
    let mark = if lane == Fast { "!" } else { "" };
    keys.iter().map(|key| format!("{mark}{}", key.name())).collect::<Vec<_>>().join(" ")
}

fn came<K: Projection>(name: &str, more: &Value) -> String {
    woken_by::<K>(None, Some(object(name, more)), News::Changed)
}

fn went<K: Projection>(name: &str, more: &Value) -> String {
    woken_by::<K>(Some(object(name, more)), None, News::Changed)
}

fn own<K: Projection>(name: &str, more: &Value) -> String {
    woken_by::<K>(None, Some(object(name, more)), News::Own)
}

#[test]
fn a_rollout_wakes_itself_and_is_first_when_it_orders_an_abort_or_is_gone() {
    let abort = json!({"status": {"abort": true}});
    assert_eq!(came::<RolloutRow>("a", &json!({})), "a");
    assert_eq!(came::<RolloutRow>("a", &abort), "!a");
    assert_eq!(went::<RolloutRow>("a", &json!({})), "!a");
    assert_eq!(own::<RolloutRow>("a", &abort), "");
}

#[test]
fn what_a_rollout_makes_wakes_its_owner_and_the_owner_before() {
    assert_eq!(came::<ReplicaSetRow>("x", &owned_by("a")), "a");
    assert_eq!(went::<ReplicaSetRow>("x", &owned_by("a")), "a");
    assert_eq!(came::<AnalysisRunRow>("x", &owned_by("b")), "b");
    assert_eq!(went::<AnalysisRunRow>("x", &owned_by("b")), "b");
    let (a, b) = (object::<ReplicaSetRow>("x", &owned_by("a")), object("x", &owned_by("b")));
    assert_eq!(woken_by(Some(a.clone()), Some(b), News::Changed), "a b");
    assert_eq!(woken_by(Some(a), Some(object("x", &json!({}))), News::Changed), "a");
    assert_eq!(own::<ReplicaSetRow>("x", &owned_by("a")), "");
    assert_eq!(own::<AnalysisRunRow>("x", &owned_by("a")), "");
}

#[test]
fn a_service_wakes_who_names_it_and_who_manages_it() {
    assert_eq!(came::<ServiceRow>("shared", &json!({})), "a b");
    assert_eq!(went::<ServiceRow>("shared", &json!({})), "a b");
    assert_eq!(came::<ServiceRow>("left", &managed_by("deleted")), "deleted");
    assert_eq!(came::<ServiceRow>("other", &json!({})), "");
    let (before, after) = (object::<ServiceRow>("left", &managed_by("c")), object("left", &json!({})));
    assert_eq!(woken_by(Some(before), Some(after), News::Changed), "c");
}

#[test]
fn a_virtual_service_wakes_who_names_it_and_whose_mark_it_carries() {
    let mark = json!({"metadata": {"annotations": {"rollouts.serin.dev/aborted-revision": "c 5d4f: error-rate"}}});
    assert_eq!(came::<VirtualServiceRow>("shared", &mark), "a b c");
    assert_eq!(went::<VirtualServiceRow>("shared", &json!({})), "a b");
    let routes = json!({"metadata": {"annotations": {"rollouts.serin.dev/managed-routes": r#"{"gone":["header"]}"#}}});
    assert_eq!(came::<VirtualServiceRow>("other", &routes), "gone");
}

#[test]
fn a_workload_wakes_who_refers_to_it_when_something_has_changed_that_is_taken_from_it() {
    let deployment = |more: &Value| Some(object::<WorkloadRow<Deployments>>("shared-workload", more));
    assert_eq!(woken_by(None, deployment(&json!({})), News::Changed), "d");
    let counted = json!({"metadata": {"resourceVersion": "2"}, "status": {"replicas": 2}});
    assert_eq!(woken_by(deployment(&json!({})), deployment(&counted), News::Changed), "");
    let scaled = json!({"metadata": {"resourceVersion": "2"}, "spec": {"replicas": 2}});
    assert_eq!(woken_by(deployment(&json!({})), deployment(&scaled), News::Changed), "d");
    assert_eq!(woken_by(deployment(&json!({})), None, News::Changed), "d");
    assert_eq!(came::<WorkloadRow<Deployments>>("other", &json!({})), "");
}

#[test]
fn a_rule_also_wakes_who_sends_traffic_to_the_service_that_it_speaks_of() {
    let host = |host: &str| json!({"spec": {"host": host}});
    assert_eq!(came::<DestinationRuleRow>("rule", &host("shared.shop.svc")), "a b c");
    assert_eq!(went::<DestinationRuleRow>("rule", &host("nobody")), "c");
    assert_eq!(came::<DestinationRuleRow>("other", &managed_by("a")), "a");
}

#[test]
fn a_template_wakes_who_names_it_through_others_too() {
    assert_eq!(came::<TemplateRow>("outer", &json!({})), "a b");
    assert_eq!(went::<TemplateRow>("outer", &json!({})), "a b");
    assert_eq!(came::<ClusterTemplateRow>("inner", &json!({})), "a b");
    assert_eq!(went::<ClusterTemplateRow>("inner", &json!({})), "a b");
    assert_eq!(came::<TemplateRow>("inner", &json!({})), "", "of the namespace, not of the cluster");
}

#[test]
fn what_a_turn_writes_or_reads_itself_wakes_whoever_shares_it() {
    assert_eq!(own::<ServiceRow>("shared", &json!({})), "a b");
    assert_eq!(own::<VirtualServiceRow>("shared", &json!({})), "a b");
    assert_eq!(own::<DestinationRuleRow>("rule", &json!({"spec": {"host": "shared"}})), "a b c");
    assert_eq!(own::<TemplateRow>("outer", &json!({})), "a b");
    assert_eq!(own::<ClusterTemplateRow>("inner", &json!({})), "a b");
    // With nobody to share it with, the turn that wrote it goes on by itself.
    assert_eq!(own::<ServiceRow>("single", &json!({})), "");
    assert_eq!(own::<DestinationRuleRow>("rule", &json!({"spec": {"host": "single"}})), "");
}

#[test]
fn what_was_told_before_wakes_nobody() {
    assert_eq!(woken_by::<ServiceRow>(None, Some(object("shared", &json!({}))), News::Known), "");
    assert_eq!(woken_by::<RolloutRow>(None, Some(object("a", &json!({}))), News::Known), "");
}

#[test]
fn each_row_of_the_table_can_be_reached() {
    for (row, (kind, times, whom, _)) in WAKES.iter().enumerate() {
        assert!(!whom.is_empty(), "row {row}");
        for when in *times {
            let first = WAKES.iter().position(|(other, times, _, _)| other == kind && times.contains(when));
            assert_eq!(first, Some(row), "{kind} {when:?} is said twice");
        }
    }
}
