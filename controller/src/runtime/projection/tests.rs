use serde_json::json;
use serin_crds::names::AnalysisPhase;

use super::rollout::virtual_service_key;
use super::*;

fn replica_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "namespace": "shop", "name": "web-5d4f", "uid": "rs-1", "resourceVersion": "41", "generation": 3,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {"rollouts-pod-template-hash": "5d4f", "app": "web"},
            "annotations": {
                "rollout.argoproj.io/revision": "7", "rollout.argoproj.io/desired-replicas": "10",
                "scale-down-deadline": "2026-01-02T03:05:05Z"
            },
            "ownerReferences": [
                {"kind": "Other", "name": "x", "uid": "u-0"},
                {"kind": "Rollout", "name": "web", "uid": "u-1", "controller": true}
            ],
            "managedFields": [{"manager": "m", "fieldsV1": {"f:spec": {}}}]
        },
        "spec": {"replicas": 4, "template": {"spec": {"containers": [{"name": "c"}]}}},
        "status": {
            "replicas": 4, "readyReplicas": 3, "availableReplicas": 2, "observedGeneration": 3,
            "conditions": [{"type": "ReplicaFailure", "status": "True", "message": "quota"}]
        }
    })
}

#[test]
fn a_replica_set_keeps_its_counts_and_marks() {
    let row = ReplicaSetRow::from_value(&replica_set()).unwrap();
    assert_eq!(row.key(), &Key::new("shop", "web-5d4f"));
    assert_eq!((row.version(), &*row.hash, row.replicas), ("41", "5d4f", 4));
    assert_eq!((row.revision.get(), row.desired.get()), (Some(7), Some(10)));
    assert_eq!(row.scale_down_deadline.get(), Some("2026-01-02T03:05:05Z".parse().unwrap()));
    assert_eq!((row.status.replicas, row.status.ready, row.status.available), (4, 3, 2));
    assert_eq!(row.status.replica_failure.as_deref(), Some("quota"));
    assert_eq!(row.index_keys(), vec![IndexKey::owner("u-1")]);
    assert!(row.is_observed());
}

#[test]
fn a_replica_set_without_a_controller_is_found_by_its_namespace() {
    let mut object = replica_set();
    object["metadata"]["ownerReferences"] = json!([{"kind": "Rollout", "name": "web", "uid": "u-1"}]);
    let row = ReplicaSetRow::from_value(&object).unwrap();
    assert_eq!(row.index_keys(), vec![IndexKey::orphans("shop")]);
}

#[test]
fn a_replica_set_tells_what_its_size_and_availability_rest_on() {
    let mut object = replica_set();
    object["spec"]["minReadySeconds"] = json!(7);
    object["metadata"]["generation"] = json!(4);
    let row = ReplicaSetRow::from_value(&object).unwrap();
    assert_eq!((row.min_ready_seconds, row.meta.generation, row.status.observed_generation), (7, 4, 3));
    assert!(!row.is_observed(), "its counts belong to the size before");
}

#[test]
fn an_annotation_that_means_nothing_is_kept_as_malformed() {
    let mut object = replica_set();
    object["metadata"]["annotations"]["scale-down-deadline"] = json!("soon");
    object["metadata"]["annotations"]["rollout.argoproj.io/revision"] = json!("-1");
    let row = ReplicaSetRow::from_value(&object).unwrap();
    assert_eq!(row.scale_down_deadline, AnnotationValue::Malformed("soon".into()));
    assert_eq!(row.revision, AnnotationValue::Malformed("-1".into()));
}

#[test]
fn an_object_without_a_name_is_an_error() {
    let error = ReplicaSetRow::from_value(&json!({"metadata": {"resourceVersion": "1"}})).unwrap_err();
    assert_eq!(error.to_string(), "the object has no metadata.name");
}

