#![allow(clippy::needless_pass_by_value, reason = "tables read better without references")]

use serde_json::{Value, json};

use super::*;

mod workload;

/// A Rollout without faults.
fn sound() -> Value {
    json!({
        "metadata": {"name": "a"},
        "spec": {
            "selector": {"matchLabels": {"app": "a"}},
            "template": {
                "metadata": {"labels": {"app": "a"}},
                "spec": {"containers": [{"name": "a", "image": "a:1"}]},
            },
            "strategy": {"canary": {"steps": [{"setWeight": 20}]}},
        },
    })
}

/// The faults of the sound Rollout after a JSON merge patch of its spec.
fn faults(patch: &Value) -> Vec<String> {
    let mut object = sound();
    json_patch::merge(&mut object["spec"], patch);
    let rollout: Rollout = crate::decode(object).expect("decodes");
    super::rollout(&rollout).into_iter().map(|fault| fault.message).collect()
}

fn check(patch: Value, expect: &[&str]) {
    assert_eq!(faults(&patch), expect, "{patch}");
}

fn check_canary(canary: Value, expect: &[&str]) {
    check(json!({"strategy": {"canary": canary}}), expect);
}

fn check_step(step: Value, expect: &[&str]) {
    check_canary(json!({"steps": [step]}), expect);
}

fn istio() -> Value {
    json!({"istio": {"virtualService": {"name": "v"}}})
}

#[test]
fn a_sound_spec_has_no_faults() {
    check(json!({}), &[]);
    check_canary(json!({"canaryService": "c", "stableService": "s", "trafficRouting": istio()}), &[]);
    check_canary(json!({"steps": [{"pause": {}}, {"pause": {"duration": "1h30m"}}, {"pause": {"duration": 0}}]}), &[]);
}

#[test]
fn all_faults_are_named_at_once() {
    check(
        json!({"replicas": -1, "strategy": {"canary": {"steps": [{"setWeight": 5}, {"setWeight": 120}, {"pause": {"duration": "1d"}}]}}}),
        &[
            "spec.replicas is -1; it must be 0 or more",
            "spec.strategy.canary.steps[1].setWeight is 120; it must be 0 to 100",
            "spec.strategy.canary.steps[2].pause.duration is 1d; \"1d\" has the unknown unit \"d\"; the units are ns, us, ms, s, m \
             and h (write 24h for a day)",
        ],
    );
}

#[test]
fn numbers_have_bounds() {
    check(json!({"revisionHistoryLimit": -1}), &["spec.revisionHistoryLimit is -1; it must be 0 or more"]);
    check(
        json!({"progressDeadlineSeconds": 5, "minReadySeconds": 5}),
        &["spec.progressDeadlineSeconds is 5; it must be greater than spec.minReadySeconds, which is 5"],
    );
    check(
        json!({"minReadySeconds": 600}),
        &["spec.minReadySeconds is 600; it must be less than spec.progressDeadlineSeconds, which is 600 when absent"],
    );
}

#[test]
fn selector_and_template_must_be_there_and_fit() {
    check(
        json!({"selector": null}),
        &["spec.selector is missing; give the labels of the pods in spec.selector.matchLabels"],
    );
    check(
        json!({"template": null}),
        &["spec.template is missing; give a pod template, or name a workload in spec.workloadRef"],
    );
    check(
        json!({"selector": {"matchLabels": {"app": "b"}}}),
        &["spec.selector.matchLabels[\"app\"] is \"b\"; spec.template.metadata.labels has \"a\"; make them equal"],
    );
    check(
        json!({"template": {"spec": {"containers": [{"name": "x"}], "restartPolicy": "Never"}}}),
        &[
            "spec.template.spec.restartPolicy is Never; it must be Always",
            "spec.template.spec.containers[0].image is missing; every container needs one",
        ],
    );
    check(
        json!({"selector": {"matchLabels": null, "matchExpressions": [{"key": "app", "operator": "In"}]}}),
        &[
            "spec.selector.matchExpressions[0].values is missing; In needs values",
            "spec.selector.matchExpressions[0] does not match spec.template.metadata.labels",
        ],
    );
}

