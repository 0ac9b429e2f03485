//! Fields that are accepted and kept, and that this version does not act on yet.
//!
//! Every field of the spec stands here by name: one that is added to a type without a decision does not compile.

use crate::rollout::{
    BackgroundAnalysis, CanaryStep, CanaryStrategy, IstioTrafficRouting, RolloutSpec, Strategy, TrafficRouting,
};

/// Paths of the fields of a spec that are set and not acted on.
pub fn fields(spec: &RolloutSpec) -> Vec<String> {
    let RolloutSpec {
        replicas: _,
        selector: _,
        template: _,
        workload_ref,
        min_ready_seconds: _,
        rollback_window,
        strategy,
        revision_history_limit: _,
        paused: _,
        progress_deadline_seconds: _,
        progress_deadline_abort: _,
        restart_at,
        analysis: _,
    } = spec;
    let mut found = Found(Vec::new());
    found.note(workload_ref.is_some(), "spec.workloadRef");
    found.note(rollback_window.is_some(), "spec.rollbackWindow");
    found.note(restart_at.is_some(), "spec.restartAt");
    let Strategy { blue_green, canary } = strategy;
    found.note(blue_green.is_some(), "spec.strategy.blueGreen");
    if let Some(canary) = canary {
        self::canary(canary, &mut found);
    }
    found.0
}

struct Found(Vec<String>);

impl Found {
    fn note(&mut self, set: bool, path: &str) {
        if set {
            self.0.push(path.to_owned());
        }
    }
}

fn canary(strategy: &CanaryStrategy, found: &mut Found) {
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
        scale_down_delay_revision_limit: _,
        abort_scale_down_delay_seconds: _,
        dynamic_stable_scale,
        ping_pong,
        min_pods_per_replica_set,
        replica_progress_threshold,
    } = strategy;
    let path = |field: &str| format!("spec.strategy.canary.{field}");
    found.note(anti_affinity.is_some(), &path("antiAffinity"));
    found.note(canary_metadata.is_some(), &path("canaryMetadata"));
    found.note(stable_metadata.is_some(), &path("stableMetadata"));
    found.note(*dynamic_stable_scale, &path("dynamicStableScale"));
    found.note(ping_pong.is_some(), &path("pingPong"));
    found.note(min_pods_per_replica_set.is_some(), &path("minPodsPerReplicaSet"));
    found.note(replica_progress_threshold.is_some(), &path("replicaProgressThreshold"));
    if let Some(BackgroundAnalysis { analysis: _, starting_step: _ }) = analysis {}
    for (index, one) in steps.iter().enumerate() {
        step(one, &path(&format!("steps[{index}]")), found);
    }
    if let Some(routing) = traffic_routing {
        self::routing(routing, found);
    }
}

fn step(step: &CanaryStep, path: &str, found: &mut Found) {
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
    found.note(experiment.is_some(), &format!("{path}.experiment"));
    found.note(set_canary_scale.is_some(), &format!("{path}.setCanaryScale"));
    found.note(set_header_route.is_some(), &format!("{path}.setHeaderRoute"));
    found.note(set_mirror_route.is_some(), &format!("{path}.setMirrorRoute"));
    found.note(plugin.is_some(), &format!("{path}.plugin"));
}

fn routing(routing: &TrafficRouting, found: &mut Found) {
    let TrafficRouting {
        istio,
        nginx,
        alb,
        smi,
        ambassador,
        app_mesh,
        traefik,
        managed_routes: _,
        apisix,
        plugins,
        max_traffic_weight,
    } = routing;
    let path = |field: &str| format!("spec.strategy.canary.trafficRouting.{field}");
    found.note(nginx.is_some(), &path("nginx"));
    found.note(alb.is_some(), &path("alb"));
    found.note(smi.is_some(), &path("smi"));
    found.note(ambassador.is_some(), &path("ambassador"));
    found.note(app_mesh.is_some(), &path("appMesh"));
    found.note(traefik.is_some(), &path("traefik"));
    found.note(apisix.is_some(), &path("apisix"));
    found.note(!plugins.is_empty(), &path("plugins"));
    found.note(max_traffic_weight.is_some(), &path("maxTrafficWeight"));
    if let Some(IstioTrafficRouting { virtual_service: _, destination_rule: _, virtual_services: _ }) = istio {}
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::fields;

    #[test]
    fn each_field_that_is_not_acted_on_is_named_with_its_path() {
        let spec = serde_json::from_value(json!({
            "restartAt": "2026-01-01T00:00:00Z",
            "rollbackWindow": {"revisions": 3},
            "strategy": {"canary": {
                "dynamicStableScale": true,
                "steps": [{"setWeight": 10}, {"plugin": {"name": "p"}}, {"setMirrorRoute": {"name": "m"}}],
                "trafficRouting": {"istio": {"virtualService": {"name": "v"}}, "nginx": {"stableIngress": "i"}},
            }},
        }))
        .unwrap();
        let expect = [
            "spec.rollbackWindow",
            "spec.restartAt",
            "spec.strategy.canary.dynamicStableScale",
            "spec.strategy.canary.steps[1].plugin",
            "spec.strategy.canary.steps[2].setMirrorRoute",
            "spec.strategy.canary.trafficRouting.nginx",
        ];
        assert_eq!(fields(&spec), expect);
    }
}
