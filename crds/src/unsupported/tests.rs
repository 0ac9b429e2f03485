use serde_json::{Value, json};

use super::*;

fn check(spec: &Value, expect: &[&str]) {
    let rollout: Rollout = crate::decode(json!({ "spec": spec })).expect("decodes");
    assert_eq!(fields(&rollout), expect);
}

/// The same of a canary strategy: each path is below `spec.strategy.canary`.
fn check_canary(canary: &Value, expect: &[&str]) {
    let expect: Vec<_> = expect.iter().map(|path| format!("spec.strategy.canary.{path}")).collect();
    let expect: Vec<_> = expect.iter().map(String::as_str).collect();
    check(&json!({"strategy": {"canary": canary}}), &expect);
}

#[test]
fn what_works_is_not_named() {
    check(
        &json!({
            "replicas": 3, "selector": {}, "template": {}, "minReadySeconds": 1, "revisionHistoryLimit": 1, "paused": true,
            "rollbackWindow": {"revisions": 1}, "restartAt": "2026-01-02T03:04:05Z", "progressDeadlineSeconds": 9, "progressDeadlineAbort": true, "analysis": {"successfulRunHistoryLimit": 1},
            "strategy": {"canary": {
                "canaryService": "c", "stableService": "s", "maxSurge": 1, "maxUnavailable": 0, "dynamicStableScale": true,
                "minPodsPerReplicaSet": 2, "canaryMetadata": {}, "stableMetadata": {}, "antiAffinity": {},
                "scaleDownDelaySeconds": 1, "abortScaleDownDelaySeconds": 1, "scaleDownDelayRevisionLimit": 2,
                "analysis": {"templates": [{"templateName": "t"}], "startingStep": 1},
                "steps": [{"setWeight": 5}, {"setCanaryScale": {"replicas": 1}}, {"pause": {}}, {"analysis": {"templates": [{"templateName": "t"}]}}],
                "trafficRouting": {"maxTrafficWeight": 1000, "nginx": {"stableIngress": "i"}, "istio": {
                    "virtualService": {"name": "v", "routes": ["r"], "tlsRoutes": [{"port": 443}]},
                    "virtualServices": [{"name": "v", "tcpRoutes": [{"port": 1}]}],
                    "destinationRule": {"name": "d", "canarySubsetName": "c", "stableSubsetName": "s",
                        "additionalSubsetNames": ["a"]}}},
            }},
        }),
        &[],
    );
}

#[test]
fn a_strategy_that_is_not_built_holds_and_a_workload_does_not() {
    check(
        &json!({"workloadRef": {"kind": "Deployment"}, "strategy": {"blueGreen": {"activeService": "a"}}}),
        &["spec.strategy.blueGreen"],
    );
}

#[test]
fn steps_and_sizes_that_are_not_built_hold_in_the_order_of_the_spec() {
    check_canary(
        &json!({
            "replicaProgressThreshold": {"type": "Percent", "value": 90},
            "pingPong": {},
            "steps": [{"setWeight": 5}, {"experiment": {"templates": []}}, {"plugin": {"name": "p"}}],
        }),
        &["steps[1].experiment", "steps[2].plugin", "replicaProgressThreshold"],
    );
}

#[test]
fn a_router_that_is_not_built_holds() {
    let routers = ["alb", "smi", "ambassador", "appMesh", "traefik", "apisix"];
    for router in routers {
        let path = format!("trafficRouting.{router}");
        check_canary(&json!({"trafficRouting": {router: {}}}), &[path.as_str()]);
    }
    check_canary(
        &json!({
            "steps": [{"setHeaderRoute": {"name": "h"}}, {"setMirrorRoute": {"name": "m"}}],
            "trafficRouting": {
                "managedRoutes": [{"name": "h"}, {"name": "m"}],
                "plugins": {"argoproj-labs/gatewayAPI": {}},
            },
        }),
        &["trafficRouting.plugins[\"argoproj-labs/gatewayAPI\"]"],
    );
}

#[test]
fn a_provider_that_nobody_can_ask_yet_is_named() {
    let check = |name: &str, expect: Option<&str>| {
        let metric = json!({"name": "m", "provider": {name: {}}});
        assert_eq!(provider(&serde_json::from_value(metric).expect(name)), expect, "{name}");
    };
    check("prometheus", None);
    check("web", None);
    for name in [
        "kayenta",
        "datadog",
        "wavefront",
        "newRelic",
        "job",
        "cloudWatch",
        "graphite",
        "influxdb",
        "skywalking",
        "plugin",
    ] {
        check(name, Some(name));
    }
}
