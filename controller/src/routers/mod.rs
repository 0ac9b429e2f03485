//! Routers: what splits traffic, behind one seam. The core knows exposures and moves; only this room knows objects.
//!
//! A new router is a file here, an arm in [`of`], and a kind of object in [`Kind`] if it needs one.

pub mod istio;
pub mod nginx;

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::Value;
use serin_crds::rollout::{RolloutSpec, TrafficRouting};

use crate::core::exposure::Exposure;
use crate::core::plan::Move;
use crate::core::stage::Attempt;
use crate::runtime::key::Key;

/// A kind of object that routers read and write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Istio's `VirtualService`.
    VirtualService,
    /// An Ingress.
    Ingress,
}

impl Kind {
    /// The name of the kind.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::VirtualService => "VirtualService",
            Self::Ingress => "Ingress",
        }
    }
}

/// An object that a router reads or writes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// Namespace and name.
    pub key: Key,
}

/// Why traffic can't be steered, in words that say what to change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RouteFault(pub String);

/// What one router does with the traffic now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// How it is split.
    pub exposure: Exposure,
    /// The attempt that it remembers as aborted, with the reason.
    pub aborted: Option<(Attempt, String)>,
    /// Subsets that destinations name, each with its host.
    pub subsets: Vec<(String, String)>,
}

/// What has to be written so that traffic is split as asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    /// The object does not exist yet: it is made.
    Create(Value),
    /// A JSON Patch, with the tests that it rests on.
    Patch(Vec<Value>),
}

/// One place where traffic is split. Pure: objects in, facts and patches out.
pub trait Router: Debug + Send + Sync {
    /// The objects that it looks at; the first is the one that it writes.
    fn objects(&self) -> Vec<ObjectId>;

    /// Reads what it does now; `objects` are those of [`Router::objects`], in their order, `None` where one is absent.
    ///
    /// # Errors
    /// When an object is missing or not shaped so that it can be steered; the text names what to change.
    fn read(&self, objects: &[Option<Arc<Value>>]) -> Result<Observed, RouteFault>;

    /// The write that carries out a move; `None` if nothing differs.
    ///
    /// # Errors
    /// As [`Router::read`].
    ///
    /// # Guarantees
    /// A move down raises the canary nowhere, and rests on no more than on the destinations being those that were seen.
    fn write(&self, objects: &[Option<Arc<Value>>], change: &Move) -> Result<Option<Write>, RouteFault>;
}

/// Whose routers they are.
#[derive(Clone, Copy, Debug)]
pub struct Owner<'a> {
    /// The Rollout.
    pub rollout: &'a Key,
    /// Its UID.
    pub uid: &'a str,
}

/// The routers that a Rollout names, in the order in which they are written.
///
/// # Errors
/// When one is named without what it needs.
pub fn of(spec: &RolloutSpec, owner: Owner<'_>) -> Result<Vec<Arc<dyn Router>>, RouteFault> {
    let Some(canary) = spec.strategy.canary.as_ref() else { return Ok(Vec::new()) };
    let Some(routing) = canary.traffic_routing.as_ref() else { return Ok(Vec::new()) };
    // Those that are not built hold the Rollout before anybody asks here (`serin_crds::unsupported`).
    let TrafficRouting {
        istio,
        nginx,
        alb: _,
        smi: _,
        ambassador: _,
        app_mesh: _,
        traefik: _,
        // Each router that can have such routes takes them from the strategy.
        managed_routes: _,
        apisix: _,
        plugins: _,
        max_traffic_weight: _,
    } = routing;
    let mut routers: Vec<Arc<dyn Router>> = Vec::new();
    if let Some(istio) = istio {
        routers.extend(istio::routers(canary, istio, owner.rollout)?);
    }
    if let Some(nginx) = nginx {
        routers.extend(nginx::routers(canary, nginx, owner)?);
    }
    Ok(routers)
}

/// The annotation by which a route remembers that an attempt was aborted.
///
/// It goes out in the same write as weight 0, so that a controller that dies right after it finishes the abort.
pub const ABORTED_ANNOTATION: &str = "rollouts.serin.dev/aborted-revision";

/// The path of an annotation in a JSON Patch.
pub(crate) fn annotation_path(name: &str) -> String {
    format!("/metadata/annotations/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The text of a mark: the Rollout, its attempt, and why.
pub(crate) fn mark_text(rollout: &Key, on: &Key, attempt: &Attempt, reason: &str) -> String {
    let reason: String = reason.chars().take(512).collect();
    format!("{} {attempt}: {reason}", name_on(rollout, on))
}

/// A Rollout as marks on an object name it: with its namespace where that is not the object's.
pub(crate) fn name_on(rollout: &Key, on: &Key) -> String {
    if rollout.namespace() == on.namespace() {
        return rollout.name().to_owned();
    }
    format!("{}/{}", rollout.namespace(), rollout.name())
}

/// The attempt of this Rollout that an object remembers as aborted, with the reason.
pub(crate) fn marked(object: &Value, rollout: &Key) -> Option<(Attempt, String)> {
    let rest = mark_of(object, rollout)?;
    let (attempt, why) = rest.split_once(": ").unwrap_or((rest, ""));
    Some((Attempt::parse(attempt)?, why.to_owned()))
}

/// What the mark of an abort says, if it is this Rollout's: one without a namespace is of the object's own.
pub(crate) fn mark_of<'a>(object: &'a Value, rollout: &Key) -> Option<&'a str> {
    let text = object.pointer("/metadata/annotations")?.get(ABORTED_ANNOTATION)?.as_str()?;
    let (who, rest) = text.split_once(' ')?;
    let own = object.pointer("/metadata/namespace").and_then(Value::as_str).unwrap_or(rollout.namespace());
    let (namespace, name) = who.split_once('/').unwrap_or((own, who));
    (namespace == rollout.namespace() && name == rollout.name()).then_some(rest)
}

#[cfg(test)]
mod tests;
