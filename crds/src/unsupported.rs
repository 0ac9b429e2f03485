//! Fields that are accepted and kept, but whose behaviour is not built yet, so that none is silently ignored.
//!
//! Every struct is taken apart field by field: a new field does not compile until someone says here whether it works.

use crate::rollout::{
    BackgroundAnalysis, CanaryStep, CanaryStrategy, IstioDestinationRule, IstioTrafficRouting, IstioVirtualService,
    Rollout, RolloutSpec, Strategy, TrafficRouting,
};

/// Paths of the fields that this Rollout gives and that have no effect yet, in the order of the spec.
pub fn fields(rollout: &Rollout) -> Vec<String> {
    let RolloutSpec {
        replicas: _,
        selector: _,
        template: _,
        workload_ref,
        min_ready_seconds: _,
        rollback_window,
        strategy: Strategy { blue_green, canary },
        revision_history_limit: _,
        paused: _,
        progress_deadline_seconds: _,
        progress_deadline_abort: _,
        restart_at,
        analysis: _,
    } = &rollout.spec;
    let mut found = Found::default();
    found.note(workload_ref.is_some(), "spec.workloadRef");
    found.note(rollback_window.is_some(), "spec.rollbackWindow");
    found.note(restart_at.is_some(), "spec.restartAt");
    found.note(blue_green.is_some(), "spec.strategy.blueGreen");
    if let Some(canary) = canary {
        self::canary(canary, &mut found);
    }
    found.0
}

#[derive(Default)]
struct Found(Vec<String>);

impl Found {
    fn note(&mut self, given: bool, path: impl Into<String>) {
        if given {
            self.0.push(path.into());
        }
    }
}

fn canary(canary: &CanaryStrategy, found: &mut Found) {
    let CanaryStrategy {
        canary_service: _,
        stable_service: _,
        steps,
        traffic_routing,
        max_unavailable: _,
        max_surge: _,
        analysis,
        anti_affinity,
        canary_metadata,
        stable_metadata,
        scale_down_delay_seconds: _,
        scale_down_delay_revision_limit,
        abort_scale_down_delay_seconds: _,
        dynamic_stable_scale,
        ping_pong,
        min_pods_per_replica_set,
        replica_progress_threshold,
    } = canary;
    let at = "spec.strategy.canary";
    for (index, step) in steps.iter().enumerate() {
        self::step(step, &format!("{at}.steps[{index}]"), found);
    }
    if let Some(routing) = traffic_routing {
        self::routing(routing, &format!("{at}.trafficRouting"), found);
    }
    if let Some(BackgroundAnalysis { analysis: _, starting_step: _ }) = analysis {}
    found.note(anti_affinity.is_some(), format!("{at}.antiAffinity"));
    found.note(canary_metadata.is_some(), format!("{at}.canaryMetadata"));
    found.note(stable_metadata.is_some(), format!("{at}.stableMetadata"));
    found.note(scale_down_delay_revision_limit.is_some(), format!("{at}.scaleDownDelayRevisionLimit"));
    found.note(*dynamic_stable_scale, format!("{at}.dynamicStableScale"));
    found.note(ping_pong.is_some(), format!("{at}.pingPong"));
    found.note(min_pods_per_replica_set.is_some(), format!("{at}.minPodsPerReplicaSet"));
    found.note(replica_progress_threshold.is_some(), format!("{at}.replicaProgressThreshold"));
}

fn step(step: &CanaryStep, at: &str, found: &mut Found) {
    let CanaryStep {
        set_weight: _,
        pause: _,
        experiment,
        analysis: _,
        set_canary_scale,
        set_header_route,
        set_mirror_route,
        plugin,
    } = step;
    found.note(experiment.is_some(), format!("{at}.experiment"));
    found.note(set_canary_scale.is_some(), format!("{at}.setCanaryScale"));
    found.note(set_header_route.is_some(), format!("{at}.setHeaderRoute"));
    found.note(set_mirror_route.is_some(), format!("{at}.setMirrorRoute"));
    found.note(plugin.is_some(), format!("{at}.plugin"));
}

