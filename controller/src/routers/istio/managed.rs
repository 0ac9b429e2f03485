//! The managed routes of a `VirtualService`: which stand, which are as a step asks for, and the edits that make them so.
//!
//! A name in `managedRoutes` is the controller's: what stands under it is ours, whoever wrote it. Routes go before all
//! others, in the order of `managedRoutes`; no other route is moved.

use serde_json::{Map, Value, json};
use serin_crds::rollout::{SetHeaderRoute, SetMirrorRoute, StringMatch};

use super::route::{self, Picked, Role, Target};
use crate::core::managed::{LiveRoute, ManagedRoute};
use crate::core::plan::Move;

/// The HTTP routes of a `VirtualService`, and the one that managed routes copy their destinations from.
#[derive(Clone, Copy, Debug)]
pub struct Routes<'a> {
    list: &'a [Value],
    main: &'a Picked,
    target: &'a Target,
}

/// A managed route where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Position among the HTTP routes.
    pub index: usize,
    /// What it is.
    pub live: LiveRoute,
}

/// Operations of a JSON Patch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// What they rest on.
    pub tests: Vec<Value>,
    /// What they write.
    pub writes: Vec<Value>,
}

impl Edits {
    /// Adds others, to be carried out after these.
    pub fn extend(&mut self, more: Self) {
        self.tests.extend(more.tests);
        self.writes.extend(more.writes);
    }
}

impl<'a> Routes<'a> {
    /// The HTTP routes, where one of them is steered: only there can managed routes stand.
    pub fn of(object: &'a Value, picked: &'a [Picked], target: &'a Target) -> Option<Self> {
        let list = object.pointer("/spec/http")?.as_array()?;
        let main = picked.iter().find(|route| route.section == "http")?;
        Some(Self { list, main, target })
    }

    /// The managed routes that stand, in the order in which they stand.
    pub fn standing(&self) -> Vec<Standing> {
        let mut standing: Vec<Standing> = Vec::new();
        let mut highest = None;
        for (index, value) in self.list.iter().enumerate() {
            let Some(named) = name(value) else { continue };
            if self.target.former.iter().any(|former| former == named) {
                standing.push(Standing { index, live: LiveRoute { name: named.to_owned(), route: None } });
            }
            let Some(rank) = self.rank(named) else { continue };
            // In order, each once, and before the route whose requests they take.
            let placed = highest.is_none_or(|before| before < rank) && index < self.main.index;
            highest = highest.max(Some(rank));
            let route = self.target.asked.iter().find(|route| placed && self.is(value, route)).cloned();
            standing.push(Standing { index, live: LiveRoute { name: named.to_owned(), route } });
        }
        standing
    }

    /// The mirror routes among them, whose weights follow those of the main route.
    pub fn mirrors(&self, standing: &[Standing]) -> Vec<Picked> {
        let mirrors = standing.iter().filter(|s| matches!(s.live.route, Some(ManagedRoute::Mirror(_))));
        let picked = mirrors.filter_map(|s| Some((s.index, self.list.get(s.index)?)));
        picked.filter_map(|(index, value)| route::one(value, "http", index, self.target).ok()).collect()
    }

    /// The edits that leave exactly the routes of a move; one down only takes routes away.
    ///
    /// # Guarantees
    /// Nothing is taken away but a route under a name of ours, and each is tested to be the one that was seen.
    pub fn edits(&self, standing: &[Standing], change: &Move) -> Edits {
        let mut edits = Edits::default();
        let kept = |s: &&Standing| s.live.route.as_ref().is_some_and(|route| change.managed.contains(route));
        for gone in standing.iter().rev().filter(|s| !kept(s)) {
            let path = format!("/spec/http/{}", gone.index);
            edits.tests.push(json!({"op": "test", "path": format!("{path}/name"), "value": gone.live.name}));
            edits.writes.push(json!({"op": "remove", "path": path}));
        }
        if change.way.is_down() {
            return edits;
        }
        let mut ranks: Vec<Option<usize>> = (0..self.list.len())
            .filter(|index| standing.iter().all(|s| s.index != *index || kept(&s)))
            .map(|index| self.list.get(index).and_then(name).and_then(|name| self.rank(name)))
            .collect();
        for route in &change.managed {
            let rank = self.rank(route.name());
            if rank.is_none() || ranks.contains(&rank) {
                continue;
            }
            let at = ranks.iter().rposition(|other| other.is_some() && *other < rank).map_or(0, |index| index + 1);
            ranks.insert(at, rank);
            let value = self.render(route, Some(change));
            edits.writes.push(json!({"op": "add", "path": format!("/spec/http/{at}"), "value": value}));
        }
        edits
    }

