//! Which routes of a `VirtualService` are ours, and what they send to the canary now.

use serde_json::Value;

use super::service_of;
use crate::core::exposure::Split;
use crate::core::managed::ManagedRoute;
use crate::routers::RouteFault;

/// What a Rollout says about its routes: read once, borrowed everywhere.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// Service that selects the canary's pods; empty in pure subset mode.
    pub canary_service: String,
    /// Service that selects the stable pods; empty in pure subset mode.
    pub stable_service: String,
    /// Names of the canary's and the stable subset, if the Rollout names a `DestinationRule`.
    pub subsets: Option<(String, String)>,
    /// Subsets whose weights belong to somebody else.
    pub foreign_subsets: Vec<String>,
    /// Names of the HTTP routes; empty means the only one.
    pub http: Vec<String>,
    /// TLS routes by port and SNI hosts; empty means the only one.
    pub tls: Vec<(Option<i64>, Vec<String>)>,
    /// TCP routes by port; empty means the only one.
    pub tcp: Vec<Option<i64>>,
    /// Names of the routes that the controller adds itself, in order; never taken for the main route.
    pub managed: Vec<String>,
    /// Names of routes that the controller has added and that the Rollout names no more: they go.
    pub former: Vec<String>,
    /// The routes that the steps ask for.
    pub asked: Vec<ManagedRoute>,
}

/// One destination of one of our routes.
#[derive(Clone, Debug, PartialEq)]
pub struct Destination {
    /// Whose traffic it takes.
    pub role: Role,
    /// Its weight as written; absent counts as 0.
    pub weight: i64,
    /// Whether the weight stands in the object at all.
    pub written: bool,
    /// `destination.host`.
    pub host: String,
    /// `destination.subset`.
    pub subset: Option<String>,
}

/// Whose traffic a destination takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The new version.
    Canary,
    /// The version that is trusted.
    Stable,
    /// Somebody else's; never touched.
    Foreign,
}

/// One route that we steer.
#[derive(Clone, Debug, PartialEq)]
pub struct Picked {
    /// `http`, `tls` or `tcp`.
    pub section: &'static str,
    /// Position in its section.
    pub index: usize,
    /// Its destinations in order.
    pub destinations: Vec<Destination>,
}

/// The routes of a `VirtualService` that split the traffic of a Rollout.
///
/// Only what the Rollout names is looked at; where it names nothing, the routes that concern its Services or subsets.
///
/// # Errors
/// When a route is missing or is not shaped so that it can be split; the text names what to change.
pub fn pick(virtual_service: &Value, target: &Target) -> Result<Vec<Picked>, RouteFault> {
    let mut routes = Vec::new();
    for (section, label) in [("http", "HTTP"), ("tls", "TLS"), ("tcp", "TCP")] {
        let Some(value) = virtual_service.pointer(&format!("/spec/{section}")) else { continue };
        let list = value.as_array().filter(|list| list.iter().all(Value::is_object));
        let Some(list) = list else {
            return Err(RouteFault(format!("Unable to get {label} routes for Istio VirtualService")));
        };
        if !target.concerns(list, section) {
            continue;
        }
        let wrap = |RouteFault(e)| RouteFault(format!("Istio VirtualService has invalid {label} routes. Error: {e}"));
        for index in select(list, section, target).map_err(wrap)? {
            let Some(route) = list.get(index) else { continue };
            routes.push(one(route, section, index, target).map_err(wrap)?);
        }
    }
    if routes.is_empty() {
        let text = "Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService";
        return Err(RouteFault(text.to_owned()));
    }
    Ok(routes)
}

impl Target {
    /// Whether the controller adds a route of this name, or has done so.
    fn adds(&self, name: &String) -> bool {
        self.managed.contains(name) || self.former.contains(name)
    }

    /// Whether a section is named, or some route of it sends traffic to what the Rollout names.
    fn concerns(&self, list: &[Value], section: &str) -> bool {
        let named = [("http", !self.http.is_empty()), ("tls", !self.tls.is_empty()), ("tcp", !self.tcp.is_empty())];
        if let Some((_, true)) = named.iter().find(|(name, _)| *name == section) {
            return true;
        }
        let ours = |route: &Value| {
            let destinations = route.get("route").and_then(Value::as_array).into_iter().flatten();
            destinations.map(|value| destination(value, self)).any(|d| d.role != Role::Foreign)
        };
        // Where other sections are named, this one is somebody else's; where none is, it is ours if it sends us traffic,
        // or if nothing else is there.
        !named.iter().any(|(_, named)| *named) && (section == "http" || list.iter().any(ours))
    }
}

impl Picked {
    fn sum(&self, role: Role) -> i64 {
        self.destinations.iter().filter(|d| d.role == role).map(|d| d.weight.max(0)).sum()
    }

    /// How this route splits its traffic; Istio reads weights relative to their sum, which ours make 100.
    pub fn split(&self) -> Split {
        let (canary, stable) = (self.sum(Role::Canary), self.sum(Role::Stable));
        Split { canary, stable, others: self.sum(Role::Foreign), total: 100 }
    }
}

fn select(list: &[Value], section: &str, target: &Target) -> Result<Vec<usize>, RouteFault> {
    match section {
        "http" => select_http(list, target),
        "tls" => select_tls(list, &target.tls),
        _ => select_tcp(list, &target.tcp),
    }
}

