#![allow(clippy::needless_pass_by_value, reason = "tables read better without references")]

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::go::{Kind, Table};

fn template(spec: Value) -> Value {
    json!({"metadata": {"labels": {"app": "a"}}, "spec": spec})
}

fn same(a: Value, b: Value) {
    let (a, b) = (template(a), template(b));
    assert!(equal(&a, &b), "{:#}\n{:#}", defaulted(&a), defaulted(&b));
    assert_eq!(fingerprint(&a, None), fingerprint(&b, None));
}

fn different(a: Value, b: Value) {
    let (a, b) = (template(a), template(b));
    assert!(!equal(&a, &b), "{:#}", defaulted(&a));
    assert_ne!(fingerprint(&a, None), fingerprint(&b, None));
}

#[test]
fn a_template_equals_what_the_api_server_makes_of_it() {
    same(
        json!({"containers": [{"name": "a", "image": "nginx:1", "ports": [{"containerPort": 80}], "resources": {},
            "livenessProbe": {"httpGet": {"port": 80}}, "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}]}],
            "volumes": [{"name": "c", "configMap": {"name": "c"}}, {"name": "e"}, {"name": "h", "hostPath": {"path": "/"}}]}),
        json!({"containers": [{"name": "a", "image": "nginx:1", "ports": [{"containerPort": 80, "protocol": "TCP"}], "resources": {},
            "livenessProbe": {"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "timeoutSeconds": 1, "periodSeconds": 10,
                "successThreshold": 1, "failureThreshold": 3},
            "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP", "apiVersion": "v1"}}}],
            "imagePullPolicy": "IfNotPresent", "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}],
            "volumes": [{"name": "c", "configMap": {"name": "c", "defaultMode": 420}}, {"name": "e", "emptyDir": {}},
                {"name": "h", "hostPath": {"path": "/", "type": ""}}],
            "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler", "securityContext": {},
            "terminationGracePeriodSeconds": 30}),
    );
}

#[test]
fn volumes_get_their_own_defaults() {
    same(
        json!({"volumes": [{"name": "i", "image": {"reference": "a:1"}}, {"name": "p", "projected": {"sources": [
            {"serviceAccountToken": {"path": "t"}}, {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "y"}}]}}]}}]}),
        json!({"volumes": [{"name": "i", "image": {"reference": "a:1", "pullPolicy": "IfNotPresent"}}, {"name": "p",
            "projected": {"defaultMode": 420, "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}},
                {"downwardAPI": {"items": [{"path": "x", "fieldRef": {"fieldPath": "y", "apiVersion": "v1"}}]}}]}}]}),
    );
    different(json!({"volumes": [{"name": "e"}]}), json!({"volumes": [{"name": "e", "hostPath": {"path": "/"}}]}));
}

#[test]
fn quantities_are_compared_by_amount() {
    let with = |cpu: Value, memory: &str| json!({"containers": [{"name": "a", "image": "b", "resources": {"limits": {"cpu": cpu, "memory": memory}}}]});
    same(with(json!("0.1"), "1Gi"), with(json!("100m"), "1024Mi"));
    same(with(json!(1), "1Gi"), with(json!("1000m"), "1073741824"));
    same(with(json!("0.0001"), "1"), with(json!("1m"), "1"));
    different(with(json!("0.1"), "1Gi"), with(json!("0.1"), "1G"));
}

#[test]
fn the_deprecated_name_of_the_service_account_does_not_count() {
    same(json!({"serviceAccountName": "s"}), json!({"serviceAccountName": "s", "serviceAccount": "s"}));
    same(json!({"serviceAccountName": "s"}), json!({"serviceAccount": "s"}));
    different(json!({"serviceAccountName": "s"}), json!({}));
}

#[test]
fn what_changes_a_pod_makes_a_difference() {
    different(json!({"containers": [{"image": "a:1"}]}), json!({"containers": [{"image": "a:2"}]}));
    different(
        json!({"containers": [{"image": "a"}]}),
        json!({"containers": [{"image": "a", "imagePullPolicy": "Never"}]}),
    );
    different(json!({"terminationGracePeriodSeconds": 0}), json!({}));
    different(
        json!({"containers": [{"name": "a"}, {"name": "b"}]}),
        json!({"containers": [{"name": "b"}, {"name": "a"}]}),
    );
}

#[test]
fn what_kubernetes_does_not_know_makes_none_but_is_named() {
    same(json!({"containers": [{"imagge": "a"}]}), json!({"containers": [{}]}));
    let template = json!({"spec": {"containers": [{"imagge": "a", "resources": {"limits": {"gpu": "1"}}}], "nodeSelector": {"x": "y"}}, "x": 1});
    let found: Vec<_> = unknown_fields(&template, "spec.template").into_iter().map(|fault| fault.message).collect();
    let end = "is a field that Kubernetes does not know, and has no effect;";
    let expect = [
        format!("spec.template.spec.containers[0].imagge {end} did you mean image?"),
        format!("spec.template.x {end} remove it, or correct its name"),
    ];
    assert_eq!(found, expect);
}