fn routing(routing: &TrafficRouting, at: &str, found: &mut Found) {
    let TrafficRouting {
        istio,
        nginx,
        alb,
        smi,
        ambassador,
        app_mesh,
        traefik,
        managed_routes,
        apisix,
        plugins,
        max_traffic_weight,
    } = routing;
    if let Some(istio) = istio {
        self::istio(istio, &format!("{at}.istio"), found);
    }
    found.note(nginx.is_some(), format!("{at}.nginx"));
    found.note(alb.is_some(), format!("{at}.alb"));
    found.note(smi.is_some(), format!("{at}.smi"));
    found.note(ambassador.is_some(), format!("{at}.ambassador"));
    found.note(app_mesh.is_some(), format!("{at}.appMesh"));
    found.note(traefik.is_some(), format!("{at}.traefik"));
    found.note(!managed_routes.is_empty(), format!("{at}.managedRoutes"));
    found.note(apisix.is_some(), format!("{at}.apisix"));
    for name in plugins.keys() {
        found.note(true, format!("{at}.plugins[{name:?}]"));
    }
    found.note(max_traffic_weight.is_some(), format!("{at}.maxTrafficWeight"));
}

fn istio(istio: &IstioTrafficRouting, at: &str, found: &mut Found) {
    let IstioTrafficRouting { virtual_service, destination_rule, virtual_services } = istio;
    if let Some(service) = virtual_service {
        self::virtual_service(service, &format!("{at}.virtualService"), found);
    }
    for (index, service) in virtual_services.iter().enumerate() {
        self::virtual_service(service, &format!("{at}.virtualServices[{index}]"), found);
    }
    if let Some(rule) = destination_rule {
        let IstioDestinationRule { name: _, canary_subset_name: _, stable_subset_name: _, additional_subset_names } =
            rule;
        found.note(!additional_subset_names.is_empty(), format!("{at}.destinationRule.additionalSubsetNames"));
    }
}

fn virtual_service(service: &IstioVirtualService, at: &str, found: &mut Found) {
    let IstioVirtualService { name: _, routes: _, tls_routes, tcp_routes } = service;
    found.note(!tls_routes.is_empty(), format!("{at}.tlsRoutes"));
    found.note(!tcp_routes.is_empty(), format!("{at}.tcpRoutes"));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn check(spec: &Value, expect: &[&str]) {
        let rollout: Rollout = crate::decode(json!({ "spec": spec })).expect("decodes");
        assert_eq!(fields(&rollout), expect);
    }

    #[test]
    fn what_works_is_not_named() {
        check(
            &json!({
                "replicas": 3, "selector": {}, "template": {}, "minReadySeconds": 1, "revisionHistoryLimit": 1, "paused": true,
                "progressDeadlineSeconds": 9, "progressDeadlineAbort": true, "analysis": {"successfulRunHistoryLimit": 1},
                "strategy": {"canary": {
                    "canaryService": "c", "stableService": "s", "maxSurge": 1, "maxUnavailable": 0,
                    "scaleDownDelaySeconds": 1, "abortScaleDownDelaySeconds": 1,
                    "analysis": {"templates": [{"templateName": "t"}], "startingStep": 1},
                    "steps": [{"setWeight": 5}, {"pause": {}}, {"analysis": {"templates": [{"templateName": "t"}]}}],
                    "trafficRouting": {"istio": {"virtualService": {"name": "v", "routes": ["r"]},
                        "destinationRule": {"name": "d", "canarySubsetName": "c", "stableSubsetName": "s"}}},
                }},
            }),
            &[],
        );
    }

    #[test]
    fn what_does_not_work_yet_is_named_with_its_path() {
        check(
            &json!({
                "workloadRef": {"kind": "Deployment"}, "restartAt": "2026-01-02T03:04:05Z",
                "strategy": {"canary": {
                    "dynamicStableScale": true,
                    "steps": [{"setWeight": 5}, {"setCanaryScale": {"replicas": 1}}],
                    "trafficRouting": {
                        "istio": {"virtualServices": [{"name": "v", "tcpRoutes": [{"port": 1}]}]},
                        "plugins": {"argoproj-labs/gatewayAPI": {}},
                    },
                }},
            }),
            &[
                "spec.workloadRef",
                "spec.restartAt",
                "spec.strategy.canary.steps[1].setCanaryScale",
                "spec.strategy.canary.trafficRouting.istio.virtualServices[0].tcpRoutes",
                "spec.strategy.canary.trafficRouting.plugins[\"argoproj-labs/gatewayAPI\"]",
                "spec.strategy.canary.dynamicStableScale",
            ],
        );
    }
}
