//! Istio: weights and managed routes in a `VirtualService`, pod hashes in a `DestinationRule`.
//!
//! Pure functions over raw JSON: which routes are ours, what they send to the canary now, and the smallest JSON Patch
//! that changes it. Everything else in the object stays byte for byte as its owner left it.

pub mod managed;
pub mod noted;
pub mod patch;
pub mod route;
pub mod subsets;

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::Value;
use serin_crds::rollout::{CanaryStrategy, IstioTrafficRouting, IstioVirtualService};

use self::managed::Routes;
pub use self::route::Target;
use super::{Kind, ObjectId, Observed, RouteFault, Router, Write, marked};
use crate::core::exposure::Exposure;
use crate::core::managed::{LiveRoute, Managed, ManagedRoute};
use crate::core::plan::Move;
use crate::runtime::key::Key;
use crate::runtime::projection::virtual_service_key;

/// One `VirtualService` that splits the traffic of a Rollout.
#[derive(Clone, Debug)]
pub struct Istio {
    rollout: Key,
    key: Key,
    target: Target,
}

/// The routers that a Rollout names: one for each `VirtualService`.
pub(super) fn routers(
    canary: &CanaryStrategy,
    istio: &IstioTrafficRouting,
    rollout: &Key,
) -> Result<Vec<Arc<dyn Router>>, RouteFault> {
    let named = istio.virtual_service.iter().chain(&istio.virtual_services);
    let routers: Vec<Arc<dyn Router>> = named
        .map(|vs| {
            let (key, target) = (virtual_service_key(rollout, &vs.name), target(canary, istio, vs));
            Arc::new(Istio { rollout: rollout.clone(), key, target }) as Arc<dyn Router>
        })
        .collect();
    if routers.is_empty() {
        return Err(RouteFault("spec.strategy.canary.trafficRouting.istio names no virtualService".to_owned()));
    }
    Ok(routers)
}

fn target(canary: &CanaryStrategy, istio: &IstioTrafficRouting, vs: &IstioVirtualService) -> Target {
    let routing = canary.traffic_routing.as_ref();
    let rule = istio.destination_rule.as_ref();
    let managed = routing.iter().flat_map(|routing| &routing.managed_routes).map(|route| route.name.clone());
    let port = |port: i64| Some(port).filter(|port| *port != 0);
    Target {
        canary_service: canary.canary_service.clone().unwrap_or_default(),
        stable_service: canary.stable_service.clone().unwrap_or_default(),
        subsets: rule.map(|rule| (rule.canary_subset_name.clone(), rule.stable_subset_name.clone())),
        foreign_subsets: rule.map(|rule| rule.additional_subset_names.clone()).unwrap_or_default(),
        http: vs.routes.clone(),
        tls: vs.tls_routes.iter().map(|route| (port(route.port), route.sni_hosts.clone())).collect(),
        tcp: vs.tcp_routes.iter().map(|route| port(route.port)).collect(),
        // A name that is given to a route of its owner's is never ours.
        managed: managed.filter(|name| !vs.routes.contains(name)).collect(),
        former: Vec::new(),
        asked: canary.steps.iter().filter_map(ManagedRoute::of).filter(ManagedRoute::matches_any).collect(),
    }
}

const PATH: &str = "spec.strategy.canary.trafficRouting.istio.virtualService.name";

/// What is seen of the one `VirtualService`.
struct Looked<'a> {
    object: Arc<Value>,
    target: Cow<'a, Target>,
    routes: Vec<route::Picked>,
}

impl Istio {
    fn mark(&self) -> patch::Mark<'_> {
        patch::Mark { rollout: &self.rollout, on: &self.key }
    }

    fn look(&self, objects: &[Option<Arc<Value>>]) -> Result<Looked<'_>, RouteFault> {
        let (name, namespace) = (self.key.name(), self.key.namespace());
        let Some(Some(object)) = objects.first() else {
            return Err(RouteFault(format!(
                "{PATH}: Invalid value: \"{name}\": virtualservices.networking.istio.io \"{name}\" not found; create it in namespace {namespace}"
            )));
        };
        let target = noted::with_former(object, &self.target, self.mark());
        let routes = route::pick(object, &target)
            .map_err(|fault| RouteFault(format!("{PATH}: {fault} (VirtualService {})", self.key)))?;
        Ok(Looked { object: object.clone(), target, routes })
    }
}

impl Router for Istio {
    fn objects(&self) -> Vec<ObjectId> {
        vec![ObjectId { kind: Kind::VirtualService, key: self.key.clone() }]
    }

    fn read(&self, objects: &[Option<Arc<Value>>]) -> Result<Observed, RouteFault> {
        let Looked { object, target, mut routes } = self.look(objects)?;
        let (standing, mirrors) = match Routes::of(&object, &routes, &target) {
            Some(http) => {
                let standing = http.standing();
                let mirrors = http.mirrors(&standing);
                (Some(standing), mirrors)
            }
            None => (None, Vec::new()),
        };
        routes.extend(mirrors);
        let live = |standing: Vec<managed::Standing>| -> Vec<LiveRoute> {
            standing.into_iter().map(|standing| standing.live).collect()
        };
        let subsets = routes.iter().flat_map(|route| &route.destinations);
        let subsets = subsets.filter_map(|d| d.subset.clone().map(|subset| (d.host.clone(), subset)));
        Ok(Observed {
            subsets: subsets.collect(),
            exposure: Exposure {
                splits: routes.iter().map(route::Picked::split).collect(),
                managed: Managed(standing.map(live).into_iter().collect()),
            },
            aborted: marked(&object, &self.rollout),
        })
    }

    fn write(&self, objects: &[Option<Arc<Value>>], change: &Move) -> Result<Option<Write>, RouteFault> {
        let Looked { object, target, mut routes } = self.look(objects)?;
        let mut edits = managed::Edits::default();
        let mut mirrors = Vec::new();
        if let Some(http) = Routes::of(&object, &routes, &target) {
            let mut standing = http.standing();
            edits = http.edits(&standing, change);
            edits.extend(noted::edits(&object, &http.left(&standing, change), !change.way.is_down(), self.mark()));
            // One that goes needs no weights.
            standing.retain(|s| s.live.route.as_ref().is_some_and(|route| change.managed.contains(route)));
            mirrors = http.mirrors(&standing);
        }
        routes.extend(mirrors);
        Ok(patch::moved(&object, &routes, change, (edits, self.mark())).map(Write::Patch))
    }
}

/// The Service that a destination's host names: the text before the first dot.
pub(crate) fn service_of(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