fn rollout(spec: &Value) -> RolloutRow {
    RolloutRow::from_value(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
        "metadata": {
            "namespace": "shop", "name": "web", "uid": "u-1", "resourceVersion": "5",
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{...}", "a": "b\"\n"},
            "managedFields": [{"manager": "m", "time": "2026-01-02T03:04:05Z"}]
        },
        "spec": spec, "status": {"abort": true, "big": 12_345_678_901_234_567_890_u64, "f": 1.5, "n": null, "l": [[], {}]}
    }))
    .unwrap()
}

#[test]
fn a_rollout_loses_nothing_but_managed_fields_and_last_applied() {
    let spec = json!({"template": {"x": [1, -2, {"y": "\u{e9}\u{0}"}]}});
    let value = rollout(&spec).body.value().unwrap();
    assert_eq!(value["spec"], spec);
    assert_eq!(value["metadata"]["annotations"], json!({"a": "b\"\n"}));
    assert_eq!(value["metadata"].get("managedFields"), None);
    assert_eq!(value["status"]["big"], json!(12_345_678_901_234_567_890_u64));
    assert_eq!(value["status"]["l"], json!([[], {}]));
}

#[test]
fn a_rollout_knows_what_it_refers_to() {
    let row = rollout(&json!({
        "workloadRef": {"kind": "Deployment", "name": "web"},
        "strategy": {"canary": {
            "canaryService": "web-canary", "stableService": "web-stable",
            "trafficRouting": {"istio": {
                "virtualService": {"name": "web"}, "destinationRule": {"name": "web-dr"},
                "virtualServices": [{"name": "edge.gateways.cluster.local"}, {"name": "web"}]
            }},
            "analysis": {"templates": [{"templateName": "errors"}, {"templateName": "slo", "clusterScope": true}]},
            "steps": [{"setWeight": 5}, {"analysis": {"templates": [{"templateName": "latency"}]}}, "junk"]
        }}
    }));
    let refs: Vec<String> = row
        .index_keys()
        .into_iter()
        .map(|key| match key {
            IndexKey::Ref(kind, key) => format!("{kind} {key}"),
            other => format!("{other:?}"),
        })
        .collect();
    let expected = [
        "AnalysisTemplate shop/errors",
        "AnalysisTemplate shop/latency",
        "ClusterAnalysisTemplate slo",
        "Deployment shop/web",
        "DestinationRule shop/web-dr",
        "Service shop/web-canary",
        "Service shop/web-stable",
        "VirtualService gateways/edge",
        "VirtualService shop/web",
    ];
    assert_eq!(refs, expected);
}

#[test]
fn a_rollout_whose_spec_is_garbage_is_still_cut() {
    for spec in [json!(null), json!("x"), json!({"strategy": {"canary": {"steps": 3, "trafficRouting": []}}})] {
        assert!(rollout(&spec).refs.is_empty());
    }
}

#[test]
fn a_virtual_service_may_be_named_with_its_namespace() {
    let check = |name: &str, expect: &str| {
        assert_eq!(virtual_service_key(&Key::new("shop", "web"), name).to_string(), expect);
    };
    check("vs", "shop/vs");
    check("vs.mesh", "mesh/vs");
    check("vs.mesh.cluster.local", "mesh/vs");
    check("vs.cluster.local", "shop/vs");
    check("a.b.mesh", "mesh/a.b");
    check("vs.", "shop/vs.");
    check(".mesh", "shop/.mesh");
}

fn virtual_service(managed_fields: &Value) -> VirtualServiceRow {
    VirtualServiceRow::from_value(&json!({
        "metadata": {"namespace": "shop", "name": "web", "resourceVersion": "9", "managedFields": managed_fields},
        "spec": {"http": [{"retries": {"attempts": 3}}]}, "status": {"x": 1}
    }))
    .unwrap()
}

fn entry(manager: &str, time: &str, fields: &Value) -> Value {
    json!({"manager": manager, "operation": "Update", "time": time, "fieldsV1": fields})
}

