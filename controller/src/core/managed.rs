//! Managed routes: routes that stand before all others and send, or copy, certain requests to the canary.

use serin_crds::rollout::{CanaryStep, SetHeaderRoute, SetMirrorRoute};

use super::goal;
use super::snapshot::Snapshot;
use super::stage::Stage;

/// A route that a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum ManagedRoute {
    /// Matching requests go to the canary.
    Header(SetHeaderRoute),
    /// Matching requests are split as all others are, and a share of them is copied to the canary.
    Mirror(SetMirrorRoute),
}

impl ManagedRoute {
    /// The route that a step asks for, if it is such a step; one that matches nothing takes the route away.
    pub fn of(step: &CanaryStep) -> Option<Self> {
        let header = step.set_header_route.clone().map(Self::Header);
        header.or_else(|| {
            let mut mirror = step.set_mirror_route.clone()?;
            mirror.percentage = Some(mirror.percentage.unwrap_or(100).clamp(0, 100));
            Some(Self::Mirror(mirror))
        })
    }

    /// Its name, one of `managedRoutes`.
    pub fn name(&self) -> &str {
        match self {
            Self::Header(route) => route.name.as_deref().unwrap_or_default(),
            Self::Mirror(route) => &route.name,
        }
    }

    /// Whether it matches some requests.
    pub fn matches_any(&self) -> bool {
        match self {
            Self::Header(route) => !route.matches.is_empty(),
            Self::Mirror(route) => !route.matches.is_empty(),
        }
    }

    /// The word for its kind, as steps and events say it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Header(_) => "headerRoute",
            Self::Mirror(_) => "mirrorRoute",
        }
    }
}

/// A managed route that stands in one place.
#[derive(Clone, Debug, PartialEq)]
pub struct LiveRoute {
    /// Its name.
    pub name: String,
    /// The route that it is, exactly and where it belongs; `None` where it is as no step asks for.
    pub route: Option<ManagedRoute>,
}

/// The managed routes of each place that can have some.
///
/// Partially ordered by inclusion: a route that is other than it should be is one too many and one too few.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed(pub Vec<Vec<LiveRoute>>);

impl Managed {
    /// Whether no place has any.
    pub fn is_none(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }

    /// Whether some place has one that is not among these.
    pub fn exceeds(&self, wanted: &[ManagedRoute]) -> bool {
        !self.surplus(wanted).is_empty()
    }

    /// Whether one of these is not in some place.
    pub fn falls_short(&self, wanted: &[ManagedRoute]) -> bool {
        !self.missing(wanted).is_empty()
    }

    /// Names of those that some place has and that are not among these, each once.
    pub fn surplus(&self, wanted: &[ManagedRoute]) -> Vec<&str> {
        let strange = |live: &&LiveRoute| live.route.as_ref().is_none_or(|route| !wanted.contains(route));
        let mut names: Vec<&str> = Vec::new();
        for live in self.0.iter().flatten().filter(strange) {
            if !names.contains(&live.name.as_str()) {
                names.push(&live.name);
            }
        }
        names
    }

    /// Those of these that are not in every place.
    pub fn missing<'a>(&self, wanted: &'a [ManagedRoute]) -> Vec<&'a ManagedRoute> {
        let stands =
            |place: &Vec<LiveRoute>, route: &ManagedRoute| place.iter().any(|l| l.route.as_ref() == Some(route));
        wanted.iter().filter(|route| self.0.iter().any(|place| !stands(place, route))).collect()
    }

    /// Those of these that every place has already.
    pub fn kept(&self, wanted: &[ManagedRoute]) -> Vec<ManagedRoute> {
        let missing = self.missing(wanted);
        wanted.iter().filter(|route| !missing.contains(route)).cloned().collect()
    }
}

/// The routes that hold at `index`, in the order of `managedRoutes`: of each name the last step at or before it decides.
pub fn at(s: &Snapshot, index: usize) -> Vec<ManagedRoute> {
    let reached = s.steps().get(..=index).unwrap_or(s.steps());
    let names =
        s.canary().traffic_routing.as_ref().map(|routing| routing.managed_routes.as_slice()).unwrap_or_default();
    let last = |name: &str| reached.iter().rev().filter_map(ManagedRoute::of).find(|route| route.name() == name);
    names.iter().filter_map(|named| last(&named.name)).filter(ManagedRoute::matches_any).collect()
}

/// The routes that the record lets the canary have now: none without a pod that answers, and none but while it walks its steps.
pub fn entitled(s: &Snapshot) -> Vec<ManagedRoute> {
    match s.stage() {
        Stage::Updating(index) if s.new_available() > 0 && super::capacity::superseded(s).is_none() => at(s, index),
        _ => Vec::new(),
    }
}

/// Whether the routes that hold at the current step are as the record asks for, wherever they can be.
///
/// Where the record asks for no canary pods, they follow with the first.
pub fn in_place(s: &Snapshot) -> bool {
    let wanted = entitled(s);
    let there = |managed: &Managed| !managed.exceeds(&wanted) && !managed.falls_short(&wanted);
    let route = s.route().is_some_and(|route| there(&route.exposure.managed));
    route && (s.new_available() > 0 || goal::of(s).canary == 0 || at(s, s.index()).is_empty())
}

#[cfg(test)]
mod tests;