#[test]
fn there_is_exactly_one_strategy() {
    check(
        json!({"strategy": null}),
        &["spec.strategy is missing; give spec.strategy.canary or spec.strategy.blueGreen"],
    );
    check(
        json!({"strategy": {"blueGreen": {"activeService": "a"}}}),
        &["spec.strategy has both canary and blueGreen; remove one of them"],
    );
    check(
        json!({"strategy": {"canary": null, "blueGreen": {"activeService": "a", "previewService": "a", "scaleDownDelayRevisionLimit": 11}}}),
        &[
            "spec.strategy.blueGreen.previewService is a; it must differ from activeService",
            "spec.strategy.blueGreen.scaleDownDelayRevisionLimit is 11; it must not be greater than spec.revisionHistoryLimit, \
             which is 10",
        ],
    );
}

#[test]
fn services_are_given_and_differ() {
    check_canary(
        json!({"canaryService": "s", "stableService": "s"}),
        &["spec.strategy.canary.canaryService is s; it must differ from stableService"],
    );
    check_canary(
        json!({"trafficRouting": istio()}),
        &[
            "spec.strategy.canary.canaryService is missing; trafficRouting.istio without destinationRule needs canaryService and \
             stableService",
            "spec.strategy.canary.stableService is missing; trafficRouting.istio without destinationRule needs canaryService and \
             stableService",
        ],
    );
    let rule = json!({"name": "d", "canarySubsetName": "c", "stableSubsetName": "s"});
    check_canary(json!({"trafficRouting": {"istio": {"virtualService": {"name": "v"}, "destinationRule": rule}}}), &[]);
}

#[test]
fn istio_has_one_virtual_service_or_several() {
    let services =
        |istio: Value| json!({"canaryService": "c", "stableService": "s", "trafficRouting": {"istio": istio}});
    let expect =
        ["spec.strategy.canary.trafficRouting.istio must have exactly one of virtualService and virtualServices"];
    check_canary(services(json!({})), &expect);
    check_canary(services(json!({"virtualService": {"name": "v"}, "virtualServices": [{"name": "w"}]})), &expect);
    check_canary(
        services(json!({"virtualServices": [{"name": "w"}, {"name": "w"}]})),
        &["spec.strategy.canary.trafficRouting.istio.virtualServices[1].name is w; \
           spec.strategy.canary.trafficRouting.istio.virtualServices[0].name has the same name"],
    );
}

#[test]
fn what_needs_traffic_routing_says_so() {
    check_canary(
        json!({"scaleDownDelaySeconds": 5, "dynamicStableScale": true, "steps": [{"setCanaryScale": {"replicas": 1}}]}),
        &[
            "spec.strategy.canary.scaleDownDelaySeconds is 5; it needs trafficRouting; remove it",
            "spec.strategy.canary.dynamicStableScale is true; it needs trafficRouting; remove it",
            "spec.strategy.canary.scaleDownDelaySeconds is 5; dynamicStableScale excludes it; remove one of them",
            "spec.strategy.canary.steps[0].setCanaryScale needs trafficRouting; without it the weight is the number of pods",
        ],
    );
}

#[test]
fn a_step_has_one_kind() {
    check_step(
        json!({}),
        &[
            "spec.strategy.canary.steps[0] is empty or has an unknown kind; it must have one of setWeight, pause, experiment, \
           analysis, setCanaryScale, setHeaderRoute, setMirrorRoute and plugin",
        ],
    );
    check_step(
        json!({"setWeight": 5, "pause": {}}),
        &[
            "spec.strategy.canary.steps[0] has setWeight and pause; a step can have only one of them, so make them steps of their own",
        ],
    );
    check_step(
        json!({"pause": {"duration": -1}}),
        &["spec.strategy.canary.steps[0].pause.duration is -1; \"-1\" is negative"],
    );
}