fn select_http(list: &[Value], target: &Target) -> Result<Vec<usize>, RouteFault> {
    let name = |route: &Value| route.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    if target.http.is_empty() {
        let ours = |(i, route): (usize, &Value)| (!target.adds(&name(route))).then_some(i);
        let candidates: Vec<usize> = list.iter().enumerate().filter_map(ours).collect();
        if candidates.len() != 1 {
            return Err(RouteFault(format!(
                "spec.http[] should be set in VirtualService and it must have exactly one route when omitting \
                 spec.strategy.canary.trafficRouting.istio.virtualService.routes; it has {}: name the routes to split there",
                candidates.len()
            )));
        }
        return Ok(candidates);
    }
    let mut picked = Vec::new();
    for wanted in &target.http {
        let found: Vec<usize> = (0..list.len()).filter(|i| list.get(*i).is_some_and(|r| name(r) == *wanted)).collect();
        if found.is_empty() {
            return Err(RouteFault(format!("HTTP Route '{wanted}' is not found in the defined Virtual Service.")));
        }
        picked.extend(found);
    }
    picked.sort_unstable();
    picked.dedup();
    Ok(picked)
}

fn ports_of(route: &Value) -> Vec<i64> {
    let blocks = route.get("match").and_then(Value::as_array).into_iter().flatten();
    let mut ports: Vec<i64> = blocks.filter_map(|block| block.get("port").and_then(Value::as_i64)).collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

fn on_port(route: &Value, port: Option<i64>) -> bool {
    match ports_of(route).as_slice() {
        [] => port.unwrap_or(0) == 0,
        [only] => port.unwrap_or(0) == *only,
        _ => false,
    }
}

fn select_tls(list: &[Value], wanted: &[(Option<i64>, Vec<String>)]) -> Result<Vec<usize>, RouteFault> {
    if wanted.is_empty() {
        return only_one(list, "tls", "tlsRoutes");
    }
    let hosts_of = |route: &Value| {
        let blocks = route.get("match").and_then(Value::as_array).into_iter().flatten();
        let lists = blocks.filter_map(|b| b.get("sniHosts").and_then(Value::as_array)).flatten();
        let mut hosts: Vec<String> = lists.filter_map(|h| h.as_str().map(str::to_owned)).collect();
        hosts.sort();
        hosts.dedup();
        hosts
    };
    let matches = |route: &Value| {
        wanted.iter().any(|(port, sni)| {
            let mut sni = sni.clone();
            sni.sort();
            sni.dedup();
            on_port(route, *port) && hosts_of(route) == sni
        })
    };
    matching(list, matches, "No matching TLS routes found in the defined Virtual Service.")
}

fn select_tcp(list: &[Value], wanted: &[Option<i64>]) -> Result<Vec<usize>, RouteFault> {
    if wanted.is_empty() {
        return only_one(list, "tcp", "tcpRoutes");
    }
    let matches = |route: &Value| wanted.iter().any(|port| on_port(route, *port));
    matching(list, matches, "No matching TCP routes found in the defined Virtual Service.")
}

fn matching(list: &[Value], matches: impl Fn(&Value) -> bool, none: &str) -> Result<Vec<usize>, RouteFault> {
    let found: Vec<usize> = list.iter().enumerate().filter(|(_, r)| matches(r)).map(|(i, _)| i).collect();
    if found.is_empty() { Err(RouteFault(none.to_owned())) } else { Ok(found) }
}

fn only_one(list: &[Value], section: &str, field: &str) -> Result<Vec<usize>, RouteFault> {
    if list.len() == 1 {
        return Ok(vec![0]);
    }
    Err(RouteFault(format!(
        "spec.{section}[] has {} routes; name the ones to split in \
         spec.strategy.canary.trafficRouting.istio.virtualService.{field}",
        list.len()
    )))
}

/// One route, with whose traffic its destinations take.
pub(super) fn one(route: &Value, section: &'static str, index: usize, target: &Target) -> Result<Picked, RouteFault> {
    let empty = Vec::new();
    let list = route.get("route").and_then(Value::as_array).unwrap_or(&empty);
    let destinations: Vec<Destination> = list.iter().map(|value| destination(value, target)).collect();
    let has = |role| destinations.iter().any(|d| d.role == role);
    let missing = |role: &str, service: &str, subset: Option<&str>| match subset {
        Some(subset) => RouteFault(format!("{role} DestinationRule subset '{subset}' not found in route")),
        None => RouteFault(format!("{role} Service '{service}' not found in route")),
    };
    let subsets = target.subsets.as_ref();
    if !has(Role::Canary) {
        return Err(missing("Canary", &target.canary_service, subsets.map(|s| s.0.as_str())));
    }
    if !has(Role::Stable) {
        return Err(missing("Stable", &target.stable_service, subsets.map(|s| s.1.as_str())));
    }
    Ok(Picked { section, index, destinations })
}

fn destination(value: &Value, target: &Target) -> Destination {
    let host = value.pointer("/destination/host").and_then(Value::as_str).unwrap_or_default();
    let subset = value.pointer("/destination/subset").and_then(Value::as_str);
    let service = service_of(host);
    let is_service = |name: &str| !name.is_empty() && service == name;
    let is_subset = |name: Option<&String>| name.is_some() && subset == name.map(String::as_str);
    let named = target.subsets.as_ref();
    let foreign = subset.is_some_and(|s| target.foreign_subsets.iter().any(|f| f == s));
    // A subset says more than a host: where the Rollout names subsets, a host that both share decides nothing.
    let role = if foreign {
        Role::Foreign
    } else if is_subset(named.map(|s| &s.0)) {
        Role::Canary
    } else if is_subset(named.map(|s| &s.1)) {
        Role::Stable
    } else if is_service(&target.canary_service) {
        Role::Canary
    } else if is_service(&target.stable_service) {
        Role::Stable
    } else {
        Role::Foreign
    };
    let weight = value.get("weight").and_then(Value::as_i64);
    Destination {
        role,
        weight: weight.unwrap_or(0),
        written: value.get("weight").is_some(),
        host: host.to_owned(),
        subset: subset.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
