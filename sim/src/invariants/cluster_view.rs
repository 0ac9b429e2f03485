//! The world at one instant: as the history has it, or as one more write leaves it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    history::History,
    record::Key,
    view::{self, HASH_LABEL},
    wiring::{Place, RouteRef, Wiring, wiring},
};

/// The world at one instant.
#[derive(Debug, Clone, Copy)]
pub struct ClusterView<'a> {
    history: &'a History,
    over: Option<(&'a Key, Option<&'a Value>)>,
}

/// Percent of traffic by pod-template hash: of each steered route the sum, of all steered routes the largest.
pub type Shares = BTreeMap<String, i64>;

impl<'a> ClusterView<'a> {
    /// The history, with one object replaced.
    pub const fn new(history: &'a History, over: Option<(&'a Key, Option<&'a Value>)>) -> Self {
        Self { history, over }
    }

    /// An object.
    pub fn get(&self, key: &Key) -> Option<&'a Value> {
        match self.over {
            Some((changed, object)) if changed == key => object,
            _ => self.history.get(key),
        }
    }

    /// Where a Rollout's traffic goes. Destinations that can't be tied to a hash are left out.
    pub fn shares(&self, rollout: &Key) -> Shares {
        let mut shares = Shares::new();
        for (hash, weight) in self.routes(rollout).into_values().flatten() {
            let share = shares.entry(hash).or_default();
            *share = weight.max(*share);
        }
        shares
    }

    /// The same for each steered route on its own, by its `VirtualService` and its place among the routes that last.
    pub fn routes(&self, rollout: &Key) -> BTreeMap<(Key, Place), Shares> {
        let mut routes = BTreeMap::new();
        let Some(object) = self.get(rollout) else {
            return routes;
        };
        let wiring = wiring(object);
        for key in wiring.routes.iter().map(RouteRef::key) {
            let Some(service) = self.get(&key) else { continue };
            for (place, route) in wiring.steered(&key, service) {
                routes
                    .insert((key.clone(), wiring.lasting(service, place)), self.route_shares(rollout, &wiring, route));
            }
        }
        routes
    }

    /// The hashes that each managed route sends requests to, or copies of them, by its `VirtualService` and its name.
    pub fn managed(&self, rollout: &Key) -> BTreeMap<(Key, String), BTreeSet<String>> {
        let mut managed = BTreeMap::<_, BTreeSet<String>>::new();
        let wiring = self.get(rollout).map(wiring).unwrap_or_default();
        for key in wiring.routes.iter().map(RouteRef::key) {
            let routes = self.get(&key).map(|service| view::list(service, "/spec/http")).unwrap_or_default();
            for route in routes.iter().filter(|route| wiring.owns(route)) {
                let mirror = route.get("mirror").map(|mirror| serde_json::json!({"destination": mirror}));
                // What is not copied is split as in the main route.
                let ends = mirror.as_ref().map_or(view::list(route, "/route"), std::slice::from_ref);
                let hashes = ends.iter().filter_map(|end| self.hash_behind(rollout, &wiring, end));
                managed.entry((key.clone(), view::text(route, "/name").to_owned())).or_default().extend(hashes);
            }
        }
        managed
    }

    /// The managed routes that lead to a hash and did not before.
    pub fn managed_anew(&self, before: &Self, rollout: &Key) -> Vec<(String, String)> {
        let had = before.managed(rollout);
        let fresh = |place: &(Key, String), hash: &String| had.get(place).is_none_or(|old| !old.contains(hash));
        let mut anew = Vec::new();
        for (place, hashes) in self.managed(rollout) {
            let hashes = hashes.into_iter().filter(|hash| fresh(&place, hash));
            anew.extend(hashes.map(|hash| (place.1.clone(), hash)));
        }
        anew
    }

    fn route_shares(&self, rollout: &Key, wiring: &Wiring, route: &Value) -> Shares {
        let destinations = view::list(route, "/route");
        let mut shares = Shares::new();
        for destination in destinations {
            if let Some(hash) = self.hash_behind(rollout, wiring, destination) {
                *shares.entry(hash).or_default() += view::weight(destination, destinations.len() == 1);
            }
        }
        shares
    }

    /// The hash that a destination selects: its subset's label, else its Service's selector.
    fn hash_behind(&self, rollout: &Key, wiring: &Wiring, destination: &Value) -> Option<String> {
        let subset = view::text(destination, "/destination/subset");
        let rule = Key::new("destinationrules", &rollout.namespace, &wiring.destination_rule);
        let declared = self.get(&rule).into_iter().flat_map(|rule| view::list(rule, "/spec/subsets"));
        let by_subset = declared
            .filter(|one| !subset.is_empty() && view::text(one, "/name") == subset)
            .find_map(|one| one.get("labels")?.get(HASH_LABEL)?.as_str());
        let host = view::short_host(view::text(destination, "/destination/host"));
        let service = Key::new("services", &rollout.namespace, host);
        let by_service = || self.get(&service)?.pointer("/spec/selector")?.get(HASH_LABEL)?.as_str();
        by_subset.or_else(by_service).map(str::to_owned)
    }

    /// Says whether traffic can come to this hash: a route with weight leads there, or a Service selects it.
    pub fn named(&self, namespace: &str, shares: &Shares, hash: &str) -> bool {
        shares.get(hash).is_some_and(|weight| *weight > 0) || self.history.selecting(namespace, hash).next().is_some()
    }
}