#[test]
fn routes_of_steps_are_managed_routes() {
    let canary = |steps: Value| {
        let mut routing = istio();
        routing["managedRoutes"] = json!([{"name": "known"}]);
        json!({"canaryService": "c", "stableService": "s", "trafficRouting": routing, "steps": steps})
    };
    check_canary(
        canary(
            json!([{"setHeaderRoute": {"name": "known", "match": [{"headerName": "x", "headerValue": {"exact": "y"}}]}}]),
        ),
        &[],
    );
    check_canary(
        canary(json!([
            {"setHeaderRoute": {"name": "other", "match": [{"headerName": "x", "headerValue": {"exact": "y", "prefix": "z"}}]}},
            {"setMirrorRoute": {"name": "known", "match": [{"path": {}}]}},
        ])),
        &[
            "spec.strategy.canary.steps[0].setHeaderRoute.name is other; add it to \
             spec.strategy.canary.trafficRouting.managedRoutes",
            "spec.strategy.canary.steps[0].setHeaderRoute.match[0].headerValue must have exactly one of exact, prefix and regex",
            "spec.strategy.canary.steps[1].setMirrorRoute.match[0].path must have exactly one of exact, prefix and regex",
        ],
    );
}

#[test]
fn a_route_of_the_owner_is_no_managed_route() {
    let mut routing = istio();
    routing["istio"]["virtualService"]["routes"] = json!(["main"]);
    routing["managedRoutes"] = json!([{"name": "known"}, {"name": "main"}]);
    check_canary(
        json!({"canaryService": "c", "stableService": "s", "trafficRouting": routing}),
        &[
            "spec.strategy.canary.trafficRouting.managedRoutes[1].name is main; it is a route that virtualService.routes names, \
           and would be removed; give the managed route another name",
        ],
    );
}

#[test]
fn sizes_are_numbers_or_percentages_and_not_both_zero() {
    check_canary(
        json!({"maxSurge": 0, "maxUnavailable": "0%"}),
        &[
            "spec.strategy.canary.maxUnavailable is 0%; it must not be zero when maxSurge is zero, else no pod could ever be replaced",
        ],
    );
    check_canary(
        json!({"maxSurge": "lots", "maxUnavailable": -1}),
        &[
            "spec.strategy.canary.maxSurge is lots; it must be a number of pods such as 1, or a percentage such as 25%",
            "spec.strategy.canary.maxUnavailable is -1; it must be a number of pods such as 1, or a percentage such as 25%",
        ],
    );
}

