//! The canary strategy and its traffic routing.

use super::{Faults, analysis, anti_affinity, steps};
use crate::{
    int_or_string::IntOrString,
    names::ThresholdKind,
    rollout::{CanaryStrategy, IstioTrafficRouting, PingPong, TrafficRouting},
};

const AT: &str = "spec.strategy.canary";

pub(super) fn check(canary: &CanaryStrategy, faults: &mut Faults) {
    services(canary, faults);
    if let Some(routing) = &canary.traffic_routing {
        self::routing(routing, faults);
    }
    needs_routing(canary, faults);
    sizes(canary, faults);
    if let Some(affinity) = &canary.anti_affinity {
        anti_affinity(affinity, &format!("{AT}.antiAffinity"), faults);
    }
    if let Some(background) = &canary.analysis {
        analysis::of_rollout(&background.analysis, &format!("{AT}.analysis"), faults);
        faults.at_least(0, background.starting_step, &format!("{AT}.analysis.startingStep"));
    }
    steps::check(canary, faults);
}

fn services(canary: &CanaryStrategy, faults: &mut Faults) {
    let CanaryStrategy { canary_service, stable_service, traffic_routing, ping_pong, .. } = canary;
    if let (Some(canary), Some(stable)) = (canary_service, stable_service)
        && canary == stable
    {
        faults.wrong(&format!("{AT}.canaryService"), canary, "it must differ from stableService");
    }
    if let Some(pair) = ping_pong {
        self::ping_pong(pair, traffic_routing.as_ref(), faults);
    }
    let Some(router) = traffic_routing.as_ref().and_then(|routing| needs_services(routing, ping_pong.is_some())) else {
        return;
    };
    for (field, service) in [("canaryService", canary_service), ("stableService", stable_service)] {
        if service.is_none() {
            faults.missing(&format!("{AT}.{field}"), &format!("{router} needs canaryService and stableService"));
        }
    }
}

/// The router that cannot do without both Services, if there is one.
fn needs_services(routing: &TrafficRouting, ping_pong: bool) -> Option<&'static str> {
    let istio = routing.istio.as_ref().is_some_and(|istio| istio.destination_rule.is_none() && !ping_pong);
    [
        (istio, "trafficRouting.istio without destinationRule"),
        (routing.smi.is_some(), "trafficRouting.smi"),
        (routing.apisix.is_some(), "trafficRouting.apisix"),
        (routing.ambassador.is_some(), "trafficRouting.ambassador"),
        (routing.nginx.is_some(), "trafficRouting.nginx"),
        (routing.app_mesh.is_some(), "trafficRouting.appMesh"),
        (routing.traefik.is_some(), "trafficRouting.traefik"),
        (routing.alb.is_some() && !ping_pong, "trafficRouting.alb"),
    ]
    .into_iter()
    .find_map(|(needs, router)| needs.then_some(router))
}

fn ping_pong(pair: &PingPong, routing: Option<&TrafficRouting>, faults: &mut Faults) {
    let PingPong { ping_service, pong_service } = pair;
    for (field, service) in [("pingService", ping_service), ("pongService", pong_service)] {
        if service.is_empty() {
            faults.missing(&format!("{AT}.pingPong.{field}"), "give both Services");
        }
    }
    if !ping_service.is_empty() && ping_service == pong_service {
        faults.wrong(&format!("{AT}.pingPong.pongService"), pong_service, "it must differ from pingService");
    }
    let alb = routing.and_then(|routing| routing.alb.as_ref());
    if !routing.is_some_and(|routing| alb.is_some() || routing.istio.is_some() || !routing.plugins.is_empty()) {
        faults.say(&format!("{AT}.pingPong"), "needs trafficRouting by alb, istio or plugins");
    }
    if alb.is_some_and(|alb| alb.root_service.is_none()) {
        faults.missing(&format!("{AT}.trafficRouting.alb.rootService"), "pingPong with alb needs it");
    }
}

fn routing(routing: &TrafficRouting, faults: &mut Faults) {
    let at = format!("{AT}.trafficRouting");
    if let Some(istio) = &routing.istio {
        self::istio(istio, &format!("{at}.istio"), faults);
    }
    if let Some(weight) = routing.max_traffic_weight {
        let path = format!("{at}.maxTrafficWeight");
        if routing.nginx.is_none() && routing.plugins.is_empty() {
            faults.wrong(&path, weight, "only nginx and plugins can count to another number than 100; remove it");
        } else if weight < 1 {
            faults.wrong(&path, weight, "it must be 1 or more");
        }
    }
    let routes = routing.managed_routes.iter().map(|route| route.name.as_str());
    unique(routes, |index| format!("{at}.managedRoutes[{index}].name"), faults);
    let services = routing.istio.iter().flat_map(|istio| istio.virtual_service.iter().chain(&istio.virtual_services));
    let split: Vec<&String> = services.flat_map(|service| &service.routes).collect();
    for (index, route) in routing.managed_routes.iter().enumerate().filter(|(_, route)| split.contains(&&route.name)) {
        let rule =
            "it is a route that virtualService.routes names, and would be removed; give the managed route another name";
        faults.wrong(&format!("{at}.managedRoutes[{index}].name"), &route.name, rule);
    }
}

