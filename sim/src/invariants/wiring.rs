//! How a Rollout names its parts, and which routes of them it steers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Key,
    view::{flag, list, number, short_host, text, weight},
};

/// How a Rollout names its parts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wiring {
    /// The Service of the canary; empty when none is named.
    pub canary_service: String,
    /// The Service of the stable version; empty when none is named.
    pub stable_service: String,
    /// The `VirtualServices`.
    pub routes: Vec<RouteRef>,
    /// The `DestinationRule`'s name; empty with host-level splitting.
    pub destination_rule: String,
    /// The canary's subset.
    pub canary_subset: String,
    /// The stable version's subset.
    pub stable_subset: String,
    /// The routes that the controller owns.
    pub managed_routes: Vec<String>,
    /// Whether some router steers the traffic.
    pub routed: bool,
    /// Whether stable pods shrink while the canary's traffic grows.
    pub dynamic_stable: bool,
}

/// One `VirtualService` as a Rollout names it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RouteRef {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The HTTP routes by name; all that there are when empty.
    pub http: Vec<String>,
    /// The TLS routes, each by its port and its SNI hosts; all that there are when empty.
    pub tls: Vec<(i64, BTreeSet<String>)>,
    /// The TCP routes by port; all that there are when empty.
    pub tcp: Vec<i64>,
}

/// The kind of a route and its place among those.
pub type Place = (&'static str, usize);

/// Says how a Rollout names its parts.
pub fn wiring(rollout: &Value) -> Wiring {
    let namespace = text(rollout, "/metadata/namespace");
    let canary = rollout.pointer("/spec/strategy/canary").unwrap_or(&Value::Null);
    let istio = canary.pointer("/trafficRouting/istio").unwrap_or(&Value::Null);
    let mut routes: Vec<_> = list(istio, "/virtualServices").iter().map(|one| route_ref(one, namespace)).collect();
    routes.extend(istio.get("virtualService").map(|one| route_ref(one, namespace)));
    let (canary_service, stable_service) = services(rollout, canary);
    let names = |value: &Value| value.as_str().or_else(|| value.get("name")?.as_str()).map(str::to_owned);
    Wiring {
        canary_service,
        stable_service,
        routes,
        destination_rule: text(istio, "/destinationRule/name").to_owned(),
        canary_subset: text(istio, "/destinationRule/canarySubsetName").to_owned(),
        stable_subset: text(istio, "/destinationRule/stableSubsetName").to_owned(),
        managed_routes: list(canary, "/trafficRouting/managedRoutes").iter().filter_map(names).collect(),
        routed: canary.get("trafficRouting").is_some_and(|routing| !routing.is_null()),
        dynamic_stable: flag(canary, "/dynamicStableScale"),
    }
}

/// The Services of canary and stable version; of a pair, those that have the roles now.
fn services(rollout: &Value, canary: &Value) -> (String, String) {
    let own = |path: &str| text(canary, path).to_owned();
    let named = (own("/canaryService"), own("/stableService"));
    let (ping, pong) = (own("/pingPong/pingService"), own("/pingPong/pongService"));
    if ping.is_empty() || !(named.0.is_empty() || named.1.is_empty()) {
        return named;
    }
    let first = text(rollout, "/status/stableRS").is_empty();
    if first || text(rollout, "/status/canary/stablePingPong") == "ping" { (pong, ping) } else { (ping, pong) }
}

fn route_ref(entry: &Value, namespace: &str) -> RouteRef {
    let full = text(entry, "/name");
    let full = full.strip_suffix(".cluster.local").unwrap_or(full);
    let (name, namespace) = full.rsplit_once('.').unwrap_or((full, namespace));
    let port = |route: &Value| number(route, "/port").unwrap_or_default();
    RouteRef {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        http: texts(list(entry, "/routes")).into_iter().collect(),
        tls: list(entry, "/tlsRoutes").iter().map(|route| (port(route), texts(list(route, "/sniHosts")))).collect(),
        tcp: list(entry, "/tcpRoutes").iter().map(port).collect(),
    }
}

fn texts(values: &[Value]) -> BTreeSet<String> {
    values.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl RouteRef {
    /// The key of the `VirtualService`.
    pub fn key(&self) -> Key {
        Key::new("virtualservices", &self.namespace, &self.name)
    }

    /// The routes of a `VirtualService` whose weights a Rollout steers.
    ///
    /// With names: those; without: all that the controller does not own itself, if there is exactly one. Where only some
    /// kinds of routes are named, the others are none of its business.
    ///
    /// # Source
    /// The contract, section 3.3.
    pub fn steered(&self, service: &Value, managed: &[String]) -> Vec<Place> {
        let named = !(self.http.is_empty() && self.tls.is_empty() && self.tcp.is_empty());
        let mut places = Vec::new();
        let mut add = |kind: &'static str, empty: bool, wanted: &dyn Fn(&Value) -> bool| {
            let own = |route: &Value| managed.iter().any(|own| own == text(route, "/name"));
            let routes = list(service, &format!("/spec/{kind}")).iter().enumerate();
            let found: Vec<_> = if empty {
                routes.filter(|(_, route)| !own(route)).map(|(at, _)| (kind, at)).collect()
            } else {
                routes.filter(|(_, route)| wanted(route)).map(|(at, _)| (kind, at)).collect()
            };
            if !empty || (!named && found.len() == 1) {
                places.extend(found);
            }
        };
        add("http", self.http.is_empty(), &|route| self.http.iter().any(|name| name == text(route, "/name")));
        add("tls", self.tls.is_empty(), &|route| self.tls.contains(&(port(route), hosts(route))));
        add("tcp", self.tcp.is_empty(), &|route| self.tcp.contains(&port(route)));
        places
    }
}

/// The one port that a route's matches ask for; 0 when they ask for none, or -1 when for several.
fn port(route: &Value) -> i64 {
    let ports: BTreeSet<i64> = list(route, "/match").iter().filter_map(|one| number(one, "/port")).collect();
    match ports.len() {
        0 => 0,
        1 => ports.first().copied().unwrap_or_default(),
        _ => -1,
    }
}

fn hosts(route: &Value) -> BTreeSet<String> {
    list(route, "/match").iter().flat_map(|one| texts(list(one, "/sniHosts"))).collect()
}

/// A route of a `VirtualService`.
pub fn route<'a>(service: &'a Value, (kind, at): &Place) -> Option<&'a Value> {
    list(service, &format!("/spec/{kind}")).get(*at)
}