#[test]
fn analyses_name_templates_and_fitting_arguments() {
    check_step(
        json!({"analysis": {"args": [
            {"name": "a", "valueFrom": {"podTemplateHashValue": "Newest"}},
            {"name": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x']"}}},
            {"name": "c", "valueFrom": {"fieldRef": {"fieldPath": "metadata.foo"}}},
        ]}}),
        &[
            "spec.strategy.canary.steps[0].analysis.templates is missing; an analysis needs at least one template",
            "spec.strategy.canary.steps[0].analysis.args[0].valueFrom.podTemplateHashValue is Newest; it must be Stable or Latest",
            "spec.strategy.canary.steps[0].analysis.args[2].valueFrom.fieldRef.fieldPath is metadata.foo; it must be metadata.name, \
             metadata.namespace, metadata.uid, metadata.labels['<key>'] or metadata.annotations['<key>']",
        ],
    );
}

#[test]
fn hostile_sizes_are_refused() {
    let steps = vec![json!({"setWeight": 101}); 10_000];
    check_canary(
        json!({"steps": steps}),
        &["spec.strategy.canary.steps has 10000 steps; at most 1000 can be carried out"],
    );
    let value = "x".repeat(1_000_000);
    check_step(
        json!({"analysis": {"templates": [{"templateName": "t"}], "args": [{"name": "a", "value": value}]}}),
        &["spec.strategy.canary.steps[0].analysis.args has 1000001 bytes; at most 65536 can be passed to an analysis"],
    );
    let steps = vec![json!({"setWeight": 101}); 1_000];
    let faults = faults(&json!({"strategy": {"canary": {"steps": steps}}}));
    assert_eq!((faults.len(), faults.last().map(String::as_str)), (101, Some("spec has 900 more faults")));
}

fn check_metric(metric: Value, expect: &[&str]) {
    let spec = crate::decode(json!({"metrics": [metric]})).expect("decodes");
    let faults: Vec<_> = analysis_template(&spec).into_iter().map(|fault| fault.message).collect();
    assert_eq!(faults, expect);
}

#[test]
fn metrics_are_measurable() {
    let web = json!({"web": {"url": "http://x"}});
    check_metric(json!({"name": "a", "provider": web, "count": "{{args.n}}", "interval": "{{args.i}}"}), &[]);
    check_metric(
        json!({"name": "a", "interval": "5 minutes", "count": 2, "failureLimit": 3, "inconclusiveLimit": 4,
            "provider": {"web": {"url": "x"}, "job": {"spec": {}}}}),
        &[
            "spec.metrics[0].interval is 5 minutes; \"5 minutes\" has the unknown unit \" minutes\"; the units are ns, us, ms, s, m \
             and h (write 24h for a day)",
            "spec.metrics[0].provider has web and job; a metric needs exactly one provider",
            "spec.metrics[0].count is 2; it must be >= failureLimit + consecutiveSuccessLimit (3 + 0)",
            "spec.metrics[0].count is 2; it must not be less than inconclusiveLimit, which is 4",
        ],
    );
    check_metric(
        json!({"name": "a", "count": 5, "failureLimit": -1, "provider": {}}),
        &[
            "spec.metrics[0].provider is missing; a metric needs exactly one provider",
            "spec.metrics[0].failureLimit is -1; it needs a consecutiveSuccessLimit, else the metric can never end",
            "spec.metrics[0].interval is missing; a count greater than 1 needs an interval",
        ],
    );
    check_metric(
        json!({"name": "", "provider": web, "failureLimit": "few"}),
        &[
            "spec.metrics[0].name is missing; give a name",
            "spec.metrics[0].failureLimit is few; it must be >= 0, or -1 to be disabled",
        ],
    );
}

#[test]
fn a_field_of_the_pod_that_nobody_knows_is_a_note_and_no_fault() {
    let mut object = sound();
    object["spec"]["template"]["spec"]["contaners"] = json!([]);
    let rollout: Rollout = crate::decode(object).expect("decodes");
    assert_eq!(super::rollout(&rollout), []);
    let notes: Vec<_> = notes(&rollout).into_iter().map(|note| note.message).collect();
    assert_eq!(
        notes,
        [
            "spec.template.spec.contaners is a field that Kubernetes does not know, and has no effect; did you mean containers?"
        ]
    );
}

#[test]
fn a_pod_that_the_api_server_would_refuse_is_a_fault() {
    check(
        json!({"template": {"spec": {"terminationGracePeriodSeconds": "30"}}}),
        &["spec.template.spec.terminationGracePeriodSeconds is \"30\"; it must be a whole number"],
    );
}

#[test]
fn an_argument_has_one_source() {
    let check = |arg: Value, expect: &[&str]| {
        let spec = crate::decode(json!({"args": [arg], "metrics": [{"name": "m", "provider": {"web": {}}}]}));
        let faults = analysis_run(&spec.expect("decodes"));
        assert_eq!(faults.iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>(), expect);
    };
    let secret = json!({"secretKeyRef": {"name": "s", "key": "k"}});
    check(json!({"name": "a", "valueFrom": secret}), &[]);
    check(json!({"name": "a", "value": "v"}), &[]);
    check(
        json!({"name": "a", "value": "v", "valueFrom": secret}),
        &["spec.args[0] has both value and valueFrom.secretKeyRef; leave one of them out"],
    );
}

#[test]
fn experiments_have_templates_that_select_pods() {
    let object =
        json!({"spec": {"duration": "1x", "templates": [{"name": "a", "minReadySeconds": 700}, {"name": "a"}]}});
    let faults = experiment(&crate::decode(object).expect("decodes"));
    let found: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(
        found,
        [
            "spec.duration",
            "spec.templates[1].name",
            "spec.templates[0].selector",
            "spec.templates[0].minReadySeconds",
            "spec.templates[1].selector",
        ]
    );
}
