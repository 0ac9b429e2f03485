//! What a Rollout names and the files leave out, and how it is filled in.

use serde_json::{Value, json};
use serin_crds::rollout::{CanaryStrategy, IstioDestinationRule, IstioTrafficRouting, IstioVirtualService, Rollout};

use super::manifests::{Chosen, named};
use crate::view::json::{list, text};

/// What a Rollout names and the files leave out.
pub(super) struct Missing {
    /// What can be filled in.
    pub(super) objects: Vec<Value>,
    /// What can't, one sentence each.
    pub(super) unknown: Vec<String>,
    /// The host that users ask.
    pub(super) host: String,
}

/// Who gets the two shares of a route: the stable side, and the canary's.
struct Sides {
    stable: Value,
    canary: Value,
}

impl Sides {
    fn of(canary: &CanaryStrategy, rule: Option<&IstioDestinationRule>, name: &str) -> Self {
        let service = |side: &Option<String>| side.clone().unwrap_or_else(|| name.to_owned());
        let (stable, of_canary) = (service(&canary.stable_service), service(&canary.canary_service));
        match rule {
            Some(rule) => Self {
                stable: json!({"host": stable, "subset": rule.stable_subset_name}),
                canary: json!({"host": stable, "subset": rule.canary_subset_name}),
            },
            None => Self { stable: json!({"host": stable}), canary: json!({"host": of_canary}) },
        }
    }
}

impl Missing {
    pub(super) fn of(rollout: &Rollout, chosen: &Chosen) -> Self {
        let name = text(&chosen.rollout, "/metadata/name");
        let mut missing = Self { objects: Vec::new(), unknown: Vec::new(), host: name.to_owned() };
        let Some(canary) = &rollout.spec.strategy.canary else { return missing };
        for service in [&canary.stable_service, &canary.canary_service].into_iter().flatten() {
            missing.service(chosen, service);
        }
        match canary.traffic_routing.as_ref().map(|routing| routing.istio.as_ref()) {
            Some(Some(istio)) => missing.istio(chosen, canary, istio),
            Some(None) => {
                let why = "simulate plays traffic by Istio, or by numbers of pods; this Rollout names another router";
                missing.unknown.push(why.to_owned());
            }
            None => {}
        }
        let asked = missing.host.split('.').next().unwrap_or_default().to_owned();
        missing.service(chosen, &asked);
        missing.templates(canary, chosen);
        missing
    }

    fn istio(&mut self, chosen: &Chosen, canary: &CanaryStrategy, istio: &IstioTrafficRouting) {
        let name = text(&chosen.rollout, "/metadata/name");
        let rule = istio.destination_rule.as_ref();
        if let Some(rule) = rule {
            let host = canary.stable_service.as_deref().unwrap_or(name);
            self.service(chosen, host);
            self.rule(chosen, host, rule);
        }
        for wanted in istio.virtual_service.iter().chain(&istio.virtual_services) {
            let short = wanted.name.split('.').next().unwrap_or_default();
            match chosen.find("VirtualService", short) {
                Some(there) => {
                    let hosts = list(there, "/spec/hosts").first().and_then(Value::as_str);
                    hosts.unwrap_or(name).clone_into(&mut self.host);
                }
                None => self.objects.push(virtual_service(name, short, wanted, &Sides::of(canary, rule, name))),
            }
        }
    }

    fn rule(&mut self, chosen: &Chosen, host: &str, rule: &IstioDestinationRule) {
        if chosen.find("DestinationRule", &rule.name).is_some() {
            return;
        }
        let subset = |name: &str| json!({"name": name, "labels": selector(chosen)});
        self.objects.push(json!({
            "apiVersion": "networking.istio.io/v1",
            "kind": "DestinationRule",
            "metadata": {"name": rule.name},
            "spec": {"host": host, "subsets": [subset(&rule.canary_subset_name), subset(&rule.stable_subset_name)]},
        }));
    }

    fn service(&mut self, chosen: &Chosen, name: &str) {
        let label = format!("Service {name}");
        if chosen.find("Service", name).is_some() || self.objects.iter().any(|one| named(one) == label) {
            return;
        }
        let port = chosen.rollout.pointer("/spec/template/spec/containers/0/ports/0/containerPort");
        self.objects.push(json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name},
            "spec": {
                "selector": selector(chosen),
                "ports": [{"name": "http", "port": 80, "targetPort": port.cloned().unwrap_or_else(|| 8080.into())}],
            },
        }));
    }

    /// What judges can't be made up.
    fn templates(&mut self, canary: &CanaryStrategy, chosen: &Chosen) {
        let in_steps = canary.steps.iter().filter_map(|step| step.analysis.as_ref());
        let background = canary.analysis.as_ref().map(|background| &background.analysis);
        for wanted in in_steps.chain(background).flat_map(|analysis| &analysis.templates) {
            let kind = if wanted.cluster_scope { "ClusterAnalysisTemplate" } else { "AnalysisTemplate" };
            let sentence = format!("{kind} {} is named and not in these files; add it", wanted.template_name);
            if chosen.find(kind, &wanted.template_name).is_none() && !self.unknown.contains(&sentence) {
                self.unknown.push(sentence);
            }
        }
    }
}

/// A `VirtualService` whose routes give everything to stable.
fn virtual_service(host: &str, name: &str, wanted: &IstioVirtualService, sides: &Sides) -> Value {
    let shares = json!([
        {"destination": sides.stable, "weight": 100},
        {"destination": sides.canary, "weight": 0},
    ]);
    let routes: Vec<_> = match wanted.routes.as_slice() {
        [] => vec![json!({"route": shares})],
        names => names.iter().map(|name| json!({"name": name, "route": shares})).collect(),
    };
    json!({
        "apiVersion": "networking.istio.io/v1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": [host], "http": routes},
    })
}

/// What selects the pods of the Rollout.
fn selector(chosen: &Chosen) -> Value {
    let selector = chosen.rollout.pointer("/spec/selector/matchLabels");
    selector.or_else(|| chosen.rollout.pointer("/spec/template/metadata/labels")).cloned().unwrap_or_else(|| json!({}))
}