impl Wiring {
    /// Says whether a destination of a route is the canary's.
    pub fn is_canary(&self, destination: &Value) -> bool {
        self.is(destination, &self.canary_service, &self.canary_subset)
    }

    /// Says whether the weight of a destination is ours to set.
    pub fn steers(&self, destination: &Value) -> bool {
        self.is_canary(destination) || self.is(destination, &self.stable_service, &self.stable_subset)
    }

    fn is(&self, destination: &Value, service: &str, named: &str) -> bool {
        let host = short_host(text(destination, "/destination/host"));
        let subset = text(destination, "/destination/subset");
        if self.destination_rule.is_empty() {
            !service.is_empty() && host == service
        } else {
            !named.is_empty() && subset == named
        }
    }

    /// The steered routes of a `VirtualService` by this key.
    pub fn steered<'a>(&self, key: &Key, service: &'a Value) -> Vec<(Place, &'a Value)> {
        let named = self.routes.iter().filter(|entry| entry.key() == *key);
        let places: BTreeSet<Place> = named.flat_map(|entry| entry.steered(service, &self.managed_routes)).collect();
        places.into_iter().filter_map(|place| Some((place, route(service, &place)?))).collect()
    }

    /// Says whether an HTTP route is one that the controller owns.
    pub fn owns(&self, route: &Value) -> bool {
        self.managed_routes.iter().any(|own| own == text(route, "/name"))
    }

    /// A place without the routes before it that come and go with a release.
    pub fn lasting(&self, service: &Value, (kind, at): Place) -> Place {
        if kind != "http" {
            return (kind, at);
        }
        let before = list(service, "/spec/http").iter().take(at).filter(|route| self.owns(route)).count();
        (kind, at - before)
    }

    /// The canary's weight in a `VirtualService`: the largest of its steered routes; nothing when it isn't there.
    pub fn canary_weight(&self, key: &Key, service: &Value) -> Option<i64> {
        let routes = self.steered(key, service);
        let destinations = routes.iter().flat_map(|(_, route)| {
            let all = list(route, "/route");
            all.iter().filter(|one| self.is_canary(one)).map(|one| weight(one, all.len() == 1))
        });
        destinations.max()
    }
}
