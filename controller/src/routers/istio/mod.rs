//! Istio: weights in a `VirtualService`, pod hashes in a `DestinationRule`.
//!
//! Pure functions over raw JSON: which routes are ours, what they send to the canary now, and the smallest JSON Patch
//! that changes it. Everything else in the object stays byte for byte as its owner left it.

pub mod patch;
pub mod route;
pub mod subsets;

use std::sync::Arc;

use serde_json::Value;
use serin_crds::rollout::{CanaryStrategy, IstioTrafficRouting, IstioVirtualService};

pub use self::route::Target;
use super::{Kind, ObjectId, Observed, RouteFault, Router, Write, marked};
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

const PATH: &str = "spec.strategy.canary.trafficRouting.istio.virtualService.name";

impl Istio {
    fn routes(&self, objects: &[Option<Arc<Value>>]) -> Result<(Arc<Value>, Vec<route::Picked>), RouteFault> {
        let (name, namespace) = (self.key.name(), self.key.namespace());
        let Some(Some(object)) = objects.first() else {
            return Err(RouteFault(format!(
                "{PATH}: Invalid value: \"{name}\": virtualservices.networking.istio.io \"{name}\" not found; create it in namespace {namespace}"
            )));
        };
        let routes = route::pick(object, &self.target)
            .map_err(|fault| RouteFault(format!("{PATH}: {fault} (VirtualService {})", self.key)))?;
        Ok((object.clone(), routes))
    }
}

impl Router for Istio {
    fn objects(&self) -> Vec<ObjectId> {
        vec![ObjectId { kind: Kind::VirtualService, key: self.key.clone() }]
    }

    fn read(&self, objects: &[Option<Arc<Value>>]) -> Result<Observed, RouteFault> {
        let (object, routes) = self.routes(objects)?;
        let subsets = routes.iter().flat_map(|route| &route.destinations);
        let subsets = subsets.filter_map(|d| d.subset.clone().map(|subset| (d.host.clone(), subset)));
        Ok(Observed {
            subsets: subsets.collect(),
            exposure: crate::core::exposure::Exposure(routes.iter().map(route::Picked::split).collect()),
            aborted: marked(&object, &self.rollout),
        })
    }

    fn write(&self, objects: &[Option<Arc<Value>>], change: &Move) -> Result<Option<Write>, RouteFault> {
        let (object, routes) = self.routes(objects)?;
        let mark = patch::Mark { rollout: &self.rollout, on: &self.key };
        Ok(patch::weights(&object, &routes, change, mark).map(Write::Patch))
    }
}

/// The Service that a destination's host names: the text before the first dot.
pub(crate) fn service_of(host: &str) -> &str {
    host.split('.').next().unwrap_or_default()
}
