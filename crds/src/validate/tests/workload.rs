use super::*;

#[test]
fn a_workload_takes_the_place_of_the_template() {
    let reference = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"});
    check(json!({"selector": null, "template": null, "workloadRef": reference}), &[]);
    check(json!({"workloadRef": reference}), &["spec.template must be left out when spec.workloadRef is given"]);
    check(
        json!({"template": null, "workloadRef": {"apiVersion": "v1", "kind": "Pod"}}),
        &[
            "spec.workloadRef.name is missing; give the name of the workload",
            "spec.workloadRef is Pod of v1; it must be Deployment or ReplicaSet of apps/v1, or PodTemplate of v1",
        ],
    );
}

#[test]
fn what_a_workload_gives_is_checked_like_what_a_rollout_has_itself() {
    let check = |spec: Value, expect: &[&str]| {
        let spec: RolloutSpec = serde_json::from_value(spec).expect("a spec");
        let seen: Vec<String> = referred(&spec, "PodTemplate shop").into_iter().map(|fault| fault.message).collect();
        assert_eq!(seen, expect);
    };
    let template =
        json!({"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "x", "image": "x:1"}]}});
    let reference = json!({"apiVersion": "v1", "kind": "PodTemplate", "name": "shop"});
    let selector = |app: &str| json!({"matchLabels": {"app": app}});
    check(json!({"workloadRef": reference, "template": template, "selector": selector("a")}), &[]);
    check(
        json!({"workloadRef": reference, "template": template}),
        &["spec.workloadRef: with PodTemplate shop, spec.selector is missing; give the labels of the pods in \
           spec.selector.matchLabels"],
    );
    check(
        json!({"workloadRef": reference, "template": template, "selector": selector("b")}),
        &["spec.workloadRef: with PodTemplate shop, spec.selector.matchLabels[\"app\"] is \"b\"; \
           spec.template.metadata.labels has \"a\"; make them equal"],
    );
}