#[test]
fn the_last_writer_is_the_latest_that_holds_fields_of_the_spec() {
    let spec = json!({"f:spec": {"f:http": {}}});
    let row = virtual_service(&json!([
        entry("argocd-controller", "2026-01-01T00:00:05Z", &spec),
        entry("rollouts-controller", "2026-01-01T00:00:05Z", &spec),
        entry("kubectl-label", "2026-01-01T00:00:09Z", &json!({"f:metadata": {}})),
    ]));
    assert_eq!(row.writer.unwrap().manager.as_ref(), "argocd-controller");
    let value = row.body.value().unwrap();
    assert_eq!(value["spec"], json!({"http": [{"retries": {"attempts": 3}}]}));
    assert_eq!(value.get("status"), None);
}

#[test]
fn garbage_in_managed_fields_names_no_writer() {
    for fields in [json!(null), json!("x"), json!([1, {"manager": 3}])] {
        assert_eq!(virtual_service(&fields).writer, None);
    }
}

fn run(phase: &str) -> AnalysisRunRow {
    AnalysisRunRow::from_value(&json!({
        "metadata": {
            "namespace": "shop", "name": "web-1", "resourceVersion": "9",
            "labels": {"rollout-type": "Step", "step-index": "2"},
            "annotations": {"rollout.argoproj.io/revision": "3"},
            "ownerReferences": [{"kind": "Rollout", "name": "web", "uid": "u-1", "controller": true}]
        },
        "spec": {"terminate": true, "metrics": [{"name": "m"}]},
        "status": {"phase": phase, "message": "why", "completedAt": "2026-01-01T00:00:09Z"}
    }))
    .unwrap()
}

#[test]
fn a_run_keeps_its_body_only_while_it_is_under_way() {
    let running = run("Running");
    assert_eq!(running.body.as_ref().unwrap().value().unwrap()["spec"]["metrics"][0]["name"], json!("m"));
    let failed = run("Failed");
    assert_eq!((failed.phase, failed.message.as_deref(), failed.body), (AnalysisPhase::Failed, Some("why"), None));
    assert_eq!((run("").label("step-index"), run("").revision.get()), (Some("2"), Some(3)));
    assert!(running.terminate);
}

#[test]
fn a_service_tells_which_version_it_selects() {
    let row = ServiceRow::from_value(&json!({
        "metadata": {
            "namespace": "shop", "name": "web", "resourceVersion": "9",
            "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}
        },
        "spec": {"selector": {"app": "web", "rollouts-pod-template-hash": "5d4f"}, "ports": []}
    }))
    .unwrap();
    assert_eq!(row.selected_hash(), Some("5d4f"));
    assert_eq!(row.index_keys(), vec![IndexKey::managed_by(&Key::new("shop", "web"))]);
}

#[test]
fn a_destination_rule_is_found_by_its_rollout_and_by_the_service_that_it_speaks_of() {
    let row = DestinationRuleRow::from_value(&json!({
        "metadata": {
            "namespace": "shop", "name": "rule", "resourceVersion": "9",
            "annotations": {"argo-rollouts.argoproj.io/managed-by-rollouts": "web"}
        },
        "spec": {"host": "web-svc.shop.svc.cluster.local"}
    }))
    .unwrap();
    let service = IndexKey::reference("Service", &Key::new("shop", "web-svc"));
    assert_eq!(row.index_keys(), vec![IndexKey::managed_by(&Key::new("shop", "web")), service]);
}

#[test]
fn a_virtual_service_is_found_by_the_rollout_whose_mark_it_carries() {
    let check = |mark: &str, expect: Option<Key>| {
        let row = VirtualServiceRow::from_value(&json!({
            "metadata": {
                "namespace": "mesh", "name": "vs", "resourceVersion": "9",
                "annotations": {"rollouts.serin.dev/aborted-revision": mark}
            }
        }))
        .unwrap();
        assert_eq!(row.index_keys(), expect.iter().map(IndexKey::managed_by).collect::<Vec<_>>(), "{mark:?}");
    };
    check("web 5d4f: error-rate", Some(Key::new("mesh", "web")));
    check("shop/web 5d4f: error-rate", Some(Key::new("shop", "web")));
    // Without a name, as before there was one.
    check("5d4f: error-rate", None);
    for nothing in ["", " ", "5d4f", "/ x", "shop/ x", "/web x"] {
        check(nothing, None);
    }
}

