//! What the router does with the Rollout's traffic.

use serin_crds::rollout::{CanaryStrategy, IstioVirtualService};

use super::Observation;
use crate::core::snapshot::{Route, RouteSeen};
use crate::routers::istio::{self, Target, patch::aborted_revision, subsets};
use crate::runtime::key::Key;
use crate::runtime::projection::{IndexKey, virtual_service_key};
use crate::runtime::reading::Reading;
use crate::world::World;

impl World {
    pub(super) fn look_at_route(&self, seen: &mut Observation) {
        let canary = seen.snapshot.canary().clone();
        let Some(istio) = canary.traffic_routing.as_ref().and_then(|routing| routing.istio.as_ref()) else { return };
        let one = istio.virtual_service.iter().chain(&istio.virtual_services);
        seen.targets = one
            .map(|vs| {
                let rollout = seen.key(&seen.snapshot.id.name);
                (virtual_service_key(&rollout, &vs.name), target(&canary, vs))
            })
            .collect();
        seen.snapshot.traffic.route = match self.route(seen, &canary) {
            Ok(route) => Route::Seen(route),
            Err(why) => Route::Blind(why),
        };
    }

    fn route(&self, seen: &Observation, canary: &CanaryStrategy) -> Result<RouteSeen, String> {
        if seen.targets.is_empty() {
            return Err("spec.strategy.canary.trafficRouting.istio names no virtualService".to_owned());
        }
        let mut route = RouteSeen { even: true, ..RouteSeen::default() };
        for (key, target) in &seen.targets {
            self.look_at_one(seen, (key, target), &mut route)?;
        }
        let seen_weight = route.canary;
        // Several VirtualServices that disagree are as uneven as one with routes that do.
        route.even &= seen.targets.iter().all(|(key, target)| self.weight_of(key, target) == Some(seen_weight));
        self.look_at_rule(seen, canary, &mut route)?;
        Ok(route)
    }

    fn weight_of(&self, key: &Key, target: &Target) -> Option<crate::core::weight::Weight> {
        let object = self.stores.virtual_services.get(key).seen()?.body.value().ok()?;
        istio::observe(&object, target).ok().map(|observed| observed.canary)
    }

    fn look_at_one(
        &self,
        seen: &Observation,
        (key, target): (&Key, &Target),
        route: &mut RouteSeen,
    ) -> Result<(), String> {
        let path = "spec.strategy.canary.trafficRouting.istio.virtualService.name";
        let row = match self.stores.virtual_services.get(key) {
            Reading::Seen(row) => row,
            Reading::Absent => {
                let name = key.name();
                return Err(format!(
                    "{path}: Invalid value: \"{name}\": virtualservices.networking.istio.io \"{name}\" not found; create it in namespace {}",
                    key.namespace()
                ));
            }
            Reading::Unreadable(why) => return Err(format!("{path}: VirtualService {key} can't be read: {why}")),
        };
        let object = row.body.value().map_err(|e| format!("VirtualService {key}: {e}"))?;
        let observed = istio::observe(&object, target).map_err(|e| format!("{path}: {e} (VirtualService {key})"))?;
        route.canary = route.canary.max(observed.canary);
        route.even &= observed.even;
        if let Some((hash, why)) = aborted_revision(&object) {
            route.aborted = Some((hash.to_owned(), why.to_owned()));
        }
        if let Some(writer) = &row.writer {
            let at = writer.time.parse().unwrap_or_default();
            if route.writer.as_ref().is_none_or(|(_, other)| at > *other) {
                route.writer = Some((writer.manager.to_string(), at));
            }
        }
        self.check_subsets(seen, &observed, route);
        Ok(())
    }

    /// Where a destination names a subset, some `DestinationRule` that we can see has to declare it.
    fn check_subsets(&self, seen: &Observation, observed: &istio::Observed, route: &mut RouteSeen) {
        for (host, subset) in observed.subsets() {
            let service = IndexKey::reference("Service", &seen.key(istio::service_of(host)));
            let rules = self.stores.destination_rules.by_index(&service).seen().unwrap_or_default();
            let declared = rules.iter().any(|rule| rule.declares(subset));
            if !declared && route.undeclared_subset.is_none() {
                let labels = selector_labels(seen);
                let namespace = &seen.snapshot.id.namespace;
                route.undeclared_subset = Some(subsets::suggestion(namespace, host, subset, &labels));
            }
        }
    }

    fn look_at_rule(&self, seen: &Observation, canary: &CanaryStrategy, route: &mut RouteSeen) -> Result<(), String> {
        let istio = canary.traffic_routing.as_ref().and_then(|routing| routing.istio.as_ref());
        let Some(named) = istio.and_then(|istio| istio.destination_rule.as_ref()) else { return Ok(()) };
        let path = "spec.strategy.canary.trafficRouting.istio.destinationRule";
        let name = &named.name;
        let row = match self.stores.destination_rules.get(&seen.key(name)) {
            Reading::Seen(row) => row,
            Reading::Absent => {
                return Err(format!(
                    "{path}.name: destinationrules.networking.istio.io \"{name}\" not found; create it"
                ));
            }
            Reading::Unreadable(why) => {
                return Err(format!("{path}.name: DestinationRule {name} can't be read: {why}"));
            }
        };
        let object = row.body.value().map_err(|e| format!("DestinationRule {name}: {e}"))?;
        let (canary, stable) = (&named.canary_subset_name, &named.stable_subset_name);
        let Some(hashes) = subsets::observe(&object, canary, stable) else {
            return Err(format!("{path}: DestinationRule {name} must declare the subsets {canary:?} and {stable:?}"));
        };
        route.referenced = subsets::all_hashes(&object);
        route.subsets = Some((hashes.canary, hashes.stable));
        Ok(())
    }
}

fn selector_labels(seen: &Observation) -> String {
    let labels = seen.snapshot.spec.selector.as_ref().and_then(|s| s.match_labels.as_ref());
    let pairs: Vec<String> = labels.into_iter().flatten().map(|(key, value)| format!("{key}: {value}")).collect();
    pairs.join(", ")
}

fn target(canary: &CanaryStrategy, vs: &IstioVirtualService) -> Target {
    let routing = canary.traffic_routing.as_ref();
    let rule = routing.and_then(|r| r.istio.as_ref()).and_then(|istio| istio.destination_rule.as_ref());
    let port = |port: i64| Some(port).filter(|port| *port != 0);
    Target {
        canary_service: canary.canary_service.clone().unwrap_or_default(),
        stable_service: canary.stable_service.clone().unwrap_or_default(),
        subsets: rule.map(|rule| (rule.canary_subset_name.clone(), rule.stable_subset_name.clone())),
        foreign_subsets: rule.map(|rule| rule.additional_subset_names.clone()).unwrap_or_default(),
        http: vs.routes.clone(),
        tls: vs.tls_routes.iter().map(|route| (port(route.port), route.sni_hosts.clone())).collect(),
        tcp: vs.tcp_routes.iter().map(|route| port(route.port)).collect(),
        managed: routing.map(|r| r.managed_routes.iter().map(|m| m.name.clone()).collect()).unwrap_or_default(),
    }
}
