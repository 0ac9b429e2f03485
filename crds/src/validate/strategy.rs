//! Faults of the strategy.

use super::{Faults, steps};
use crate::int_or_string::IntOrString;
use crate::rollout::{AntiAffinity, BlueGreenStrategy, CanaryStrategy, RolloutSpec, TrafficRouting};

const CANARY: &str = "spec.strategy.canary";

pub(super) fn check(spec: &RolloutSpec, faults: &mut Faults) {
    match (&spec.strategy.canary, &spec.strategy.blue_green) {
        (None, None) => faults.add("spec.strategy", "", "is empty; it must have canary or blueGreen"),
        (Some(_), Some(_)) => faults.add("spec.strategy", "", "has canary and blueGreen; keep exactly one of them"),
        (Some(strategy), None) => canary(strategy, faults),
        (None, Some(strategy)) => blue_green(strategy, faults),
    }
}

fn blue_green(strategy: &BlueGreenStrategy, faults: &mut Faults) {
    let path = "spec.strategy.blueGreen";
    if strategy.active_service.is_empty() {
        faults.add(format!("{path}.activeService"), "", "is missing; name the Service that users reach");
    }
    if strategy.preview_service.as_ref() == Some(&strategy.active_service) {
        faults.add(format!("{path}.previewService"), &strategy.active_service, "is the active Service too; they must differ");
    }
}

fn canary(strategy: &CanaryStrategy, faults: &mut Faults) {
    services(strategy, faults);
    bounds(strategy, faults);
    let routed = strategy.traffic_routing.is_some();
    for (field, value) in [
        ("scaleDownDelaySeconds", strategy.scale_down_delay_seconds),
        ("abortScaleDownDelaySeconds", strategy.abort_scale_down_delay_seconds),
        ("scaleDownDelayRevisionLimit", strategy.scale_down_delay_revision_limit),
    ] {
        if let Some(value) = value.filter(|value| *value < 0) {
            faults.add(format!("{CANARY}.{field}"), value, &format!("is {value}; it must be 0 or more"));
        }
    }
    if let Some(delay) = strategy.scale_down_delay_seconds {
        if !routed {
            faults.add(format!("{CANARY}.scaleDownDelaySeconds"), delay, "works only with trafficRouting; remove it");
        } else if strategy.dynamic_stable_scale {
            let text = "can't be used together with dynamicStableScale; remove one of them";
            faults.add(format!("{CANARY}.scaleDownDelaySeconds"), delay, text);
        }
    }
    if strategy.dynamic_stable_scale && !routed {
        faults.add(format!("{CANARY}.dynamicStableScale"), true, "works only with trafficRouting; remove it");
    }
    if strategy.min_pods_per_replica_set.is_some() && !routed {
        faults.add(format!("{CANARY}.minPodsPerReplicaSet"), "", "works only with trafficRouting; remove it");
    }
    if let Some(affinity) = &strategy.anti_affinity {
        anti_affinity(affinity, faults);
    }
    if let Some(routing) = &strategy.traffic_routing {
        istio(routing, faults);
    }
    steps::check(strategy, faults);
}

fn services(strategy: &CanaryStrategy, faults: &mut Faults) {
    let name = |service: &Option<String>| service.clone().filter(|name| !name.is_empty());
    let (canary, stable) = (name(&strategy.canary_service), name(&strategy.stable_service));
    if canary.is_some() && canary == stable {
        let text = "is the same Service as canaryService; they must differ";
        faults.add(format!("{CANARY}.stableService"), stable.clone().unwrap_or_default(), text);
    }
    let Some(routing) = &strategy.traffic_routing else { return };
    let by_subset = routing.istio.as_ref().is_some_and(|istio| istio.destination_rule.is_some());
    let istio = routing.istio.is_some() && !by_subset && strategy.ping_pong.is_none();
    let others = routing.smi.is_some() || routing.nginx.is_some() || routing.ambassador.is_some();
    let others = others || routing.app_mesh.is_some() || routing.traefik.is_some() || routing.apisix.is_some();
    if !istio && !others {
        return;
    }
    for (field, service) in [("canaryService", canary), ("stableService", stable)] {
        if service.is_none() {
            let text = "is missing; this traffic routing needs a Service for each side";
            faults.add(format!("{CANARY}.{field}"), "", text);
        }
    }
}