    /// The names of the routes that stand after those edits.
    pub fn left<'b>(&self, standing: &[Standing], change: &'b Move) -> Vec<&'b str> {
        let stands = |name: &str| {
            let kept = |s: &Standing| s.live.route.as_ref().is_some_and(|route| route.name() == name);
            if change.way.is_down() { standing.iter().any(kept) } else { self.rank(name).is_some() }
        };
        change.managed.iter().map(ManagedRoute::name).filter(|name| stands(name)).collect()
    }

    fn rank(&self, name: &str) -> Option<usize> {
        self.target.managed.iter().position(|managed| managed == name)
    }

    fn main_destinations(&self) -> &'a [Value] {
        let main = self.list.get(self.main.index).and_then(|route| route.get("route"));
        main.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
    }

    /// Where the main route sends the canary's share.
    fn canary(&self) -> Value {
        let at = self.main.destinations.iter().position(|destination| destination.role == Role::Canary);
        let found = at.and_then(|at| self.main_destinations().get(at)?.get("destination"));
        found.cloned().unwrap_or_default()
    }

    /// Whether a route is as a step asks for; weights count as what they are, shares of the traffic.
    fn is(&self, value: &Value, route: &ManagedRoute) -> bool {
        let mut wanted = self.render(route, None);
        if matches!(route, ManagedRoute::Header(_)) {
            return *value == wanted;
        }
        let mut value = value.clone();
        for route in [&mut wanted, &mut value] {
            let destinations = route.get_mut("route").and_then(Value::as_array_mut).into_iter().flatten();
            destinations.filter_map(Value::as_object_mut).for_each(|destination| drop(destination.remove("weight")));
        }
        value == wanted
    }

    fn render(&self, route: &ManagedRoute, change: Option<&Move>) -> Value {
        match route {
            ManagedRoute::Header(SetHeaderRoute { name, matches }) => {
                let one = |header: &str, value: Option<&StringMatch>| json!({"headers": {header: string(value)}});
                let matches: Vec<Value> =
                    matches.iter().map(|header| one(&header.header_name, header.header_value.as_ref())).collect();
                json!({"name": name, "match": matches, "route": [{"destination": self.canary(), "weight": 100}]})
            }
            ManagedRoute::Mirror(SetMirrorRoute { name, matches, percentage }) => {
                let matches: Vec<Value> = matches.iter().map(request).collect();
                json!({
                    "name": name, "match": matches, "route": self.split(change), "mirror": self.canary(),
                    "mirrorPercentage": {"value": percentage.unwrap_or(100)},
                })
            }
        }
    }

    /// The destinations of the main route, with the weights that a move gives them.
    fn split(&self, change: Option<&Move>) -> Vec<Value> {
        let mut destinations = self.main_destinations().to_vec();
        let Some(change) = change else { return destinations };
        let (canary, stable) = self.main.split().wanted(change.to);
        let (mut canary, mut stable) = (Some(canary), Some(stable));
        for (value, known) in destinations.iter_mut().zip(&self.main.destinations) {
            // A side with several destinations keeps its weight in the first one.
            let weight = match known.role {
                Role::Canary => canary.take().unwrap_or(0),
                Role::Stable => stable.take().unwrap_or(0),
                Role::Foreign => continue,
            };
            if let Some(fields) = value.as_object_mut() {
                fields.insert("weight".to_owned(), json!(weight));
            }
        }
        destinations
    }
}

fn name(route: &Value) -> Option<&str> {
    route.get("name").and_then(Value::as_str)
}

fn request(wanted: &serin_crds::rollout::RouteMatch) -> Value {
    let serin_crds::rollout::RouteMatch { method, path, headers } = wanted;
    let mut request = Map::new();
    for (field, value) in [("method", method), ("uri", path)] {
        if value.is_some() {
            request.insert(field.to_owned(), string(value.as_ref()));
        }
    }
    if !headers.is_empty() {
        let headers: Map<String, Value> =
            headers.iter().map(|(name, value)| (name.clone(), string(Some(value)))).collect();
        request.insert("headers".to_owned(), Value::Object(headers));
    }
    Value::Object(request)
}

/// A comparison of strings as Istio writes it.
fn string(value: Option<&StringMatch>) -> Value {
    let Some(StringMatch { exact, prefix, regex }) = value else { return json!({}) };
    let ways = [("exact", exact), ("prefix", prefix), ("regex", regex)];
    let ways = ways.into_iter().filter_map(|(way, value)| Some((way.to_owned(), json!(value.as_ref()?))));
    Value::Object(ways.collect())
}

#[cfg(test)]
mod tests;