#[test]
fn a_virtual_service_is_found_by_the_rollouts_whose_routes_stand_in_it() {
    let row = VirtualServiceRow::from_value(&json!({"metadata": {
        "namespace": "mesh", "name": "vs", "resourceVersion": "9",
        "annotations": {
            "rollouts.serin.dev/aborted-revision": "api 2 5d4f: why",
            "rollouts.serin.dev/managed-routes": r#"{"api":["a"],"shop/web":["b"]}"#,
        }
    }}))
    .unwrap();
    let keys = [Key::new("mesh", "api"), Key::new("shop", "web")];
    assert_eq!(row.index_keys(), keys.iter().map(IndexKey::managed_by).collect::<Vec<_>>());
    assert!(row.is_managed(), "its body stays");
}

#[test]
fn a_workload_is_cut_to_its_size_its_selector_and_its_template() {
    let spec = json!({
        "replicas": 4, "paused": true, "selector": {"matchLabels": {"app": "web"}},
        "template": {"spec": {"x": [1, {"y": null}]}},
    });
    let metadata = json!({"namespace": "shop", "name": "web", "uid": "u", "resourceVersion": "9", "generation": 2});
    let of = |more: &Value| {
        let mut object = json!({"metadata": metadata, "spec": spec, "status": {"replicas": 3}});
        json_patch::merge(&mut object, more);
        WorkloadRow::<Deployments>::from_value(&object).unwrap()
    };
    let row = of(&json!({}));
    let body = json!({"selector": spec["selector"], "template": spec["template"]});
    assert_eq!((row.replicas, row.meta.generation, row.body.value().unwrap()), (Some(4), 2, body));
    let counted = of(&json!({"metadata": {"resourceVersion": "10"}, "status": {"replicas": 4}}));
    assert!(counted.says_as_before(&row), "counts of pods are nobody's business");
    for news in
        [json!({"spec": {"replicas": 3}}), json!({"metadata": {"generation": 3}}), json!({"metadata": {"uid": "v"}})]
    {
        assert!(!of(&news).says_as_before(&row), "{news}");
    }
    let template = json!({"metadata": metadata, "template": {"spec": {}}});
    let row = WorkloadRow::<PodTemplates>::from_value(&template).unwrap();
    assert_eq!(row.body.value().unwrap(), json!({"selector": null, "template": {"spec": {}}}));
    assert_eq!(WorkloadRow::<PodTemplates>::PLACE.path(Some("shop")), "/api/v1/namespaces/shop/podtemplates");
}

#[test]
fn templates_know_the_templates_that_they_name() {
    let object = json!({
        "metadata": {"name": "slo", "resourceVersion": "9"},
        "spec": {"templates": [{"templateName": "errors", "clusterScope": true}]}
    });
    let row = ClusterTemplateRow::from_value(&object).unwrap();
    assert_eq!(row.index_keys(), vec![IndexKey::Ref("ClusterAnalysisTemplate", Key::new("", "errors"))]);
    assert_eq!(ClusterTemplateRow::PLACE.path(Some("shop")), "/apis/argoproj.io/v1alpha1/clusteranalysistemplates");
}

#[test]
fn paths_follow_group_version_and_namespace() {
    assert_eq!(ServiceRow::PLACE.path(Some("shop")), "/api/v1/namespaces/shop/services");
    assert_eq!(ReplicaSetRow::PLACE.path(None), "/apis/apps/v1/replicasets");
    let place = VirtualServiceRow::PLACE.at_version("v1");
    assert_eq!(place.path(None), "/apis/networking.istio.io/v1/virtualservices");
    assert_eq!(place.resource(), "virtualservices.networking.istio.io");
}

#[test]
fn an_object_that_nests_too_deeply_is_an_error_and_no_overflow() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let json = format!(r#"{{"metadata":{{"name":"x","resourceVersion":"1"}},"spec":{deep}}}"#);
    assert!(RolloutRow::project(&json).is_err());
}