fn istio(istio: &IstioTrafficRouting, at: &str, faults: &mut Faults) {
    let IstioTrafficRouting { virtual_service, destination_rule, virtual_services } = istio;
    if virtual_service.is_some() != virtual_services.is_empty() {
        faults.say(at, "must have exactly one of virtualService and virtualServices");
    }
    if virtual_service.as_ref().is_some_and(|service| service.name.is_empty()) {
        faults.missing(&format!("{at}.virtualService.name"), "give the name of the VirtualService");
    }
    let names = virtual_services.iter().map(|service| service.name.as_str());
    unique(names, |index| format!("{at}.virtualServices[{index}].name"), faults);
    if let Some(rule) = destination_rule {
        let at = format!("{at}.destinationRule");
        for (field, name) in [
            ("name", &rule.name),
            ("canarySubsetName", &rule.canary_subset_name),
            ("stableSubsetName", &rule.stable_subset_name),
        ] {
            if name.is_empty() {
                faults.missing(&format!("{at}.{field}"), "a destinationRule needs it");
            }
        }
        if !rule.canary_subset_name.is_empty() && rule.canary_subset_name == rule.stable_subset_name {
            let path = format!("{at}.canarySubsetName");
            faults.wrong(&path, &rule.canary_subset_name, "it must differ from stableSubsetName");
        }
    }
}

/// Faults for names that are empty or stand twice.
pub(super) fn unique<'a>(names: impl Iterator<Item = &'a str>, path: impl Fn(usize) -> String, faults: &mut Faults) {
    let mut seen = std::collections::BTreeMap::new();
    for (index, name) in names.enumerate() {
        if name.is_empty() {
            faults.missing(&path(index), "give a name");
        } else if let Some(first) = seen.insert(name, index) {
            faults.wrong(&path(index), name, &format!("{} has the same name", path(first)));
        }
    }
}

fn needs_routing(canary: &CanaryStrategy, faults: &mut Faults) {
    let delay = canary.scale_down_delay_seconds;
    let delay_path = format!("{AT}.scaleDownDelaySeconds");
    if canary.traffic_routing.is_none() {
        if let Some(delay) = delay {
            faults.wrong(&delay_path, delay, "it needs trafficRouting; remove it");
        }
        if canary.dynamic_stable_scale {
            faults.wrong(&format!("{AT}.dynamicStableScale"), true, "it needs trafficRouting; remove it");
        }
    }
    if let (true, Some(delay)) = (canary.dynamic_stable_scale, delay) {
        faults.wrong(&delay_path, delay, "dynamicStableScale excludes it; remove one of them");
    }
    faults.at_least(0, delay, &delay_path);
    faults.at_least(0, canary.abort_scale_down_delay_seconds, &format!("{AT}.abortScaleDownDelaySeconds"));
}

fn sizes(canary: &CanaryStrategy, faults: &mut Faults) {
    let CanaryStrategy { max_surge, max_unavailable, replica_progress_threshold, .. } = canary;
    share(max_surge.as_ref(), &format!("{AT}.maxSurge"), faults);
    share(max_unavailable.as_ref(), &format!("{AT}.maxUnavailable"), faults);
    if let (Some(surge), Some(unavailable)) = (max_surge, max_unavailable)
        && is_zero(surge)
        && is_zero(unavailable)
    {
        let rule = "it must not be zero when maxSurge is zero, else no pod could ever be replaced";
        faults.wrong(&format!("{AT}.maxUnavailable"), unavailable, rule);
    }
    if let Some(threshold) = replica_progress_threshold
        && let ThresholdKind::Other(word) = &threshold.kind
    {
        faults.wrong(&format!("{AT}.replicaProgressThreshold.type"), word, "it must be Percent or Pods");
    }
}

/// Zero as Argo Rollouts looks at it: as written.
fn is_zero(share: &IntOrString) -> bool {
    match share {
        IntOrString::Int(number) => *number == 0,
        IntOrString::String(text) => text == "0%",
    }
}

/// A number of pods or a percentage, neither negative.
pub(super) fn share(share: Option<&IntOrString>, path: &str, faults: &mut Faults) {
    let Some(share) = share else { return };
    let number = match share {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(_) => share.as_percent(),
    };
    if number.is_none_or(|number| !(0..=i64::from(i32::MAX)).contains(&number)) {
        faults.wrong(path, share, "it must be a number of pods such as 1, or a percentage such as 25%");
    }
}