fn bounds(strategy: &CanaryStrategy, faults: &mut Faults) {
    let surge = strategy.max_surge.as_ref();
    let unavailable = strategy.max_unavailable.as_ref();
    for (field, bound) in [("maxSurge", surge), ("maxUnavailable", unavailable)] {
        let Some(bound) = bound else { continue };
        let value = match bound {
            IntOrString::Int(number) => Some(*number),
            IntOrString::String(_) => bound.as_percent(),
        };
        match value {
            None => faults.add(format!("{CANARY}.{field}"), bound, &format!("is {bound}; it must be a number of pods or a percentage such as 25%")),
            Some(number) if number < 0 => faults.add(format!("{CANARY}.{field}"), bound, &format!("is {bound}; it must be 0 or more")),
            Some(_) => {}
        }
    }
    let zero = |bound: Option<&IntOrString>| {
        bound.is_some_and(|bound| bound.as_i64().or(bound.as_percent()) == Some(0))
    };
    if zero(surge) && zero(unavailable) {
        faults.add(format!("{CANARY}.maxUnavailable"), 0, "and maxSurge are both 0; then nothing could ever move: raise one of them");
    }
}

fn anti_affinity(affinity: &AntiAffinity, faults: &mut Faults) {
    let path = format!("{CANARY}.antiAffinity");
    let preferred = affinity.preferred_during_scheduling_ignored_during_execution.as_ref();
    let required = affinity.required_during_scheduling_ignored_during_execution.is_some();
    if preferred.is_some() == required {
        faults.add(path.clone(), "", "must have exactly one of preferredDuringSchedulingIgnoredDuringExecution and requiredDuringSchedulingIgnoredDuringExecution");
    }
    if let Some(preferred) = preferred.filter(|preferred| !(1..=100).contains(&preferred.weight)) {
        let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution.weight");
        faults.add(path, preferred.weight, &format!("is {}; it must be 1 to 100", preferred.weight));
    }
}

fn istio(routing: &TrafficRouting, faults: &mut Faults) {
    let path = format!("{CANARY}.trafficRouting.istio");
    let Some(istio) = &routing.istio else { return };
    match (istio.virtual_service.is_some(), istio.virtual_services.is_empty()) {
        (true, true) | (false, false) => {}
        (true, false) => faults.add(path.clone(), "", "has virtualService and virtualServices; keep one of them"),
        (false, true) => faults.add(path.clone(), "", ": either VirtualService or VirtualServices must be configured"),
    }
    for (index, service) in istio.virtual_services.iter().enumerate() {
        if service.name.is_empty() {
            faults.add(format!("{path}.virtualServices[{index}].name"), "", "is missing; name the VirtualService");
        }
    }
    if istio.virtual_service.as_ref().is_some_and(|service| service.name.is_empty()) {
        faults.add(format!("{path}.virtualService.name"), "", "is missing; name the VirtualService");
    }
    if let Some(rule) = &istio.destination_rule {
        let path = format!("{path}.destinationRule");
        for (field, value) in [
            ("name", &rule.name),
            ("canarySubsetName", &rule.canary_subset_name),
            ("stableSubsetName", &rule.stable_subset_name),
        ] {
            if value.is_empty() {
                faults.add(format!("{path}.{field}"), "", "is missing");
            }
        }
        if !rule.canary_subset_name.is_empty() && rule.canary_subset_name == rule.stable_subset_name {
            faults.add(format!("{path}.stableSubsetName"), &rule.stable_subset_name, "is the canary's subset too; they must differ");
        }
    }
    let weight = routing.max_traffic_weight.filter(|_| routing.nginx.is_none() && routing.plugins.is_empty());
    if let Some(weight) = weight {
        let path = format!("{CANARY}.trafficRouting.maxTrafficWeight");
        faults.add(path, weight, "works only with nginx or plugins; remove it");
    }
}