#[test]
fn values_of_a_wrong_kind_are_named() {
    let found = |spec: Value| {
        let found = wrong_kinds(&template(spec), "spec.template");
        found.into_iter().map(|fault| fault.message).collect::<Vec<_>>()
    };
    let pod = json!({
        "containers": [{
            "name": "a", "image": "b", "env": [{"name": "PORT", "value": 8080}], "args": ["--port", 8080],
            "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}, "ports": [{"containerPort": "80"}],
            "livenessProbe": {"httpGet": {"port": 80}}, "stdin": "yes",
        }],
        "terminationGracePeriodSeconds": 1.5, "nodeSelector": ["x"], "tolerations": {"key": "a"}, "affinity": null,
    });
    assert_eq!(
        found(pod),
        [
            "spec.template.spec.containers[0].args[1] is 8080; it must be a string",
            "spec.template.spec.containers[0].env[0].value is 8080; it must be a string",
            "spec.template.spec.containers[0].ports[0].containerPort is \"80\"; it must be a whole number",
            "spec.template.spec.containers[0].stdin is \"yes\"; it must be true or false",
            "spec.template.spec.nodeSelector is [\"x\"]; it must be an object",
            "spec.template.spec.terminationGracePeriodSeconds is 1.5; it must be a whole number",
            "spec.template.spec.tolerations is {\"key\":\"a\"}; it must be a list",
        ],
    );
    let many = found(json!({"containers": vec![json!({"stdin": "yes"}); 10_000]}));
    assert_eq!(many.len(), 100);
}

#[test]
fn what_a_controller_added_to_the_template_does_not_count() {
    let desired = template(json!({"containers": [{"name": "a", "image": "b"}]}));
    let term = json!({"topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchExpressions": [{"key": HASH_LABEL, "operator": "In", "values": ["abc"]}]}});
    for affinity in [
        json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}),
        json!({"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "podAffinityTerm": term}]}}),
    ] {
        let live = json!({
            "metadata": {"labels": {"app": "a", "role": "canary", HASH_LABEL: "abc"}, "annotations": {"note": "x"}, "creationTimestamp": null},
            "spec": {"containers": [{"name": "a", "image": "b"}], "affinity": affinity},
        });
        let ephemeral = r#"{"labels":{"role":"canary"},"annotations":{"note":"x"}}"#;
        assert_eq!(fingerprint(&live, Some(ephemeral)), fingerprint(&desired, None));
        assert_ne!(fingerprint(&live, None), fingerprint(&desired, None));
        assert_ne!(fingerprint(&live, Some("garbage")), fingerprint(&desired, None));
    }
}

#[test]
fn an_anti_affinity_of_the_user_counts() {
    let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}});
    different(
        json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}),
        json!({"affinity": {"podAntiAffinity": {}}}),
    );
    same(json!({"affinity": {"podAntiAffinity": {}}}), json!({}));
}

/// Any value of this kind, now and then one that does not fit.
fn any(table: &'static Table, kind: Kind, depth: u32) -> BoxedStrategy<Value> {
    let fitting = match kind {
        Kind::Pointer(kind) => any(table, *kind, depth),
        Kind::List(kind) if depth > 0 => {
            proptest::collection::vec(any(table, *kind, depth - 1), 0..3).prop_map(Value::from).boxed()
        }
        Kind::Map(kind) if depth > 0 => proptest::collection::vec(("[a-c]", any(table, *kind, depth - 1)), 0..3)
            .prop_map(|pairs| pairs.into_iter().collect())
            .boxed(),
        Kind::Struct(name) if depth > 0 => {
            let fields: Vec<_> = table
                .fields(&name)
                .iter()
                .map(|field| {
                    let value = any(table, field.kind.clone(), depth - 1);
                    (Just(field.name.clone()), proptest::option::weighted(0.15, value))
                })
                .collect();
            fields
                .prop_map(|fields| fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect())
                .boxed()
        }
        Kind::Text => "|[a-b]".prop_map(Value::from).boxed(),
        Kind::Int => (-1..2).prop_map(Value::from).boxed(),
        Kind::Bool => any_bool().boxed(),
        Kind::Quantity => "[-+]?[0-9]{0,6}(\\.[0-9]{1,12})?(m|k|Mi|Gi|e3|x)?".prop_map(Value::from).boxed(),
        _ => prop_oneof![Just(Value::Null), Just(json!(80)), Just(json!("http"))].boxed(),
    };
    prop_oneof![30 => fitting, 1 => Just(Value::Null), 1 => Just(json!([1])), 1 => Just(json!("text"))].boxed()
}

fn any_bool() -> impl Strategy<Value = Value> {
    proptest::bool::ANY.prop_map(Value::from)
}

fn any_template() -> impl Strategy<Value = Value> {
    any(table(), struct_kind("PodTemplateSpec"), 7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_template_equals_itself_defaulted(template in any_template()) {
        let once = defaulted(&template);
        prop_assert_eq!(&defaulted(&once), &once);
        prop_assert!(equal(&template, &once));
    }

    #[test]
    fn hashing_never_panics(template in any_template(), count in proptest::option::of(proptest::num::i32::ANY)) {
        prop_assert!(!crate::hash::pod_template(&template, count).is_empty());
    }
}

#[test]
fn pods_that_avoid_another_revision_are_the_same_pods_and_keep_what_the_user_asked_for() {
    let own = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "a"}}});
    let affinity = json!({"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [own]}});
    for spec in [json!({"affinity": affinity}), json!({})] {
        let desired = json!({"metadata": {"labels": {"app": "a"}}, "spec": spec});
        for kind in [json!({PREFERRED: {"weight": 7}}), json!({REQUIRED: {}})] {
            let kind: AntiAffinity = serde_json::from_value(kind).unwrap();
            let once = avoiding(&desired, &kind, "abc", "shop");
            assert!(equal(&once, &desired), "{once:#}");
            let twice = avoiding(&once, &kind, "def", "shop");
            assert_eq!(twice, avoiding(&desired, &kind, "def", "shop"), "it avoids one revision only");
            assert_eq!(avoided(&twice["spec"]["affinity"]), Some("def"));
        }
        assert_eq!(avoided(&desired["spec"]["affinity"]), None);
    }
}
