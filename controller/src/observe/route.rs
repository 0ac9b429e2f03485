//! What the routers do with the Rollout's traffic.

use std::sync::Arc;

use serde_json::Value;
use serin_crds::rollout::IstioDestinationRule;

use super::Observation;
use super::live::Parts;
use crate::core::snapshot::{Route, RouteSeen};
use crate::routers::istio::{self, subsets};
use crate::routers::{self, Kind, ObjectId, Owner, Router};
use crate::runtime::projection::{IndexKey, Writer};
use crate::runtime::reading::Reading;
use crate::world::World;

/// Why a route is not seen.
enum Unseen {
    /// It is absent, or can't be understood.
    Blind(String),
    /// It can't be read just now.
    Unreadable(String),
}

impl World {
    pub(super) fn look_at_route(&self, seen: &mut Observation, parts: &Parts) {
        if seen.snapshot.canary().traffic_routing.is_none() || !seen.snapshot.look.held.is_empty() {
            return;
        }
        let rollout = seen.rollout();
        let owner = Owner { rollout: &rollout, uid: &seen.snapshot.id.uid };
        let looked = match routers::of(&seen.snapshot.spec, owner) {
            // A routing that names no router splits nothing.
            Ok(routers) if routers.is_empty() => return,
            Ok(routers) => {
                seen.routers = routers;
                self.route(seen, parts)
            }
            Err(fault) => Err(Unseen::Blind(fault.to_string())),
        };
        seen.snapshot.traffic.route = match looked {
            Ok(route) => Route::Seen(Box::new(route)),
            Err(Unseen::Blind(why)) => Route::Blind(why),
            Err(Unseen::Unreadable(why)) => {
                seen.snapshot.look.unreadable.push(why.clone());
                Route::Unreadable(why)
            }
        };
    }

    fn route(&self, seen: &Observation, parts: &Parts) -> Result<RouteSeen, Unseen> {
        let mut route = RouteSeen::default();
        for router in &seen.routers {
            self.look_at_one(seen, parts, router.as_ref(), &mut route)?;
        }
        self.look_at_rule(seen, &mut route)?;
        Ok(route)
    }

    fn look_at_one(
        &self,
        seen: &Observation,
        parts: &Parts,
        router: &dyn Router,
        route: &mut RouteSeen,
    ) -> Result<(), Unseen> {
        let ids = router.objects();
        let mut objects: Vec<Option<Arc<Value>>> = Vec::with_capacity(ids.len());
        for id in &ids {
            objects.push(match (parts.objects.get(id), self.object(id)) {
                (Some(live), _) => live.clone(),
                (None, Reading::Seen(object)) => Some(object),
                (None, Reading::Absent) => None,
                (None, Reading::Unreadable(why)) => {
                    return Err(Unseen::Unreadable(format!("{} {}: {why}", id.kind.as_str(), id.key)));
                }
            });
        }
        let observed = router.read(&objects).map_err(|fault| Unseen::Blind(fault.to_string()))?;
        route.exposure.splits.extend(&observed.exposure.splits);
        route.exposure.managed.0.extend(observed.exposure.managed.0.iter().cloned());
        // A mark of the present attempt counts before one that an earlier attempt has left elsewhere.
        let current = seen.snapshot.attempt();
        if route.aborted.as_ref().is_none_or(|(marked, _)| *marked != current) {
            route.aborted = observed.aborted.clone().or_else(|| route.aborted.take());
        }
        if let Some(writer) = ids.first().and_then(|id| self.writer(id)) {
            let at = writer.time.parse().unwrap_or_default();
            if route.writer.as_ref().is_none_or(|(_, other)| at > *other) {
                route.writer = Some((writer.manager.to_string(), at));
            }
        }
        self.check_subsets(seen, &observed.subsets, route);
        Ok(())
    }

    fn writer(&self, id: &ObjectId) -> Option<Writer> {
        match id.kind {
            Kind::VirtualService => self.stores.virtual_services.last_known(&id.key)?.writer.clone(),
            Kind::Ingress => self.stores.ingresses.last_known(&id.key)?.writer.clone(),
        }
    }

    /// Where a destination names a subset, some `DestinationRule` that we can see has to declare it.
    fn check_subsets(&self, seen: &Observation, named: &[(String, String)], route: &mut RouteSeen) {
        for (host, subset) in named {
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

    fn look_at_rule(&self, seen: &Observation, route: &mut RouteSeen) -> Result<(), Unseen> {
        let Some(named) = rule_of(seen) else { return Ok(()) };
        let path = "spec.strategy.canary.trafficRouting.istio.destinationRule";
        let name = &named.name;
        let row = match self.stores.destination_rules.get(&seen.key(name)) {
            Reading::Seen(row) => row,
            Reading::Absent => {
                return Err(Unseen::Blind(format!(
                    "{path}.name: destinationrules.networking.istio.io \"{name}\" not found; create it"
                )));
            }
            Reading::Unreadable(why) => return Err(Unseen::Unreadable(format!("DestinationRule {name}: {why}"))),
        };
        let object = row.body.value().map_err(|e| Unseen::Blind(format!("DestinationRule {name}: {e}")))?;
        let (canary, stable) = (&named.canary_subset_name, &named.stable_subset_name);
        let Some(hashes) = subsets::observe(&object, canary, stable) else {
            let text = format!("{path}: DestinationRule {name} must declare the subsets {canary:?} and {stable:?}");
            return Err(Unseen::Blind(text));
        };
        route.referenced = subsets::all_hashes(&object);
        route.subsets = Some((hashes.canary, hashes.stable));
        Ok(())
    }
}

/// The `DestinationRule` whose subsets follow the two versions, if the Rollout names one.
pub(crate) fn rule_of(seen: &Observation) -> Option<&IstioDestinationRule> {
    let routing = seen.snapshot.canary().traffic_routing.as_ref()?;
    routing.istio.as_ref()?.destination_rule.as_ref()
}

fn selector_labels(seen: &Observation) -> String {
    let labels = seen.snapshot.spec.selector.as_ref().and_then(|s| s.match_labels.as_ref());
    let pairs: Vec<String> = labels.into_iter().flatten().map(|(key, value)| format!("{key}: {value}")).collect();
    pairs.join(", ")
}
