//! Where routes send traffic: the weights of `VirtualServices` as they stand, with the `ReplicaSets` behind them.

use serde_json::Value;
use serin_crds::names::HASH_LABEL;

use super::{
    Objects,
    json::{entry, list, number, text},
};

/// A route whose weights the Rollout steers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Route {
    /// The name of the `VirtualService`.
    pub object: String,
    /// The name of the route; may be empty.
    pub name: String,
    /// Where it sends traffic.
    pub shares: Vec<Share>,
}

/// A destination of a route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The Service, with the subset where one is named: `shop/canary`.
    pub to: String,
    /// Percent of the traffic.
    pub percent: i64,
    /// The hash of the `ReplicaSet` that is selected; empty when none is.
    pub hash: String,
}

impl Route {
    /// Percent of the traffic that goes to this hash.
    pub fn percent(&self, hash: &str) -> i64 {
        self.shares.iter().filter(|share| share.hash == hash).map(|share| share.percent).sum()
    }
}

/// The routes that a Rollout steers: those that it names; where it names none, all but those that it makes itself.
pub(super) fn routes(objects: &Objects<'_>) -> Vec<Route> {
    let rollout = objects.rollout;
    let istio = rollout.pointer("/spec/strategy/canary/trafficRouting/istio").unwrap_or(&Value::Null);
    let named = list(istio, "/virtualServices").iter().chain(istio.get("virtualService"));
    let mut routes = Vec::new();
    for entry in named {
        let own = text(rollout, "/metadata/namespace");
        let found = objects.virtual_services.iter().find(|object| is(object, text(entry, "/name"), own));
        for route in found.iter().flat_map(|object| steered(rollout, entry, object)) {
            let object = found.map_or("", |object| text(object, "/metadata/name"));
            routes.push(Route {
                object: object.to_owned(),
                name: text(route, "/name").to_owned(),
                shares: shares(objects, route),
            });
        }
    }
    routes
}

/// Says whether an object has this name, which may be `name`, `name.namespace` or a full host name.
fn is(object: &Value, name: &str, own_namespace: &str) -> bool {
    let name = name.strip_suffix(".cluster.local").unwrap_or(name);
    let (name, namespace) = name.split_once('.').unwrap_or((name, own_namespace));
    let namespace = namespace.strip_suffix(".svc").unwrap_or(namespace);
    let theirs = text(object, "/metadata/namespace");
    text(object, "/metadata/name") == name && (theirs == namespace || theirs.is_empty())
}

fn steered<'a>(rollout: &'a Value, entry: &'a Value, object: &'a Value) -> impl Iterator<Item = &'a Value> {
    let named = list(entry, "/routes");
    let managed = list(rollout, "/spec/strategy/canary/trafficRouting/managedRoutes");
    let http = list(object, "/spec/http").iter().filter(move |route| {
        let name = text(route, "/name");
        let managed = managed.iter().any(|one| text(one, "/name") == name);
        if named.is_empty() { !managed } else { named.iter().any(|one| one == name) }
    });
    let named = move |kind: &&str| !list(entry, &format!("/{kind}Routes")).is_empty();
    let others = ["tls", "tcp"].into_iter().filter(named);
    http.chain(others.flat_map(move |kind| list(object, &format!("/spec/{kind}"))))
}

fn shares(objects: &Objects<'_>, route: &Value) -> Vec<Share> {
    let destinations = list(route, "/route");
    let alone = destinations.len() == 1;
    let weight = |one: &Value| if alone { 100 } else { number(one, "/weight") };
    let total: i64 = destinations.iter().map(weight).sum();
    let share = |one: &Value| {
        let (host, subset) = (text(one, "/destination/host"), text(one, "/destination/subset"));
        let service = host.split('.').next().unwrap_or_default();
        Share {
            to: if subset.is_empty() { service.to_owned() } else { format!("{service}/{subset}") },
            percent: weight(one) * 100 / total.max(1),
            hash: selected(objects, service, subset).to_owned(),
        }
    };
    destinations.iter().map(share).collect()
}

/// The hash that a subset, or else a Service, selects.
fn selected<'a>(objects: &Objects<'a>, service: &str, subset: &str) -> &'a str {
    let rules =
        objects.destination_rules.iter().filter(|rule| text(rule, "/spec/host").split('.').next() == Some(service));
    let subsets = rules.flat_map(|rule| list(rule, "/spec/subsets")).filter(|one| text(one, "/name") == subset);
    let by_subset = subsets.map(|one| entry(one.get("labels"), HASH_LABEL)).find(|hash| !hash.is_empty());
    by_subset.unwrap_or_else(|| {
        let found = objects.services.iter().find(|one| text(one, "/metadata/name") == service);
        found.map_or("", |one| entry(one.pointer("/spec/selector"), HASH_LABEL))
    })
}
