//! What there is to see of one Rollout: a model made from API objects, for whatever shows it (the live view of the demo,
//! the tree of `serin get rollout`).
//!
//! It is a room of `cli` and no crate of its own, because nobody else shows anything to people. It reads JSON and asks for
//! no field: objects of others may be half written, older or newer than we are, and have to be seen nevertheless.

pub(crate) mod json;
mod pods;
mod revisions;
mod runs;
mod state;
mod steps;
mod summary;
#[cfg(test)]
pub(crate) mod tests;
mod traffic;

use serde_json::Value;

pub use self::{
    json::Meta,
    pods::Pod,
    revisions::{Revision, Role, Set, Sizes},
    runs::{Counts, Job, Measurement, Metric, Run},
    state::{Icon, State},
    summary::{Canary, Replicas, Strategy, Summary, Wait},
    traffic::{Route, Share},
};

/// The objects that a view is made from, as the API server gives them. Those that belong to others are passed over.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    /// The Rollout.
    pub rollout: &'a Value,
    /// `ReplicaSets` of its namespace.
    pub replica_sets: Vec<&'a Value>,
    /// Pods of its namespace.
    pub pods: Vec<&'a Value>,
    /// `AnalysisRuns` of its namespace.
    pub runs: Vec<&'a Value>,
    /// Services of its namespace.
    pub services: Vec<&'a Value>,
    /// The `VirtualServices` that it names.
    pub virtual_services: Vec<&'a Value>,
    /// `DestinationRules` of its namespace.
    pub destination_rules: Vec<&'a Value>,
}

/// What there is to see of one Rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// What the Rollout itself says.
    pub summary: Summary,
    /// Its revisions, the newest first.
    pub revisions: Vec<Revision>,
    /// The routes whose weights it steers.
    pub routes: Vec<Route>,
}

impl View {
    /// Makes the view.
    pub fn of(objects: &Objects<'_>) -> Self {
        Self {
            summary: Summary::of(objects.rollout),
            revisions: revisions::of(objects),
            routes: traffic::routes(objects),
        }
    }

    /// Every `ReplicaSet`, that of the newest revision first.
    pub fn sets(&self) -> impl Iterator<Item = &Set> {
        self.revisions.iter().flat_map(|revision| &revision.sets)
    }

    /// Percent of the traffic that this `ReplicaSet` gets: by the routes, the largest where they differ; without routes,
    /// its part of the available pods.
    pub fn percent(&self, set: &Set) -> i64 {
        let by_routes = self.routes.iter().map(|route| route.percent(&set.hash)).max();
        by_routes.unwrap_or_else(|| {
            let all: i64 = self.sets().map(|set| set.sizes.available).sum();
            set.sizes.available * 100 / all.max(1)
        })
    }

    /// The canary's weight as it is: of the router, or by its part of the available pods; nothing without a canary.
    pub fn actual_weight(&self) -> Option<i64> {
        let canary = self.summary.strategy.canary()?;
        let available = self.summary.replicas.available;
        let of_pods = || {
            let of_canary = self.sets().find(|set| set.is(Role::Canary)).map_or(0, |set| set.sizes.available);
            of_canary * canary.total / available
        };
        Some(match available {
            _ if canary.done() => canary.total,
            0 => 0,
            _ => canary.routed_weight.unwrap_or_else(of_pods),
        })
    }

    /// The analysis run of the newest revision that began last.
    pub fn latest_run(&self) -> Option<&Run> {
        self.revisions.first()?.runs.last()
    }
}
